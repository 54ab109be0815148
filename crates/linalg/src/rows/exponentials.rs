//! `e^(x − shift)` of a row, and the sum of it, in the tree of [`sum`](super::sum()).
//!
//! Two loops over a block that is still in the first-level cache, one for the exponentials and one that adds: a plain loop
//! over a long function becomes better code than one that also adds up. The shift is passed as a number, not within a
//! closure, so that the compiler need not fear that writing to `y` changes it.

use super::sum::{added, added_first, applied, padded};
use crate::Real;
use crate::elementwise::{LANES, LEAF, sum_lanes};
use crate::parallel::join;
use crate::simd::vectorized;

/// The sum, without memory for the terms; to be inlined into a vectorized caller.
#[inline(always)]
pub(super) fn sum<F: Real>(x: &[F], shift: F) -> F {
    if x.len() <= LEAF { leaf(x, shift) } else { halves(x, shift) }
}

/// The sum, and the terms in `y`; to be inlined into a vectorized caller. The slices have the same length.
#[inline(always)]
pub(super) fn sum_into<F: Real>(x: &[F], y: &mut [F], shift: F) -> F {
    if x.len() <= LEAF { leaf_into(x, y, shift) } else { halves_into(x, y, shift) }
}

fn halves<F: Real>(x: &[F], shift: F) -> F {
    if x.len() > LEAF {
        let (low, high) = x.split_at((x.len() / 2).next_multiple_of(LEAF));
        let (low, high) = join(x.len(), || halves(low, shift), || halves(high, shift));
        return low + high;
    }
    vectorized(
        #[inline(always)]
        || leaf(x, shift),
    )
}

fn halves_into<F: Real>(x: &[F], y: &mut [F], shift: F) -> F {
    if x.len() > LEAF {
        let half = (x.len() / 2).next_multiple_of(LEAF);
        let ((x_low, x_high), (y_low, y_high)) = (x.split_at(half), y.split_at_mut(half));
        let (low, high) = join(x.len(), || halves_into(x_low, y_low, shift), || halves_into(x_high, y_high, shift));
        return low + high;
    }
    vectorized(
        #[inline(always)]
        || leaf_into(x, y, shift),
    )
}

#[inline(always)]
fn leaf<F: Real>(x: &[F], shift: F) -> F {
    let mut terms = [F::zero(); LEAF];
    leaf_into(x, &mut terms[..x.len()], shift)
}

#[inline(always)]
fn leaf_into<F: Real>(x: &[F], y: &mut [F], shift: F) -> F {
    sum_lanes(add(x, y, shift, [F::zero(); LANES]))
}

/// The terms, and the running sums with them added.
#[inline(always)]
fn add<F: Real>(x: &[F], y: &mut [F], shift: F, mut lanes: [F; LANES]) -> [F; LANES] {
    let whole = x.len() / LANES * LANES;
    let ((x, x_rest), (y, y_rest)) = (x.split_at(whole), y.split_at_mut(whole));
    for (y, &x) in y.iter_mut().zip(x) {
        *y = (x - shift).exp();
    }
    for terms in y.as_chunks::<LANES>().0 {
        lanes = added(lanes, *terms);
    }
    if !x_rest.is_empty() {
        let terms = applied(padded(x_rest), &|x: F| (x - shift).exp());
        lanes = added_first(lanes, x_rest.len(), terms);
        y_rest.copy_from_slice(&terms[..y_rest.len()]);
    }
    lanes
}
