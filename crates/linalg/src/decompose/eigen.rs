//! Eigenvalues and eigenvectors of a symmetric matrix.

use super::check;
use super::library::{self, Factorize};
use crate::{Error, Result};
use ndarray::{Array1, Array2, ArrayRef2};

/// `A = V Λ Vᵀ`: what [`symmetric_eigen`] returns.
#[derive(Debug, Clone)]
pub struct SymmetricEigen<F> {
    /// `λ₁ ≤ λ₂ ≤ …`, `(n,)`.
    pub values: Array1<F>,
    /// `V`: column `i` is the eigenvector of `values[i]`, of length 1; `(n, n)`.
    pub vectors: Array2<F>,
}

/// Eigenvalues, ascending, and orthonormal eigenvectors of a symmetric matrix, `A = V Λ Vᵀ`.
///
/// ```text
/// A = Q T Qᵀ         reflections from both sides leave T with three diagonals
/// T = W Λ Wᵀ         QR steps, or the halves of T apart and a rank-1 equation between them;   V = Q W
/// ```
///
/// Each eigenvalue is right to within `c ε |λ|max` with a small `c`, so that small ones next to large ones can lose all
/// digits, as with LAPACK. Only the lower half of `A` is used.
///
/// # Examples
/// ```
/// use gradus_linalg::{ndarray::array, symmetric_eigen};
/// let f = symmetric_eigen(&array![[2.0, 1.0], [1.0, 2.0]])?;
/// assert!((&f.values - &array![1.0, 3.0]).iter().all(|e: &f64| e.abs() < 1e-15));
/// # Ok::<(), gradus_linalg::Error>(())
/// ```
///
/// # Errors
/// [`Error::NotSymmetric`], [`Error::NotSquare`], [`Error::EmptyMatrix`], [`Error::NotFinite`];
/// [`Error::NoConvergence`], which has not been seen to happen.
///
/// # References
/// G. H. Golub, C. F. Van Loan, *Matrix Computations*, 4th ed., 2013, §8.3 and §8.4; M. Gu, S. C. Eisenstat, *A
/// Divide-and-Conquer Algorithm for the Symmetric Tridiagonal Eigenproblem*, 1995, <https://doi.org/10.1137/S0895479892241287>
pub fn symmetric_eigen<F: Factorize>(a: &ArrayRef2<F>) -> Result<SymmetricEigen<F>> {
    const OPERATION: &str = "symmetric_eigen";
    check::symmetric(OPERATION, a)?;
    let (a, scale) = library::scaled(a);
    let (values, vectors) = library::symmetric_eigen(&a)
        .ok_or(Error::NoConvergence { operation: OPERATION, iterations: library::iterations(a.nrows()) })?;
    Ok(SymmetricEigen { values: library::narrow(&values, scale), vectors: library::narrow(&vectors, 1.0) })
}
