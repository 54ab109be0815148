//! Norms of matrices.

use super::library::Factorize;
use super::{check, svd};
use crate::{Result, l1_norm, l2_norm};
use ndarray::{ArrayRef2, Axis};

/// Which norm of a matrix.
///
/// The spectral norm, `One` and `Infinity` are *induced*: how much `A` can lengthen a vector, `max ‖A x‖ / ‖x‖` in the norm of vectors
/// of that name. The unit ball of the nuclear norm is the convex hull of the matrices of rank 1, which is why penalties
/// by it find matrices of low rank, as L1 finds vectors with zeros.
///
/// # References
/// G. H. Golub, C. F. Van Loan, *Matrix Computations*, 4th ed., 2013, §2.3
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum MatrixNorm {
    /// `√(Σ aᵢⱼ²) = √(Σ σᵢ²)`
    Frobenius,
    /// `Σ σᵢ`
    Nuclear,
    /// `σ₁`, the largest singular value; `‖A‖₂`.
    Spectral,
    /// `σₖ`, the smallest singular value; order −2 elsewhere, no norm in the strict sense.
    SmallestSingular,
    /// `maxⱼ Σᵢ |aᵢⱼ|`, the largest sum of a column; `‖A‖₁`.
    One,
    /// `minⱼ Σᵢ |aᵢⱼ|`; order −1 elsewhere, no norm in the strict sense.
    MinusOne,
    /// `maxᵢ Σⱼ |aᵢⱼ|`, the largest sum of a row; `‖A‖_∞`.
    Infinity,
    /// `minᵢ Σⱼ |aᵢⱼ|`; no norm in the strict sense.
    MinusInfinity,
}

/// A norm of a matrix.
///
/// # Examples
/// ```
/// use gradus_linalg::{MatrixNorm, matrix_norm, ndarray::array};
/// let a = array![[3.0, 0.0], [0.0, -4.0]];
/// assert_eq!(matrix_norm(&a, MatrixNorm::Frobenius)?, 5.0);
/// assert_eq!(matrix_norm(&a, MatrixNorm::Nuclear)?, 7.0);
/// assert_eq!(matrix_norm(&a, MatrixNorm::Spectral)?, 4.0);
/// # Ok::<(), gradus_linalg::Error>(())
/// ```
///
/// # Errors
/// [`Error::EmptyMatrix`](crate::Error::EmptyMatrix), [`Error::NotFinite`](crate::Error::NotFinite); the norms by singular values
/// [`Error::NoConvergence`](crate::Error::NoConvergence).
pub fn matrix_norm<F: Factorize>(a: &ArrayRef2<F>, which: MatrixNorm) -> Result<F> {
    const OPERATION: &str = "matrix_norm";
    check::matrix(OPERATION, a)?;
    let sums = |axis| a.axis_iter(Axis(axis)).map(|lane| l1_norm(&lane));
    let singular_values = || svd::values(OPERATION, a);
    Ok(match which {
        MatrixNorm::Frobenius => l2_norm(a),
        MatrixNorm::Nuclear => F::from_f64(l1_norm(&singular_values()?)),
        MatrixNorm::Spectral => F::from_f64(singular_values()?[0]),
        MatrixNorm::SmallestSingular => F::from_f64(singular_values()?[a.nrows().min(a.ncols()) - 1]),
        MatrixNorm::One => sums(1).fold(F::zero(), F::maximum),
        MatrixNorm::MinusOne => sums(1).fold(F::INFINITY, F::minimum),
        MatrixNorm::Infinity => sums(0).fold(F::zero(), F::maximum),
        MatrixNorm::MinusInfinity => sums(0).fold(F::INFINITY, F::minimum),
    })
}
