//! How many terms the sums of a layer have.

use crate::{Error, Result};

/// The number of terms in the sums of a layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fans {
    /// Terms of each output: inputs times the positions of the kernel.
    pub fan_in: usize,
    /// Terms of each input's gradient: outputs times the positions of the kernel.
    pub fan_out: usize,
}

/// The fans of a weight of shape `(out, in, kernel…)`: a matrix, or a convolution of any rank.
///
/// # Errors
/// [`Error::Fans`] if the shape has fewer than two axes.
///
/// # Examples
/// ```
/// use gradus_nn_layers::init::{Fans, fans};
/// assert_eq!(fans(&[16, 3, 5, 5])?, Fans { fan_in: 75, fan_out: 400 });
/// # Ok::<(), gradus_nn_layers::Error>(())
/// ```
pub fn fans(shape: &[usize]) -> Result<Fans> {
    let [out, input, kernel @ ..] = shape else { return Err(Error::Fans { shape: shape.to_vec() }) };
    let positions = kernel.iter().fold(1_usize, |n, &len| n.saturating_mul(len));
    Ok(Fans { fan_in: input.saturating_mul(positions), fan_out: out.saturating_mul(positions) })
}

/// `1/√fan`, and 0 for a weight without elements.
pub(super) fn per_root(fan: f64) -> f64 {
    if fan == 0.0 { 0.0 } else { 1.0 / fan.sqrt() }
}
