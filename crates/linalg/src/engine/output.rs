//! Where the product goes: `C` by a pointer and two strides, shared by the threads that each write their own tiles.

use super::direct::Strided;
use super::kernels::TileFn;
use super::tile::Tile;
use super::transpose::{transpose, transpose_room};
use crate::Real;
use ndarray::{ArrayView2, ArrayViewMut2};

/// Room for a tile of any instruction set, and for as many rows as are turned over together.
const LARGEST_TILE: usize = 16 * 2 * 16;

/// The destination of a product, with what to do there: `C ← α A B + β D`, where `D` is `C` or a matrix of its shape.
#[derive(Debug, Clone, Copy)]
pub(super) struct Output<F> {
    pub(super) to: *mut F,
    pub(super) row: isize,
    pub(super) column: isize,
    pub(super) alpha: F,
    pub(super) beta: F,
    /// `D`, its rows as lines.
    pub(super) d: Strided<F>,
}

// SAFETY: threads share an `Output` to write to tiles that do not overlap; the arrays behind it are borrowed for as long.
unsafe impl<F: Send + Sync> Send for Output<F> {}
// SAFETY: as above.
unsafe impl<F: Send + Sync> Sync for Output<F> {}

impl<F: Real> Output<F> {
    /// With `C` in the place of `D` where none is given.
    pub(super) fn new(alpha: F, beta: F, d: Option<&ArrayView2<'_, F>>, c: &mut ArrayViewMut2<'_, F>) -> Self {
        // The stride of an axis of length 1 means nothing: take it for what suits best.
        let row = if c.nrows() == 1 { 1 } else { c.strides()[0] };
        let column = if c.ncols() == 1 { 1 } else { c.strides()[1] };
        let ((lines, depth), to) = (c.dim(), c.as_mut_ptr());
        // What C holds is read by the pointer that writes it: no borrow says that it stays as it is.
        let own = Strided { from: to.cast_const(), lines, depth, line: row, step: column };
        let d = d.map_or(own, Strided::new);
        Self { to, row, column, alpha, beta, d }
    }

    /// The same place seen as `Cᵀ`.
    pub(super) fn transposed(self) -> Self {
        Self { row: self.column, column: self.row, d: self.d.transposed(), ..self }
    }

    /// The part that begins at an element.
    pub(super) fn part(self, i: usize, j: usize) -> Self {
        Self { to: self.at(i, j), d: Strided { from: self.d.at(i, j), ..self.d }, ..self }
    }

    /// The same sums in rows of so many numbers elsewhere, from where [`turn`](Self::turn) takes them to their places.
    ///
    /// What is added must lie in rows, too: a `D` whose columns are contiguous is to be turned over there before.
    pub(super) fn in_rows(self, rows: *mut F, columns: usize) -> Self {
        let (row, column) = (columns as isize, 1);
        let d = if self.d.step == 1 {
            self.d
        } else {
            Strided { from: rows.cast_const(), line: row, step: column, ..self.d }
        };
        Self { to: rows, row, column, d, ..self }
    }

    /// Whether `D` is what lies at the destination.
    pub(super) fn turns_d(&self) -> bool {
        !self.beta.is_zero() && self.d.from == self.to.cast_const()
    }

    /// Writes the rows of `D` one after the other.
    ///
    /// # Safety
    /// `D` has so many lines and columns, and `rows` room for them.
    pub(super) unsafe fn turn_d(&self, rows: *mut F, lines: usize, columns: usize) {
        let Strided { from, line, step, .. } = self.d;
        // SAFETY: the caller's contract.
        unsafe {
            if line == 1 {
                return transpose(from, step, rows, columns as isize, columns, lines);
            }
            for (i, j) in (0..lines).flat_map(|i| (0..columns).map(move |j| (i, j))) {
                *rows.add(i * columns + j) = *from.wrapping_offset(i as isize * line + j as isize * step);
            }
        }
    }

    /// Writes finished rows, one after the other, to the columns of `C`, which are contiguous.
    ///
    /// # Safety
    /// `C` has so many lines and columns, and no other thread writes to them; of `rows`, as many lines can be read as the next
    /// multiple of 4 says.
    pub(super) unsafe fn turn(&self, rows: *const F, lines: usize, columns: usize) {
        debug_assert!(self.row == 1);
        let whole = lines / 16 * 16;
        // SAFETY: the caller's contract.
        unsafe {
            transpose(rows, columns as isize, self.to, self.column, whole, columns);
            let (rows, to) = (rows.add(whole * columns), self.to.wrapping_add(whole));
            transpose_room(rows, columns as isize, to, self.column, lines - whole, columns);
        }
    }

    /// The address of an element.
    pub(super) fn at(&self, i: usize, j: usize) -> *mut F {
        self.to.wrapping_offset(i as isize * self.row + j as isize * self.column)
    }

    /// Runs a microkernel on the `rows` by `tile.columns` tile at `(i, j)`; unless it has the `first` terms of the sum, it
    /// adds to what is there.
    ///
    /// # Safety
    /// The kernel's contract for the operands in `tile`; the tile lies within `C` and no other thread writes to it.
    // Inlined, the job is written once, number by number. A copy of it would be read by whole vectors from numbers that are
    // still on their way to the cache, behind all that the last tile has written: it would wait for them.
    #[inline(always)]
    pub(super) unsafe fn tile(
        &self,
        kernel: TileFn<F>,
        tile: Tile<F>,
        rows: usize,
        (i, j): (usize, usize),
        first: bool,
    ) {
        let to = self.at(i, j);
        let (d, d_row, d_column) = (self.d.at(i, j), self.d.line, self.d.step);
        let c = (to.cast_const(), self.row, self.column);
        let (beta, (d, d_row, d_column)) = if first { (self.beta, (d, d_row, d_column)) } else { (F::one(), c) };
        // SAFETY: the caller's contract.
        unsafe {
            if self.column == 1 && (d_column == 1 || beta.is_zero()) {
                kernel(&Tile { c: to, c_row: self.row, d, d_row, beta, ..tile });
            } else {
                self.scattered(kernel, &tile, rows, to, (beta, d, d_row, d_column));
            }
        }
    }

    /// Registers are written to rows that are contiguous; from there the numbers go to their places.
    ///
    /// # Safety
    /// As for [`tile`](Self::tile).
    #[inline(never)]
    unsafe fn scattered(
        &self,
        kernel: TileFn<F>,
        tile: &Tile<F>,
        rows: usize,
        to: *mut F,
        (beta, d, d_row, d_column): (F, *const F, isize, isize),
    ) {
        let mut finished = [F::zero(); LARGEST_TILE];
        let (columns, from) = (tile.columns, finished.as_mut_ptr());
        let c_row = columns as isize;
        debug_assert!(rows * columns <= LARGEST_TILE);
        // SAFETY: the buffers hold any tile; the elements written to afterwards are those of the caller's tile.
        unsafe {
            if beta.is_zero() || d_column == 1 {
                kernel(&Tile { c: from, c_row, d, d_row, beta, ..*tile });
            } else if d_row == 1 {
                let mut turned = [F::zero(); LARGEST_TILE];
                transpose(d, d_column, turned.as_mut_ptr(), c_row, columns, rows);
                kernel(&Tile { c: from, c_row, d: turned.as_ptr(), d_row: c_row, beta, ..*tile });
            } else {
                kernel(&Tile { c: from, c_row, beta: F::zero(), ..*tile });
                for (p, row) in finished.chunks_exact_mut(columns).take(rows).enumerate() {
                    let d = d.wrapping_offset(p as isize * d_row);
                    for (q, x) in row.iter_mut().enumerate() {
                        *x += beta * d.wrapping_offset(q as isize * d_column).read();
                    }
                }
            }
            let from = finished.as_ptr();
            if self.row == 1 {
                transpose_room(from, c_row, to, self.column, rows, columns);
                return;
            }
            for q in 0..columns {
                for p in 0..rows {
                    let at = p as isize * self.row + q as isize * self.column;
                    to.wrapping_offset(at).write(from.add(p * columns + q).read());
                }
            }
        }
    }
}
