//! Products of a matrix that is read through a table.
//!
//! The patches of an image are a matrix in which each number of the image stands many times. Its columns need not be
//! written down to be multiplied: what number `p` of the window sees, as the window moves along a row, lies one stride apart
//! in the image, beginning `offsets[p]` after the window's own place. So the microkernel takes the offset of each
//! step from a table, and reads the image itself.
//!
//! ```text
//!            step p of the sum
//!                  ↓
//! line i:   data[start + i · line + offsets[p]]        a run of lines from each start: a row of places
//! ```
//!
//! What is the same for many such products, the weights, is packed once, and its panels are read straight through.

use super::blocks::{Aligned, even, pieces};
use super::kernels::{Element, Kernels};
use super::output::Output;
use super::pack::Pack;
use super::tile::Tile;
use crate::{Real, memory};
use std::ops::Range;

/// Where the terms of a sum stand, counted from the place of a line.
///
/// # Examples
/// See [`gemm_gathered`](crate::gemm_gathered).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offsets {
    offsets: Vec<usize>,
    /// How many numbers from a line's place to the last of its terms.
    span: usize,
}

impl Offsets {
    /// A table, of one offset for each term.
    #[must_use]
    pub fn new(offsets: impl Into<Vec<usize>>) -> Self {
        let offsets = offsets.into();
        let span = offsets.iter().max().map_or(0, |&last| last.saturating_add(1));
        Self { offsets, span }
    }

    /// The offsets, in the order of the sum.
    #[must_use]
    pub fn as_slice(&self) -> &[usize] {
        &self.offsets
    }
}

/// A left operand that is read through a table: term `p` of line `i` of run `r` is `data[starts[r] + i · line + offsets[p]]`.
///
/// # Examples
/// See [`gemm_gathered`](crate::gemm_gathered).
#[derive(Debug, Clone, Copy)]
pub struct Gathered<'a, F> {
    // All of it is checked when it is made, and cannot be changed: nothing below asks again.
    pub(crate) data: &'a [F],
    pub(crate) starts: &'a [usize],
    pub(crate) lines: usize,
    pub(crate) line: usize,
    pub(crate) offsets: &'a Offsets,
}

impl<'a, F> Gathered<'a, F> {
    /// Runs of `lines` lines, each `line` numbers after the one before. Nothing if a term would lie outside of `data`, or if there are more
    /// lines than can be counted.
    #[must_use]
    pub fn new(
        data: &'a [F],
        starts: &'a [usize],
        (lines, line): (usize, usize),
        offsets: &'a Offsets,
    ) -> Option<Self> {
        starts.len().checked_mul(lines)?;
        if starts.is_empty() || lines == 0 || offsets.offsets.is_empty() {
            return Some(Self { data, starts, lines, line, offsets });
        }
        let last = starts.iter().max().copied().unwrap_or(0);
        let end = lines.saturating_sub(1).checked_mul(line)?.checked_add(last)?.checked_add(offsets.span)?;
        (end <= data.len()).then_some(Self { data, starts, lines, line, offsets })
    }

    /// The number of lines in all runs.
    #[must_use]
    pub fn lines(&self) -> usize {
        self.starts.len() * self.lines
    }

    /// The number of terms.
    #[must_use]
    pub fn depth(&self) -> usize {
        self.offsets.offsets.len()
    }
}

/// An operand that is packed once, for many products.
///
/// # Examples
/// See [`gemm_gathered`](crate::gemm_gathered).
#[derive(Debug)]
pub struct Packed<F: Real> {
    panels: Aligned<F>,
    lines: usize,
    depth: usize,
    /// Lines of a panel, and what the last one is padded to a multiple of.
    size: usize,
    unit: usize,
}

impl<F: Real> Packed<F> {
    /// Packs an operand.
    #[must_use]
    pub fn new(operand: &dyn Pack<F>) -> Self {
        Self::in_panels(operand, F::panel())
    }

    /// In panels of `size` lines, of which the last is padded to a multiple of `unit`.
    pub(super) fn in_panels(operand: &dyn Pack<F>, (size, unit): (usize, usize)) -> Self {
        let (lines, depth) = (operand.lines(), operand.depth());
        let mut panels = Aligned::new(lines.next_multiple_of(unit) * depth);
        let mut left = panels.slice();
        for lines in pieces(0..lines, size) {
            let stride = lines.len().next_multiple_of(unit);
            let (panel, others) = left.split_at_mut(stride * depth);
            if lines.len() < stride {
                panel.chunks_exact_mut(stride).for_each(|step| step[lines.len()..].fill(F::zero()));
            }
            operand.pack(lines, 0..depth, stride, panel);
            left = others;
        }
        Self { panels, lines, depth, size, unit }
    }

    /// The number of lines.
    #[must_use]
    pub fn lines(&self) -> usize {
        self.lines
    }

    /// The length of a line.
    #[must_use]
    pub fn depth(&self) -> usize {
        self.depth
    }

    /// The panel that begins with a line: what it holds, and the stride from a step to the next.
    fn panel(&self, first: usize) -> (&[F], usize) {
        let stride = (self.lines - first).min(self.size).next_multiple_of(self.unit);
        (&self.panels.shared()[first * self.depth..][..stride * self.depth], stride)
    }

    /// Term `p` of line `i`.
    pub(crate) fn at(&self, i: usize, p: usize) -> F {
        let first = i / self.size * self.size;
        let (panel, stride) = self.panel(first);
        panel[p * stride + i - first]
    }
}

impl<F: Real> Drop for Packed<F> {
    fn drop(&mut self) {
        memory::give(self.panels.take());
    }
}

/// Terms that are summed at a time: as many as leave a panel in the first-level cache beside what it is multiplied with.
const TERMS: usize = 320;
/// Lines that are finished before they are turned over, if it is the columns of `C` that are contiguous.
const TURNED: usize = 64;

/// `C ← α A B + β D`, with `A` read through a table; the shapes have been checked.
pub(super) fn product<F: Element>(kernels: &Kernels<F>, a: &Gathered<'_, F>, b: &Packed<F>, c: Output<F>) {
    assert!(b.size == kernels.columns() && b.unit == kernels.lanes, "the operand was packed for this processor");
    assert!(a.depth() == b.depth, "gemm_gathered: the shapes do not fit");
    let product = Product { kernels, a, b, rows: even(a.lines, kernels.rows_through(), 1).max(1) };
    if c.column == 1 || c.row != 1 {
        for columns in pieces(0..b.lines, b.size) {
            // All runs of some lines, then of the next: what the runs read of the same lines mostly overlaps.
            let tiles = (0..product.across()).flat_map(|line| (line..product.count()).step_by(product.across()));
            product.tiles(tiles, 0, &columns, c.part(0, columns.start));
        }
        return;
    }
    // Tiles write rows. So that the columns of `C` are written in whole vectors, and once, rows are put together first.
    let several = TURNED.div_ceil(product.rows);
    let mut room = Aligned::new((several * product.rows).next_multiple_of(4) * b.size);
    for columns in pieces(0..b.lines, b.size) {
        for tiles in pieces(0..product.count(), several) {
            let lines = product.first(tiles.start)..product.first(tiles.end);
            let to = c.part(lines.start, columns.start);
            let rows = room.slice().as_mut_ptr();
            let finished = to.in_rows(rows, columns.len());
            // SAFETY: the room holds the lines of so many tiles, and as many more as are turned over together; the numbers
            // of `C` and `D` are those of these lines and columns, and no other thread writes them.
            unsafe {
                if finished.turns_d() {
                    to.turn_d(rows, lines.len(), columns.len());
                }
                product.tiles(tiles, lines.start, &columns, finished);
                to.turn(rows, lines.len(), columns.len());
            }
        }
    }
    room.give();
}

/// A product as a sequence of tiles: all of a run, then those of the next.
struct Product<'a, F: Real> {
    kernels: &'a Kernels<F>,
    a: &'a Gathered<'a, F>,
    b: &'a Packed<F>,
    /// Lines of a tile; a run may end with a smaller one.
    rows: usize,
}

impl<F: Element> Product<'_, F> {
    /// Tiles of a run.
    fn across(&self) -> usize {
        self.a.lines.div_ceil(self.rows)
    }

    fn count(&self) -> usize {
        self.a.starts.len() * self.across()
    }

    /// The first line of a tile, counted over all runs.
    fn first(&self, tile: usize) -> usize {
        tile / self.across() * self.a.lines + tile % self.across() * self.rows
    }

    /// Computes some of the tiles of a panel. `c` begins with the line `begin`.
    fn tiles(&self, tiles: impl Iterator<Item = usize> + Clone, begin: usize, columns: &Range<usize>, c: Output<F>) {
        let Self { kernels, a, b, rows } = self;
        let (panel, stride) = b.panel(columns.start);
        let terms = even(a.depth(), TERMS / (size_of::<F>() / 4), 1).max(1);
        for depth in pieces(0..a.depth(), terms) {
            let tile = Tile {
                depth: depth.len(),
                a_row: a.line as isize,
                offsets: a.offsets.offsets[depth.clone()].as_ptr(),
                b: panel[depth.start * stride..].as_ptr(),
                columns: columns.len(),
                alpha: c.alpha,
                ..Tile::new()
            };
            for number in tiles.clone() {
                let (run, line) = (number / self.across(), number % self.across() * rows);
                let lines = (a.lines - line).min(*rows);
                // The offsets lead from here to places within the data, as was checked when `a` was made.
                let from = a.data.as_ptr().wrapping_add(a.starts[run] + line * a.line);
                let kernel = kernels.through(lines, stride / kernels.lanes);
                let at = (run * a.lines + line - begin, 0);
                // SAFETY: the panel is as long as the slice taken, `a` lies within its data, the kernels were chosen for this
                // processor, and tiles do not overlap and lie within `C`.
                unsafe { c.tile(kernel, Tile { a: from, ..tile }, lines, at, depth.start == 0) }
            }
        }
    }
}
