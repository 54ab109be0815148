//! The largest and the smallest number of a row.

use crate::Real;
use crate::simd::vectorized;

/// Numbers compared side by side.
const LANES: usize = 64;

/// The largest number; NaN if there is one, −∞ of an empty row.
///
/// # Examples
/// ```
/// # use gradus_linalg::rows::max;
/// assert_eq!(max(&[1.0, 3.0, 2.0]), 3.0);
/// assert!(max(&[1.0, f64::NAN, 2.0]).is_nan());
/// ```
#[must_use]
pub fn max<F: Real>(x: &[F]) -> F {
    vectorized(
        #[inline(always)]
        || max_here(x),
    )
}

/// The smallest number; NaN if there is one, ∞ of an empty row.
#[must_use]
pub fn min<F: Real>(x: &[F]) -> F {
    vectorized(
        #[inline(always)]
        || {
            let less = fold(x, F::INFINITY, |new, old| new < old);
            nan(x).unwrap_or(less)
        },
    )
}

/// [`max`], to be inlined into a vectorized caller.
#[inline(always)]
pub(super) fn max_here<F: Real>(x: &[F]) -> F {
    let most = largest(x);
    nan(x).unwrap_or(most)
}

/// The largest number, with NaN passed over: for callers into whose result a NaN finds another way.
#[inline(always)]
pub(super) fn largest<F: Real>(x: &[F]) -> F {
    fold(x, -F::INFINITY, |new, old| new > old)
}

/// NaN if there is one. All are looked at before any is returned: a loop without a way out is vectorized.
#[inline(always)]
fn nan<F: Real>(x: &[F]) -> Option<F> {
    let mut found = false;
    for x in x {
        found |= x.is_nan();
    }
    if found { x.iter().copied().find(|x| x.is_nan()) } else { None }
}

/// The number that wins against all others. A comparison with NaN is lost.
#[inline(always)]
fn fold<F: Real>(x: &[F], start: F, wins: impl Fn(F, F) -> bool) -> F {
    let pick = |old: F, new: F| if wins(new, old) { new } else { old };
    let (chunks, rest) = x.as_chunks::<LANES>();
    let mut most = start;
    if !chunks.is_empty() {
        let mut lanes = [start; LANES];
        for chunk in chunks {
            let chunk = *chunk;
            for i in 0..LANES {
                lanes[i] = pick(lanes[i], chunk[i]);
            }
        }
        let mut width = LANES / 2;
        while width > 0 {
            for i in 0..width {
                lanes[i] = pick(lanes[i], lanes[i + width]);
            }
            width /= 2;
        }
        most = lanes[0];
    }
    rest.iter().fold(most, |most, &x| pick(most, x))
}
