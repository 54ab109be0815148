//! Triangular systems: substitution, one unknown after the other.

use super::check::{self, RightSide};
use crate::{Error, Real, Result};
use ndarray::{Array, Array2, ArrayRef, ArrayRef2, ArrayView2};

/// Which half of a square matrix counts; the other half is not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Triangle {
    /// On and below the diagonal.
    Lower,
    /// On and above the diagonal.
    Upper,
}

/// Solves `T x = b` for a triangular `T`, by substitution in `n²` operations.
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
    let mut x = check::right_side(OPERATION, t, b)?;
    if t.diag().iter().any(|&pivot| pivot == F::zero()) {
        return Err(Error::Singular { operation: OPERATION, condition: f64::INFINITY });
    }
    substitute(t.view(), triangle, false, &mut x);
    Ok(D::restore(x))
}

/// `X ← T⁻¹ X`; with `unit`, the diagonal counts as ones and is not read. `X` is row-major.
pub(super) fn substitute<F: Real>(t: ArrayView2<'_, F>, triangle: Triangle, unit: bool, x: &mut Array2<F>) {
    let (n, width) = x.dim();
    let x = x.as_slice_mut().expect("made row-major by the callers");
    for step in 0..n {
        let (i, known) = match triangle {
            Triangle::Lower => (step, 0..step),
            Triangle::Upper => (n - 1 - step, n - step..n),
        };
        for j in known {
            let (row, other) = two_rows(x, width, i, j);
            subtract(row, t[[i, j]], other);
        }
        if !unit {
            let pivot = t[[i, i]];
            x[i * width..][..width].iter_mut().for_each(|x| *x /= pivot);
        }
    }
}

/// `y ← y − c x`
pub(super) fn subtract<F: Real>(y: &mut [F], c: F, x: &[F]) {
    if c != F::zero() {
        y.iter_mut().zip(x).for_each(|(y, &x)| *y -= c * x);
    }
}

/// Two different rows of a row-major matrix at once.
pub(super) fn two_rows<F>(rows: &mut [F], width: usize, i: usize, j: usize) -> (&mut [F], &mut [F]) {
    let (upper, lower) = rows.split_at_mut(i.max(j) * width);
    let (first, second) = (&mut upper[i.min(j) * width..][..width], &mut lower[..width]);
    if i < j { (first, second) } else { (second, first) }
}
