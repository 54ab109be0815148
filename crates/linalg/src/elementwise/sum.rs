//! Sums: over the axes along which an array was broadcast, and over a slice in a fixed tree.

use super::plan::Plan;
use super::{ROW_MAJOR, slice};
use crate::parallel::join;
use crate::simd::vectorized;
use crate::{Real, memory};
use ndarray::{ArrayD, ArrayRef, IxDyn};

/// Adds up an array over the axes along which `shape` was broadcast to it: the transpose of broadcasting.
///
/// # Panics
/// If `shape` does not broadcast to the shape of `x`.
#[must_use]
pub fn sum_to<F: Real>(x: &ArrayRef<F, IxDyn>, shape: &[usize]) -> ArrayD<F> {
    let mut sum = memory::array(IxDyn(shape));
    sum_into(x, &mut sum);
    sum
}

/// As [`sum_to`], into memory that is there.
///
/// # Panics
/// If the shape of `sum` does not broadcast to the shape of `x`, or `sum` is not in row-major order.
pub fn sum_into<F: Real>(x: &ArrayRef<F, IxDyn>, sum: &mut ArrayRef<F, IxDyn>) {
    let x = x.as_standard_layout();
    let xs = slice(&x);
    if let Some([sum]) = sum.as_slice_mut() {
        *sum = sum_slice(xs);
        return;
    }
    // Rows added up, as for the gradient of a bias: there is no need to plan.
    let plan = (!x.shape().ends_with(sum.shape())).then(|| Plan::new(x.shape(), [sum.shape()]));
    let sums = sum.as_slice_mut().expect(ROW_MAJOR);
    sums.fill(F::zero());
    let Some(plan) = plan else {
        for row in xs.chunks_exact(sums.len().max(1)) {
            vectorized(
                #[inline(always)]
                || {
                    for (s, &x) in sums.iter_mut().zip(row) {
                        *s += x;
                    }
                },
            );
        }
        return;
    };
    plan.run(&mut |n, at, [j], [moves]| {
        let x = &xs[at..at + n];
        if moves {
            let sums = &mut sums[j..j + n];
            vectorized(
                #[inline(always)]
                || {
                    for (s, &x) in sums.iter_mut().zip(x) {
                        *s += x;
                    }
                },
            );
        } else {
            sums[j] += sum_slice(x);
        }
    });
}

/// Up to this length a sum is made of running sums; above it, of the sums of two halves, `(len / 2)` rounded up to a
/// multiple of this and the rest.
pub const LEAF: usize = 1024;
/// Running sums: short chains of additions, and one vector register of `f32`.
pub(crate) const LANES: usize = 16;

/// The sum of a slice in a fixed tree, which depends on the length alone: the error grows with the logarithm of the
/// length, and the result has the same bits however the work is divided.
#[must_use]
pub fn sum_slice<F: Real>(x: &[F]) -> F {
    if x.len() > LEAF {
        let half = (x.len() / 2).next_multiple_of(LEAF);
        let (left, right) = join(x.len(), || sum_slice(&x[..half]), || sum_slice(&x[half..]));
        return left + right;
    }
    vectorized(
        #[inline(always)]
        || {
            let mut lanes = [F::zero(); LANES];
            let chunks = x.chunks_exact(LANES);
            let rest = chunks.remainder();
            for chunk in chunks {
                for (lane, &x) in lanes.iter_mut().zip(chunk) {
                    *lane += x;
                }
            }
            for (lane, &x) in lanes.iter_mut().zip(rest) {
                *lane += x;
            }
            sum_lanes(lanes)
        },
    )
}

/// `Σ f(xᵢ, yᵢ)` of two slices of the same length, in the fixed tree of [`sum_slice`].
pub(crate) fn sum_pairs<F: Real>(x: &[F], y: &[F], f: &impl Fn(F, F) -> F) -> F {
    if x.len() > LEAF {
        let half = (x.len() / 2).next_multiple_of(LEAF);
        return sum_pairs(&x[..half], &y[..half], f) + sum_pairs(&x[half..], &y[half..], f);
    }
    vectorized(
        #[inline(always)]
        || {
            let mut lanes = [F::zero(); LANES];
            let (xs, ys) = (x.chunks_exact(LANES), y.chunks_exact(LANES));
            let rest = xs.remainder().iter().zip(ys.remainder());
            for (x, y) in xs.zip(ys) {
                for (lane, (&x, &y)) in lanes.iter_mut().zip(x.iter().zip(y)) {
                    *lane += f(x, y);
                }
            }
            for (lane, (&x, &y)) in lanes.iter_mut().zip(rest) {
                *lane += f(x, y);
            }
            sum_lanes(lanes)
        },
    )
}

/// The sum of the lanes, halves onto halves.
#[inline(always)]
pub(crate) fn sum_lanes<F: Real>(mut lanes: [F; LANES]) -> F {
    let mut width = LANES / 2;
    while width > 0 {
        for i in 0..width {
            let upper = lanes[i + width];
            lanes[i] += upper;
        }
        width /= 2;
    }
    lanes[0]
}
