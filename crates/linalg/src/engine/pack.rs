//! Packing: operands copied, block by block, into the order in which the microkernel reads them.
//!
//! A matrix as it lies in memory is read by a tile in many far-apart places, which costs cache lines, pages and
//! strided loads. Copied once into *panels* it is read straight through, and each panel is used many times:
//!
//! ```text
//! lines 0 1 2 3 of the operand,        panel (stride 4):
//! depth runs to the right
//!   a b c …                            a e i m   b f j n   c g k o   …
//!   e f g …              ───►          └ step 0  └ step 1  └ step 2
//!   i j k …
//!   m n o …
//! ```
//!
//! In a product `C = A B` the *lines* are the rows of `A` and the columns of `B`; the *depth* is what is summed over.
//! So one trait serves both sides, and the transposed product `Cᵀ = Bᵀ Aᵀ` is the same with the sides exchanged.

use super::transpose;
use crate::Real;
use ndarray::{ArrayView2, s};
use std::ops::Range;

/// An operand of a matrix product: anything that can copy a block of itself into a panel.
///
/// Strided views are operands. So can be a matrix that is never built, whose elements are computed or gathered while
/// they are packed: the patches of an image, a scaled or gathered matrix.
///
/// # Examples
/// The Hilbert matrix times a matrix of ones, without a Hilbert matrix:
/// ```
/// use gradus_linalg::{Pack, gemm_packed, ndarray::{Array2, array}};
/// use std::ops::Range;
///
/// struct Hilbert(usize);
/// impl Pack<f64> for Hilbert {
///     fn lines(&self) -> usize {
///         self.0
///     }
///     fn depth(&self) -> usize {
///         self.0
///     }
///     fn pack(&self, lines: Range<usize>, depth: Range<usize>, stride: usize, panel: &mut [f64]) {
///         for (p, step) in depth.zip(panel.chunks_mut(stride)) {
///             for (i, x) in lines.clone().zip(step) {
///                 *x = 1.0 / (i + p + 1) as f64;
///             }
///         }
///     }
/// }
///
/// let ones = Array2::ones((2, 1));
/// let mut c = Array2::zeros((2, 1));
/// gemm_packed(1.0, &Hilbert(2), &ones.t(), 0.0, &mut c)?; // the right operand's lines are its columns
/// assert_eq!(c, array![[1.5], [0.5 + 1.0 / 3.0]]);
/// # Ok::<(), gradus_linalg::Error>(())
/// ```
pub trait Pack<F: Real>: Sync {
    /// How many lines there are: rows of a left operand, columns of a right one.
    fn lines(&self) -> usize;

    /// The length of a line: the dimension that is summed over.
    fn depth(&self) -> usize;

    /// Writes element `p` of line `i` to `panel[(p − depth.start) · stride + (i − lines.start)]`, for all `i` in `lines`
    /// and `p` in `depth`.
    ///
    /// `lines` and `depth` lie within the operand, `stride ≥ lines.len()`, and the panel is just long enough for whole
    /// steps: `depth.len() · stride`. Other places of the panel are the engine's padding: leave them alone.
    fn pack(&self, lines: Range<usize>, depth: Range<usize>, stride: usize, panel: &mut [F]);

    /// The operand as an array `(lines, depth)`, if it is one: a small product then reads it in place.
    fn as_array(&self) -> Option<ArrayView2<'_, F>> {
        None
    }
}

impl<F: Real> Pack<F> for ArrayView2<'_, F> {
    fn lines(&self) -> usize {
        self.nrows()
    }

    fn depth(&self) -> usize {
        self.ncols()
    }

    fn pack(&self, lines: Range<usize>, depth: Range<usize>, stride: usize, panel: &mut [F]) {
        transpose::pack(self.slice(s![lines, depth]), stride, panel);
    }

    fn as_array(&self) -> Option<ArrayView2<'_, F>> {
        Some(self.view())
    }
}
