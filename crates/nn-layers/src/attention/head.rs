//! One head of an attention, in blocks of queries.
//!
//! The probabilities of a block are made from its scores where they lie in cache, are multiplied by the values, and are
//! forgotten. On the way back they are made again by the same steps, so that they have the same bits.

use gradus_autograd::Real;
use gradus_linalg::{memory, rows};
use ndarray::{ArrayView2, ArrayViewMut2, Axis, Slice};
use std::ops::Range;

/// Numbers in a block of scores: two of them fit in a cache of the second level.
const BLOCK: usize = 1 << 16;

/// Queries in a block: fewer, and the keys would be packed for a product more often than it is worth.
const FEWEST: usize = 32;

/// Blocks of queries where each sees only the keys before it.
const STEPS: usize = 4;

/// The matrices of one head, and what hides keys from its queries.
#[derive(Debug)]
pub(super) struct Head<'a, F> {
    /// `(L, E)`
    pub(super) q: ArrayView2<'a, F>,
    /// `(S, E)`
    pub(super) k: ArrayView2<'a, F>,
    /// `(S, V)`
    pub(super) v: ArrayView2<'a, F>,
    pub(super) scale: F,
    pub(super) causal: bool,
    /// `(L, S)`, true where a query may see a key.
    pub(super) masks: Vec<ArrayView2<'a, bool>>,
    /// `(L, S)`, added to the scores.
    pub(super) additive: Option<ArrayView2<'a, F>>,
}

/// Memory for two blocks.
struct Scratch<F> {
    scores: Vec<F>,
    probabilities: Vec<F>,
}

impl<F: Real> Head<'_, F> {
    /// `y ← P V`, and `P` itself into `weights`, if that is not empty.
    pub(super) fn forward(&self, mut y: ArrayViewMut2<'_, F>, mut weights: ArrayViewMut2<'_, F>) {
        self.for_each_block(|queries, keys, memory| {
            let mut y = y.slice_axis_mut(Axis(0), Slice::from(queries.clone()));
            if keys == 0 {
                return y.fill(F::zero());
            }
            self.probabilities(queries.clone(), keys, memory);
            let p = matrix(&memory.probabilities, queries.len(), keys);
            F::gemm(F::one(), p, self.v.slice_axis(Axis(0), Slice::from(..keys)), F::zero(), y);
            if !weights.is_empty() {
                let (mut seen, mut hidden) =
                    weights.slice_axis_mut(Axis(0), Slice::from(queries)).split_at(Axis(1), keys);
                seen.assign(&p);
                hidden.fill(F::zero());
            }
        });
    }

    /// The gradients of `q`, `k` and `v`, from those of `y` and, if that is not empty, of the weights.
    pub(super) fn backward(
        &self,
        dy: &ArrayView2<'_, F>,
        dweights: &ArrayView2<'_, F>,
        [mut dq, mut dk, mut dv]: [ArrayViewMut2<'_, F>; 3],
    ) {
        let (zero, one) = (F::zero(), F::one());
        dk.fill(zero);
        dv.fill(zero);
        self.for_each_block(|queries, keys, memory| {
            let mut dq = dq.slice_axis_mut(Axis(0), Slice::from(queries.clone()));
            if keys == 0 {
                return dq.fill(zero);
            }
            self.probabilities(queries.clone(), keys, memory);
            let Scratch { scores, probabilities } = memory;
            let (n, dy) = (queries.len(), dy.slice_axis(Axis(0), Slice::from(queries.clone())));
            let (q, k, v) = (
                self.q.slice_axis(Axis(0), Slice::from(queries.clone())),
                self.k.slice_axis(Axis(0), Slice::from(..keys)),
                self.v.slice_axis(Axis(0), Slice::from(..keys)),
            );
            let p = matrix(probabilities, n, keys);
            F::gemm(one, p.t(), dy, one, dv.slice_axis_mut(Axis(0), Slice::from(..keys)));
            let mut dp = matrix_mut(scores, n, keys);
            F::gemm(one, dy, v.t(), zero, dp.view_mut());
            if !dweights.is_empty() {
                dp += &dweights.slice_axis(Axis(0), Slice::from(queries)).slice_axis(Axis(1), Slice::from(..keys));
            }
            rows::softmax_backward(keys, &probabilities[..n * keys], &mut scores[..n * keys]);
            let ds = matrix(scores, n, keys);
            F::gemm(self.scale, ds, k, zero, dq);
            F::gemm(self.scale, ds.t(), q, one, dk.slice_axis_mut(Axis(0), Slice::from(..keys)));
        });
    }

    /// Calls `f` with the queries of each block, the number of keys that any of them sees, and memory for both blocks.
    fn for_each_block(&self, mut f: impl FnMut(Range<usize>, usize, &mut Scratch<F>)) {
        let (queries, keys) = (self.q.nrows(), self.k.nrows());
        // The lower a block, the fewer keys does it read in vain that its first queries do not see yet.
        let most = if self.causal { queries.div_ceil(STEPS) } else { queries };
        let height = (BLOCK / keys.max(1)).min(most).max(FEWEST).min(queries.max(1));
        let [scores, probabilities] = [memory::take(height * keys), memory::take(height * keys)];
        let mut memory = Scratch { scores, probabilities };
        for first in (0..queries).step_by(height) {
            let block = first..(first + height).min(queries);
            let seen = if self.causal { keys.min(block.end) } else { keys };
            f(block, seen, &mut memory);
        }
        memory::give(memory.scores);
        memory::give(memory.probabilities);
    }

    /// `P = softmax(scale Q Kᵀ + mask)` of a block, row by row.
    fn probabilities(&self, queries: Range<usize>, keys: usize, memory: &mut Scratch<F>) {
        let n = queries.len();
        let (scores, p) = (&mut memory.scores[..n * keys], &mut memory.probabilities[..n * keys]);
        let (q, k) =
            (self.q.slice_axis(Axis(0), Slice::from(queries.clone())), self.k.slice_axis(Axis(0), Slice::from(..keys)));
        F::gemm(self.scale, q, k.t(), F::zero(), matrix_mut(scores, n, keys));
        for (row, query) in scores.chunks_exact_mut(keys).zip(queries) {
            if let Some(additive) = &self.additive {
                row.iter_mut().zip(additive.row(query)).for_each(|(x, &a)| *x += a);
            }
            for mask in &self.masks {
                row.iter_mut().zip(mask.row(query)).for_each(|(x, &may)| *x = if may { *x } else { -F::INFINITY });
            }
            if self.causal && query + 1 < keys {
                row[query + 1..].fill(-F::INFINITY);
            }
        }
        rows::softmax(keys, scores, p);
        if self.additive.is_some() || !self.masks.is_empty() {
            for (row, p) in scores.chunks_exact(keys).zip(p.chunks_exact_mut(keys)) {
                if rows::max(row) == -F::INFINITY {
                    p.fill(F::zero()); // no key is left, and 0/0 no weight
                }
            }
        }
    }
}

fn matrix<F>(numbers: &[F], rows: usize, columns: usize) -> ArrayView2<'_, F> {
    ArrayView2::from_shape((rows, columns), &numbers[..rows * columns]).expect("as many numbers as the shape has")
}

fn matrix_mut<F>(numbers: &mut [F], rows: usize, columns: usize) -> ArrayViewMut2<'_, F> {
    ArrayViewMut2::from_shape((rows, columns), &mut numbers[..rows * columns])
        .expect("as many numbers as the shape has")
}
