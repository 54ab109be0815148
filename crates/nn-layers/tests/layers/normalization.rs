//! Normalization: gradients on random shapes, against compositions of simple operations, far from 0, in bands.

use super::{check, normal};
use gradus_nn_layers::ndarray::{ArrayD, array};
use gradus_nn_layers::{GroupNorm, InstanceNorm, Layer, LayerNorm, Module, Parameter, RmsNorm, Tape, Var};
use gradus_testing::{Tolerance, assert_close, strategies};
use proptest::prelude::*;

/// Parameters off their starting values, so that an exchange shows.
fn stirred<L: Module<f64>>(mut layer: L, seed: u64) -> L {
    layer.visit_mut(&mut |name, item| {
        if let gradus_nn_layers::ItemMut::Parameter(parameter) = item {
            let noise = normal(parameter.shape(), seed ^ name.len() as u64);
            *parameter.value_mut() += &noise;
        }
    });
    layer
}

proptest! {
    #![proptest_config(gradus_testing::proptest_cases(100))]

    #[test]
    fn gradients_over_last_axes_are_right(
        (x, over) in strategies::shape().prop_flat_map(|shape| {
            let rank = shape.len();
            (strategies::strided(&shape, -2.0..2.0), 0..=rank)
        }),
        seed in any::<u64>(),
    ) {
        let shape = &x.shape()[over..];
        check(&mut stirred(LayerNorm::new(shape).eps(0.1), seed), &x)?;
        check(&mut stirred(LayerNorm::without_bias(shape).eps(0.1), seed), &x)?;
        check(&mut LayerNorm::without_affine(shape).eps(0.1), &x)?;
        check(&mut stirred(RmsNorm::new(shape).eps(0.1), seed), &x)?;
        check(&mut RmsNorm::without_affine(shape).eps(0.1), &x)?;
    }

    #[test]
    fn gradients_over_channels_are_right(
        groups in 1..4_usize, (n, width, l) in strategies::product_sizes(3), rank in 2..5_usize, seed in any::<u64>(),
    ) {
        let channels = groups * width;
        let shape: Vec<usize> = [n, channels].into_iter().chain([l, 2]).take(rank).collect();
        let x = normal(&shape, seed);
        check(&mut stirred(GroupNorm::new(groups, channels).unwrap().eps(0.1), seed), &x)?;
        check(&mut GroupNorm::without_affine(groups, channels).unwrap().eps(0.1), &x)?;
        if rank > 2 {
            check(&mut stirred(InstanceNorm::affine(channels).eps(0.1), seed), &x)?;
            check(&mut InstanceNorm::new(channels).eps(0.1), &x)?;
        }
    }

    #[test]
    fn what_comes_out_has_mean_0_and_variance_1(x in strategies::well_separated(&[3, 4, 5])) {
        let y = GroupNorm::new(2, 4).unwrap().eps(0.0).forward(&Tape::<f64>::inference().input(x)).unwrap();
        for group in y.value().view().into_shape_with_order((6, 10)).unwrap().rows() {
            prop_assert!(group.sum().abs() < 1e-12 && (group.mapv(|y| y * y).sum() - 10.0).abs() < 1e-10);
        }
    }
}

/// Layer normalization made of the tape's own operations.
fn plain(x: &Var<f64>, weight: &Var<f64>, bias: &Var<f64>, eps: f64) -> Var<f64> {
    let centered = x.try_sub(&x.mean_axes(&[-1], true).unwrap()).unwrap();
    let scale = centered.square().mean_axes(&[-1], true).unwrap().add_scalar(eps).sqrt();
    centered.try_div(&scale).unwrap().try_mul(weight).unwrap().try_add(bias).unwrap()
}

/// Enough rows to be cut into bands, some of which may be another thread's; and rows longer than a block of sums.
#[test]
fn many_long_rows_agree_with_simple_operations() {
    let (x, cotangent) = (normal(&[67, 1500], 1), normal(&[67, 1500], 2));
    let layer = stirred(LayerNorm::new(1500), 3);
    let tape = Tape::recording();
    let x_var = tape.variable(x.clone());
    let y = layer.forward(&x_var).unwrap();
    let tape = Tape::recording();
    let plain_x = tape.variable(x);
    let (weight, bias) = (layer.weight.as_ref().unwrap(), layer.bias.as_ref().unwrap());
    let plain_y = plain(&plain_x, &tape.parameter(weight), &tape.parameter(bias), 1e-5);
    assert_close(&**y.value(), &**plain_y.value(), Tolerance::F64, "y");
    let gradients = y.backward_with(cotangent.clone()).unwrap();
    let expected = plain_y.backward_with(cotangent).unwrap();
    assert_close(&**gradients.get(&x_var).unwrap(), &**expected.get(&plain_x).unwrap(), Tolerance::F64, "dx");
    for parameter in [weight, bias] {
        let (got, expected) = (gradients.get(parameter).unwrap(), expected.get(parameter).unwrap());
        assert_close(&**got, &**expected, Tolerance::F64, "gradient of a parameter");
    }
}

/// The mean of the squares minus the square of the mean would be a negative number here, or nothing.
#[test]
fn numbers_far_from_0_keep_their_variance() {
    let x = array![[1e6_f32, 1e6 + 1.0, 1e6 + 2.0, 1e6 + 3.0], [1e30, 2e-30, 0.0, 0.0]];
    let y = LayerNorm::<f32>::new(4).eps(0.0).forward(&Tape::inference().input(x)).unwrap();
    let root = 1.25_f32.sqrt();
    let expected = array![-1.5 / root, -0.5 / root, 0.5 / root, 1.5 / root];
    let first = y.value().index_axis(gradus_nn_layers::ndarray::Axis(0), 0).to_owned();
    assert_close(&first, &expected.into_dyn(), Tolerance::F32, "y");
}

#[test]
fn a_group_for_each_channel_is_instance_normalization_and_one_group_of_rows_is_layer_normalization() {
    let x = normal(&[2, 4, 3], 1);
    let x = Tape::<f64>::inference().input(x);
    let instance = InstanceNorm::<f64>::new(4).forward(&x).unwrap();
    let group = GroupNorm::<f64>::new(4, 4).unwrap().forward(&x).unwrap();
    assert_close(&**instance.value(), &**group.value(), Tolerance::F64, "each channel");
    let layer = LayerNorm::<f64>::new((4, 3)).forward(&x).unwrap();
    let group = GroupNorm::<f64>::new(1, 4).unwrap().forward(&x).unwrap();
    assert_close(&**layer.value(), &**group.value(), Tolerance::F64, "one group");
}

#[test]
fn a_frozen_scale_gets_no_gradient_and_a_norm_is_one_entry() {
    let mut layer = LayerNorm::<f64>::new(3);
    layer.set_trainable(false, &|name| name == "weight");
    let tape = Tape::recording();
    let x = tape.variable(normal(&[2, 3], 1));
    let y = layer.forward(&x).unwrap();
    assert_eq!(tape.len(), 3); // x, the shift, the normalization
    let gradients = y.backward_with(normal(&[2, 3], 2)).unwrap();
    let there = |parameter: &Option<Parameter<f64>>| gradients.get(parameter.as_ref().unwrap()).is_some();
    assert!(!there(&layer.weight) && there(&layer.bias));
}

#[test]
fn nothing_is_normalized_to_nothing() {
    for shape in [vec![0, 3], vec![2, 0]] {
        let tape = Tape::<f64>::recording();
        let x = tape.variable(ArrayD::zeros(shape.clone()));
        let layer = LayerNorm::new(shape[1]);
        let gradients = layer.forward(&x).unwrap().sum().backward().unwrap();
        assert_eq!(gradients.get(&x).unwrap().shape(), shape);
    }
}
