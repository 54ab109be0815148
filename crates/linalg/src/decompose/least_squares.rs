//! Least squares, three ways.

use super::check::{self, RightSide};
use super::condition::triangular_condition;
use super::triangular::{Triangle, substitute};
use super::{cholesky, qr, svd};
use crate::{Error, Real, Result};
use ndarray::{Array, Array2, ArrayRef, ArrayRef2, s};

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
/// | operations, `m ≫ n` | `m n²` | `2 m n²` | `2 m n² + c n³`, `c` ≈ 30 |
/// | relative error, small residual | `ε κ²` | `ε κ` | `ε κ` |
/// | fails where | `κ ≥ 1/√ε`: 7·10⁷ in `f64`, 3·10³ in `f32` | `κ ≥ 1/ε`: 5·10¹⁵, 8·10⁶ | never |
/// | without full rank | error | error | shortest solution |
///
/// `κ` is [`cond`](crate::cond) of `A`. Forming `AᵀA` squares it: numbers that `A` holds to 16 digits, such as the 1e-9 in a column
/// `(1, 1e-9)`, are squared away before the solver sees them. QR works on `A` itself. With a large residual `r`, all three meet a term `ε κ² ‖r‖`, which
/// lies in the problem and not in the method. The example fits a polynomial of degree 6 on 12 points (`κ` ≈ 4·10⁶, Vandermonde):
/// normal equations lose 10 digits of 16, QR and SVD 5 or so; at degree 9 (`κ` ≈ 10¹⁰) the normal equations are an error.
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
/// [`Error::EmptyMatrix`], [`Error::NotFinite`], [`Error::RightSide`]; [`Error::Setting`] for a negative `rcond`.
///
/// # References
/// Å. Björck, *Numerical Methods for Least Squares Problems*, 1996, §1.4 and §2.2; L. N. Trefethen, D. Bau, *Numerical Linear Algebra*, 1997,
/// lectures 11, 18 and 19
pub fn lstsq<F: Real, D: RightSide>(a: &ArrayRef2<F>, b: &ArrayRef<F, D>, method: LeastSquares) -> Result<Array<F, D>> {
    check::matrix("lstsq", a)?;
    let b = check::right_side("lstsq", a, b)?;
    Ok(D::restore(match method {
        LeastSquares::NormalEquations => by_normal_equations(a, &b)?,
        LeastSquares::Qr => by_qr(a, b)?,
        LeastSquares::Svd { rcond } => {
            if let Some(value) = rcond.filter(|rcond| rcond.is_nan() || *rcond < 0.0) {
                return Err(Error::Setting { operation: "lstsq", name: "rcond", value, fits: "0 or more" });
            }
            product(&svd::decompose("lstsq", a)?.pinv(rcond), &b)
        }
    }))
}

fn by_normal_equations<F: Real>(a: &ArrayRef2<F>, b: &Array2<F>) -> Result<Array2<F>> {
    const OPERATION: &str = "lstsq by normal equations, on AᵀA";
    let tall = a.nrows() >= a.ncols();
    let gram = if tall { product(&a.t(), a) } else { product(a, &a.t()) };
    let factor = match cholesky(&gram) {
        Ok(factor) => factor,
        Err(Error::NotPositiveDefinite { .. }) => {
            let condition = svd::decompose(OPERATION, a)?.condition();
            return Err(Error::Singular { operation: OPERATION, condition: condition * condition });
        }
        Err(other) => return Err(other),
    };
    let root = triangular_condition(&factor.l(), Triangle::Lower);
    if root * root * F::EPSILON.to_f64() >= 1.0 {
        return Err(Error::Singular { operation: OPERATION, condition: root * root });
    }
    Ok(if tall { factor.solve(&product(&a.t(), b))? } else { product(&a.t(), &factor.solve(b)?) })
}

fn by_qr<F: Real>(a: &ArrayRef2<F>, mut b: Array2<F>) -> Result<Array2<F>> {
    const OPERATION: &str = "lstsq by qr";
    let tall = a.nrows() >= a.ncols();
    let factors = if tall { qr::factorize(a) } else { qr::factorize(&a.t()) };
    let r = factors.r();
    let condition = triangular_condition(&r, Triangle::Upper);
    if condition * F::EPSILON.to_f64() >= 1.0 {
        return Err(Error::Singular { operation: OPERATION, condition });
    }
    if tall {
        factors.apply(&mut b, false);
        let mut x = b.slice(s![..a.ncols(), ..]).to_owned();
        substitute(r.view(), Triangle::Upper, false, &mut x);
        Ok(x)
    } else {
        substitute(r.t(), Triangle::Lower, false, &mut b);
        let mut x = Array2::zeros((a.ncols(), b.ncols()));
        x.slice_mut(s![..a.nrows(), ..]).assign(&b);
        factors.apply(&mut x, true);
        Ok(x)
    }
}

/// `A B` of matrices whose shapes are known to fit.
fn product<F: Real>(a: &ArrayRef2<F>, b: &ArrayRef2<F>) -> Array2<F> {
    let mut c = Array2::zeros((a.nrows(), b.ncols()));
    F::gemm(F::one(), a.view(), b.view(), F::zero(), c.view_mut());
    c
}
