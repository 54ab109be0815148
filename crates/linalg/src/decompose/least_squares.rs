//! Least squares, three ways.

use super::check::{self, RightSide};
use super::condition::triangular_condition;
use super::library::{self, Factorize};
use super::qr::Mirrors;
use super::triangular::{Triangle, substitute};
use super::{cholesky, svd};
use crate::{Error, Result};
use ndarray::{Array, Array2, ArrayRef, ArrayRef2, Axis, s};

/// How [`lstsq`] goes about it.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
#[non_exhaustive]
pub enum LeastSquares {
    /// `AᵀA x = Aᵀb` by Cholesky.
    NormalEquations,
    /// `R x = Qᵀb`.
    #[default]
    Qr,
    /// `x = V Σ⁺ Uᵀ b`: singular values up to `rcond σ₁` count as 0.
    Svd {
        /// Share of the largest singular value; `None` is `max(m, n) ε`.
        rcond: Option<f64>,
    },
}

/// The `x` that makes `‖A x − b‖₂` least; of several, the shortest.
///
/// | | normal equations | QR | SVD |
/// | --- | --- | --- | --- |
/// | solves | `AᵀA x = Aᵀb` | `R x = Qᵀb` | `x = V Σ⁺ Uᵀ b` |
/// | operations, `m ≫ n` | `m n²` | `2 m n²` | `2 m n² + c n³`, `c` ≈ 20 |
/// | relative error, small residual | `ε κ²` | `ε κ` | `ε κ` |
/// | digits lost of the 16, `κ = 10ᵏ` | `2k` | `k` | `k` |
/// | fails where, in `f64` | `κ ≥ 1/√ε` = 7·10⁷ | `κ ≥ 1/ε` = 5·10¹⁵ | never |
/// | fails where, in `f32` | `κ ≥ 1/ε` = 8·10⁶ | `κ ≥ 1/ε` = 8·10⁶ | never |
/// | without full rank | error | error | shortest solution |
/// | use it | for many rows, few columns, small `κ` | else | where the rank is in doubt |
///
/// `κ` is [`cond`](crate::cond) of `A`. Forming `AᵀA` squares it: numbers that `A` holds to 16 digits, such as the 1e-9 in a column
/// `(1, 1e-9)`, are squared away before the solver sees them. QR works on `A` itself. With a large residual `r`, all three meet a term `ε κ² ‖r‖`, which
/// lies in the problem and not in the method. The example fits a polynomial of degree 6 on 12 points (`κ` ≈ 4·10⁶, Vandermonde):
/// normal equations lose 10 digits of 16, QR and SVD 5 or so; at degree 9 (`κ` ≈ 10¹⁰) the normal equations are an error.
///
/// Matrices of `f32` are solved in `f64`, whose 16 digits leave even the normal equations enough. Beyond `κ` = 8·10⁶ it is the
/// roundings in the data that leave no digit of an answer, whatever the method.
///
/// Matrices with fewer rows than columns are solved by the same means, `x = Aᵀ (A Aᵀ)⁻¹ b = Q R⁻ᵀ b` with `Aᵀ = Q R`.
///
/// # Shapes
/// `A (m, n)`; `b` `(m,)` or `(m, k)`; `x` `(n,)` or `(n, k)`
///
/// # Examples
/// ```
/// use gradus_linalg::ndarray::{Array1, Array2};
/// use gradus_linalg::{Error, LeastSquares, lstsq};
///
/// let error = |degree: usize, method| {
///     let a = Array2::from_shape_fn((12, degree + 1), |(i, j)| (1.0 + i as f64 / 11.0).powi(j as i32));
///     let truth = Array1::ones(degree + 1);
///     Ok::<_, Error>((lstsq(&a, &a.dot(&truth), method)? - truth).iter().fold(0.0, |most: f64, e| most.max(e.abs())))
/// };
/// let svd = LeastSquares::Svd { rcond: None };
/// assert!(error(6, LeastSquares::NormalEquations)? > 1e-7);
/// assert!(error(6, LeastSquares::Qr)? < 1e-8);
/// assert!(error(6, svd)? < 1e-8);
/// assert!(matches!(error(9, LeastSquares::NormalEquations), Err(Error::Singular { .. })));
/// assert!(error(9, LeastSquares::Qr)? < 1e-4);
/// # Ok::<(), Error>(())
/// ```
///
/// # Errors
/// [`Error::Singular`], with the condition number, of a matrix without full rank in the precision that the method has;
/// [`Error::EmptyMatrix`], [`Error::NotFinite`], [`Error::RightSide`]; [`Error::Setting`] for a negative `rcond`; [`Error::NoConvergence`] by SVD.
///
/// # References
/// Å. Björck, *Numerical Methods for Least Squares Problems*, 1996, §1.4 and §2.2; L. N. Trefethen, D. Bau, *Numerical Linear Algebra*, 1997,
/// lectures 11, 18 and 19
pub fn lstsq<F: Factorize, D: RightSide>(
    a: &ArrayRef2<F>,
    b: &ArrayRef<F, D>,
    method: LeastSquares,
) -> Result<Array<F, D>> {
    check::matrix("lstsq", a)?;
    let b = library::widen(&check::right_side("lstsq", a.shape(), b)?);
    let least = 1.0 / F::EPSILON.to_f64(); // of condition numbers that leave no digit
    let x = match method {
        LeastSquares::NormalEquations => by_normal_equations(&library::widen(a), &b, least)?,
        LeastSquares::Qr => by_qr(a, b, least)?,
        LeastSquares::Svd { rcond } => {
            if let Some(value) = rcond.filter(|rcond| rcond.is_nan() || *rcond < 0.0) {
                return Err(Error::Setting { operation: "lstsq", name: "rcond", value, fits: "0 or more" });
            }
            by_svd(a, &b, rcond.unwrap_or(svd::usual_rcond::<F>(a.dim())))?
        }
    };
    Ok(D::restore(library::narrow(&x, 1.0)))
}

fn by_normal_equations(a: &ArrayRef2<f64>, b: &Array2<f64>, least: f64) -> Result<Array2<f64>> {
    const OPERATION: &str = "lstsq by normal equations, on AᵀA";
    let (a, scale) = library::scaled(a);
    let tall = a.nrows() >= a.ncols();
    let gram = if tall { product(&a.t(), &a) } else { product(&a, &a.t()) };
    let factor = match cholesky(&gram) {
        Ok(factor) => factor,
        Err(Error::NotPositiveDefinite { .. }) => {
            let condition = svd::condition(&svd::values(OPERATION, &a)?);
            return Err(Error::Singular { operation: OPERATION, condition: condition * condition });
        }
        Err(other) => return Err(other),
    };
    let root = triangular_condition(&factor.l(), Triangle::Lower);
    if root * root >= 1.0 / f64::EPSILON || root >= least {
        return Err(Error::Singular { operation: OPERATION, condition: root * root });
    }
    let x = if tall { factor.solve(&product(&a.t(), b))? } else { product(&a.t(), &factor.solve(b)?) };
    Ok(x / scale)
}

fn by_qr<F: Factorize>(a: &ArrayRef2<F>, mut b: Array2<f64>, least: f64) -> Result<Array2<f64>> {
    const OPERATION: &str = "lstsq by qr";
    let (m, n) = a.dim();
    let mirrors = if m >= n { Mirrors::of(a) } else { Mirrors::of(&a.t()) };
    let r = mirrors.r();
    let condition = triangular_condition(&r, Triangle::Upper);
    if condition >= least {
        return Err(Error::Singular { operation: OPERATION, condition });
    }
    let x = if m >= n {
        mirrors.reflect(&mut b, true);
        let mut x = b.slice(s![..n, ..]).to_owned();
        substitute(r.view(), Triangle::Upper, false, &mut x);
        x
    } else {
        substitute(r.t(), Triangle::Lower, false, &mut b);
        let mut x = Array2::zeros((n, b.ncols()));
        x.slice_mut(s![..m, ..]).assign(&b);
        mirrors.reflect(&mut x, false);
        x
    };
    Ok(x / mirrors.scale())
}

fn by_svd<F: Factorize>(a: &ArrayRef2<F>, b: &Array2<f64>, rcond: f64) -> Result<Array2<f64>> {
    let f = svd::decompose("lstsq", a)?;
    let rank = f.rank(Some(rcond));
    let along = product(&f.u.slice(s![.., ..rank]).reversed_axes(), b);
    let values = f.singular_values.slice(s![..rank]).insert_axis(Axis(1));
    Ok(product(&f.vt.slice(s![..rank, ..]).reversed_axes(), &(along / values)))
}

/// `A B` of matrices whose shapes are known to fit.
fn product(a: &ArrayRef2<f64>, b: &ArrayRef2<f64>) -> Array2<f64> {
    let mut c = Array2::zeros((a.nrows(), b.ncols()));
    crate::Real::gemm(1.0, a.view(), b.view(), 0.0, c.view_mut());
    c
}
