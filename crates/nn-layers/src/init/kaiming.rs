//! Kaiming's (He's) rule, which makes up for the activation.

use super::{Nonlinearity, fans, normal, per_root, uniform};
use crate::Result;
use gradus_autograd::Real;
use ndarray::{Array, Dimension, IntoDimension};
use rand::Rng;

/// Which fan [Kaiming's rule](kaiming_std) takes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Fan {
    /// Fan-in: the variance stays the same on the way forward.
    #[default]
    In,
    /// Fan-out: the variance of the gradient stays the same on the way back.
    Out,
}

/// Standard deviation of Kaiming's (He's) rule.
///
/// ```text
/// std = gain / √fan
/// ```
///
/// # Errors
/// As [`fans`].
pub fn kaiming_std(shape: &[usize], fan: Fan, nonlinearity: Nonlinearity) -> Result<f64> {
    let fans = fans(shape)?;
    let fan = match fan {
        Fan::In => fans.fan_in,
        Fan::Out => fans.fan_out,
    };
    Ok(nonlinearity.gain() * per_root(fan as f64))
}

/// Bound of Kaiming's uniform rule, `√3 · std`.
///
/// # Errors
/// As [`kaiming_std`].
pub fn kaiming_bound(shape: &[usize], fan: Fan, nonlinearity: Nonlinearity) -> Result<f64> {
    Ok(3_f64.sqrt() * kaiming_std(shape, fan, nonlinearity)?)
}

/// Weights `(out, in, kernel…)` from `U(−b, b)`, `b` = [`kaiming_bound`].
///
/// # Errors
/// As [`kaiming_std`].
pub fn kaiming_uniform<F: Real, D: Dimension>(
    shape: impl IntoDimension<Dim = D>,
    fan: Fan,
    nonlinearity: Nonlinearity,
    rng: &mut (impl Rng + ?Sized),
) -> Result<Array<F, D>> {
    let shape = shape.into_dimension();
    let bound = kaiming_bound(shape.slice(), fan, nonlinearity)?;
    Ok(uniform(shape, bound, rng))
}

/// Weights `(out, in, kernel…)` from the normal distribution of mean 0 and standard deviation [`kaiming_std`].
///
/// # Errors
/// As [`kaiming_std`].
pub fn kaiming_normal<F: Real, D: Dimension>(
    shape: impl IntoDimension<Dim = D>,
    fan: Fan,
    nonlinearity: Nonlinearity,
    rng: &mut (impl Rng + ?Sized),
) -> Result<Array<F, D>> {
    let shape = shape.into_dimension();
    let std = kaiming_std(shape.slice(), fan, nonlinearity)?;
    Ok(normal(shape, 0.0, std, rng))
}
