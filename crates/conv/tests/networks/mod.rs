//! Stacks, blocks and models: sizes, fields, costs, names, counts, gradients.

mod blocks;
mod costs;
mod models;
mod stacks;

use gradus_conv::ndarray::ArrayD;
use gradus_conv::{Layer, Module, Real, Tape};
use gradus_nn_layers::GroupNorm;
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
