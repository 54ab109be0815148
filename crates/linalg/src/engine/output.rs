//! Where the product goes: `C` by a pointer and two strides, shared by the threads that each write their own tiles.

use super::kernels::TileFn;
use super::tile::Tile;
use super::transpose::transpose;
use crate::Real;
use ndarray::ArrayViewMut2;

/// Most numbers in a tile of any instruction set.
const LARGEST_TILE: usize = 12 * 2 * 16;

/// The destination of a product, with what to do there.
#[derive(Debug, Clone, Copy)]
pub(super) struct Output<F> {
    pub(super) to: *mut F,
    pub(super) row: isize,
    pub(super) column: isize,
    pub(super) alpha: F,
    pub(super) beta: F,
}

// SAFETY: threads share an `Output` to write to tiles that do not overlap; the array behind it is borrowed for as long.
unsafe impl<F: Send> Send for Output<F> {}
// SAFETY: as above.
unsafe impl<F: Send + Sync> Sync for Output<F> {}

impl<F: Real> Output<F> {
    pub(super) fn new(alpha: F, beta: F, c: &mut ArrayViewMut2<'_, F>) -> Self {
        // The stride of an axis of length 1 means nothing: take it for what suits best.
        let row = if c.nrows() == 1 { 1 } else { c.strides()[0] };
        let column = if c.ncols() == 1 { 1 } else { c.strides()[1] };
        Self { to: c.as_mut_ptr(), row, column, alpha, beta }
    }

    /// The same place seen as `Cᵀ`.
    pub(super) fn transposed(self) -> Self {
        Self { row: self.column, column: self.row, ..self }
    }

    /// The part that begins at an element.
    pub(super) fn part(self, i: usize, j: usize) -> Self {
        Self { to: self.at(i, j), ..self }
    }

    /// The address of an element.
    pub(super) fn at(&self, i: usize, j: usize) -> *mut F {
        self.to.wrapping_offset(i as isize * self.row + j as isize * self.column)
    }

    /// Runs a microkernel on the `rows` by `tile.columns` tile at `(i, j)`.
    ///
    /// # Safety
    /// The kernel's contract for the operands in `tile`; the tile lies within `C` and no other thread writes to it.
    // Inlined, the job is written once, number by number. A copy of it would be read by whole vectors from numbers that are
    // still on their way to the cache, behind all that the last tile has written: it would wait for them.
    #[inline(always)]
    pub(super) unsafe fn tile(&self, kernel: TileFn<F>, tile: Tile<F>, rows: usize, i: usize, j: usize) {
        // SAFETY: the caller's contract.
        unsafe {
            if self.column == 1 {
                kernel(&Tile { c: self.at(i, j), c_row: self.row, ..tile });
            } else {
                self.scattered(kernel, &tile, rows, i, j);
            }
        }
    }

    /// Registers are written to rows that are contiguous; from there the numbers go to their places.
    ///
    /// # Safety
    /// As for [`tile`](Self::tile).
    #[inline(never)]
    unsafe fn scattered(&self, kernel: TileFn<F>, tile: &Tile<F>, rows: usize, i: usize, j: usize) {
        let mut finished = [F::zero(); LARGEST_TILE];
        let (columns, from) = (tile.columns, finished.as_mut_ptr());
        debug_assert!(rows * columns <= LARGEST_TILE);
        // SAFETY: the buffer holds any tile; the elements written to afterwards are those of the caller's tile.
        unsafe {
            kernel(&Tile { c: from, c_row: columns as isize, beta: F::zero(), ..*tile });
            if self.row == 1 && tile.beta.is_zero() {
                transpose(from, columns as isize, self.at(i, j), self.column, rows, columns);
                return;
            }
            for q in 0..columns {
                for p in 0..rows {
                    let (x, to) = (from.add(p * columns + q).read(), self.at(i + p, j + q));
                    to.write(if tile.beta.is_zero() { x } else { x + tile.beta * to.read() });
                }
            }
        }
    }
}
