//! Residual, bottleneck and separable blocks.

use super::{input_message, names, norm, random, rng};
use gradus_autograd::gradcheck;
use gradus_conv::blocks::{BasicBlock, BottleneckBlock, Downsample, SeparableConv, Shortcut};
use gradus_conv::ndarray::{ArrayD, IxDyn};
use gradus_conv::{Conv2d, Layer, Module, Tape};
use gradus_nn_layers::{GroupNorm, Identity};
use gradus_testing::{Tolerance, assert_close};

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
