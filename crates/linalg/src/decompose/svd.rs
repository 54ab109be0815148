//! Singular values: the half-axes of the ellipsoid that a matrix makes of a ball.

use super::check;
use super::library::{self, Factorize};
use crate::{Error, Real, Result};
use ndarray::{Array1, Array2, ArrayRef1, ArrayRef2, Axis, s};

/// `A = U Σ Vᵀ`: what [`svd`] returns.
#[derive(Debug, Clone)]
pub struct Svd<F> {
    /// `U`, left singular vectors as columns, `(m, k)`.
    pub u: Array2<F>,
    /// `σ₁ ≥ σ₂ ≥ … ≥ 0`, `(k,)` with `k = min(m, n)`.
    pub singular_values: Array1<F>,
    /// `Vᵀ`, right singular vectors as rows, `(k, n)`.
    pub vt: Array2<F>,
}

/// Singular value decomposition `A = U Σ Vᵀ`: any matrix is a rotation, a stretch along axes, and another rotation.
///
/// ```text
/// A = Q B Pᵀ         reflections from both sides leave B with two diagonals
/// B = X Σ Yᵀ         QR steps, or the halves of B apart and a rank-1 equation between them;   U = Q X,  V = P Y
/// ```
///
/// `U` and `V` are orthogonal to working precision, and each singular value is right to within `c ε σ₁` with a small `c`. So a value near `ε σ₁`
/// need have no right digit, even where columns of very different size are all that makes it small; LAPACK's drivers of the
/// same kind, and with them PyTorch and NumPy, say the same. What rank, condition number and pseudo-inverse are made of lies above that limit.
/// Scale the columns first where smaller values are wanted.
///
/// # Shapes
/// `A (m, n)`, `U (m, k)`, `Σ (k,)`, `Vᵀ (k, n)` with `k = min(m, n)`
///
/// # Examples
/// ```
/// use gradus_linalg::{ndarray::{Array2, array}, svd};
/// let a = array![[3.0, 0.0], [4.0, 5.0]];
/// let f = svd(&a)?;
/// assert!((f.singular_values[0] - 45.0_f64.sqrt()).abs() < 1e-14);
/// assert!((f.singular_values[1] - 5.0_f64.sqrt()).abs() < 1e-14);
/// let product = f.u.dot(&Array2::from_diag(&f.singular_values)).dot(&f.vt);
/// assert!((&product - &a).iter().all(|e| e.abs() < 1e-14));
/// # Ok::<(), gradus_linalg::Error>(())
/// ```
///
/// # Errors
/// [`Error::EmptyMatrix`], [`Error::NotFinite`]; [`Error::NoConvergence`], which has not been seen to happen.
///
/// # References
/// G. H. Golub, C. F. Van Loan, *Matrix Computations*, 4th ed., 2013, §8.6; M. Gu, S. C. Eisenstat, *A Divide-and-Conquer Algorithm for the
/// Bidiagonal SVD*, 1995, <https://doi.org/10.1137/S0895479892242232>
pub fn svd<F: Factorize>(a: &ArrayRef2<F>) -> Result<Svd<F>> {
    let Svd { u, singular_values, vt } = decompose("svd", a)?;
    Ok(Svd {
        u: library::narrow(&u, 1.0),
        singular_values: library::narrow(&singular_values, 1.0),
        vt: library::narrow(&vt, 1.0),
    })
}

/// [`svd`] in `f64`, under the name of the operation that needs it.
pub(super) fn decompose<F: Factorize>(operation: &'static str, a: &ArrayRef2<F>) -> Result<Svd<f64>> {
    check::matrix(operation, a)?;
    let (a, scale) = library::scaled(a);
    let (u, singular_values, v) = library::svd(&a).ok_or_else(|| no_convergence(operation, &a))?;
    Ok(Svd { u, singular_values: singular_values * scale, vt: v.reversed_axes() })
}

/// The singular values alone, in `f64`.
pub(super) fn values<F: Factorize>(operation: &'static str, a: &ArrayRef2<F>) -> Result<Array1<f64>> {
    check::matrix(operation, a)?;
    let (a, scale) = library::scaled(a);
    let values = library::singular_values(&a).ok_or_else(|| no_convergence(operation, &a))?;
    Ok(values * scale)
}

fn no_convergence(operation: &'static str, a: &Array2<f64>) -> Error {
    Error::NoConvergence { operation, iterations: library::iterations(a.nrows().min(a.ncols())) }
}

/// Where singular values begin to count as 0: the roundings that already lie in a matrix of this scalar.
pub(super) fn usual_rcond<F: Real>((m, n): (usize, usize)) -> f64 {
    m.max(n) as f64 * F::EPSILON.to_f64()
}

/// `σ₁ / σₖ`
pub(super) fn condition(values: &ArrayRef1<f64>) -> f64 {
    let (first, last) = (values[0], values[values.len() - 1]);
    if last == 0.0 { f64::INFINITY } else { first / last }
}

/// How many are above `rcond σ₁`.
pub(super) fn count<F: Real>(values: &ArrayRef1<F>, rcond: f64) -> usize {
    let least = F::from_f64(rcond) * values[0];
    values.iter().filter(|&&value| value > least).count()
}

impl<F: Real> Svd<F> {
    /// The number of singular values above `rcond σ₁`.
    ///
    /// `None` is `max(m, n) ε`, the size of the roundings that already lie in `A`.
    #[must_use]
    pub fn rank(&self, rcond: Option<f64>) -> usize {
        let usual = usual_rcond::<F>((self.u.nrows(), self.vt.ncols()));
        count(&self.singular_values, rcond.unwrap_or(usual))
    }

    /// The condition number `κ₂ = σ₁ / σₖ`; infinite for a matrix without full rank.
    #[must_use]
    pub fn condition(&self) -> f64 {
        condition(&self.singular_values.map(|value| value.to_f64()))
    }

    /// The pseudo-inverse `A⁺ = V Σ⁺ Uᵀ`; singular values up to `rcond σ₁` count as 0, as in [`rank`](Self::rank).
    #[must_use]
    pub fn pinv(&self, rcond: Option<f64>) -> Array2<F> {
        let rank = self.rank(rcond);
        let v = self.vt.slice(s![..rank, ..]);
        let scaled = &v / &self.singular_values.slice(s![..rank]).insert_axis(Axis(1));
        let mut inverse = Array2::zeros((self.vt.ncols(), self.u.nrows()));
        F::gemm(F::one(), scaled.t(), self.u.slice(s![.., ..rank]).reversed_axes(), F::zero(), inverse.view_mut());
        inverse
    }
}

/// The singular values of a matrix, from the largest: the half-axes of the ellipsoid that it makes of the unit ball.
///
/// # Examples
/// ```
/// use gradus_linalg::{ndarray::array, singular_values};
/// assert_eq!(singular_values(&array![[0.0, -2.0], [3.0, 0.0]])?, array![3.0, 2.0]);
/// # Ok::<(), gradus_linalg::Error>(())
/// ```
///
/// # Errors
/// As [`svd`].
pub fn singular_values<F: Factorize>(a: &ArrayRef2<F>) -> Result<Array1<F>> {
    Ok(library::narrow(&values("singular_values", a)?, 1.0))
}

/// The condition number `κ₂ = σ₁ / σₖ`: how many times larger the relative error of a solution can be than that of the data.
///
/// With `κ = 10ᵏ`, expect to lose `k` of the 16 digits of `f64`, or of the 7 of `f32`.
///
/// # Examples
/// ```
/// use gradus_linalg::{cond, ndarray::array};
/// assert_eq!(cond(&array![[1.0, 0.0], [0.0, 1e-6]])?, 1e6);
/// assert_eq!(cond(&array![[1.0, 0.0], [0.0, 0.0]])?, f64::INFINITY);
/// # Ok::<(), gradus_linalg::Error>(())
/// ```
///
/// # Errors
/// As [`svd`].
pub fn cond<F: Factorize>(a: &ArrayRef2<F>) -> Result<f64> {
    Ok(condition(&values("cond", a)?))
}

/// The rank: the number of singular values above `rcond σ₁`, with `max(m, n) ε` for `None`.
///
/// # Examples
/// ```
/// use gradus_linalg::{ndarray::array, rank};
/// let a = array![[1.0, 2.0], [2.0, 4.0 + 1e-9]];
/// assert_eq!(rank(&a, None)?, 2);
/// assert_eq!(rank(&a, Some(1e-6))?, 1);
/// # Ok::<(), gradus_linalg::Error>(())
/// ```
///
/// # Errors
/// As [`svd`].
pub fn rank<F: Factorize>(a: &ArrayRef2<F>, rcond: Option<f64>) -> Result<usize> {
    Ok(count(&values("rank", a)?, rcond.unwrap_or(usual_rcond::<F>(a.dim()))))
}

/// The Moore–Penrose pseudo-inverse `A⁺`, by [`svd`].
///
/// `A⁺ b` is, of all `x` that make `‖A x − b‖` least, the shortest. Singular values up to `rcond σ₁` count as 0 (`None`:
/// `max(m, n) ε`).
///
/// # Shapes
/// `A (m, n)`, `A⁺ (n, m)`
///
/// # Examples
/// ```
/// use gradus_linalg::{ndarray::array, pinv};
/// let inverse = pinv(&array![[2.0, 0.0], [0.0, 0.0]], None)?;
/// assert_eq!(inverse, array![[0.5, 0.0], [0.0, 0.0]]);
/// # Ok::<(), gradus_linalg::Error>(())
/// ```
///
/// # Errors
/// As [`svd`].
///
/// # References
/// R. Penrose, *A Generalized Inverse for Matrices*, 1955, <https://doi.org/10.1017/S0305004100030401>
pub fn pinv<F: Factorize>(a: &ArrayRef2<F>, rcond: Option<f64>) -> Result<Array2<F>> {
    let rcond = rcond.unwrap_or(usual_rcond::<F>(a.dim()));
    Ok(library::narrow(&decompose("pinv", a)?.pinv(Some(rcond)), 1.0))
}
