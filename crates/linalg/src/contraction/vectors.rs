//! Products with vectors.

use crate::{Error, Real, Result, memory};
use ndarray::{Array1, Array2, ArrayRef1, ArrayRef2, Axis};

/// Product `A x` of a matrix and a vector. For `xᵀ A`, pass `A.t()`.
///
/// # Shapes
/// `A (m, n)`, `x (n)`, result `(m)`
///
/// # Errors
/// [`Error::InnerDimensions`] if the matrix has not as many columns as the vector elements.
///
/// # Examples
/// ```
/// use gradus_linalg::{matvec, ndarray::array};
/// assert_eq!(matvec(&array![[1.0, 2.0], [3.0, 4.0]], &array![1.0, -1.0])?, array![-1.0, -1.0]);
/// # Ok::<(), gradus_linalg::Error>(())
/// ```
pub fn matvec<F: Real>(a: &ArrayRef2<F>, x: &ArrayRef1<F>) -> Result<Array1<F>> {
    let mut y = memory::array(a.nrows());
    product("matvec", F::one(), a, x, F::zero(), &mut y)?;
    Ok(y)
}

/// `y ← α A x + β y`; with `beta` 0 the old values of `y` are not read.
///
/// # Errors
/// [`Error::InnerDimensions`] or [`Error::Destination`] where the shapes do not fit.
pub fn matvec_into<F: Real>(alpha: F, a: &ArrayRef2<F>, x: &ArrayRef1<F>, beta: F, y: &mut ArrayRef1<F>) -> Result<()> {
    product("matvec_into", alpha, a, x, beta, y)
}

fn product<F: Real>(
    operation: &'static str,
    alpha: F,
    a: &ArrayRef2<F>,
    x: &ArrayRef1<F>,
    beta: F,
    y: &mut ArrayRef1<F>,
) -> Result<()> {
    if a.ncols() != x.len() {
        return Err(Error::InnerDimensions { operation, left: a.shape().to_vec(), right: vec![x.len()] });
    }
    if y.len() != a.nrows() {
        return Err(Error::Destination { operation, expected: vec![a.nrows()], found: vec![y.len()] });
    }
    F::gemm(alpha, a.view(), x.view().insert_axis(Axis(1)), beta, y.view_mut().insert_axis(Axis(1)));
    Ok(())
}

/// Product of each element of one vector with each of another, `Cᵢⱼ = xᵢ yⱼ`.
///
/// # Shapes
/// `x (m)`, `y (n)`, result `(m, n)`
///
/// # Examples
/// ```
/// use gradus_linalg::{outer, ndarray::array};
/// assert_eq!(outer(&array![1.0, 2.0], &array![3.0, 4.0]), array![[3.0, 4.0], [6.0, 8.0]]);
/// ```
#[must_use]
pub fn outer<F: Real>(x: &ArrayRef1<F>, y: &ArrayRef1<F>) -> Array2<F> {
    let mut c = memory::array((x.len(), y.len()));
    F::gemm(F::one(), x.view().insert_axis(Axis(1)), y.view().insert_axis(Axis(0)), F::zero(), c.view_mut());
    c
}

/// `C ← α x yᵀ + β C`, the update of rank 1; with `beta` 0 the old values of `C` are not read.
///
/// # Errors
/// [`Error::Destination`] if `C` has not a row for each element of `x` and a column for each of `y`.
///
/// # Examples
/// ```
/// use gradus_linalg::{outer_into, ndarray::array};
/// let mut c = array![[1.0, 0.0], [0.0, 1.0]];
/// outer_into(2.0, &array![1.0, 2.0], &array![1.0, 1.0], 1.0, &mut c)?;
/// assert_eq!(c, array![[3.0, 2.0], [4.0, 5.0]]);
/// # Ok::<(), gradus_linalg::Error>(())
/// ```
pub fn outer_into<F: Real>(alpha: F, x: &ArrayRef1<F>, y: &ArrayRef1<F>, beta: F, c: &mut ArrayRef2<F>) -> Result<()> {
    if c.dim() != (x.len(), y.len()) {
        let (expected, found) = (vec![x.len(), y.len()], c.shape().to_vec());
        return Err(Error::Destination { operation: "outer_into", expected, found });
    }
    F::gemm(alpha, x.view().insert_axis(Axis(1)), y.view().insert_axis(Axis(0)), beta, c.view_mut());
    Ok(())
}
