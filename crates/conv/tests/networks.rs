//! Stacks, blocks and models: sizes, fields, costs, names, counts, gradients.

use gradus_autograd::gradcheck;
use gradus_conv::blocks::{BasicBlock, BottleneckBlock, Downsample, SeparableConv, Shortcut};
use gradus_conv::models::{LeNet5, ResNet, Stage, Vgg};
use gradus_conv::ndarray::{Array4, ArrayD, IxDyn};
use gradus_conv::{
    Conv1d, Conv2d, Error, Geometry, Layer, MaxPool2d, Module, Real, Tape, Var, conv, costs, max_pool, output_sizes,
    receptive_fields,
};
use gradus_nn_layers::{GroupNorm, Identity, Relu, Sequential, sequential, summary};
use gradus_testing::{Float, Tolerance, assert_close};
use proptest::prelude::*;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

fn rng() -> StdRng {
    StdRng::seed_from_u64(3)
}

fn random(shape: &[usize], rng: &mut StdRng) -> ArrayD<f64> {
    ArrayD::from_shape_simple_fn(shape, || rng.random::<f64>() - 0.5)
}

/// As many parameters as a batch normalization has: a scale and a shift for each channel.
fn norm<F: Real>(channels: usize) -> GroupNorm<F> {
    GroupNorm::new(1, channels).expect("one group divides any channels")
}

fn names<F: Real>(model: &impl Module<F>) -> Vec<String> {
    model.parameters().into_iter().map(|(name, _)| name).collect()
}

fn input_message(layer: &impl Layer, shape: &[usize]) -> String {
    let error = layer.forward(&Tape::inference().input(ArrayD::zeros(shape))).expect_err("the layer should refuse");
    let message = error.to_string();
    let described = layer.describe(shape).expect_err("the layer should refuse to describe itself").to_string();
    assert_eq!(message, described);
    message
}

// Stacks

fn stacks() -> impl Strategy<Value = (Vec<(String, Geometry<1>)>, usize)> {
    let layer = (1..=4_usize, 1..=3_usize, 1..=2_usize, 0..=2_usize, 0..=2_usize, any::<bool>());
    let layer = layer.prop_map(|(kernel, stride, dilation, before, after, ceil)| {
        let geometry = Geometry::<1>::new(kernel).stride(stride).dilation(dilation);
        Geometry { padding: [(before, after)], ceil_mode: ceil, ..geometry }
    });
    let names =
        |layers: Vec<Geometry<1>>| layers.into_iter().enumerate().map(|(i, g)| (format!("layer{i}"), g)).collect();
    (prop::collection::vec(layer, 1..=4).prop_map(names), 1..=40_usize)
}

/// The output of the stack with all weights 1, and its input.
fn through(stack: &[(String, Geometry<1>)], size: usize, tape: &Tape<f64>) -> (Var<f64>, Var<f64>) {
    let x = tape.variable(ArrayD::ones(IxDyn(&[1, 1, size])));
    let y = stack.iter().fold(x.clone(), |y, (_, geometry)| {
        let weight = tape.input(ArrayD::ones(IxDyn(&[1, 1, geometry.kernel_size[0]])));
        conv(&y, &weight, None, geometry, 1).expect("the sizes fit")
    });
    (x, y)
}

proptest! {
    /// The gradient of one output is not 0 where, and only where, the calculator says that the output sees the input: up to the holes
    /// that dilation and strides leave inside, and up to what padding between the layers cuts off.
    #[test]
    fn fields_are_what_the_gradient_says((stack, size) in stacks()) {
        // `conv` has no ceil mode.
        let stack: Vec<_> = stack.into_iter().map(|(n, g)| (n, Geometry { ceil_mode: false, ..g })).collect();
        let Ok(sizes) = output_sizes(&stack, [size]) else { return Ok(()) };
        let field = receptive_fields(&stack).unwrap().rows.pop().unwrap();
        let is_padded = stack.iter().any(|(_, g)| g.padding[0] != (0, 0));
        let is_dense = stack.iter().all(|(_, g)| g.dilation[0] == 1 && g.stride[0] <= g.kernel_size[0]);
        let places = sizes.last().unwrap()[0];
        for place in 0..places {
            let tape = Tape::recording();
            let (x, y) = through(&stack, size, &tape);
            let dx = y.select(2, place).unwrap().sum().backward().unwrap();
            let dx = dx.get(&x).unwrap();
            let seen: Vec<usize> = (0..size).filter(|&i| dx[[0, 0, i]] != 0.0).collect();
            let [inside] = field.inside([place], [size]);
            prop_assert!(seen.iter().all(|i| inside.contains(i)), "{seen:?} {inside:?}");
            if !is_padded {
                prop_assert_eq!((seen.first(), seen.last()), (Some(&inside.start), Some(&(inside.end - 1))));
                prop_assert_eq!(inside.len(), field.size[0]);
                if is_dense {
                    prop_assert_eq!(seen.len(), inside.len());
                }
            }
        }
    }

    #[test]
    fn sizes_are_those_of_the_layers((stack, size) in stacks()) {
        let expected = stack.iter().try_fold((size, Vec::new()), |(size, mut sizes), (_, geometry)| {
            let [out] = geometry.output_size([size]).ok()?;
            sizes.push([out]);
            Some((out, sizes))
        });
        prop_assert_eq!(output_sizes(&stack, [size]).ok(), expected.map(|(_, sizes)| sizes));
    }
}

#[test]
fn a_field_with_padding_and_a_pooling_by_hand() {
    let stack = [("conv", Geometry::<2>::new((3, 5)).padding((1, 0))), ("pool", Geometry::new(2).stride(2))];
    let fields = receptive_fields(&stack).unwrap();
    let pool = &fields.rows[1];
    assert_eq!((pool.size, pool.jump, pool.offset), ([4, 6], [2, 2], [-1, 0]));
    assert_eq!(pool.centre(), [0.5, 2.5]);
    let tape = Tape::<f64>::recording();
    let mut i = 0.0;
    let x = tape.variable(ArrayD::from_shape_simple_fn(IxDyn(&[1, 1, 8, 9]), || {
        i += 1.0;
        i
    }));
    let w = tape.input(ArrayD::ones(IxDyn(&[1, 1, 3, 5])));
    let y = conv(&x, &w, None, &stack[0].1, 1).unwrap();
    let y = max_pool(&y, &stack[1].1).unwrap();
    assert_eq!(output_sizes(&stack, [8, 9]).unwrap()[1], [y.shape()[2], y.shape()[3]]);
    let dx = y.select(3, 1).unwrap().select(2, 3).unwrap().sum().backward().unwrap();
    let [rows, columns] = pool.inside([3, 1], [8, 9]);
    assert_eq!((rows.clone(), columns.clone()), (5..8, 2..8));
    for (at, &slope) in dx.get(&x).unwrap().indexed_iter() {
        assert!(slope == 0.0 || rows.contains(&at[2]) && columns.contains(&at[3]), "{at:?}");
    }
    assert_eq!(
        fields.to_string(),
        "layer  kernel  stride  dilation  field  jump  offset    centre\n\
         conv    3 × 5       1         1  3 × 5     1   -1, 0      0, 2\n\
         pool        2       2         1  4 × 6     2   -1, 0  0.5, 2.5\n"
    );
}

#[test]
fn a_field_may_be_all_padding() {
    let fields = receptive_fields(&[("conv", Geometry::<1>::new(2).padding(4))]).unwrap();
    for (place, size, expected) in [(0, 3, 0..0), (3, 3, 0..1), (usize::MAX, 3, 3..3), (4, 0, 0..0)] {
        let [found] = fields.rows[0].inside([place], [size]);
        assert_eq!(found, expected, "{place} of {size}");
    }
}

#[test]
fn stacks_that_do_not_fit_are_refused() {
    const NONE: &[(&str, Geometry<2>)] = &[];
    let message = "a stack of no layers: it has no output; at least one layer would fit";
    assert_eq!(receptive_fields(NONE).unwrap_err().to_string(), format!("receptive fields: {message}"));
    assert_eq!(output_sizes(NONE, [3, 3]).unwrap_err().to_string(), format!("output sizes: {message}"));

    let stack = [("a", Geometry::<1>::new(3)), ("b", Geometry::new(3).stride(0))];
    for (message, operation) in [
        (receptive_fields(&stack).unwrap_err().to_string(), "receptive fields: layer 1, b, is given [3]"),
        (output_sizes(&stack, [5]).unwrap_err().to_string(), "output sizes: layer 1, b, is given [3]"),
    ] {
        assert_eq!(message, format!("{operation}: stride = [0]: 0 is no stride; at least 1 would fit"));
    }
    for geometry in [
        Geometry::<1>::new(usize::MAX).dilation(2),
        Geometry::new(2).stride(usize::MAX),
        Geometry::new(1).padding(usize::MAX),
        Geometry::new(usize::MAX),
    ] {
        let error = receptive_fields(&[("a", Geometry::new(2).stride(2)), ("b", geometry)]).unwrap_err();
        let Error::InStack { index: 1, source, .. } = error else { panic!("{error}") };
        assert!(matches!(*source, Error::TooLarge { .. }), "{source}");
    }
}

// Costs

#[test]
fn the_cost_of_a_convolution_by_hand() {
    let layer: Conv2d = Conv2d::new(4, 6, (3, 5), &mut rng()).stride(2).padding((1, 2)).groups(2, &mut rng()).unwrap();
    let cost = layer.cost(&[10, 4, 8, 7]).unwrap();
    let (places, terms) = (4 * 4, 2 * 15);
    assert_eq!(cost.multiply_adds, Some(10 * 6 * places * terms));
    assert_eq!(cost.parameters, 6 * 2 * 15 + 6);
    assert_eq!((cost.input_bytes, cost.output_bytes, cost.weight_bytes), (4 * 10 * 4 * 56, 4 * 10 * 6 * 16, 4 * 186));
    assert_eq!(cost.intensity(), Some(2.0 * 28_800.0 / (8_960.0 + 3_840.0 + 744.0)));
    assert_eq!(layer.cost(&[0, 4, 8, 7]).unwrap().multiply_adds, Some(0));
    let double: Conv1d<f64> = Conv1d::new(1, 1, 1, &mut rng()).without_bias();
    let cost = double.cost(&[1, 1, 1]).unwrap();
    assert_eq!((cost.bytes(), cost.multiply_adds), (24, Some(1)));
}

#[test]
fn a_convolution_describes_itself_as_it_runs() {
    let layer: Conv2d = Conv2d::new(4, 6, 3, &mut rng()).stride(2).padding(1);
    for shape in [[3, 4, 9, 8], [1, 4, 1, 1], [0, 4, 5, 5]] {
        let y = layer.forward(&Tape::inference().input(Array4::zeros(shape))).unwrap();
        let description = layer.describe(&shape).unwrap();
        assert_eq!(description.output, y.shape());
        assert!(!description.dry_run);
    }
    for shape in [&[3, 4, 9][..], &[3, 5, 9, 8]] {
        input_message(&layer, shape);
    }
    input_message(&layer.padding(0), &[3, 4, 2, 8]);
    let huge = Conv2d::<f32>::new(1, 1, 1, &mut rng()).cost(&[usize::MAX, 1, usize::MAX, 1]).unwrap();
    assert_eq!((huge.multiply_adds, huge.bytes()), (Some(u64::MAX), u64::MAX));
}

#[test]
fn a_stack_is_its_layers() {
    let conv: Conv2d = Conv2d::new(3, 8, 3, &mut rng()).padding(1);
    let alone = conv.cost(&[2, 3, 8, 8]).unwrap();
    let model: Sequential = sequential!["conv" => conv, "pool" => MaxPool2d::new(2)];
    let costs = costs(&model, &[2, 3, 8, 8]).unwrap();
    assert_eq!(costs.rows[0].cost, alone);
    assert_eq!(costs.rows[1].cost.input_bytes, alone.output_bytes);
    assert_eq!(costs.rows[1].cost.output_bytes, alone.output_bytes / 4);
    assert_eq!(costs.total.input_bytes, alone.input_bytes + alone.output_bytes);
    assert_eq!(costs.total.output_bytes, alone.output_bytes + alone.output_bytes / 4);
    let error = gradus_conv::costs(&model, &[2, 4, 8, 8]).unwrap_err().to_string();
    assert!(error.contains("conv") && error.contains("4 channels"), "{error}");
}

#[test]
fn costs_are_a_table() {
    let conv: Conv2d = Conv2d::new(3, 8, 3, &mut rng()).padding(1);
    let model: Sequential = sequential!["conv" => conv, "relu" => Relu];
    assert_eq!(
        costs(&model, &[2, 3, 8, 8]).unwrap().to_string(),
        "layer               output  multiply–adds  parameters  bytes in    out  weight  op/byte\n\
         input         [2, 3, 8, 8]\n\
         conv: Conv2d  [2, 8, 8, 8]         27,648         224     1,536  4,096     896      8.5\n\
         relu: Relu    [2, 8, 8, 8]              0           0     4,096  4,096       0      0.0\n\
         total         [2, 8, 8, 8]         27,648         224     5,632  8,192     896      3.8\n"
    );
}

#[test]
fn a_residual_block_reads_its_input_twice() {
    let block: BasicBlock<Identity> = BasicBlock::new(8, 16, 2, |_| Identity, &mut rng());
    let costs = costs(&block, &[1, 8, 6, 6]).unwrap();
    let of = |layer: &str| costs.rows.iter().find(|row| row.layer == layer).expect(layer).cost;
    let (input, output) = (4 * 8 * 36, 4 * 16 * 9);
    assert_eq!(of("conv1: Conv2d").input_bytes, input);
    assert_eq!(of("conv2: Conv2d").input_bytes, output);
    assert_eq!(of("downsample.0: Conv2d").input_bytes, input);
    assert_eq!(of("add: Add").input_bytes, 2 * output);
    let multiply_adds = 9 * 16 * (8 * 9 + 16 * 9 + 8);
    assert_eq!(costs.total.multiply_adds, Some(multiply_adds));
    let summed: u64 = costs.rows.iter().map(|row| row.cost.multiply_adds.unwrap()).sum();
    assert_eq!(summed, multiply_adds);
}

// Blocks

#[test]
fn blocks_have_torchvisions_names() {
    let basic: BasicBlock<GroupNorm> = BasicBlock::new(4, 8, 1, norm, &mut rng());
    let expected = ["conv1.weight", "bn1.weight", "bn1.bias", "conv2.weight", "bn2.weight", "bn2.bias"];
    let shortcut = ["downsample.0.weight", "downsample.1.weight", "downsample.1.bias"];
    assert_eq!(names(&basic), [&expected[..], &shortcut].concat());
    let same: BasicBlock<GroupNorm> = BasicBlock::new(4, 4, 1, norm, &mut rng());
    assert_eq!(names(&same), expected);
    let bottleneck: BottleneckBlock<GroupNorm> = BottleneckBlock::new(16, 4, 1, norm, &mut rng());
    assert_eq!(names(&bottleneck), [&expected[..], &["conv3.weight", "bn3.weight", "bn3.bias"]].concat());
    let wider: BottleneckBlock<GroupNorm> = BottleneckBlock::new(4, 4, 1, norm, &mut rng());
    assert_eq!(names(&wider)[9..], shortcut);
}

/// The table of `blocks`.
#[test]
fn blocks_have_the_weights_that_their_table_says() {
    let rng = &mut rng();
    for (c, expected) in
        [(64, [36_864, 4_096, 576, 4_672, 73_728, 4_352]), (256, [589_824, 65_536, 2_304, 67_840, 1_179_648, 69_632])]
    {
        let plain: Conv2d = Conv2d::new(c, c, 3, rng).without_bias();
        let pointwise: Conv2d = Conv2d::pointwise(c, c, rng).without_bias();
        let depthwise: Conv2d = Conv2d::depthwise(c, 3, rng).unwrap().without_bias();
        let separable: SeparableConv<2> = SeparableConv::new(c, c, 3, rng).unwrap().without_bias();
        let basic: BasicBlock<Identity> = BasicBlock::new(c, c, 1, |_| Identity, rng);
        let bottleneck: BottleneckBlock<Identity> = BottleneckBlock::new(c, c / 4, 1, |_| Identity, rng);
        let found = [
            plain.count_parameters(),
            pointwise.count_parameters(),
            depthwise.count_parameters(),
            separable.count_parameters(),
            basic.count_parameters(),
            bottleneck.count_parameters(),
        ];
        assert_eq!(found, expected);
    }
}

/// `relu(s(x) + f(x))`, written out.
#[test]
fn a_basic_block_is_its_formula() {
    let block: BasicBlock<GroupNorm<f64>, f64> = BasicBlock::new(2, 4, 2, norm, &mut rng());
    let tape = Tape::inference();
    let x = tape.input(random(&[3, 2, 5, 7], &mut rng()));
    let hidden = block.bn1.forward(&block.conv1.forward(&x).unwrap()).unwrap().relu();
    let body = block.bn2.forward(&block.conv2.forward(&hidden).unwrap()).unwrap();
    let past = block.downsample.forward(&x).unwrap();
    assert_eq!(past.shape(), [3, 4, 3, 4]);
    let y = block.forward(&x).unwrap();
    assert_close(&**y.value(), &**(past + body).relu().value(), Tolerance::F64, "y");
}

#[test]
fn a_padded_shortcut_keeps_every_second_pixel() {
    let block: BasicBlock<Identity, f64> = BasicBlock::with_shortcut(1, 4, 2, Shortcut::Pad, |_| Identity, &mut rng());
    assert_eq!(names(&block), ["conv1.weight", "conv2.weight"]);
    let x = Tape::inference().input(random(&[1, 1, 5, 4], &mut rng()));
    let y = block.downsample.forward(&x).unwrap();
    assert_eq!(y.shape(), [1, 4, 3, 2]);
    for (at, &y) in y.value().indexed_iter() {
        let expected = if at[1] == 1 { x.value()[[0, 0, 2 * at[2], 2 * at[3]]] } else { 0.0 };
        assert_eq!(y, expected, "{at:?}");
    }
    assert_eq!(block.describe(&[1, 1, 5, 4]).unwrap().output, block.forward(&x).unwrap().shape());
    // Channels cannot be padded away.
    let fewer: BasicBlock<Identity> = BasicBlock::with_shortcut(4, 2, 1, Shortcut::Pad, |_| Identity, &mut rng());
    assert!(matches!(fewer.downsample, Some(Downsample::Project(..))));
}

#[test]
fn a_projection_may_have_no_normalization() {
    let mut block: BasicBlock<GroupNorm> = BasicBlock::new(2, 4, 2, norm, &mut rng());
    if let Some(Downsample::Project(_, norm)) = &mut block.downsample {
        *norm = None;
    }
    assert_eq!(names(&block).last().unwrap(), "downsample.0.weight");
    let x = Tape::inference().input(ArrayD::zeros(IxDyn(&[1, 2, 4, 4])));
    assert_eq!(block.forward(&x).unwrap().shape(), block.describe(&[1, 2, 4, 4]).unwrap().output);
}

#[test]
fn paths_of_different_shapes_are_not_broadcast() {
    let mut block: BasicBlock<Identity> = BasicBlock::new(4, 4, 1, |_| Identity, &mut rng());
    block.conv2 = Conv2d::new(4, 1, 3, &mut rng()).padding(1);
    let x = Tape::inference().input(ArrayD::zeros(IxDyn(&[1, 4, 3, 3])));
    let message = block.forward(&x).unwrap_err().to_string();
    assert!(message.starts_with("basic block") && message.contains("[1, 1, 3, 3]"), "{message}");
    input_message(&BottleneckBlock::<Identity>::new(4, 1, 1, |_| Identity, &mut rng()).conv1, &[1, 3, 3, 3]);
}

#[test]
fn a_separable_convolution_is_one_whose_kernels_are_products() {
    let layer: SeparableConv<2, f64> = SeparableConv::new(3, 5, (3, 2), &mut rng()).unwrap();
    let layer = layer.stride((1, 2)).padding(1).dilation((2, 1));
    let (w0, w1) = (layer.depthwise.weight.value(), layer.pointwise.weight.value());
    let weight =
        ArrayD::from_shape_fn(IxDyn(&[5, 3, 3, 2]), |at| w1[[at[0], at[1], 0, 0]] * w0[[at[1], 0, at[2], at[3]]]);
    let whole = Conv2d::from_parts(weight, layer.pointwise.bias.clone(), 1).unwrap();
    let whole = whole.stride((1, 2)).padding(1).dilation((2, 1));
    let x = Tape::inference().input(random(&[2, 3, 8, 7], &mut rng()));
    let y = layer.forward(&x).unwrap();
    assert_close(&**y.value(), &**whole.forward(&x).unwrap().value(), Tolerance::F64, "y");
    assert_eq!(layer.describe(&[2, 3, 8, 7]).unwrap().output, y.shape());
    assert_eq!(
        SeparableConv::<2>::new(0, 5, 3, &mut rng()).unwrap_err().to_string(),
        "depthwise convolution: channels = [0]: 0 is no channels; at least 1 would fit"
    );
}

#[test]
fn gradients_of_blocks_are_right() {
    let rng = &mut rng();
    let basic: BasicBlock<GroupNorm<f64>, f64> = BasicBlock::new(2, 3, 2, norm, rng);
    let padded: BasicBlock<GroupNorm<f64>, f64> = BasicBlock::with_shortcut(2, 3, 2, Shortcut::Pad, norm, rng);
    let bottleneck: BottleneckBlock<GroupNorm<f64>, f64> = BottleneckBlock::new(4, 1, 1, norm, rng);
    let separable: SeparableConv<2, f64> = SeparableConv::new(2, 3, 2, rng).unwrap();
    let layers: [(&dyn Layer<f64>, usize); 4] = [(&basic, 2), (&padded, 2), (&bottleneck, 4), (&separable, 2)];
    for (layer, channels) in layers {
        let x = random(&[2, channels, 3, 4], rng);
        gradcheck(|x| layer.forward(&x[0]).map_err(|error| panic!("{error}")), &[x]).unwrap();
    }
}

// Models

#[test]
fn lenet5_has_the_parameters_of_its_table() {
    let model: LeNet5 = LeNet5::new(10, &mut rng());
    let of = |prefix: &str| -> usize {
        model.parameters().iter().filter(|(name, _)| name.starts_with(prefix)).map(|(_, p)| p.value().len()).sum()
    };
    let found = ["conv1", "conv2", "fc1", "fc2", "fc3"].map(of);
    assert_eq!(found, [156, 2_416, 48_120, 10_164, 850]);
    assert_eq!(model.count_parameters(), 61_706);
    // The paper's 60,000: C3 sees 60 of 96 pairs of channels, the means have factors and biases, the output has no parameters.
    assert_eq!(156 + (6 + 6) + (60 * 25 + 16) + (16 + 16) + 48_120 + 10_164, 60_000);
    let fields = receptive_fields(&model.geometries()).unwrap();
    assert_eq!(fields.rows[4].size, [32, 32]); // the whole image
    assert_eq!(output_sizes(&model.geometries(), [32, 32]).unwrap(), [[28; 2], [14; 2], [10; 2], [5; 2], [1; 2]]);
    assert_eq!(input_message(&model, &[2, 1, 28, 28]), "lenet5: input [2, 1, 28, 28]: (N, 1, 32, 32) would fit");
    input_message(&model, &[2, 1, 32]);
    input_message(&model, &[2, 3, 32, 32]);
}

#[test]
fn vgg_has_the_parameters_that_it_says() {
    let model: Vgg = Vgg::small(10, &mut rng());
    assert_eq!(model.count_parameters(), 550_570);
    assert_eq!(names(&model)[..3], ["features.0.weight", "features.0.bias", "features.2.weight"]);
    assert_eq!(
        names(&model)[12..],
        ["classifier.0.weight", "classifier.0.bias", "classifier.2.weight", "classifier.2.bias"]
    );
    assert_eq!(output_sizes(&model.geometries(), [32, 32]).unwrap().last(), Some(&[4, 4]));
    assert_eq!(input_message(&model, &[2, 3, 28, 28]), "vgg: input [2, 3, 28, 28]: (N, 3, 32, 32) would fit");
    // Configuration A: the convolutions of the 133 M, without drawing the linear layers' 123 M.
    let features: Vgg = Vgg::new(3, [32, 32], Vgg::CONFIGURATION_A, &[], &mut rng()).unwrap();
    assert_eq!(features.count_parameters(), 9_220_480);
    let linear = |inputs: usize, outputs: usize| inputs * outputs + outputs;
    let linear = linear(512 * 7 * 7, 4096) + linear(4096, 4096) + linear(4096, 1000);
    assert_eq!(features.count_parameters() + linear, 132_863_336);
    assert!(matches!(Vgg::<f32>::new(3, [32, 32], &[], &[10], &mut rng()), Err(Error::EmptyStack { .. })));
    let error = Vgg::<f32>::new(3, [4, 4], Vgg::SMALL, &[10], &mut rng()).unwrap_err().to_string();
    assert!(error.starts_with("output sizes: layer 8, features.14, is given [1, 1]"), "{error}");
}

#[test]
fn residual_networks_have_the_papers_parameters() {
    let rng = &mut rng();
    let count = |blocks, shortcut, rng: &mut StdRng| {
        ResNet::<GroupNorm>::new(3, 10, blocks, shortcut, norm, rng).count_parameters()
    };
    assert_eq!([count(1, Shortcut::Pad, rng), count(1, Shortcut::Project, rng)], [75_290, 78_042]);
    assert_eq!([count(3, Shortcut::Pad, rng), count(3, Shortcut::Project, rng)], [269_722, 272_474]);
    let resnet20: ResNet<GroupNorm> = ResNet::resnet20(10, norm, rng);
    assert_eq!(resnet20.count_parameters(), 269_722);
    let layers = resnet20.parameters().iter().filter(|(_, p)| p.shape().len() > 1).count();
    assert_eq!(layers, 20);
    assert_eq!(names(&resnet20)[3], "layer1.0.conv1.weight");
    assert_eq!(names(&resnet20).last().unwrap(), "fc.bias");
    let sizes = output_sizes(&resnet20.geometries(), [32, 32]).unwrap();
    assert_eq!([sizes[6], sizes[7], sizes[18]], [[32; 2], [16; 2], [8; 2]]);
    assert_eq!(receptive_fields(&resnet20.geometries()).unwrap().rows[18].size, [81, 81]);
    // About the 41 M multiply–adds that are usually quoted.
    let costs = costs(&resnet20, &[1, 3, 32, 32]).unwrap();
    assert_eq!(costs.total.multiply_adds, Some(40_551_040));
    assert_eq!(input_message(&resnet20, &[1, 1, 32, 32]), "resnet: input [1, 1, 32, 32]: (N, 3, H, W) would fit");
    let none: ResNet<Identity> = ResNet::new(1, 10, 0, Shortcut::Pad, |_| Identity, rng);
    assert_eq!(none.describe(&[2, 1, 5, 5]).unwrap().output, [2, 10]);
}

fn runs<F: Real + Float>() {
    let rng = &mut rng();
    let lenet = LeNet5::<F>::new(10, rng);
    let vgg = Vgg::<F>::new(1, [8, 8], &[&[4], &[8]], &[16, 10], rng).expect("8 pixels can be halved twice");
    let resnet8: ResNet<GroupNorm<F>, F> = ResNet::resnet8(10, norm, rng);
    let models: [(&dyn Layer<F>, [usize; 3]); 3] = [(&lenet, [1, 32, 32]), (&vgg, [1, 8, 8]), (&resnet8, [3, 8, 8])];
    for (model, [channels, height, width]) in models {
        let x = random(&[2, channels, height, width], rng).mapv(<F as Real>::from_f64);
        let tape = Tape::recording();
        let y = model.forward(&tape.input(x)).expect("the image fits");
        let description = model.describe(&[2, channels, height, width]).expect("the shape fits");
        assert_eq!((y.shape(), &description.output[..]), (&[2, 10][..], &[2, 10][..]));
        assert!(y.value().iter().all(|score| score.is_finite()));
        let gradients = y.square().sum().backward().expect("a loss");
        for (name, parameter) in model.parameters() {
            let gradient = gradients.get(parameter).unwrap_or_else(|| panic!("{name} has no gradient"));
            assert!(gradient.iter().any(|&slope| slope != F::zero()), "{name}");
        }
        let summary = summary(model, &[2, channels, height, width]).expect("the shape fits");
        assert_eq!(summary.total.parameters, model.count_parameters());
    }
}

#[test]
fn models_run_and_every_parameter_learns() {
    runs::<f32>();
    runs::<f64>();
}

#[test]
fn a_clone_is_another_model() {
    let model: ResNet<GroupNorm> = ResNet::resnet8(10, norm, &mut rng());
    let mut other = model.clone();
    other.layer1.layers_mut()[0].conv1 = Conv2d::new(16, 16, 3, &mut rng()).padding(1);
    assert_eq!(model.layer1.layers().len(), 1);
    assert_eq!(names(&other).len(), names(&model).len() + 1); // that convolution has a bias
    let identity: Stage<Conv2d> = Stage::from_iter([]);
    let x = Tape::inference().input(ArrayD::ones(IxDyn(&[2, 3])));
    assert_eq!(identity.forward(&x).unwrap().value(), x.value());
}
