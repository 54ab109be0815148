//! What layers cost, and how convolutions describe themselves.

use super::{input_message, rng};
use gradus_conv::blocks::BasicBlock;
use gradus_conv::ndarray::Array4;
use gradus_conv::{Conv1d, Conv2d, Layer, MaxPool2d, Tape, costs};
use gradus_nn_layers::{Identity, Relu, Sequential, sequential};

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
