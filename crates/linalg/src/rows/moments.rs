//! Mean and variance, from the deviations and not from the difference of two large sums.

use super::sum::{sum, sum_of};
use crate::Real;

/// `m = Σ xᵢ / n`; NaN of an empty row, as 0/0.
///
/// # Examples
/// ```
/// # use gradus_linalg::rows::mean;
/// assert_eq!(mean(&[1.0, 2.0, 6.0]), 3.0);
/// ```
#[must_use]
pub fn mean<F: Real>(x: &[F]) -> F {
    sum(x) / F::from_f64(x.len() as f64)
}

/// The variance in two passes.
///
/// ```text
/// Σ (xᵢ − m)² / (n − correction),  m = Σ xᵢ / n
/// ```
///
/// `correction` 0 is the variance of the numbers themselves; 1 (Bessel's) estimates that of what they were drawn from.
/// Where n does not exceed it, the variance is NaN or ∞, as a number over 0.
///
/// # Examples
/// ```
/// # use gradus_linalg::rows::variance;
/// assert_eq!(variance(&[1e9, 1e9 + 2.0], 0), 1.0);
/// assert_eq!(variance(&[1.0, 3.0], 1), 2.0);
/// ```
///
/// # References
/// T. F. Chan, G. H. Golub, R. J. LeVeque, *Algorithms for computing the sample variance*, The American Statistician 37,
/// 1983 (the corrected two-pass algorithm).
#[must_use]
pub fn variance<F: Real>(x: &[F], correction: usize) -> F {
    squared_deviations(x) / F::from_f64(x.len().saturating_sub(correction) as f64)
}

/// `Σ (xᵢ − m)²`
///
/// The rounding error of the mean `m` would make this too large by n times its square; that much is taken away again.
#[must_use]
pub fn squared_deviations<F: Real>(x: &[F]) -> F {
    let mean = mean(x);
    let off = sum_of(
        x,
        #[inline(always)]
        |x| x - mean,
    );
    let squares = sum_of(
        x,
        #[inline(always)]
        |x| (x - mean) * (x - mean),
    );
    squares - off * off / F::from_f64(x.len() as f64)
}
