//! Gaussian elimination, kept as the factors it finds.

use super::check::{self, RightSide};
use super::condition::{finite_or_infinite, inverse_norm, one_norm};
use super::library::{self, Factorize};
use super::triangular::{Triangle, substitute};
use super::work::{RowOperation, eliminate};
use crate::{Error, Result};
use ndarray::{Array, Array2, ArrayRef, ArrayRef2, Axis, s};
use std::marker::PhantomData;

/// `P A = L U`: what [`lu`] returns.
#[derive(Debug, Clone)]
pub struct Lu<F> {
    /// `U / scale` on and above the diagonal, the multipliers of `L` below it.
    factors: Array2<f64>,
    /// What the matrix was divided by.
    scale: f64,
    /// Row `i` of `P A` is row `order[i]` of `A`.
    order: Vec<usize>,
    /// `‖A‖₁ / scale`, for the condition number.
    norm: f64,
    scalar: PhantomData<F>,
}

/// LU decomposition with partial pivoting, `P A = L U`.
///
/// `L` is lower triangular with ones on its diagonal, `U` upper triangular, `P` swaps rows so that each pivot is the largest of its
/// column: no multiplier exceeds 1, which keeps rounding errors from growing. A singular matrix has a decomposition too;
/// it shows as a 0 on the diagonal of `U`.
///
/// # Shapes
/// `A, L, U, P (n, n)`
///
/// # Examples
/// ```
/// use gradus_linalg::{lu, ndarray::array};
/// let f = lu(&array![[0.0, 2.0], [4.0, 1.0]])?;
/// assert_eq!(f.l().dot(&f.u()), array![[4.0, 1.0], [0.0, 2.0]]); // A with its rows swapped
/// assert_eq!(f.permutation(), [1, 0]);
/// assert_eq!(f.det(), -8.0);
/// # Ok::<(), gradus_linalg::Error>(())
/// ```
///
/// # Errors
/// [`Error::NotSquare`], [`Error::EmptyMatrix`], [`Error::NotFinite`].
///
/// # References
/// G. H. Golub, C. F. Van Loan, *Matrix Computations*, 4th ed., 2013, §3.4
pub fn lu<F: Factorize>(a: &ArrayRef2<F>) -> Result<Lu<F>> {
    factorize("lu", a)
}

fn factorize<F: Factorize>(operation: &'static str, a: &ArrayRef2<F>) -> Result<Lu<F>> {
    check::square(operation, a)?;
    let (a, scale) = library::scaled(a);
    let mut factors = a.clone();
    let mut order = library::lu(&mut factors);
    if !library::all_finite(&factors) {
        // The library divides by every pivot, and one of them is 0.
        (factors, order) = of_singular(a.clone());
    }
    Ok(Lu { factors, scale, order, norm: one_norm(&a), scalar: PhantomData })
}

/// Elimination row by row, which passes over a column that has no pivot.
fn of_singular(mut u: Array2<f64>) -> (Array2<f64>, Vec<usize>) {
    let mut l = Array2::zeros(u.raw_dim());
    let mut order: Vec<usize> = (0..u.nrows()).collect();
    eliminate(&mut u, |operation, _| match operation {
        RowOperation::Swap(i, j) => {
            order.swap(i, j);
            let (first, second) = l.multi_slice_mut((s![i, ..], s![j, ..]));
            ndarray::Zip::from(first).and(second).for_each(std::mem::swap);
        }
        RowOperation::Subtract { row, multiplier, of } => l[[row, of]] = multiplier,
    });
    (l + u, order)
}

impl<F: Factorize> Lu<F> {
    /// `L`, lower triangular with ones on the diagonal.
    #[must_use]
    pub fn l(&self) -> Array2<F> {
        Array2::from_shape_fn(self.factors.dim(), |(i, j)| match i.cmp(&j) {
            std::cmp::Ordering::Greater => F::from_f64(self.factors[[i, j]]),
            std::cmp::Ordering::Equal => F::one(),
            std::cmp::Ordering::Less => F::zero(),
        })
    }

    /// `U`, upper triangular.
    #[must_use]
    pub fn u(&self) -> Array2<F> {
        Array2::from_shape_fn(self.factors.dim(), |(i, j)| {
            if i <= j { F::from_f64(self.factors[[i, j]] * self.scale) } else { F::zero() }
        })
    }

    /// `P` as the order of rows: row `i` of `P A` is row `permutation()[i]` of `A`.
    #[must_use]
    pub fn permutation(&self) -> &[usize] {
        &self.order
    }

    /// `P` as a matrix.
    #[must_use]
    pub fn p(&self) -> Array2<F> {
        Array2::from_shape_fn(self.factors.dim(), |(i, j)| if self.order[i] == j { F::one() } else { F::zero() })
    }

    /// The determinant, `± Π Uᵢᵢ`.
    #[must_use]
    pub fn det(&self) -> F {
        F::from_f64(self.factors.diag().iter().fold(self.sign(), |product, &pivot| product * (pivot * self.scale)))
    }

    /// Sign of the determinant (−1, 0 or 1) and the logarithm of its absolute value, which neither overflows nor vanishes.
    #[must_use]
    pub fn slogdet(&self) -> (F, F) {
        let diagonal = self.factors.diag();
        if diagonal.iter().any(|&pivot| pivot == 0.0) {
            return (F::zero(), -F::INFINITY);
        }
        let sign = diagonal.iter().fold(self.sign(), |sign, pivot| sign * pivot.signum());
        let ln = diagonal.iter().map(|pivot| (pivot.abs() * self.scale).ln()).sum();
        (F::from_f64(sign), F::from_f64(ln))
    }

    /// The determinant of `P`, 1 or −1: a cycle of `k` rows takes `k − 1` swaps.
    fn sign(&self) -> f64 {
        let mut seen = vec![false; self.order.len()];
        let mut sign = 1.0;
        for start in 0..seen.len() {
            let mut at = self.order[start];
            while !seen[start] && at != start {
                sign = -sign;
                seen[at] = true;
                at = self.order[at];
            }
            seen[start] = true;
        }
        sign
    }

    /// An estimate of the condition number `κ₁ = ‖A‖₁ ‖A⁻¹‖₁`, in `O(n²)`: never too large, seldom below a third of it.
    ///
    /// `A⁻¹` is not computed: its norm is looked for by going uphill on `‖A⁻¹ x‖₁` over the ball `‖x‖₁ ≤ 1`, whose
    /// maximum must be at a corner.
    ///
    /// # References
    /// N. J. Higham, *Accuracy and Stability of Numerical Algorithms*, 2nd ed., 2002, §15.3, algorithm 15.4
    #[must_use]
    pub fn condition(&self) -> f64 {
        if self.factors.diag().iter().any(|&pivot| pivot == 0.0) {
            return f64::INFINITY;
        }
        let norm = inverse_norm(
            self.order.len(),
            |x| {
                *x = self.permuted(x);
                self.substitute(x);
            },
            |x| self.substitute_transposed(x),
        );
        finite_or_infinite(self.norm * norm)
    }

    /// Solves `A x = b`.
    ///
    /// # Errors
    /// As [`solve`].
    pub fn solve<D: RightSide>(&self, b: &ArrayRef<F, D>) -> Result<Array<F, D>> {
        self.solve_as("solve", b)
    }

    /// `A⁻¹`.
    ///
    /// # Errors
    /// As [`inverse()`].
    pub fn inverse(&self) -> Result<Array2<F>> {
        self.solve_as("inverse", &Array2::eye(self.order.len()))
    }

    fn solve_as<D: RightSide>(&self, operation: &'static str, b: &ArrayRef<F, D>) -> Result<Array<F, D>> {
        let b = check::right_side(operation, self.factors.shape(), b)?;
        let condition = self.condition();
        if condition * F::EPSILON.to_f64() >= 1.0 {
            return Err(Error::Singular { operation, condition });
        }
        let mut x = self.permuted(&library::widen(&b));
        self.substitute(&mut x);
        Ok(D::restore(library::narrow(&x, 1.0 / self.scale)))
    }

    fn permuted(&self, b: &Array2<f64>) -> Array2<f64> {
        b.select(Axis(0), &self.order).as_standard_layout().into_owned()
    }

    /// `X ← U⁻¹ L⁻¹ X`
    fn substitute(&self, x: &mut Array2<f64>) {
        substitute(self.factors.view(), Triangle::Lower, true, x);
        substitute(self.factors.view(), Triangle::Upper, false, x);
    }

    /// `x ← A⁻ᵀ x = Pᵀ L⁻ᵀ U⁻ᵀ x`
    fn substitute_transposed(&self, x: &mut Array2<f64>) {
        substitute(self.factors.t(), Triangle::Lower, false, x);
        substitute(self.factors.t(), Triangle::Upper, true, x);
        let permuted = x.clone();
        for (&to, row) in self.order.iter().zip(permuted.rows()) {
            x.row_mut(to).assign(&row);
        }
    }
}

/// Solves `A x = b` by [`lu`].
///
/// # Shapes
/// `A (n, n)`; `b` and `x` `(n,)` or `(n, k)`
///
/// # Examples
/// ```
/// use gradus_linalg::{ndarray::array, solve};
/// let a = array![[2.0, 1.0], [1.0, 3.0]];
/// assert_eq!(solve(&a, &array![3.0, 4.0])?, array![1.0, 1.0]);
///
/// let error = solve(&array![[1.0, 2.0], [2.0, 4.0]], &array![3.0, 4.0]).unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "solve: the matrix is singular to working precision: its condition number is inf; \
///      pinv, or lstsq by svd, gives the solution of least norm"
/// );
/// # Ok::<(), gradus_linalg::Error>(())
/// ```
///
/// # Errors
/// [`Error::Singular`], with the condition number `κ₁` ([`Lu::condition`]), if `κ₁ ≥ 1/ε`: then no digit of the answer
/// need be right. [`Error::NotSquare`], [`Error::EmptyMatrix`], [`Error::NotFinite`], [`Error::RightSide`].
pub fn solve<F: Factorize, D: RightSide>(a: &ArrayRef2<F>, b: &ArrayRef<F, D>) -> Result<Array<F, D>> {
    factorize("solve", a)?.solve(b)
}

/// The inverse `A⁻¹`, by [`lu`]. To solve a system, use [`solve`]: it is faster and more accurate than multiplying by the inverse.
///
/// # Examples
/// ```
/// use gradus_linalg::{inverse, ndarray::array};
/// assert_eq!(inverse(&array![[0.0, 2.0], [4.0, 0.0]])?, array![[0.0, 0.25], [0.5, 0.0]]);
/// # Ok::<(), gradus_linalg::Error>(())
/// ```
///
/// # Errors
/// As [`solve`].
pub fn inverse<F: Factorize>(a: &ArrayRef2<F>) -> Result<Array2<F>> {
    factorize("inverse", a)?.inverse()
}

/// The determinant: the factor by which `A` changes volumes, negative if it mirrors. By [`lu`].
///
/// # Examples
/// ```
/// use gradus_linalg::{det, ndarray::array};
/// assert!((det(&array![[1.0, 2.0], [3.0, 5.0]])? + 1.0_f64).abs() < 1e-14);
/// # Ok::<(), gradus_linalg::Error>(())
/// ```
///
/// # Errors
/// As [`lu`]. A singular matrix is no error: its determinant is 0.
pub fn det<F: Factorize>(a: &ArrayRef2<F>) -> Result<F> {
    Ok(factorize("det", a)?.det())
}

/// Sign and logarithm of the determinant, `det A = sign · e^ln`, where the determinant itself would overflow or vanish.
///
/// # Examples
/// ```
/// use gradus_linalg::{ndarray::Array2, slogdet};
/// let (sign, ln) = slogdet(&(-1e-30 * Array2::<f64>::eye(25)))?; // det = −1e−750
/// assert_eq!(sign, -1.0);
/// assert!((ln + 750.0 * 10.0_f64.ln()).abs() < 1e-9);
/// # Ok::<(), gradus_linalg::Error>(())
/// ```
///
/// # Errors
/// As [`lu`]. A singular matrix gives `(0, −∞)`.
pub fn slogdet<F: Factorize>(a: &ArrayRef2<F>) -> Result<(F, F)> {
    Ok(factorize("slogdet", a)?.slogdet())
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn by_hand() {
        let f = lu(&array![[1.0, 2.0], [2.0, 6.0]]).unwrap();
        assert_eq!(f.l(), array![[1.0, 0.0], [0.5, 1.0]]);
        assert_eq!(f.u(), array![[2.0, 6.0], [0.0, -1.0]]);
        assert_eq!(f.p(), array![[0.0, 1.0], [1.0, 0.0]]);
        assert_eq!(f.slogdet(), (1.0, 2.0_f64.ln()));
        // ‖A‖₁ = 8, A⁻¹ = [[3, −1], [−1, 1/2]] with ‖A⁻¹‖₁ = 4
        assert!((f.condition() - 32.0).abs() < 1e-12);
        assert_eq!(f.solve(&array![3.0, 8.0]).unwrap(), array![1.0, 1.0]);
    }

    #[test]
    fn nearly_singular_is_an_error_with_the_condition_number() {
        // The Hilbert matrix of order 13: κ₁ is near 1e18.
        let hilbert = Array2::from_shape_fn((13, 13), |(i, j)| 1.0 / (i + j + 1) as f64);
        let Err(Error::Singular { operation: "inverse", condition }) = inverse(&hilbert) else { panic!() };
        assert!(condition > 1e16, "{condition:e}");
        let hilbert = hilbert.slice(s![..5, ..5]);
        let condition = lu(&hilbert).unwrap().condition();
        assert!((condition / 943_656.0 - 1.0).abs() < 1e-9, "{condition}"); // exact value, Higham §28.1
    }
}
