//! The product of large matrices: blocks that fit the caches, packed once each.
//!
//! ```text
//! for each KC terms of the sum               (the order of the sum: fixed by its length alone)
//!   pack those KC columns of A               panels of MR rows
//!   for each NC columns of B and C
//!     pack that KC × NC block of B           panels of NR columns
//!     for each MR rows                       an MR × KC panel of A stays in the first-level cache
//!       for each NR columns                  KC × NR panels of B stream by from the second or third level
//!         the microkernel: MR × NR numbers of C in registers
//! ```
//!
//! All threads do this for cells of `C` of their own: see `workers`.

use super::kernels::{Element, Kernels};
use super::output::Output;
use super::pack::Pack;
use super::tile::Tile;
use crate::memory;
use std::ops::Range;

/// Sizes of blocks, in elements.
struct Sizes {
    /// Terms of the sum: a panel of `A` fills about half of the first-level cache.
    kc: usize,
    /// Columns packed at a time: some megabytes, a share of the third-level cache.
    nc: usize,
    /// Rows packed at a time, so that the memory for packing has a limit.
    mc: usize,
}

impl Sizes {
    fn new<F: Element>(kernels: &Kernels<F>, m: usize, n: usize, k: usize) -> Self {
        const KC: usize = 384;
        const NC: usize = 2048;
        const MC: usize = 4096;
        let wide = size_of::<F>() / 4; // f64 takes twice the room
        Self {
            kc: even(k, KC / wide, 1),
            nc: even(n, NC / wide, kernels.columns()),
            mc: even(m, MC / wide, kernels.rows()),
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

/// `C ← α A B + β C` on some rows and columns of `C`, with both operands packed.
pub(super) fn product<F: Element>(
    kernels: &Kernels<F>,
    (left, rows): (&dyn Pack<F>, Range<usize>),
    (right, columns): (&dyn Pack<F>, Range<usize>),
    k: usize,
    c: Output<F>,
) {
    let (m, n) = (rows.len(), columns.len());
    let sizes = Sizes::new(kernels, m, n, k);
    let mut a = Aligned::new(sizes.mc.min(m) * sizes.kc);
    let mut b = Aligned::new(sizes.nc.min(n).next_multiple_of(kernels.lanes) * sizes.kc);
    for rows in pieces(rows, sizes.mc) {
        for depth in pieces(0..k, sizes.kc) {
            let beta = if depth.start == 0 { c.beta } else { F::one() };
            pack(left, rows.clone(), depth.clone(), (kernels.rows(), 1), a.slice());
            for columns in pieces(columns.clone(), sizes.nc) {
                pack(right, columns.clone(), depth.clone(), (kernels.columns(), kernels.lanes), b.slice());
                let (a, b) = (a.shared(), b.shared());
                let block = Block { kernels, a, b, depth: depth.len(), at: (rows.start, columns.start), c, beta };
                block.run(rows.len(), columns.len());
            }
        }
    }
    a.give();
    b.give();
}

/// Packs a block into panels of `size` lines; a last, narrower panel is padded to a multiple of `unit` with zeros.
fn pack<F: Element>(
    operand: &dyn Pack<F>,
    lines: Range<usize>,
    depth: Range<usize>,
    (size, unit): (usize, usize),
    mut panels: &mut [F],
) {
    for lines in pieces(lines, size) {
        let stride = lines.len().next_multiple_of(unit);
        let panel = panels.split_off_mut(..stride * depth.len()).expect("the buffer holds all panels of a block");
        if lines.len() < stride {
            panel.chunks_exact_mut(stride).for_each(|step| step[lines.len()..].fill(F::zero()));
        }
        operand.pack(lines, depth.clone(), stride, panel);
    }
}

/// One packed block of each operand, and where their product goes.
struct Block<'a, F: 'static> {
    kernels: &'a Kernels<F>,
    a: &'a [F],
    b: &'a [F],
    depth: usize,
    /// Row and column of the block within `C`.
    at: (usize, usize),
    c: Output<F>,
    beta: F,
}

impl<F: Element> Block<'_, F> {
    /// Multiplies the blocks: `m` rows by `n` columns.
    fn run(&self, m: usize, n: usize) {
        for rows in pieces(0..m, self.kernels.rows()) {
            for columns in pieces(0..n, self.kernels.columns()) {
                self.tile(rows.clone(), columns);
            }
        }
    }

    fn tile(&self, rows: Range<usize>, columns: Range<usize>) {
        let vectors = columns.len().div_ceil(self.kernels.lanes);
        let tile = Tile {
            depth: self.depth,
            a: self.a[rows.start * self.depth..][..rows.len() * self.depth].as_ptr(),
            b: self.b[columns.start * self.depth..][..vectors * self.kernels.lanes * self.depth].as_ptr(),
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
struct Aligned<F> {
    buffer: Vec<F>,
    start: usize,
}

impl<F: Element> Aligned<F> {
    fn new(len: usize) -> Self {
        const LINE: usize = 64;
        let buffer: Vec<F> = memory::take(len + LINE / size_of::<F>());
        let start = buffer.as_ptr().align_offset(LINE).min(LINE / size_of::<F>());
        Self { buffer, start }
    }

    fn slice(&mut self) -> &mut [F] {
        &mut self.buffer[self.start..]
    }

    fn shared(&self) -> &[F] {
        &self.buffer[self.start..]
    }

    fn give(self) {
        memory::give(self.buffer);
    }
}
