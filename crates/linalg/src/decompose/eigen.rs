//! Eigenvalues and eigenvectors of a symmetric matrix: rotations until it is diagonal.

use super::check;
use super::svd::{rotation, turn};
use super::triangular::two_rows;
use crate::{Error, Real, Result, max_norm};
use ndarray::{Array1, Array2, ArrayRef2, Axis};

/// More sweeps than any matrix has been seen to need.
const SWEEPS: usize = 60;

/// `A = V Λ Vᵀ`: what [`symmetric_eigen`] returns.
#[derive(Debug, Clone)]
pub struct SymmetricEigen<F> {
    /// `λ₁ ≤ λ₂ ≤ …`, `(n,)`.
    pub values: Array1<F>,
    /// `V`: column `i` is the eigenvector of `values[i]`, of length 1; `(n, n)`.
    pub vectors: Array2<F>,
}

/// Eigenvalues, ascending, and orthonormal eigenvectors of a symmetric matrix, `A = V Λ Vᵀ`.
///
/// Jacobi's method: a rotation in the plane of two axes makes their off-diagonal element 0, and takes its square, twice, from
/// the sum of squares off the diagonal. Sweeps over all pairs drive that sum to 0, in the end quadratically.
///
/// ```text
/// ζ = (A_qq − A_pp) / (2 A_pq),   t = sign(ζ) / (|ζ| + √(1 + ζ²)),   A ← Jᵀ A J
/// ```
///
/// # Examples
/// ```
/// use gradus_linalg::{ndarray::array, symmetric_eigen};
/// let f = symmetric_eigen(&array![[2.0, 1.0], [1.0, 2.0]])?;
/// assert!((&f.values - &array![1.0, 3.0]).iter().all(|e: &f64| e.abs() < 1e-15));
/// # Ok::<(), gradus_linalg::Error>(())
/// ```
///
/// # Errors
/// [`Error::NotSymmetric`], [`Error::NotSquare`], [`Error::EmptyMatrix`], [`Error::NotFinite`];
/// [`Error::NoConvergence`], which has not been seen to happen.
///
/// # References
/// G. H. Golub, C. F. Van Loan, *Matrix Computations*, 4th ed., 2013, §8.5
pub fn symmetric_eigen<F: Real>(a: &ArrayRef2<F>) -> Result<SymmetricEigen<F>> {
    const OPERATION: &str = "symmetric_eigen";
    check::symmetric(OPERATION, a)?;
    let n = a.nrows();
    let largest = max_norm(a);
    let scale = if largest == F::zero() { F::one() } else { largest };
    let mut work = Array2::from_shape_fn((n, n), |(i, j)| a[[i.max(j), i.min(j)]] / scale);
    let mut vectors: Array2<F> = Array2::eye(n); // as rows
    diagonalize(OPERATION, &mut work, &mut vectors)?;

    let values = work.diag().mapv(|x| x * scale);
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|&i, &j| values[i].partial_cmp(&values[j]).expect("finite input gives finite values"));
    Ok(SymmetricEigen {
        values: values.select(Axis(0), &order),
        vectors: vectors.select(Axis(0), &order).t().as_standard_layout().into_owned(),
    })
}

fn diagonalize<F: Real>(operation: &'static str, a: &mut Array2<F>, vectors: &mut Array2<F>) -> Result<()> {
    let n = a.nrows();
    let a = a.as_slice_mut().expect("made row-major by symmetric_eigen");
    let vectors = vectors.as_slice_mut().expect("made row-major by symmetric_eigen");
    // Elements are at most 1: what is below this share of a rounding changes no eigenvalue.
    let negligible = F::EPSILON * F::EPSILON;
    for _ in 0..SWEEPS {
        let mut turned = false;
        for p in 0..n {
            for q in p + 1..n {
                let (app, apq, aqq) = (a[p * n + p], a[p * n + q], a[q * n + q]);
                // Small against both its diagonal elements, it is small for small eigenvalues, too.
                let small = F::EPSILON * (app.abs().sqrt() * aqq.abs().sqrt());
                if apq.abs() <= small.maximum(negligible) {
                    continue;
                }
                turned = true;
                let (c, s) = rotation((aqq - app) / (F::from_f64(2.0) * apq));
                let (row_p, row_q) = two_rows(a, n, p, q);
                turn(c, s, row_p, row_q);
                for row in a.chunks_exact_mut(n) {
                    (row[p], row[q]) = (c * row[p] - s * row[q], s * row[p] + c * row[q]);
                }
                (a[p * n + q], a[q * n + p]) = (F::zero(), F::zero()); // what the angle was chosen for
                let (first, second) = two_rows(vectors, n, p, q);
                turn(c, s, first, second);
            }
        }
        if !turned {
            return Ok(());
        }
    }
    Err(Error::NoConvergence { operation, iterations: SWEEPS })
}
