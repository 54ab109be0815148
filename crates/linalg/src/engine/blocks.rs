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
//! Threads pack a block together, each some of its panels, and then share out its tiles (see `team`): nothing is packed
//! twice. Both times they wait for each other. So that they do not wait often, a block has columns for every thread, and of
//! a product that is not large all terms of the sum are packed before the first tile.

use super::kernels::{Element, Kernels};
use super::output::Output;
use super::pack::Pack;
use super::team::in_phases;
use super::tile::Tile;
use super::workers::Grid;
use crate::{Real, memory};
use std::ops::Range;

/// Sizes of blocks, in elements.
struct Sizes {
    /// Terms of the sum: a panel of `A` fills about half of the first-level cache.
    kc: usize,
    /// Terms of the sum that are packed at a time.
    terms: usize,
    /// Columns packed at a time for each thread: they stay in its second-level cache.
    nc: usize,
    /// Rows packed at a time, so that the memory for packing has a limit.
    mc: usize,
}

impl Sizes {
    fn new<F: Element>(kernels: &Kernels<F>, m: usize, n: usize, k: usize, threads: usize) -> Self {
        const KC: usize = 384;
        const NC: usize = 768;
        const MC: usize = 4096;
        /// Numbers that threads pack before they multiply, so that they do not wait for each other often.
        const SOME_MEGABYTES: usize = 1 << 20;
        let wide = size_of::<F>() / 4; // f64 takes twice the room
        let kc = even(k, KC / wide, 1);
        let nc = even(n, NC / wide * threads, kernels.columns());
        let mc = even(m, MC / wide, kernels.rows());
        let several = SOME_MEGABYTES / ((nc.min(n) + mc.min(m)) * kc);
        Self { kc, nc, mc, terms: if threads > 1 { kc * several.max(1) } else { kc } }
    }

    /// All blocks, in order.
    fn blocks(&self, m: usize, n: usize, k: usize) -> impl Iterator<Item = Block> {
        let number = m.div_ceil(self.mc) * k.div_ceil(self.terms) * n.div_ceil(self.nc);
        (0..number).map(move |number| self.block(m, n, k, number))
    }

    /// The block of a number: columns change fastest, then terms.
    fn block(&self, m: usize, n: usize, k: usize, number: usize) -> Block {
        let across = n.div_ceil(self.nc);
        let deep = k.div_ceil(self.terms);
        let piece = |number: usize, size: usize, len: usize| number * size..len.min((number + 1) * size);
        Block {
            rows: piece(number / across / deep, self.mc, m),
            terms: piece(number / across % deep, self.terms, k),
            columns: piece(number % across, self.nc, n),
        }
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
    /// Threads wait for each other's packing: this must be worth it, too.
    const WAIT: usize = 3;
    let threads = Grid::threads(m * n * k / WAIT);
    let sizes = Sizes::new(kernels, m, n, k, threads);
    let (height, width) = (sizes.mc.min(m), sizes.nc.min(n).next_multiple_of(kernels.lanes));
    let mut a = Aligned::new(height * sizes.terms.min(k));
    let mut b = Aligned::new(width * sizes.terms.min(k));
    let (to_a, to_b) = (Shared::new(a.slice()), Shared::new(b.slice()));
    let tile = (kernels.rows(), kernels.columns());
    let step = |block: &Block| {
        // The panels of `A` serve all blocks of columns.
        let new_rows = if block.columns.start == 0 { block.rows.clone() } else { 0..0 };
        let part = |lines, size, unit| Part { lines, terms: block.terms.clone(), size, unit };
        let packing =
            Packing { left: part(new_rows, tile.0, 1), right: part(block.columns.clone(), tile.1, kernels.lanes) };
        let grid = Grid::new(block.rows.len(), block.columns.len(), block.terms.len(), tile);
        (packing, grid)
    };
    let chunks = sizes.blocks(m, n, k).flat_map(|block| {
        let (packing, grid) = step(&block);
        [packing.chunks(), grid.cells()]
    });
    in_phases(threads, chunks, |phase, chunk| {
        let block = sizes.block(m, n, k, phase / 2);
        let (packing, grid) = step(&block);
        if phase % 2 == 0 {
            return match packing.chunk(chunk) {
                // SAFETY: each chunk is packed once, and nobody reads the panels until all are.
                Side::Left(lines) => unsafe { packing.left.pack(left, lines, to_a) },
                // SAFETY: as above.
                Side::Right(lines) => unsafe { packing.right.pack(right, lines, to_b) },
            };
        }
        // SAFETY: all panels are packed, and nobody writes to them until all tiles are done.
        let (a, b) = unsafe { (to_a.all(), to_b.all()) };
        let (rows, columns) = grid.cell(chunk);
        for depth in pieces(block.terms.clone(), sizes.kc) {
            let first = depth.start == 0;
            let depth = depth.start - block.terms.start..depth.end - block.terms.start;
            let at = (block.rows.start, block.columns.start);
            Panels { kernels, a, b, terms: block.terms.len(), at, c, first }.multiply(
                rows.clone(),
                columns.clone(),
                &depth,
            );
        }
    });
    a.give();
    b.give();
}

/// Rows and columns of `C` and terms of their sums that are packed at a time.
struct Block {
    rows: Range<usize>,
    columns: Range<usize>,
    terms: Range<usize>,
}

/// Memory that threads share: at a time, either each writes to places of its own, or all read.
#[derive(Clone, Copy)]
struct Shared<F>(*mut F, usize);

// SAFETY: what it lends is lent as its methods' callers vouch.
unsafe impl<F: Send> Send for Shared<F> {}
// SAFETY: as above.
unsafe impl<F: Send + Sync> Sync for Shared<F> {}

impl<F> Shared<F> {
    fn new(memory: &mut [F]) -> Self {
        Self(memory.as_mut_ptr(), memory.len())
    }

    /// # Safety
    /// Nobody writes meanwhile.
    unsafe fn all<'a>(self) -> &'a [F] {
        // SAFETY: the memory outlives the product; the caller vouches for the rest.
        unsafe { std::slice::from_raw_parts(self.0, self.1) }
    }

    /// # Safety
    /// Nobody else reads or writes this part meanwhile.
    unsafe fn part<'a>(self, part: Range<usize>) -> &'a mut [F] {
        assert!(part.start <= part.end && part.end <= self.1, "the buffer holds all panels of a block");
        // SAFETY: within the memory, which outlives the product; the caller vouches for the rest.
        unsafe { std::slice::from_raw_parts_mut(self.0.add(part.start), part.len()) }
    }
}

/// Some lines of an operand that are to be packed: panels of `size` lines and all of the terms, one after the other; a
/// last, narrower panel is padded to a multiple of `unit` with zeros.
struct Part {
    lines: Range<usize>,
    terms: Range<usize>,
    size: usize,
    unit: usize,
}

impl Part {
    /// Lines of a chunk: of as many panels as it takes to make the chunk worth its taking.
    fn chunk(&self) -> usize {
        const NUMBERS: usize = if cfg!(miri) { 1 << 6 } else { 1 << 12 };
        (NUMBERS / self.terms.len().max(1)).max(1).next_multiple_of(self.size)
    }

    fn chunks(&self) -> usize {
        self.lines.len().div_ceil(self.chunk())
    }

    /// # Safety
    /// Nobody else reads or writes the panels of these lines, of which the first begins one.
    unsafe fn pack<F: Element>(&self, operand: &dyn Pack<F>, lines: Range<usize>, to: Shared<F>) {
        for lines in pieces(lines, self.size) {
            let (first, stride) = (lines.start - self.lines.start, lines.len().next_multiple_of(self.unit));
            // SAFETY: the caller's.
            let panel = unsafe { to.part(first * self.terms.len()..(first + stride) * self.terms.len()) };
            if lines.len() < stride {
                panel.chunks_exact_mut(stride).for_each(|step| step[lines.len()..].fill(F::zero()));
            }
            operand.pack(lines, self.terms.clone(), stride, panel);
        }
    }
}

/// What is to be packed of both operands before a block can be multiplied.
struct Packing {
    left: Part,
    right: Part,
}

/// Lines of one operand.
enum Side {
    Left(Range<usize>),
    Right(Range<usize>),
}

impl Packing {
    fn chunks(&self) -> usize {
        self.left.chunks() + self.right.chunks()
    }

    /// The lines of a chunk. The first half of the chunks is the first half of both operands: who packs it is likely to
    /// multiply it, and what another core has packed comes slowly.
    fn chunk(&self, chunk: usize) -> Side {
        let halves = |part: &Part| (part.chunks().div_ceil(2), part.chunks() / 2);
        let ((left, left_rest), (right, _)) = (halves(&self.left), halves(&self.right));
        let lines = |part: &Part, chunk: usize| {
            let start = part.lines.start + chunk * part.chunk();
            start..part.lines.end.min(start + part.chunk())
        };
        match chunk {
            _ if chunk < left => Side::Left(lines(&self.left, chunk)),
            _ if chunk < left + right => Side::Right(lines(&self.right, chunk - left)),
            _ if chunk < left + right + left_rest => Side::Left(lines(&self.left, chunk - right)),
            _ => Side::Right(lines(&self.right, chunk - left - left_rest)),
        }
    }
}

/// The panels of both operands, and where their product goes.
struct Panels<'a, F: 'static> {
    kernels: &'a Kernels<F>,
    a: &'a [F],
    b: &'a [F],
    /// Terms of the sum that are packed.
    terms: usize,
    /// Row and column of the block within `C`.
    at: (usize, usize),
    c: Output<F>,
    /// Whether these are the first terms of the sum.
    first: bool,
}

impl<F: Element> Panels<'_, F> {
    /// Multiplies some rows and columns of the blocks, which begin where panels do, for some of the terms.
    fn multiply(&self, rows: Range<usize>, columns: Range<usize>, depth: &Range<usize>) {
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
            // A packed tile has no strides, and the output fills in the destination.
            ..Tile::new()
        };
        let kernel = self.kernels.packed(rows.len(), vectors);
        // SAFETY: the panels are as long as the slices taken; the kernels were chosen for this processor; tiles of one
        // block do not overlap and lie within `C`.
        unsafe {
            let at = (self.at.0 + rows.start, self.at.1 + columns.start);
            self.c.tile(kernel, tile, rows.len(), at, self.first)
        }
    }
}

/// Recycled memory that begins on a cache line, so that no vector of a packed panel lies across two.
#[derive(Debug)]
pub(super) struct Aligned<F> {
    buffer: Vec<F>,
    start: usize,
}

impl<F: Real> Aligned<F> {
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

    pub(super) fn give(mut self) {
        memory::give(self.take());
    }

    /// The buffer, to be given back; what is left is empty.
    pub(super) fn take(&mut self) -> Vec<F> {
        self.start = 0;
        std::mem::take(&mut self.buffer)
    }
}
