//! Normalization: numbers brought to mean 0 and variance 1, over axes of one sample.
//!
//! The four kinds differ in which numbers belong together, and share their arithmetic (`standardize`). None looks at the
//! other samples of a batch, so that training and use are the same function; batch normalization, which does, is in
//! `gradus-regularize`.
//!
//! ```text
//! x (N, C, H, W)      mean and variance over        of which there are
//! LayerNorm           C, H, W (or the last axes)    N
//! GroupNorm           C/G, H, W                     N · G
//! InstanceNorm        H, W                          N · C
//! RmsNorm             C, H, W, without the mean     N
//! ```

mod group_norm;
mod instance_norm;
mod layer_norm;
mod rms_norm;
mod standardize;

pub use group_norm::GroupNorm;
pub use instance_norm::InstanceNorm;
pub use layer_norm::LayerNorm;
pub use rms_norm::RmsNorm;

use crate::{Error, Parameter, Result};
use gradus_autograd::{Real, Tape, Var};

/// The ε of all but [`RmsNorm`], as in PyTorch.
const EPS: f64 = 1e-5;

/// A scale or a shift on the tape, if there is one; it has to have this shape.
fn bind<F: Real>(
    tape: &Tape<F>,
    layer: &'static str,
    parameter: (&'static str, Option<&Parameter<F>>),
    expected: &[usize],
) -> Result<Option<Var<F>>> {
    let (name, Some(value)) = parameter else { return Ok(None) };
    if value.shape() != expected {
        let (found, expected) = (value.shape().to_vec(), expected.to_vec());
        return Err(Error::ParameterShape { layer, parameter: name, found, expected });
    }
    Ok(Some(tape.parameter(value)))
}

/// An ε in its range.
fn check_eps<F: Real>(operation: &'static str, value: f64) -> Result<F> {
    if value >= 0.0 && value.is_finite() {
        return Ok(F::from_f64(value));
    }
    Err(Error::HyperParameter { operation, name: "eps", value, expected: "a finite number of at least 0 would fit" })
}

/// The channels of an input `(N, C, …)` of at least so many axes, and how many numbers each holds.
fn inner(layer: &'static str, channels: usize, least: usize, input: &[usize]) -> Result<usize> {
    if input.len() < least || input[1] != channels {
        return Err(Error::Channels { layer, channels, least, input: input.to_vec() });
    }
    Ok(input[2..].iter().product())
}
