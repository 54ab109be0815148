//! Products that are not worth packing: operands read where they lie.

use super::blocks::{Aligned, even, pieces};
use super::kernels::{Element, Kernels};
use super::output::Output;
use super::pack::Pack;
use super::tile::{Dots, Tile};
use crate::memory;
use ndarray::ArrayView2;
use std::ops::Range;

/// Numbers that stay near the core while others pass by.
pub(super) const NEAR: usize = 8192;

/// An operand in place: where it begins, and its two strides.
#[derive(Debug, Clone, Copy)]
pub(super) struct Strided<F> {
    pub(super) from: *const F,
    pub(super) lines: usize,
    pub(super) depth: usize,
    pub(super) line: isize,
    pub(super) step: isize,
}

// SAFETY: it is a shared borrow of an array, only ever read.
unsafe impl<F: Sync> Send for Strided<F> {}
// SAFETY: as above.
unsafe impl<F: Sync> Sync for Strided<F> {}

impl<F> Strided<F> {
    pub(super) fn new(view: &ArrayView2<'_, F>) -> Self {
        let (lines, depth) = view.dim();
        // The stride of an axis of length 1 means nothing: take it for what suits best.
        let line = if lines == 1 { 1 } else { view.strides()[0] };
        let step = if depth == 1 { 1 } else { view.strides()[1] };
        Self { from: view.as_ptr(), lines, depth, line, step }
    }

    /// Whether the lines lie side by side, so that a vector spans several.
    pub(super) fn lines_touch(&self) -> bool {
        self.line == 1
    }

    /// Whether each line is contiguous, so that a vector runs along it.
    pub(super) fn line_is_contiguous(&self) -> bool {
        self.step == 1
    }

    /// Some of the lines.
    pub(super) fn part(self, lines: &Range<usize>) -> Self {
        Self { from: self.at(lines.start, 0), lines: lines.len(), ..self }
    }

    /// The same numbers with lines and depth exchanged.
    pub(super) fn transposed(self) -> Self {
        Self { lines: self.depth, depth: self.lines, line: self.step, step: self.line, ..self }
    }

    pub(super) fn at(&self, line: usize, depth: usize) -> *const F {
        self.from.wrapping_offset(line as isize * self.line + depth as isize * self.step)
    }
}

/// `C ← α A B + β C`, where the rows of `B` are contiguous: tiles, as in the packed product.
pub(super) fn tiles<F: Element>(kernels: &Kernels<F>, a: Strided<F>, b: Strided<F>, c: Output<F>) {
    /// Terms of the sum for which a strip of `B` stays near while the rows of `A` pass by.
    const KC: usize = 512;
    /// Tiles that must share a strip before it is copied.
    const COPIED: usize = 2;
    /// Bytes; the first-level cache has as many to each of its ways, or twice as many.
    const FAR_APART: usize = 2048;
    debug_assert!(b.lines_touch());
    let mr = even(a.lines, kernels.rows(), 1); // even heights: a low tile makes little use of `B`
    let strip = |j: usize| {
        let vectors = kernels.direct_vectors(mr, b.lines - j);
        (vectors, (vectors * kernels.lanes).min(b.lines - j))
    };
    let tile = |i: usize, j: usize, depth: Range<usize>, b: *const F, b_step: isize| {
        let (height, (vectors, columns)) = (mr.min(a.lines - i), strip(j));
        let tile = Tile {
            depth: depth.len(),
            a: a.at(i, depth.start),
            a_row: a.line,
            a_step: a.step,
            b,
            b_step,
            columns,
            alpha: c.alpha,
            ..Tile::new()
        };
        // SAFETY: the tile lies within `A`, `B` and `C`; the kernels were chosen for this processor; the cells of
        // different threads do not overlap.
        unsafe { c.tile(kernels.direct(height, vectors), tile, height, (i, j), depth.start == 0) };
    };
    // The pieces of the sum depend on its length alone, whatever the order of the loops: no bit may depend on the cell.
    let kc = even(a.depth, KC, 1);
    if b.lines * b.depth <= NEAR {
        // All of `B` stays near: go along the rows of `C`, as they lie in memory.
        for depth in pieces(0..a.depth, kc) {
            for i in (0..a.lines).step_by(mr) {
                let mut j = 0;
                while j < b.lines {
                    tile(i, j, depth.clone(), b.at(j, depth.start), b.step);
                    j += strip(j).1;
                }
            }
        }
        return;
    }
    // Rows of a strip that lie this far apart fall on so few places of the first-level cache that it cannot hold them
    // all: copied side by side, they serve all tiles from there.
    let copied = a.lines >= COPIED * mr && b.step.unsigned_abs() * size_of::<F>() >= FAR_APART;
    let mut near = Aligned::new(if copied { kc * strip(0).1 } else { 0 });
    let mut j = 0;
    while j < b.lines {
        let columns = strip(j).1;
        for depth in pieces(0..a.depth, kc) {
            let (mut from, mut step) = (b.at(j, depth.start), b.step);
            if copied {
                // SAFETY: rows of `B` are contiguous, and the strip lies within it.
                let row = |p: usize| unsafe { std::slice::from_raw_parts(b.at(j, p), columns) };
                let rows = near.slice().chunks_exact_mut(columns);
                depth.clone().zip(rows).for_each(|(p, to)| to.copy_from_slice(row(p)));
                (from, step) = (near.shared().as_ptr(), columns as isize);
            }
            for i in (0..a.lines).step_by(mr) {
                tile(i, j, depth.clone(), from, step);
            }
        }
        j += columns;
    }
    near.give();
}

/// `C ← α A B + β C`, where `B` is small: packed as a whole, while `A` is read where it lies.
pub(super) fn tiles_of_packed<F: Element>(
    kernels: &Kernels<F>,
    a: Strided<F>,
    (right, columns): (&dyn Pack<F>, Range<usize>),
    c: Output<F>,
) {
    /// What fits here needs no buffer from elsewhere.
    const TINY: usize = 512;
    let (n, k) = (columns.len(), a.depth);
    let run = |panel: &mut [F]| {
        right.pack(columns.clone(), 0..k, n, panel);
        let b = Strided { from: panel.as_ptr(), lines: n, depth: k, line: 1, step: n as isize };
        tiles(kernels, a, b, c);
    };
    if n * k <= TINY {
        run(&mut [F::zero(); TINY][..n * k]);
    } else {
        let mut panel = memory::take(n * k);
        run(&mut panel);
        memory::give(panel);
    }
}

/// `C ← α A B + β C`, where the rows of `A` and the columns of `B` are contiguous: inner products.
pub(super) fn dots<F: Element>(kernels: &Kernels<F>, a: Strided<F>, b: Strided<F>, c: Output<F>) {
    debug_assert!(a.line_is_contiguous() && b.line_is_contiguous());
    let (mr, nr) = kernels.dots_limits();
    for j in (0..b.lines).step_by(nr) {
        let width = nr.min(b.lines - j);
        for i in (0..a.lines).step_by(mr) {
            let height = mr.min(a.lines - i);
            let job = Dots {
                depth: a.depth,
                a: a.at(i, 0),
                a_row: a.line,
                b: b.at(j, 0),
                b_column: b.line,
                c: c.at(i, j),
                c_row: c.row,
                c_column: c.column,
                d: c.d.at(i, j),
                d_row: c.d.line,
                d_column: c.d.step,
                alpha: c.alpha,
                beta: c.beta,
            };
            // SAFETY: as for tiles.
            unsafe { kernels.dots(height, width)(&job) };
        }
    }
}
