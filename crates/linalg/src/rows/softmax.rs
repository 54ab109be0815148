//! Softmax, its logarithm and the logarithm of a sum of exponentials, for each row of many.
//!
//! All are shifted by the row's maximum, so that no exponential overflows and one of them is 1.

use super::exponentials;
use super::extremes::{largest, max_here};
use crate::Real;
use crate::elementwise::{LANES, sum_slice};
use crate::parallel::for_bands;
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
    if len <= LANES {
        return short_rows(
            "softmax",
            len,
            x,
            y,
            #[inline(always)]
            |columns| {
                let shift = largest_of(columns);
                exponentials_of(columns, &shift);
                let scale = sums_of(columns).map(|sum| F::one() / sum);
                for column in columns {
                    for (y, &scale) in column.iter_mut().zip(&scale) {
                        *y *= scale;
                    }
                }
            },
        );
    }
    rows(
        "softmax",
        len,
        x,
        y,
        #[inline(always)]
        |x, y| {
            let shift = largest(x);
            let sum = exponentials::sum_into(x, y, shift);
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
    if len <= LANES {
        return short_rows(
            "log_softmax",
            len,
            x,
            y,
            #[inline(always)]
            |columns| {
                let shift = largest_of(columns);
                let mut terms = [[F::zero(); LANES]; LANES];
                let terms = &mut terms[..columns.len()];
                terms.copy_from_slice(columns);
                exponentials_of(terms, &shift);
                let mut log = sums_of(terms);
                for log in &mut log {
                    *log = log.ln();
                }
                for column in columns {
                    for i in 0..LANES {
                        column[i] = (column[i] - shift[i]) - log[i];
                    }
                }
            },
        );
    }
    rows(
        "log_softmax",
        len,
        x,
        y,
        #[inline(always)]
        |x, y| {
            let shift = largest(x);
            let sum = exponentials::sum_into(x, y, shift); // y serves as memory for the terms
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
            let sum = exponentials::sum(x, shift);
            shift + sum.ln()
        },
    )
}

/// `x ← e^(x − shift)`, row by row of the columns.
#[inline(always)]
fn exponentials_of<F: Real>(columns: &mut [[F; LANES]], shift: &[F; LANES]) {
    for column in columns.iter_mut() {
        for (x, &shift) in column.iter_mut().zip(shift) {
            *x -= shift;
        }
    }
    for x in columns.as_flattened_mut() {
        *x = x.exp();
    }
}

/// Calls `f` with each row of two slices, in one vectorized loop for each thread.
#[inline(always)]
fn rows<F: Real>(operation: &str, len: usize, x: &[F], y: &mut [F], f: impl Fn(&[F], &mut [F]) + Sync) {
    if !check(operation, len, x, y) {
        return;
    }
    for_bands(len, x, y, |x, y| {
        vectorized(
            #[inline(always)]
            || {
                for (x, y) in x.chunks_exact(len).zip(y.chunks_exact_mut(len)) {
                    f(x, y);
                }
            },
        );
    });
}

/// Whether there is anything to do.
fn check<F>(operation: &str, len: usize, x: &[F], y: &[F]) -> bool {
    assert_eq!(x.len(), y.len(), "{operation}: the lengths differ");
    assert!(
        x.is_empty() || len > 0 && x.len().is_multiple_of(len),
        "{operation}: {} numbers are no rows of {len}",
        x.len()
    );
    !x.is_empty()
}

/// As [`rows`] for rows of at most [`LANES`] numbers, many of them at a time: `f` is given columns of as many rows.
///
/// One such row does not fill a vector, and is over before the first of its steps is through.
#[inline(always)]
fn short_rows<F: Real>(operation: &str, len: usize, x: &[F], y: &mut [F], f: impl Fn(&mut [[F; LANES]]) + Sync) {
    if !check(operation, len, x, y) {
        return;
    }
    for_bands(len, x, y, |x, y| {
        vectorized(
            #[inline(always)]
            || {
                let mut columns = [[F::zero(); LANES]; LANES];
                let columns = &mut columns[..len];
                for (x, y) in x.chunks(len * LANES).zip(y.chunks_mut(len * LANES)) {
                    for (row, x) in x.chunks_exact(len).enumerate() {
                        for (column, &x) in columns.iter_mut().zip(x) {
                            column[row] = x;
                        }
                    }
                    f(columns);
                    for (row, y) in y.chunks_exact_mut(len).enumerate() {
                        for (y, column) in y.iter_mut().zip(columns.iter()) {
                            *y = column[row];
                        }
                    }
                }
            },
        );
    });
}

/// The largest numbers of columns, as [`largest`].
#[inline(always)]
fn largest_of<F: Real>(columns: &[[F; LANES]]) -> [F; LANES] {
    let mut most = [-F::INFINITY; LANES];
    for column in columns {
        for (most, &x) in most.iter_mut().zip(column) {
            *most = if x > *most { x } else { *most };
        }
    }
    most
}

/// The sums of columns, in the tree in which [`sum`](super::sum()) adds up a row of so many numbers.
#[inline(always)]
fn sums_of<F: Real>(columns: &[[F; LANES]]) -> [F; LANES] {
    let mut terms = [[F::zero(); LANES]; LANES];
    terms[..columns.len()].copy_from_slice(columns);
    let mut width = LANES / 2;
    while width > 0 {
        for i in 0..width {
            let upper = terms[i + width];
            for (term, upper) in terms[i].iter_mut().zip(upper) {
                *term += upper;
            }
        }
        width /= 2;
    }
    terms[0]
}
