//! The normal distribution, cut off.

use super::check;
use crate::Result;
use gradus_autograd::Real;
use ndarray::{Array, Dimension, IntoDimension};
use rand::{Rng, RngExt};
use rand_distr::StandardNormal;
use std::f64::consts::{E, TAU};

/// Elements of the normal distribution of this mean and standard deviation, of which only what lies between `low` and
/// `high` is kept.
///
/// ```text
/// a = (low − mean) / std,  b = (high − mean) / std,  Z = Φ(b) − Φ(a)
/// E[w]   = mean + std (φ(a) − φ(b)) / Z
/// Var[w] = std² (1 + (a φ(a) − b φ(b)) / Z − ((φ(a) − φ(b)) / Z)²)
/// ```
///
/// `low` and `high` are values, as in PyTorch, and not numbers of standard deviations; either may be infinite. With
/// the usual two standard deviations on each side, the elements' deviation is 0.88 `std`. Drawn by accepting or
/// rejecting, so that it is right in the tails, too, however far out `low` and `high` lie.
///
/// # Errors
/// [`Error::HyperParameter`](crate::Error::HyperParameter) if the mean is not finite, the deviation not finite and
/// above 0, or `low` not below `high`.
///
/// # Examples
/// ```
/// use gradus_nn_layers::{init, ndarray::Array2};
/// use rand::{SeedableRng, rngs::StdRng};
/// let w: Array2<f32> = init::truncated_normal((64, 32), 0.0, 0.02, -0.04, 0.04, &mut StdRng::seed_from_u64(7))?;
/// assert!(w.iter().all(|w| w.abs() <= 0.04));
/// # Ok::<(), gradus_nn_layers::Error>(())
/// ```
///
/// # References
/// C. P. Robert, *Simulation of truncated normal variables*, 1995, <https://arxiv.org/abs/0907.4010>
pub fn truncated_normal<F: Real, D: Dimension>(
    shape: impl IntoDimension<Dim = D>,
    mean: f64,
    std: f64,
    low: f64,
    high: f64,
    rng: &mut (impl Rng + ?Sized),
) -> Result<Array<F, D>> {
    const NAME: &str = "truncated_normal";
    check(NAME, "mean", mean, mean.is_finite(), "a finite number would fit")?;
    check(NAME, "std", std, std > 0.0 && std.is_finite(), "a finite number above 0 would fit")?;
    check(NAME, "low", low, low < high, "a number below `high` would fit")?;
    let (a, b) = ((low - mean) / std, (high - mean) / std);
    let reached = a < f64::INFINITY && b > f64::NEG_INFINITY;
    check(NAME, "std", std, reached, "a larger number would fit, of which the bounds are finitely many away")?;
    Ok(Array::from_shape_simple_fn(shape.into_dimension(), || {
        // Rounding on the way back must not lead over the edge.
        F::from_f64((mean + std * standard(a, b, rng)).clamp(low, high))
    }))
}

/// From here on the normal density falls off like an exponential one to within rounding that does not show.
const FAR: f64 = 1e6;

/// A number of the standard normal distribution between `a` and `b`.
fn standard(a: f64, b: f64, rng: &mut (impl Rng + ?Sized)) -> f64 {
    if b < 0.0 || (b == 0.0 && a < 0.0) {
        return -standard(-b, -a, rng); // the left tail is the right one in a mirror
    }
    if a <= 0.0 {
        // The middle: draw from the whole where that hits often enough, else evenly from the interval.
        if b - a > TAU.sqrt() || b == f64::INFINITY || a == f64::NEG_INFINITY {
            return accepted(|| rng.sample(StandardNormal), |x: f64| (a..=b).contains(&x));
        }
        return evenly(a, b, 0.0, rng);
    }
    if a > FAR {
        // So far out, the tail is an exponential distribution of the rate `a`, of which the inverse is at hand.
        let share = -(-a * (b - a)).exp_m1();
        return (a - (-share * rng.random::<f64>()).ln_1p() / a).min(f64::MAX);
    }
    // The tail: an exponential distribution from `a` on, of the rate that is rejected least, or evenly if `b` is near.
    let root = (a * a + 4.0).sqrt();
    let near = a + 2.0 * E.sqrt() / (a + root) * ((a * a - a * root) / 4.0).exp();
    if b <= near {
        return evenly(a, b, a, rng);
    }
    let rate = (a + root) / 2.0;
    loop {
        let x = a - (1.0 - rng.random::<f64>()).ln() / rate;
        if x <= b && rng.random::<f64>() <= (-(x - rate).powi(2) / 2.0).exp() {
            return x;
        }
    }
}

/// Even numbers between `a` and `b`, accepted by the density relative to that at its `top`.
fn evenly(a: f64, b: f64, top: f64, rng: &mut (impl Rng + ?Sized)) -> f64 {
    loop {
        let x = a + (b - a) * rng.random::<f64>();
        // (top² − x²) / 2, as a product: of far-out squares nothing is left in their difference.
        if rng.random::<f64>() <= ((top - x) * (top + x) / 2.0).exp() {
            return x;
        }
    }
}

/// The first that fits.
fn accepted(mut draw: impl FnMut() -> f64, fits: impl Fn(f64) -> bool) -> f64 {
    loop {
        let x = draw();
        if fits(x) {
            return x;
        }
    }
}
