//! Layers beyond the linear ones, and the losses that have no golden cases: gradients on random shapes, PyTorch's numbers,
//! and what happens to input that does not fit.

#![allow(clippy::unwrap_used)] // helpers of tests are tests, too

mod activation;
mod attention;
mod blocks;
mod losses;
mod messages;
mod normalization;
mod paths;

use gradus_nn_layers::ndarray::ArrayD;
use gradus_nn_layers::{Layer, init, testing};
use proptest::test_runner::TestCaseError;
use rand::SeedableRng;
use rand::rngs::StdRng;

fn rng(seed: u64) -> StdRng {
    StdRng::seed_from_u64(seed)
}

fn normal(shape: &[usize], seed: u64) -> ArrayD<f64> {
    init::normal(shape, 0.0, 1.0, &mut rng(seed))
}

/// The crate's public check, as a property.
fn check(layer: &mut dyn Layer<f64>, input: &ArrayD<f64>) -> Result<(), TestCaseError> {
    let report =
        testing::check_layer(layer, input).map_err(|error| TestCaseError::fail(format!("{error} at {input}")))?;
    let parameters: usize = layer.parameters().iter().map(|(_, parameter)| parameter.value().len()).sum();
    if report.checked == input.len() + parameters { Ok(()) } else { Err(TestCaseError::fail("not all was checked")) }
}
