//! The square root of a positive definite matrix.

use super::check::{self, RightSide};
use super::triangular::{Triangle, substitute};
use crate::{Error, Real, Result};
use ndarray::{Array, Array2, ArrayRef, ArrayRef2};

/// `A = L Lᵀ`: what [`cholesky`] returns.
#[derive(Debug, Clone)]
pub struct Cholesky<F> {
    l: Array2<F>,
}

/// Cholesky decomposition `A = L Lᵀ` of a symmetric positive definite matrix.
///
/// ```text
/// Lⱼⱼ = √(Aⱼⱼ − Σₖ Lⱼₖ²)          Lᵢⱼ = (Aᵢⱼ − Σₖ Lᵢₖ Lⱼₖ) / Lⱼⱼ        over k < j
/// ```
///
/// Half the work of [`lu`](crate::lu), stable without pivoting, and the quickest test for definiteness. Only the lower
/// half of `A` is used.
///
/// # Examples
/// ```
/// use gradus_linalg::{cholesky, ndarray::array};
/// let f = cholesky(&array![[4.0, 2.0], [2.0, 5.0]])?;
/// assert_eq!(f.l(), array![[2.0, 0.0], [1.0, 2.0]]);
/// assert_eq!(f.solve(&array![8.0, 12.0])?, array![1.0, 2.0]);
///
/// let error = cholesky(&array![[1.0, 2.0], [2.0, 1.0]]).unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "cholesky: pivot 1 is -3e0: the matrix is not positive definite; lu takes any square matrix"
/// );
/// # Ok::<(), gradus_linalg::Error>(())
/// ```
///
/// # Errors
/// [`Error::NotPositiveDefinite`] with the pivot that is not positive; [`Error::NotSymmetric`], [`Error::NotSquare`],
/// [`Error::EmptyMatrix`], [`Error::NotFinite`].
///
/// # References
/// G. H. Golub, C. F. Van Loan, *Matrix Computations*, 4th ed., 2013, §4.2
pub fn cholesky<F: Real>(a: &ArrayRef2<F>) -> Result<Cholesky<F>> {
    check::symmetric("cholesky", a)?;
    let n = a.nrows();
    let mut l = Array2::zeros((n, n));
    for i in 0..n {
        for j in 0..=i {
            let (row, other) = (l.row(i), l.row(j));
            let known = row.iter().zip(other).take(j).map(|(&x, &y)| x * y).sum::<F>();
            let rest: F = a[[i, j]] - known;
            if i > j {
                l[[i, j]] = rest / l[[j, j]];
            } else if rest > F::zero() {
                l[[i, i]] = rest.sqrt();
            } else {
                return Err(Error::NotPositiveDefinite { operation: "cholesky", row: i, pivot: rest.to_f64() });
            }
        }
    }
    Ok(Cholesky { l })
}

impl<F: Real> Cholesky<F> {
    /// `L`, lower triangular with a positive diagonal.
    #[must_use]
    pub fn l(&self) -> Array2<F> {
        self.l.clone()
    }

    /// The determinant, `Π Lᵢᵢ²`.
    #[must_use]
    pub fn det(&self) -> F {
        self.l.diag().iter().fold(F::one(), |product, &pivot| product * pivot * pivot)
    }

    /// Solves `A x = b` by `L y = b`, `Lᵀ x = y`.
    ///
    /// # Errors
    /// [`Error::RightSide`], [`Error::NotFinite`].
    pub fn solve<D: RightSide>(&self, b: &ArrayRef<F, D>) -> Result<Array<F, D>> {
        let mut x = check::right_side("solve", &self.l, b)?;
        substitute(self.l.view(), Triangle::Lower, false, &mut x);
        substitute(self.l.t(), Triangle::Upper, false, &mut x);
        Ok(D::restore(x))
    }
}
