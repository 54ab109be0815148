//! Singular values: rotations until all columns are orthogonal.

use super::check;
use super::qr;
use super::triangular::two_rows;
use crate::elementwise::sum_pairs;
use crate::{Error, Real, Result, l2_norm, max_norm};
use ndarray::{Array1, Array2, ArrayRef2, Axis, s};

/// More sweeps than any matrix has been seen to need; six to ten are usual.
const SWEEPS: usize = 60;

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
/// One-sided Jacobi: pairs of columns are turned in their plane until they are orthogonal,
///
/// ```text
/// A V = U Σ        ζ = (‖aⱼ‖² − ‖aᵢ‖²) / (2 aᵢ·aⱼ),   t = sign(ζ) / (|ζ| + √(1 + ζ²)),   c = 1/√(1 + t²),   s = c t
/// ```
///
/// and after some sweeps over all pairs the lengths of the columns are the singular values. It is slower than the
/// bidiagonal algorithms for large matrices and more accurate: small singular values, down to `ε² σ₁`, keep their digits where columns of very different
/// size are the cause of their smallness. A tall matrix is first reduced by [`qr()`](crate::qr).
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
/// G. H. Golub, C. F. Van Loan, *Matrix Computations*, 4th ed., 2013, §8.6.3; J. Demmel, K. Veselić, *Jacobi's Method is
/// More Accurate than QR*, 1992, <https://doi.org/10.1137/0613074>
pub fn svd<F: Real>(a: &ArrayRef2<F>) -> Result<Svd<F>> {
    decompose("svd", a)
}

/// [`svd`] under the name of the operation that needs it.
pub(super) fn decompose<F: Real>(operation: &'static str, a: &ArrayRef2<F>) -> Result<Svd<F>> {
    check::matrix(operation, a)?;
    let (m, n) = a.dim();
    if m < n {
        let Svd { u, singular_values, vt } = decompose(operation, &a.t())?;
        return Ok(Svd { u: vt.reversed_axes(), singular_values, vt: u.reversed_axes() });
    }
    // Scaled so that squares neither overflow nor vanish.
    let largest = max_norm(a);
    let scale = if largest == F::zero() { F::one() } else { largest };
    let scaled = a.mapv(|x| x / scale);
    let reduced = (m > n).then(|| qr::factorize(&scaled));
    let square = reduced.as_ref().map_or(scaled, |qr| qr.r());

    let mut columns = square.t().as_standard_layout().into_owned(); // a column is a row here, to lie together
    let mut v: Array2<F> = Array2::eye(n);
    orthogonalize(operation, &mut columns, &mut v)?;

    let lengths: Vec<F> = columns.rows().into_iter().map(|row| l2_norm(&row)).collect();
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|&i, &j| lengths[j].partial_cmp(&lengths[i]).expect("finite input gives finite lengths"));
    let mut u = columns.select(Axis(0), &order);
    for (mut row, &from) in u.rows_mut().into_iter().zip(&order) {
        let length = lengths[from];
        // Too short to have a direction: any vector orthogonal to the others will do.
        row.mapv_inplace(|x| if length > negligible::<F>() { x / length } else { F::zero() });
    }
    complete(&mut u);
    let mut u = u.t().as_standard_layout().into_owned();
    if let Some(qr) = reduced {
        let mut tall = Array2::zeros((m, n));
        tall.slice_mut(s![..n, ..]).assign(&u);
        qr.apply(&mut tall, true);
        u = tall;
    }
    let singular_values = order.iter().map(|&i| lengths[i] * scale).collect();
    Ok(Svd { u, singular_values, vt: v.select(Axis(0), &order) })
}

/// Below this share of the largest element, what is left of a column is rounding error.
fn negligible<F: Real>() -> F {
    F::EPSILON * F::EPSILON
}

/// Turns pairs of rows of `x`, and those of `v` alike, until all rows of `x` are orthogonal.
fn orthogonalize<F: Real>(operation: &'static str, x: &mut Array2<F>, v: &mut Array2<F>) -> Result<()> {
    let (n, width) = x.dim();
    let tolerance = F::EPSILON * F::from_f64(width as f64).sqrt();
    let least = negligible::<F>() * negligible::<F>();
    let x = x.as_slice_mut().expect("made row-major by decompose");
    let v = v.as_slice_mut().expect("made row-major by decompose");
    let product = |x: &[F], y: &[F]| sum_pairs(x, y, &|x, y| x * y);
    for _ in 0..SWEEPS {
        let mut squares: Vec<F> = x.chunks_exact(width).map(|row| product(row, row)).collect();
        let mut turned = false;
        for i in 0..n {
            for j in i + 1..n {
                let (alpha, beta) = (squares[i], squares[j]);
                if alpha <= least || beta <= least {
                    continue;
                }
                let (first, second) = two_rows(x, width, i, j);
                let gamma = product(first, second);
                if gamma.abs() <= tolerance * (alpha.sqrt() * beta.sqrt()) {
                    continue;
                }
                turned = true;
                let (c, s) = rotation((beta - alpha) / (F::from_f64(2.0) * gamma));
                turn(c, s, first, second);
                (squares[i], squares[j]) = (product(first, first), product(second, second));
                let (first, second) = two_rows(v, n, i, j);
                turn(c, s, first, second);
            }
        }
        if !turned {
            return Ok(());
        }
    }
    Err(Error::NoConvergence { operation, iterations: SWEEPS })
}

/// Cosine and sine of the smaller angle whose tangent solves `t² + 2 ζ t = 1`.
pub(super) fn rotation<F: Real>(zeta: F) -> (F, F) {
    let size = zeta.abs();
    let t = if size > F::one() / F::EPSILON {
        F::from_f64(0.5) / size // ζ² could overflow
    } else {
        F::one() / (size + (F::one() + size * size).sqrt())
    };
    let t = if zeta < F::zero() { -t } else { t };
    let c = F::one() / (F::one() + t * t).sqrt();
    (c, c * t)
}

/// `(x, y) ← (c x − s y, s x + c y)`
pub(super) fn turn<F: Real>(c: F, s: F, x: &mut [F], y: &mut [F]) {
    for (x, y) in x.iter_mut().zip(y) {
        (*x, *y) = (c * *x - s * *y, s * *x + c * *y);
    }
}

/// Replaces rows of zeros by unit vectors orthogonal to all other rows.
fn complete<F: Real>(rows: &mut Array2<F>) {
    let (count, width) = rows.dim();
    for i in 0..count {
        if max_norm(&rows.row(i)) > F::zero() {
            continue;
        }
        // One of the axes must stick out of the span of fewer vectors than there are axes; take the one that does most.
        let shadow = |axis: usize| rows.column(axis).iter().map(|&x| x * x).sum::<F>();
        let axis = (0..width).fold(0, |best, axis| if shadow(axis) < shadow(best) { axis } else { best });
        let mut row = Array1::zeros(width);
        row[axis] = F::one();
        for _ in 0..2 {
            for other in rows.rows() {
                let along = other.iter().zip(&row).map(|(&x, &y)| x * y).sum::<F>();
                row.zip_mut_with(&other, |x, &y| *x -= along * y);
            }
            let length = l2_norm(&row);
            row.mapv_inplace(|x| x / length);
        }
        rows.row_mut(i).assign(&row);
    }
}

impl<F: Real> Svd<F> {
    /// The number of singular values above `rcond σ₁`.
    ///
    /// `None` is `max(m, n) ε`, the size of the roundings that already lie in `A`.
    #[must_use]
    pub fn rank(&self, rcond: Option<f64>) -> usize {
        let least = self.least(rcond);
        self.singular_values.iter().filter(|&&s| s > least).count()
    }

    /// The condition number `κ₂ = σ₁ / σₖ`; infinite for a matrix without full rank.
    #[must_use]
    pub fn condition(&self) -> f64 {
        let last = self.singular_values[self.singular_values.len() - 1];
        if last == F::zero() { f64::INFINITY } else { self.singular_values[0].to_f64() / last.to_f64() }
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

    fn least(&self, rcond: Option<f64>) -> F {
        let usual = self.u.nrows().max(self.vt.ncols()) as f64 * F::EPSILON.to_f64();
        F::from_f64(rcond.unwrap_or(usual)) * self.singular_values[0]
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
pub fn singular_values<F: Real>(a: &ArrayRef2<F>) -> Result<Array1<F>> {
    Ok(decompose("singular_values", a)?.singular_values)
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
pub fn cond<F: Real>(a: &ArrayRef2<F>) -> Result<f64> {
    Ok(decompose("cond", a)?.condition())
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
pub fn rank<F: Real>(a: &ArrayRef2<F>, rcond: Option<f64>) -> Result<usize> {
    Ok(decompose("rank", a)?.rank(rcond))
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
pub fn pinv<F: Real>(a: &ArrayRef2<F>, rcond: Option<f64>) -> Result<Array2<F>> {
    Ok(decompose("pinv", a)?.pinv(rcond))
}
