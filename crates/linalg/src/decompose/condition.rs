//! How large an inverse is, without inverting.

use super::triangular::{Triangle, substitute};
use crate::l1_norm;
use ndarray::{Array2, ArrayRef2, Axis};

/// An estimate of `‖A⁻¹‖₁` from below, by a handful of solutions with `A` and `Aᵀ`, each in place of its right-hand side.
///
/// The convex function `‖A⁻¹ x‖₁` is followed uphill from corner to corner of the ball `‖x‖₁ ≤ 1`.
///
/// # References
/// N. J. Higham, *Accuracy and Stability of Numerical Algorithms*, 2nd ed., 2002, algorithm 15.4
pub(super) fn inverse_norm(
    n: usize,
    solve: impl Fn(&mut Array2<f64>),
    solve_transposed: impl Fn(&mut Array2<f64>),
) -> f64 {
    let count = n as f64;
    let mut x = Array2::from_elem((n, 1), 1.0 / count);
    let mut norm = 0.0_f64;
    let mut corner = None;
    for _ in 0..5 {
        let mut y = x.clone();
        solve(&mut y);
        norm = norm.max(l1_norm(&y));
        let mut slope = y.mapv(|y| if y < 0.0 { -1.0 } else { 1.0 });
        solve_transposed(&mut slope);
        let steepest = (0..n).fold(0, |best, i| if slope[[i, 0]].abs() > slope[[best, 0]].abs() { i } else { best });
        let here = slope.iter().zip(&x).map(|(&slope, &x)| slope * x).sum::<f64>();
        if corner == Some(steepest) || slope[[steepest, 0]].abs() <= here {
            break;
        }
        corner = Some(steepest);
        x.fill(0.0);
        x[[steepest, 0]] = 1.0;
    }
    // A second opinion, for matrices built to deceive the search.
    let mut y = Array2::from_shape_fn((n, 1), |(i, _)| {
        let size = 1.0 + i as f64 / (n.max(2) - 1) as f64;
        if i % 2 == 0 { size } else { -size }
    });
    solve(&mut y);
    norm.max(2.0 * l1_norm(&y) / (3.0 * count))
}

/// An estimate of `κ₁` of a triangular matrix; infinite if an element of the diagonal is 0.
pub(super) fn triangular_condition(t: &ArrayRef2<f64>, triangle: Triangle) -> f64 {
    if t.diag().iter().any(|&pivot| pivot == 0.0) {
        return f64::INFINITY;
    }
    let opposite = match triangle {
        Triangle::Lower => Triangle::Upper,
        Triangle::Upper => Triangle::Lower,
    };
    let inverse = inverse_norm(
        t.nrows(),
        |x| substitute(t.view(), triangle, false, x),
        |x| substitute(t.t(), opposite, false, x),
    );
    finite_or_infinite(one_norm(t) * inverse)
}

/// `‖A‖₁`, the largest sum of a column.
pub(super) fn one_norm(a: &ArrayRef2<f64>) -> f64 {
    a.axis_iter(Axis(1)).map(|column| l1_norm(&column)).fold(0.0, f64::max)
}

/// A condition number beyond all numbers may have come out as NaN.
pub(super) fn finite_or_infinite(condition: f64) -> f64 {
    if condition.is_finite() { condition } else { f64::INFINITY }
}
