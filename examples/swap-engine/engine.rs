//! The engine: a matrix product in sixty lines.
//!
//! A tile of 4 × 16 sums stays in registers while two panels are read straight through:
//!
//! ```text
//!                    panel of B: 16 columns, one step of the sum after the other
//!                    ┌────────────────┐
//! panel of A: 4 rows │  4 × 16 sums   │
//!                    └────────────────┘
//! ```

use gradus::linalg::simd::vectorized;
use gradus::ndarray::{ArrayView2, ArrayViewMut2};
use gradus::prelude::Real;

const ROWS: usize = 4;
const COLUMNS: usize = 16;

/// `C ← α A B + β C`; with β = 0 the old values of `C` are not read.
pub(crate) fn product<F: Real>(
    alpha: F,
    a: ArrayView2<'_, F>,
    b: ArrayView2<'_, F>,
    beta: F,
    mut c: ArrayViewMut2<'_, F>,
) {
    let right = panels::<F, COLUMNS>(b.t());
    for (i, left) in panels::<F, ROWS>(a).iter().enumerate() {
        for (j, right) in right.iter().enumerate() {
            let sums = vectorized(
                #[inline(always)]
                || tile(left, right),
            );
            for (row, sums) in sums.iter().enumerate().take(c.nrows() - i * ROWS) {
                for (column, &sum) in sums.iter().enumerate().take(c.ncols() - j * COLUMNS) {
                    let c = &mut c[[i * ROWS + row, j * COLUMNS + column]];
                    *c = if beta.is_zero() { alpha * sum } else { alpha * sum + beta * *c };
                }
            }
        }
    }
}

/// So many lines side by side, step by step of the sum; what is missing from the last panel is zero.
fn panels<F: Real, const N: usize>(lines: ArrayView2<'_, F>) -> Vec<Vec<[F; N]>> {
    let panel = |first: usize| {
        let mut panel = vec![[F::zero(); N]; lines.ncols()];
        for (i, line) in lines.rows().into_iter().skip(first).take(N).enumerate() {
            panel.iter_mut().zip(line).for_each(|(step, &x)| step[i] = x);
        }
        panel
    };
    (0..lines.nrows()).step_by(N).map(panel).collect()
}

#[inline(always)]
fn tile<F: Real>(left: &[[F; ROWS]], right: &[[F; COLUMNS]]) -> [[F; COLUMNS]; ROWS] {
    let mut sums = [[F::zero(); COLUMNS]; ROWS];
    for (a, b) in left.iter().zip(right) {
        for (sums, &a) in sums.iter_mut().zip(a) {
            for (sum, &b) in sums.iter_mut().zip(b) {
                *sum += a * b;
            }
        }
    }
    sums
}
