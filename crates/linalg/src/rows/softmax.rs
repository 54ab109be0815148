//! Softmax, its logarithm and the logarithm of a sum of exponentials, for each row of many.
//!
//! All are shifted by the row's maximum, so that no exponential overflows and one of them is 1.

use super::extremes::{largest, max_here};
use super::sum::{map_sum_here, sum_here};
use crate::Real;
use crate::elementwise::sum_slice;
use crate::simd::vectorized;

/// Softmax of each row of `len` numbers.
///
/// ```text
/// yᵢ = e^(xᵢ − m) / Σ e^(xⱼ − m),  m = max xⱼ
/// ```
///
/// A row that holds NaN or ∞, or −∞ alone, becomes NaN; −∞ among numbers becomes 0.
///
/// # Examples
/// ```
/// # use gradus_linalg::rows::softmax;
/// let mut y = [0.0; 4];
/// softmax(2, &[1000.0, 1000.0, 0.0, -1000.0], &mut y);
/// assert_eq!(y, [0.5, 0.5, 1.0, 0.0]);
/// ```
///
/// # Panics
/// If the lengths of `x` and `y` differ, or are not a multiple of `len`.
///
/// # References
/// J. S. Bridle, *Probabilistic interpretation of feedforward classification network outputs*, 1990.
pub fn softmax<F: Real>(len: usize, x: &[F], y: &mut [F]) {
    rows(
        "softmax",
        len,
        x,
        y,
        #[inline(always)]
        |x, y| {
            let shift = largest(x);
            let sum = map_sum_here(
                x,
                y,
                #[inline(always)]
                |x: F| (x - shift).exp(),
            );
            let scale = F::one() / sum;
            for y in y {
                *y *= scale;
            }
        },
    );
}

/// The gradient of [`softmax`]: turns each row of `dy` into `dx`.
///
/// ```text
/// dxᵢ = yᵢ (dyᵢ − Σ dyⱼ yⱼ)
/// ```
///
/// # Panics
/// As [`softmax`].
pub fn softmax_backward<F: Real>(len: usize, y: &[F], dy: &mut [F]) {
    rows(
        "softmax_backward",
        len,
        y,
        dy,
        #[inline(always)]
        |y, dy| {
            let inner = super::dot(dy, y);
            for (dy, &y) in dy.iter_mut().zip(y) {
                *dy = y * (*dy - inner);
            }
        },
    );
}

/// Logarithm of the softmax of each row of `len` numbers, without the softmax's underflow.
///
/// ```text
/// yᵢ = (xᵢ − m) − ln Σ e^(xⱼ − m),  m = max xⱼ
/// ```
///
/// These are two subtractions: at a large m, m + ln Σ as one number would keep few digits of the logarithm. A row that
/// holds NaN or ∞, or −∞ alone, becomes NaN.
///
/// # Examples
/// ```
/// # use gradus_linalg::rows::log_softmax;
/// let mut y = [0.0; 2];
/// log_softmax(2, &[0.0, -1000.0], &mut y);
/// assert_eq!(y, [0.0, -1000.0]);
/// ```
///
/// # Panics
/// As [`softmax`].
pub fn log_softmax<F: Real>(len: usize, x: &[F], y: &mut [F]) {
    rows(
        "log_softmax",
        len,
        x,
        y,
        #[inline(always)]
        |x, y| {
            let shift = largest(x);
            let sum = sum_here(
                x,
                #[inline(always)]
                |x: F| (x - shift).exp(),
            );
            let log = sum.ln();
            for (y, &x) in y.iter_mut().zip(x) {
                *y = (x - shift) - log;
            }
        },
    );
}

/// The gradient of [`log_softmax`]: turns each row of `dy` into `dx`.
///
/// ```text
/// dxᵢ = dyᵢ − e^yᵢ Σ dyⱼ
/// ```
///
/// # Panics
/// As [`softmax`].
pub fn log_softmax_backward<F: Real>(len: usize, y: &[F], dy: &mut [F]) {
    rows(
        "log_softmax_backward",
        len,
        y,
        dy,
        #[inline(always)]
        |y, dy| {
            let sum = sum_slice(dy);
            for (dy, &y) in dy.iter_mut().zip(y) {
                *dy -= y.exp() * sum;
            }
        },
    );
}

/// Logarithm of the sum of exponentials of one row, without memory for the terms.
///
/// ```text
/// m + ln Σ e^(xᵢ − m),  m = max xᵢ
/// ```
///
/// Of no numbers, and of −∞ alone, it is −∞, the logarithm of 0; with an ∞ among them it is ∞; with a NaN, NaN.
///
/// # Examples
/// ```
/// # use gradus_linalg::rows::log_sum_exp;
/// let y: f64 = log_sum_exp(&[1000.0, 1000.0]);
/// assert!((y - (1000.0 + 2.0_f64.ln())).abs() < 1e-12);
/// assert_eq!(log_sum_exp::<f64>(&[]), f64::NEG_INFINITY);
/// ```
#[must_use]
pub fn log_sum_exp<F: Real>(x: &[F]) -> F {
    vectorized(
        #[inline(always)]
        || {
            let shift = max_here(x);
            if !shift.is_finite() {
                return shift;
            }
            let sum = sum_here(
                x,
                #[inline(always)]
                |x: F| (x - shift).exp(),
            );
            shift + sum.ln()
        },
    )
}

/// Calls `f` with each row of two slices, in one vectorized loop.
#[inline(always)]
fn rows<F: Real>(operation: &str, len: usize, x: &[F], y: &mut [F], f: impl Fn(&[F], &mut [F])) {
    assert_eq!(x.len(), y.len(), "{operation}: the lengths differ");
    if x.is_empty() {
        return;
    }
    assert!(len > 0 && x.len().is_multiple_of(len), "{operation}: {} numbers are no rows of {len}", x.len());
    vectorized(
        #[inline(always)]
        || {
            for (x, y) in x.chunks_exact(len).zip(y.chunks_exact_mut(len)) {
                f(x, y);
            }
        },
    );
}
