//! The `gemm` crate behind the same seam: what another engine has to provide is this one function.

use crate::Real;
use ndarray::{ArrayView2, ArrayViewMut2};

/// `C ← α A B + β C`
pub(super) fn gemm<F: Real>(
    alpha: F,
    a: ArrayView2<'_, F>,
    b: ArrayView2<'_, F>,
    beta: F,
    mut c: ArrayViewMut2<'_, F>,
) {
    let ((m, n), k) = (c.dim(), a.ncols());
    assert!(a.nrows() == m && b.dim() == (k, n), "gemm: the shapes do not fit");
    #[cfg(feature = "rayon")]
    let parallelism = match rayon::current_num_threads() {
        1 => gemm::Parallelism::None,
        threads => gemm::Parallelism::Rayon(threads),
    };
    #[cfg(not(feature = "rayon"))]
    let parallelism = gemm::Parallelism::None;
    let keep = !beta.is_zero();
    let (c_row, c_column) = (c.strides()[0], c.strides()[1]);
    // SAFETY: the pointers and strides are those of arrays whose shapes have been compared, and C is borrowed mutably.
    unsafe {
        gemm::gemm(
            m,
            n,
            k,
            c.as_mut_ptr(),
            c_column,
            c_row,
            keep,
            a.as_ptr(),
            a.strides()[1],
            a.strides()[0],
            b.as_ptr(),
            b.strides()[1],
            b.strides()[0],
            beta, // the crate's α scales C, its β the product
            alpha,
            false,
            false,
            false,
            parallelism,
        );
    }
}
