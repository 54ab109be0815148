//! The square root of a positive definite matrix.

use super::check::{self, RightSide};
use super::library::{self, Factorize};
use super::triangular::{Triangle, substitute};
use crate::{Error, Result};
use ndarray::{Array, Array2, ArrayRef, ArrayRef2, Axis, s};
use std::marker::PhantomData;

/// `A = L Lᵀ`: what [`cholesky`] returns.
#[derive(Debug, Clone)]
pub struct Cholesky<F> {
    /// `L`, of the matrix divided by `scale`.
    l: Array2<f64>,
    scale: f64,
    scalar: PhantomData<F>,
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
pub fn cholesky<F: Factorize>(a: &ArrayRef2<F>) -> Result<Cholesky<F>> {
    const OPERATION: &str = "cholesky";
    check::symmetric(OPERATION, a)?;
    let (a, scale) = library::scaled(a);
    let l = root(&a).map_err(|row| {
        let (row, pivot) = failed_pivot(&a, row);
        Error::NotPositiveDefinite { operation: OPERATION, row, pivot: pivot * scale }
    })?;
    Ok(Cholesky { l, scale, scalar: PhantomData })
}

/// `L`, with zeros above the diagonal, or the row whose pivot is not positive.
fn root(a: &ArrayRef2<f64>) -> Result<Array2<f64>, usize> {
    let mut l = a.to_owned();
    library::cholesky(&mut l)?;
    for (i, mut row) in l.rows_mut().into_iter().enumerate() {
        row.slice_mut(s![i + 1..]).fill(0.0);
    }
    Ok(l)
}

/// What stands under the root in a row where elimination stopped: `aᵢᵢ − ‖y‖²`, with `L y` the elements of its column above.
fn failed_pivot(a: &ArrayRef2<f64>, row: usize) -> (usize, f64) {
    if row == 0 {
        return (0, a[[0, 0]]);
    }
    match root(&a.slice(s![..row, ..row])) {
        Ok(l) => {
            let mut y = a.slice(s![row, ..row]).to_owned().insert_axis(Axis(1));
            substitute(l.view(), Triangle::Lower, false, &mut y);
            let pivot = a[[row, row]] - y.iter().map(|y| y * y).sum::<f64>();
            (row, pivot.min(0.0)) // the library has seen that it is not positive
        }
        Err(earlier) => failed_pivot(a, earlier), // within roundings of 0, where a smaller block may fail before
    }
}

impl<F: Factorize> Cholesky<F> {
    /// `L`, lower triangular with a positive diagonal.
    #[must_use]
    pub fn l(&self) -> Array2<F> {
        library::narrow(&self.l, self.scale.sqrt())
    }

    /// The determinant, `Π Lᵢᵢ²`.
    #[must_use]
    pub fn det(&self) -> F {
        F::from_f64(self.l.diag().iter().fold(1.0, |product, &pivot| product * (pivot * pivot * self.scale)))
    }

    /// Solves `A x = b` by `L y = b`, `Lᵀ x = y`.
    ///
    /// # Errors
    /// [`Error::RightSide`], [`Error::NotFinite`].
    pub fn solve<D: RightSide>(&self, b: &ArrayRef<F, D>) -> Result<Array<F, D>> {
        let mut x = library::widen(&check::right_side("solve", self.l.shape(), b)?);
        substitute(self.l.view(), Triangle::Lower, false, &mut x);
        substitute(self.l.t(), Triangle::Upper, false, &mut x);
        Ok(D::restore(library::narrow(&x, 1.0 / self.scale)))
    }
}
