//! Products of a left operand that is read where it lies: of the right one, panels are packed one by one.
//!
//! Contiguous rows of `A` are read by a tile almost as well as a packed panel: each row is one more stream of whole cache
//! lines. As long as all of `A` stays in the second-level cache, to pack it saves nothing; and what is left to be packed,
//! each thread packs for itself, right before it multiplies it:
//!
//! ```text
//! for each NR columns of C                 shared out among the threads, which need not wait for each other
//!   pack those columns of B                all terms of the sum: the panel stays in the second-level cache
//!   for each MR rows of C
//!     the microkernel: MR × NR numbers of C in registers
//! ```
//!
//! The sums are long, so `C` is written once, or a few times where there are very many terms.

use super::blocks::{Aligned, even, pieces};
use super::direct::Strided;
use super::kernels::{Element, Kernels};
use super::output::Output;
use super::pack::Pack;
use super::team::in_phases_with;
use super::tile::Tile;
use super::workers::Grid;
use crate::{Real, memory};
use std::ops::Range;

/// Terms of a sum that stays in registers, in numbers of four bytes.
const TERMS: usize = 1024;
/// Bytes of `A` that stay in the second-level cache.
const NEAR: usize = 1 << 20;

/// Whether `A` is best read where it lies for each panel of `B`: sums must be long against the writing of `C`, and if `B` is
/// packed by runs, no turning over, packing costs so little that it may be done for `A` as well.
pub(super) fn suits<F>(a: &Strided<F>, b: &Strided<F>) -> bool {
    const LONG: usize = 128;
    let near = a.lines * a.depth * size_of::<F>() <= NEAR;
    near && a.line_is_contiguous() && b.line_is_contiguous() && a.depth >= LONG
}

/// `C ← α A B + β D`, where `B` has `n` columns.
pub(super) fn product<F: Element>(kernels: &Kernels<F>, a: Strided<F>, right: &dyn Pack<F>, n: usize, c: Output<F>) {
    let (panels, threads) = (n.div_ceil(kernels.columns()), Grid::threads(a.lines * n * a.depth));
    let band = band(a.lines, panels, threads, kernels.rows());
    let bands = a.lines.div_ceil(band);
    // Who goes on to the next band of the same columns has the panel still.
    in_phases_with(threads, [panels * bands].into_iter(), Panel::default, |panel, _, chunk| {
        let (number, first) = (chunk / bands, chunk % bands * band);
        let columns = number * kernels.columns()..n.min((number + 1) * kernels.columns());
        panel.pack(right, columns, kernels.lanes, a.depth);
        panel.multiply(kernels, a, first..a.lines.min(first + band), c);
    });
}

/// Rows of a chunk, so that there are some chunks for each thread.
fn band(m: usize, panels: usize, threads: usize, unit: usize) -> usize {
    /// Chunks for each thread, so that none waits long for the last of another.
    const CHUNKS: usize = 8;
    /// Rows that are worth the packing of a panel of their own.
    const ROWS: usize = 48;
    if threads == 1 {
        return m;
    }
    let bands = (CHUNKS * threads).div_ceil(panels).min(m / ROWS).max(1);
    even(m, m.div_ceil(bands), unit)
}

/// Some columns of `B`, all their terms, as a thread has packed them.
#[derive(Debug)]
struct Panel<F: Real> {
    packed: Aligned<F>,
    columns: Range<usize>,
    stride: usize,
}

impl<F: Real> Default for Panel<F> {
    /// Of nothing yet.
    fn default() -> Self {
        Self { packed: Aligned::new(0), columns: 0..0, stride: 0 }
    }
}

impl<F: Element> Panel<F> {
    /// Packs these columns, if they are not what is here already. The padding of a last, narrower panel is not read.
    fn pack(&mut self, right: &dyn Pack<F>, columns: Range<usize>, lanes: usize, depth: usize) {
        if self.columns == columns {
            return;
        }
        let stride = columns.len().next_multiple_of(lanes);
        if self.stride < stride {
            std::mem::replace(&mut self.packed, Aligned::new(stride * depth)).give();
        }
        self.columns = 0..0; // of nothing, should the packing fail
        right.pack(columns.clone(), 0..depth, stride, &mut self.packed.slice()[..stride * depth]);
        (self.columns, self.stride) = (columns, stride);
    }

    /// Multiplies some rows of `A` with these columns.
    fn multiply(&self, kernels: &Kernels<F>, a: Strided<F>, rows: Range<usize>, c: Output<F>) {
        let (stride, columns) = (self.stride, &self.columns);
        let height = even(rows.len(), kernels.rows(), 1);
        for depth in pieces(0..a.depth, even(a.depth, TERMS / (size_of::<F>() / 4), 1)) {
            let panel = self.packed.shared()[depth.start * stride..depth.end * stride].as_ptr();
            for rows in pieces(rows.clone(), height) {
                let tile = Tile {
                    depth: depth.len(),
                    a: a.at(rows.start, depth.start),
                    a_row: a.line,
                    a_step: a.step,
                    b: panel,
                    b_step: stride as isize,
                    columns: columns.len(),
                    alpha: c.alpha,
                    ..Tile::new()
                };
                let kernel = kernels.direct(rows.len(), stride / kernels.lanes);
                // SAFETY: the tile lies within `A`, the panel and `C`; the kernels were chosen for this processor; chunks,
                // and so the tiles of different threads, do not overlap.
                unsafe { c.tile(kernel, tile, rows.len(), (rows.start, columns.start), depth.start == 0) };
            }
        }
    }
}

impl<F: Real> Drop for Panel<F> {
    fn drop(&mut self) {
        memory::give(self.packed.take());
    }
}
