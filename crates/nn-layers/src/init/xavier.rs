//! Xavier's (Glorot's) rule: halfway between keeping the variance forward and keeping it backward.

use super::{Fans, fans, normal, per_root, uniform};
use crate::{Error, Result};
use gradus_autograd::Real;
use ndarray::{Array, Dimension, IntoDimension};
use rand::Rng;

/// Standard deviation of Xavier's (Glorot's) rule.
///
/// ```text
/// std = gain · √(2 / (fan_in + fan_out))
/// ```
///
/// # Errors
/// As [`fans`]; [`Error::HyperParameter`] if the gain is negative or not finite.
pub fn xavier_std(shape: &[usize], gain: f64) -> Result<f64> {
    if !(gain >= 0.0 && gain.is_finite()) {
        let (operation, name, expected) = ("xavier", "gain", "a finite number of at least 0 would fit");
        return Err(Error::HyperParameter { operation, name, value: gain, expected });
    }
    let Fans { fan_in, fan_out } = fans(shape)?;
    // Two means: 2 / (in + out) = 1 / mean. Their sum is taken in f64, where it cannot overflow.
    Ok(gain * per_root((fan_in as f64 + fan_out as f64) / 2.0))
}

/// Bound of Xavier's uniform rule, `√3 · std`: a uniform distribution to ±b has standard deviation b/√3.
///
/// # Errors
/// As [`xavier_std`].
pub fn xavier_bound(shape: &[usize], gain: f64) -> Result<f64> {
    Ok(3_f64.sqrt() * xavier_std(shape, gain)?)
}

/// Weights `(out, in, kernel…)` from `U(−b, b)`, `b` = [`xavier_bound`].
///
/// # Errors
/// As [`xavier_std`].
pub fn xavier_uniform<F: Real, D: Dimension>(
    shape: impl IntoDimension<Dim = D>,
    gain: f64,
    rng: &mut (impl Rng + ?Sized),
) -> Result<Array<F, D>> {
    let shape = shape.into_dimension();
    let bound = xavier_bound(shape.slice(), gain)?;
    Ok(uniform(shape, bound, rng))
}

/// Weights `(out, in, kernel…)` from the normal distribution of mean 0 and standard deviation [`xavier_std`].
///
/// # Errors
/// As [`xavier_std`].
pub fn xavier_normal<F: Real, D: Dimension>(
    shape: impl IntoDimension<Dim = D>,
    gain: f64,
    rng: &mut (impl Rng + ?Sized),
) -> Result<Array<F, D>> {
    let shape = shape.into_dimension();
    let std = xavier_std(shape.slice(), gain)?;
    Ok(normal(shape, 0.0, std, rng))
}
