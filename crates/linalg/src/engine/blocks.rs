//! The product of large matrices: blocks that fit the caches, packed once each.
//!
//! ```text
//! for each MC rows and NC columns of C       (mostly all of the rows: a limit to the memory for packing)
//!   for each KC terms of the sum             (the order of the sum: fixed by its length alone)
//!     pack those KC columns of A             panels of MR rows
//!     pack those KC rows of B                panels of NR columns
//!     for each MR rows                       an MR × KC panel of A stays in the first-level cache
//!       for each NR columns                  KC × NR panels of B stream by from the second level
//!         the microkernel: MR × NR numbers of C in registers
//! ```
//!
//! Threads pack a block together, each some of its panels, and then share out its tiles: nothing is packed twice. Both
//! times they wait for each other. So that they do not wait often, a block has columns for every thread, and of a product
//! that is not large all terms of the sum are packed before the first tile.

use super::kernels::{Element, Kernels};
use super::output::Output;
use super::pack::Pack;
use super::tile::Tile;
use super::workers::{Grid, side_by_side};
use crate::memory;
use std::ops::Range;

/// Sizes of blocks, in elements.
struct Sizes {
    /// Terms of the sum: a panel of `A` fills about half of the first-level cache.
    kc: usize,
    /// Columns packed at a time for each thread: they stay in its second-level cache.
    nc: usize,
    /// Rows packed at a time, so that the memory for packing has a limit.
    mc: usize,
}

impl Sizes {
    fn new<F: Element>(kernels: &Kernels<F>, m: usize, n: usize, k: usize) -> Self {
        const KC: usize = 384;
        const NC: usize = 768;
        const MC: usize = 4096;
        let wide = size_of::<F>() / 4; // f64 takes twice the room
        let columns = NC / wide * Grid::threads(m * n * k);
        Self {
            kc: even(k, KC / wide, 1),
            nc: even(n, columns, kernels.columns()),
            mc: even(m, MC / wide, kernels.rows()),
        }
    }

    /// Terms of the sum to pack at a time, for so many lines of both operands.
    fn terms(&self, lines: usize) -> usize {
        const SOME_MEGABYTES: usize = 1 << 20;
        self.kc * (SOME_MEGABYTES / (lines * self.kc).max(1)).max(1)
    }
}

/// The size of equal pieces of `len`, none longer than `most`, in multiples of `unit`: no small piece is left over.
#[inline]
pub(super) fn even(len: usize, most: usize, unit: usize) -> usize {
    // Divisions count in the smallest products: most have but one piece.
    let size = if len <= most { len } else { len.div_ceil(len.div_ceil(most)) };
    if unit == 1 { size } else { size.next_multiple_of(unit) }
}

/// Cuts `range` into pieces of `size`.
pub(super) fn pieces(range: Range<usize>, size: usize) -> impl Iterator<Item = Range<usize>> {
    let end = range.end;
    range.step_by(size).map(move |start| start..end.min(start + size))
}

/// `C ← α A B + β C`, the `(m, n, k)` product, with both operands packed.
pub(super) fn product<F: Element>(
    kernels: &Kernels<F>,
    left: &dyn Pack<F>,
    right: &dyn Pack<F>,
    (m, n, k): (usize, usize, usize),
    c: Output<F>,
) {
    let sizes = Sizes::new(kernels, m, n, k);
    let (height, width) = (sizes.mc.min(m), sizes.nc.min(n).next_multiple_of(kernels.lanes));
    let terms = if Grid::threads(m * n * k) > 1 { sizes.terms(height + width) } else { sizes.kc };
    let mut a = Aligned::new(height * terms.min(k));
    let mut b = Aligned::new(width * terms.min(k));
    for rows in pieces(0..m, sizes.mc) {
        for terms in pieces(0..k, terms) {
            for columns in pieces(0..n, sizes.nc) {
                let grid = Grid::new(rows.len(), columns.len(), terms.len(), (kernels.rows(), kernels.columns()));
                // The panels of `A` serve all blocks of columns.
                let new_rows = if columns.start == 0 { rows.clone() } else { 0..0 };
                let part =
                    |operand, lines, to, size, unit| Part { operand, lines, terms: terms.clone(), size, unit, to };
                let of_left = part(left, new_rows, a.slice(), kernels.rows(), 1);
                let of_right = part(right, columns.clone(), b.slice(), kernels.columns(), kernels.lanes);
                pack(grid.is_cut(), of_left, of_right);
                let (a, b, at) = (a.shared(), b.shared(), (rows.start, columns.start));
                grid.for_each(|i, j| {
                    for depth in pieces(terms.clone(), sizes.kc) {
                        let beta = if depth.start == 0 { c.beta } else { F::one() };
                        let depth = depth.start - terms.start..depth.end - terms.start;
                        Block { kernels, a, b, terms: terms.len(), at, c, beta }.run(i.clone(), j.clone(), &depth);
                    }
                });
            }
        }
    }
    a.give();
    b.give();
}

/// Some lines of an operand that are to be packed: panels of `size` lines and all of the terms, one after the other; a
/// last, narrower panel is padded to a multiple of `unit` with zeros.
struct Part<'a, F> {
    operand: &'a dyn Pack<F>,
    lines: Range<usize>,
    terms: Range<usize>,
    size: usize,
    unit: usize,
    to: &'a mut [F],
}

impl<F: Element> Part<'_, F> {
    /// Two parts, the first of whole panels.
    fn halves(self) -> (Self, Self) {
        let Range { start, end } = self.lines;
        let middle = end.min(start + (self.lines.len() / 2).next_multiple_of(self.size));
        let (to, to_rest) = self.to.split_at_mut((middle - start) * self.terms.len());
        let rest = Self { lines: middle..end, terms: self.terms.clone(), to: to_rest, ..self };
        (Self { lines: start..middle, to, ..self }, rest)
    }

    fn numbers(&self) -> usize {
        self.lines.len() * self.terms.len()
    }

    fn pack(mut self) {
        for lines in pieces(self.lines, self.size) {
            let stride = lines.len().next_multiple_of(self.unit);
            let panel =
                self.to.split_off_mut(..stride * self.terms.len()).expect("the buffer holds all panels of a block");
            if lines.len() < stride {
                panel.chunks_exact_mut(stride).for_each(|step| step[lines.len()..].fill(F::zero()));
            }
            self.operand.pack(lines, self.terms.clone(), stride, panel);
        }
    }
}

/// Packs a block of both operands, if it is worth it by several threads. Each thread packs what it is likely to multiply:
/// the first half of the lines, like the first half of the tiles, falls to the first. What another has packed comes slowly.
fn pack<F: Element>(threads: bool, left: Part<'_, F>, right: Part<'_, F>) {
    /// Numbers whose packing takes about as long as waking a thread.
    const WORTH_HALVING: usize = if cfg!(miri) { 1 << 8 } else { 1 << 14 };
    let several_panels = left.lines.len() > left.size || right.lines.len() > right.size;
    if !threads || !several_panels || left.numbers() + right.numbers() < WORTH_HALVING {
        left.pack();
        right.pack();
        return;
    }
    let ((left, left_rest), (right, right_rest)) = (left.halves(), right.halves());
    side_by_side(|| pack(threads, left, right), || pack(threads, left_rest, right_rest));
}

/// One packed block of each operand, and where their product goes.
struct Block<'a, F: 'static> {
    kernels: &'a Kernels<F>,
    a: &'a [F],
    b: &'a [F],
    /// Terms of the sum that are packed.
    terms: usize,
    /// Row and column of the block within `C`.
    at: (usize, usize),
    c: Output<F>,
    beta: F,
}

impl<F: Element> Block<'_, F> {
    /// Multiplies some rows and columns of the blocks, which begin where panels do, for some of the terms.
    fn run(&self, rows: Range<usize>, columns: Range<usize>, depth: &Range<usize>) {
        for rows in pieces(rows, self.kernels.rows()) {
            for columns in pieces(columns.clone(), self.kernels.columns()) {
                self.tile(rows.clone(), columns, depth);
            }
        }
    }

    fn tile(&self, rows: Range<usize>, columns: Range<usize>, depth: &Range<usize>) {
        let vectors = columns.len().div_ceil(self.kernels.lanes);
        let panel = |packed: &'_ [F], first: usize, stride: usize| {
            packed[first * self.terms + depth.start * stride..][..depth.len() * stride].as_ptr()
        };
        let tile = Tile {
            depth: depth.len(),
            a: panel(self.a, rows.start, rows.len()),
            b: panel(self.b, columns.start, vectors * self.kernels.lanes),
            columns: columns.len(),
            alpha: self.c.alpha,
            beta: self.beta,
            // A packed tile has no strides, and the output fills in the destination.
            ..Tile::new()
        };
        let kernel = self.kernels.packed(rows.len(), vectors);
        // SAFETY: the panels are as long as the slices taken; the kernels were chosen for this processor; tiles of one
        // block do not overlap and lie within `C`.
        unsafe { self.c.tile(kernel, tile, rows.len(), self.at.0 + rows.start, self.at.1 + columns.start) }
    }
}

/// Recycled memory that begins on a cache line, so that no vector of a packed panel lies across two.
pub(super) struct Aligned<F> {
    buffer: Vec<F>,
    start: usize,
}

impl<F: Element> Aligned<F> {
    pub(super) fn new(len: usize) -> Self {
        const LINE: usize = 64;
        let buffer: Vec<F> = memory::take(len + LINE / size_of::<F>());
        let start = buffer.as_ptr().align_offset(LINE).min(LINE / size_of::<F>());
        Self { buffer, start }
    }

    pub(super) fn slice(&mut self) -> &mut [F] {
        &mut self.buffer[self.start..]
    }

    pub(super) fn shared(&self) -> &[F] {
        &self.buffer[self.start..]
    }

    pub(super) fn give(self) {
        memory::give(self.buffer);
    }
}
