//! Triangular systems: substitution, one unknown after the other.

use super::check::{self, RightSide};
use crate::{Error, Real, Result};
use ndarray::{Array, Array2, ArrayRef, ArrayRef2, ArrayView2, ArrayViewMut2, s};

/// Which half of a square matrix counts; the other half is not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Triangle {
    /// On and below the diagonal.
    Lower,
    /// On and above the diagonal.
    Upper,
}

/// Solves `T x = b` for a triangular `T`, by substitution in `n²` operations for each right-hand side.
///
/// ```text
/// xᵢ = (bᵢ − Σⱼ Tᵢⱼ xⱼ) / Tᵢᵢ        over j < i (forward) or j > i (backward)
/// ```
///
/// # Shapes
/// `T (n, n)`; `b` and `x` `(n,)` or `(n, k)`
///
/// # Examples
/// ```
/// use gradus_linalg::{Triangle, ndarray::array, solve_triangular};
/// let t = array![[2.0, 0.0], [1.0, 4.0]];
/// assert_eq!(solve_triangular(&t, Triangle::Lower, &array![2.0, 9.0])?, array![1.0, 2.0]);
/// # Ok::<(), gradus_linalg::Error>(())
/// ```
///
/// # Errors
/// [`Error::Singular`] if an element of the diagonal is 0; [`Error::NotSquare`], [`Error::EmptyMatrix`],
/// [`Error::NotFinite`], [`Error::RightSide`].
///
/// # References
/// N. J. Higham, *Accuracy and Stability of Numerical Algorithms*, 2nd ed., 2002, chapter 8
pub fn solve_triangular<F: Real, D: RightSide>(
    t: &ArrayRef2<F>,
    triangle: Triangle,
    b: &ArrayRef<F, D>,
) -> Result<Array<F, D>> {
    const OPERATION: &str = "solve_triangular";
    check::square(OPERATION, t)?;
    let mut x = check::right_side(OPERATION, t.shape(), b)?;
    if t.diag().iter().any(|&pivot| pivot == F::zero()) {
        return Err(Error::Singular { operation: OPERATION, condition: f64::INFINITY });
    }
    substitute(t.view(), triangle, false, &mut x);
    Ok(D::restore(x))
}

/// Unknowns up to which substitution goes one by one.
const FEW: usize = 32;

/// `X ← T⁻¹ X`; with `unit`, the diagonal counts as ones and is not read. `X` is row-major.
pub(super) fn substitute<F: Real>(t: ArrayView2<'_, F>, triangle: Triangle, unit: bool, x: &mut Array2<F>) {
    let width = x.ncols();
    substitute_rows(t, triangle, unit, x.as_slice_mut().expect("made row-major by the callers"), width);
}

/// By halves: half of the unknowns, then one product that takes them off the other equations, then the other half.
fn substitute_rows<F: Real>(t: ArrayView2<'_, F>, triangle: Triangle, unit: bool, x: &mut [F], width: usize) {
    let n = t.nrows();
    if n <= FEW {
        return one_by_one(t, triangle, unit, x, width);
    }
    let half = n / 2;
    let (upper, lower) = x.split_at_mut(half * width);
    let (first, second) = (t.slice(s![..half, ..half]), t.slice(s![half.., half..]));
    let shape = |rows: usize| (rows, width);
    match triangle {
        Triangle::Lower => {
            substitute_rows(first, triangle, unit, upper, width);
            let known = ArrayView2::from_shape(shape(half), upper).expect("half the rows");
            let rest = ArrayViewMut2::from_shape(shape(n - half), &mut *lower).expect("the other half");
            F::gemm(-F::one(), t.slice(s![half.., ..half]), known, F::one(), rest);
            substitute_rows(second, triangle, unit, lower, width);
        }
        Triangle::Upper => {
            substitute_rows(second, triangle, unit, lower, width);
            let known = ArrayView2::from_shape(shape(n - half), lower).expect("half the rows");
            let rest = ArrayViewMut2::from_shape(shape(half), &mut *upper).expect("the other half");
            F::gemm(-F::one(), t.slice(s![..half, half..]), known, F::one(), rest);
            substitute_rows(first, triangle, unit, upper, width);
        }
    }
}

fn one_by_one<F: Real>(t: ArrayView2<'_, F>, triangle: Triangle, unit: bool, x: &mut [F], width: usize) {
    let n = t.nrows();
    for step in 0..n {
        let (i, known) = match triangle {
            Triangle::Lower => (step, 0..step),
            Triangle::Upper => (n - 1 - step, n - step..n),
        };
        for j in known {
            let (row, other) = two_rows(x, width, i, j);
            let coefficient = t[[i, j]];
            if coefficient != F::zero() {
                row.iter_mut().zip(other).for_each(|(x, &known)| *x -= coefficient * known);
            }
        }
        if !unit {
            let pivot = t[[i, i]];
            x[i * width..][..width].iter_mut().for_each(|x| *x /= pivot);
        }
    }
}

/// Two different rows of a row-major matrix at once.
fn two_rows<F>(rows: &mut [F], width: usize, i: usize, j: usize) -> (&mut [F], &[F]) {
    let (upper, lower) = rows.split_at_mut(i.max(j) * width);
    let (first, second) = (&mut upper[i.min(j) * width..][..width], &mut lower[..width]);
    if i < j { (first, second) } else { (second, first) }
}
