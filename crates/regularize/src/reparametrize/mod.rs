//! Layers whose weight is computed from other parameters.

mod spectral_norm;
mod weight_norm;

pub use spectral_norm::SpectralNorm;
pub use weight_norm::WeightNorm;

use crate::error::hold;
use gradus_autograd::Real;
use gradus_nn_layers::{Module, Result};

/// What PyTorch calls a part of a parametrized weight: `a.weight` becomes `a.parametrizations.weight.{part}`.
fn part_of(weight: &str, part: &str) -> String {
    match weight.rsplit_once('.') {
        Some((path, weight)) => format!("{path}.parametrizations.{weight}.{part}"),
        None => format!("parametrizations.{weight}.{part}"),
    }
}

/// The weight's shape, if it has the axis.
fn shape_of<F: Real>(
    operation: &'static str,
    layer: &impl Module<F>,
    weight: &str,
    axis: Option<usize>,
) -> Result<Vec<usize>> {
    let shape = layer.parameter(weight)?.shape().to_vec();
    if let Some(axis) = axis {
        hold(axis < shape.len(), operation, "axis", axis as f64, "an axis of the weight, counted from 0")?;
    }
    Ok(shape)
}
