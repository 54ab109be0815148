//! Gaussian elimination, kept as the factors it finds.

use super::check::{self, RightSide};
use super::condition::inverse_norm;
use super::triangular::{Triangle, substitute, subtract, two_rows};
use crate::{Error, Real, Result, l1_norm};
use ndarray::{Array, Array2, ArrayRef, ArrayRef2, Axis, s};

/// Columns eliminated before the rest of the matrix is brought up to date by one product.
const BLOCK: usize = 48;

/// `P A = L U`: what [`lu`] returns.
#[derive(Debug, Clone)]
pub struct Lu<F> {
    /// `U` on and above the diagonal, the multipliers of `L` below it.
    factors: Array2<F>,
    /// Row `i` of `P A` is row `order[i]` of `A`.
    order: Vec<usize>,
    /// Whether the number of swaps is odd, which turns the determinant's sign.
    odd: bool,
    /// `‖A‖₁`, for the condition number.
    norm: F,
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
pub fn lu<F: Real>(a: &ArrayRef2<F>) -> Result<Lu<F>> {
    factorize("lu", a)
}

fn factorize<F: Real>(operation: &'static str, a: &ArrayRef2<F>) -> Result<Lu<F>> {
    check::square(operation, a)?;
    let n = a.nrows();
    let mut lu = Lu {
        factors: a.as_standard_layout().into_owned(),
        order: (0..n).collect(),
        odd: false,
        norm: a.axis_iter(Axis(1)).map(|column| l1_norm(&column)).fold(F::zero(), F::maximum),
    };
    for start in (0..n).step_by(BLOCK) {
        let end = n.min(start + BLOCK);
        lu.eliminate(start, end);
        // What the eliminated columns do to the rest, rows of U first, is one triangular solve and one product.
        let rows = lu.factors.as_slice_mut().expect("made row-major above");
        for k in start..end {
            for i in k + 1..end {
                let (row, pivot) = two_rows(rows, n, i, k);
                let multiplier = row[k];
                subtract(&mut row[end..], multiplier, &pivot[end..]);
            }
        }
        let (l, u, rest) = lu.factors.multi_slice_mut((s![end.., start..end], s![start..end, end..], s![end.., end..]));
        if !rest.is_empty() {
            F::gemm(-F::one(), l.view(), u.view(), F::one(), rest);
        }
    }
    Ok(lu)
}

impl<F: Real> Lu<F> {
    /// Elimination within a block of columns; rows are swapped whole.
    fn eliminate(&mut self, start: usize, end: usize) {
        let n = self.factors.nrows();
        let rows = self.factors.as_slice_mut().expect("made row-major by factorize");
        for k in start..end {
            let best =
                (k + 1..n).fold(k, |best, i| if rows[i * n + k].abs() > rows[best * n + k].abs() { i } else { best });
            if best != k {
                let (row, pivot) = two_rows(rows, n, best, k);
                row.swap_with_slice(pivot);
                self.order.swap(best, k);
                self.odd = !self.odd;
            }
            let pivot = rows[k * n + k];
            if pivot == F::zero() {
                continue; // the column is already eliminated
            }
            for i in k + 1..n {
                let (row, pivot_row) = two_rows(rows, n, i, k);
                row[k] /= pivot;
                let multiplier = row[k];
                subtract(&mut row[k + 1..end], multiplier, &pivot_row[k + 1..end]);
            }
        }
    }

    /// `L`, lower triangular with ones on the diagonal.
    #[must_use]
    pub fn l(&self) -> Array2<F> {
        Array2::from_shape_fn(self.factors.dim(), |(i, j)| match i.cmp(&j) {
            std::cmp::Ordering::Greater => self.factors[[i, j]],
            std::cmp::Ordering::Equal => F::one(),
            std::cmp::Ordering::Less => F::zero(),
        })
    }

    /// `U`, upper triangular.
    #[must_use]
    pub fn u(&self) -> Array2<F> {
        Array2::from_shape_fn(self.factors.dim(), |(i, j)| if i <= j { self.factors[[i, j]] } else { F::zero() })
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
        let sign = if self.odd { -F::one() } else { F::one() };
        self.factors.diag().iter().fold(sign, |product, &pivot| product * pivot)
    }

    /// Sign of the determinant (−1, 0 or 1) and the logarithm of its absolute value, which neither overflows nor vanishes.
    #[must_use]
    pub fn slogdet(&self) -> (F, F) {
        let mut sign = if self.odd { -F::one() } else { F::one() };
        let mut ln = F::zero();
        for &pivot in &self.factors.diag() {
            if pivot == F::zero() {
                return (F::zero(), -F::INFINITY);
            }
            if pivot < F::zero() {
                sign = -sign;
            }
            ln += pivot.abs().ln();
        }
        (sign, ln)
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
        let n = self.order.len();
        if self.factors.diag().iter().any(|&pivot| pivot == F::zero()) {
            return f64::INFINITY;
        }
        let norm = inverse_norm(
            n,
            |x| {
                *x = self.permuted(x);
                self.substitute(x);
            },
            |x| self.substitute_transposed(x),
        );
        let condition = (self.norm * norm).to_f64();
        if condition.is_finite() { condition } else { f64::INFINITY }
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
        let b = check::right_side(operation, &self.factors, b)?;
        let condition = self.condition();
        if condition * F::EPSILON.to_f64() >= 1.0 {
            return Err(Error::Singular { operation, condition });
        }
        let mut x = self.permuted(&b);
        self.substitute(&mut x);
        Ok(D::restore(x))
    }

    fn permuted(&self, b: &Array2<F>) -> Array2<F> {
        b.select(Axis(0), &self.order).as_standard_layout().into_owned()
    }

    /// `X ← U⁻¹ L⁻¹ X`
    fn substitute(&self, x: &mut Array2<F>) {
        substitute(self.factors.view(), Triangle::Lower, true, x);
        substitute(self.factors.view(), Triangle::Upper, false, x);
    }

    /// `x ← A⁻ᵀ x = Pᵀ L⁻ᵀ U⁻ᵀ x`
    fn substitute_transposed(&self, x: &mut Array2<F>) {
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
pub fn solve<F: Real, D: RightSide>(a: &ArrayRef2<F>, b: &ArrayRef<F, D>) -> Result<Array<F, D>> {
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
pub fn inverse<F: Real>(a: &ArrayRef2<F>) -> Result<Array2<F>> {
    factorize("inverse", a)?.inverse()
}

/// The determinant: the factor by which `A` changes volumes, negative if it mirrors. By [`lu`].
///
/// # Examples
/// ```
/// use gradus_linalg::{det, ndarray::array};
/// assert_eq!(det(&array![[1.0, 2.0], [3.0, 5.0]])?, -1.0000000000000004); // exactly −1, but for rounding
/// # Ok::<(), gradus_linalg::Error>(())
/// ```
///
/// # Errors
/// As [`lu`]. A singular matrix is no error: its determinant is 0.
pub fn det<F: Real>(a: &ArrayRef2<F>) -> Result<F> {
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
pub fn slogdet<F: Real>(a: &ArrayRef2<F>) -> Result<(F, F)> {
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
