//! Sums in a fixed tree.
//!
//! ```text
//! up to 1,024 terms     16 running sums, each of every 16th term; then halves onto halves
//! more                  the sum of the first half + the sum of the second
//! ```
//!
//! The error grows with the logarithm of the length, not with the length; and sixteen independent sums are what a vector
//! register holds.

use crate::Real;
use crate::elementwise::{LANES, LEAF, sum_lanes, sum_pairs, sum_slice};
use crate::simd::vectorized;

/// `Σ xᵢ`; 0 of an empty row.
///
/// # Examples
/// ```
/// # use gradus_linalg::rows::sum;
/// let tenths = [0.1_f32; 1_000_000]; // one after the other they would add up to 100,958
/// assert!((sum(&tenths) - 100_000.0).abs() < 0.1);
/// ```
///
/// # References
/// N. J. Higham, *The accuracy of floating point summation*, SIAM Journal on Scientific Computing 14, 1993.
#[must_use]
pub fn sum<F: Real>(x: &[F]) -> F {
    sum_slice(x)
}

/// `Σ f(xᵢ)`, in the tree of [`sum`] and without memory for the terms; `f` may be called more often than there are terms.
///
/// Mark a closure that is not tiny `#[inline(always)]`, so that it is compiled for the processor's vectors.
///
/// # Examples
/// ```
/// # use gradus_linalg::rows::sum_of;
/// assert_eq!(sum_of(&[1.0, -2.0, 3.0], |x| x * x), 14.0);
/// ```
#[must_use]
pub fn sum_of<F: Real>(x: &[F], f: impl Fn(F) -> F) -> F {
    halves(x, &f)
}

/// `Σ xᵢ yᵢ`, in the tree of [`sum`].
///
/// # Examples
/// ```
/// # use gradus_linalg::rows::dot;
/// assert_eq!(dot(&[1.0, 2.0], &[3.0, 4.0]), 11.0);
/// ```
///
/// # Panics
/// If the lengths differ.
#[must_use]
pub fn dot<F: Real>(x: &[F], y: &[F]) -> F {
    assert_eq!(x.len(), y.len(), "dot: the lengths differ");
    sum_pairs(x, y, &|x, y| x * y)
}

fn halves<F: Real>(x: &[F], f: &impl Fn(F) -> F) -> F {
    if x.len() > LEAF {
        let (low, high) = x.split_at((x.len() / 2).next_multiple_of(LEAF));
        return halves(low, f) + halves(high, f);
    }
    vectorized(
        #[inline(always)]
        || leaf(x, f),
    )
}

#[inline(always)]
fn leaf<F: Real>(x: &[F], f: &impl Fn(F) -> F) -> F {
    let mut lanes = [F::zero(); LANES];
    let (chunks, rest) = x.as_chunks::<LANES>();
    for chunk in chunks {
        lanes = added(lanes, applied(*chunk, f));
    }
    if !rest.is_empty() {
        lanes = added_first(lanes, rest.len(), applied(padded(rest), f));
    }
    sum_lanes(lanes)
}

// Arrays of the length of a vector, by value: where the compiler need not fear that one overlaps another, such a loop
// becomes a few instructions.

#[inline(always)]
pub(super) fn applied<F: Real>(mut x: [F; LANES], f: &impl Fn(F) -> F) -> [F; LANES] {
    for x in &mut x {
        *x = f(*x);
    }
    x
}

#[inline(always)]
pub(super) fn added<F: Real>(mut x: [F; LANES], y: [F; LANES]) -> [F; LANES] {
    for i in 0..LANES {
        x[i] += y[i];
    }
    x
}

/// Adds the first `n` numbers only.
#[inline(always)]
pub(super) fn added_first<F: Real>(mut x: [F; LANES], n: usize, y: [F; LANES]) -> [F; LANES] {
    for i in 0..LANES {
        x[i] = if i < n { x[i] + y[i] } else { x[i] };
    }
    x
}

/// Fewer numbers than a vector holds, filled up with the first of them: a whole vector takes no longer than one number.
#[inline(always)]
pub(super) fn padded<F: Real>(rest: &[F]) -> [F; LANES] {
    let mut x = [rest[0]; LANES];
    x[..rest.len()].copy_from_slice(rest);
    x
}
