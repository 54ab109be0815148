//! Eigenvalues of any square matrix.

use super::check;
use super::library::{self, Factorize};
use crate::{Error, Result};
use ndarray::{Array1, ArrayRef2};
use num_complex::Complex;

/// The eigenvalues of a square matrix, from the largest in modulus; complex ones in conjugate pairs.
///
/// Reflections bring the matrix to Hessenberg form, zero below the first subdiagonal. Francis's steps follow: each is one
/// of the QR algorithm with a pair of shifts, so that all arithmetic stays real; the subdiagonal falls to 0, and the
/// eigenvalues stand in blocks of one or two on the diagonal.
///
/// They are those of a matrix that differs from `A` by `c ε ‖A‖`. How far that moves them depends on `A`: of a `k`-fold eigenvalue
/// with one eigenvector, by its `k`-th root. Those of symmetric matrices are safe; [`symmetric_eigen`](crate::symmetric_eigen) is quicker for them.
///
/// # Shapes
/// `A (n, n)`, result `(n,)`
///
/// # Examples
/// ```
/// use gradus_linalg::{eigenvalues, ndarray::array};
/// let quarter_turn = eigenvalues(&array![[0.0, -1.0], [1.0, 0.0]])?;
/// assert_eq!((quarter_turn[0].re, quarter_turn[0].im), (0.0, 1.0)); // i
/// assert_eq!((quarter_turn[1].re, quarter_turn[1].im), (0.0, -1.0)); // −i
/// # Ok::<(), gradus_linalg::Error>(())
/// ```
///
/// # Errors
/// [`Error::NotSquare`], [`Error::EmptyMatrix`], [`Error::NotFinite`]; [`Error::NoConvergence`].
///
/// # References
/// G. H. Golub, C. F. Van Loan, *Matrix Computations*, 4th ed., 2013, §7.5; J. G. F. Francis, *The QR Transformation*, 1961,
/// <https://doi.org/10.1093/comjnl/4.3.265>
pub fn eigenvalues<F: Factorize>(a: &ArrayRef2<F>) -> Result<Array1<Complex<F>>> {
    const OPERATION: &str = "eigenvalues";
    check::square(OPERATION, a)?;
    let (a, scale) = library::scaled(a);
    let mut found = library::eigenvalues(&a)
        .ok_or(Error::NoConvergence { operation: OPERATION, iterations: library::iterations(a.nrows()) })?;
    // Stable, so that pairs stay together.
    found.sort_by(|x, y| y.norm().total_cmp(&x.norm()));
    Ok(found.into_iter().map(|z| Complex::new(F::from_f64(z.re * scale), F::from_f64(z.im * scale))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{array, s};

    #[test]
    fn roots_of_polynomials() {
        // Companion matrix of (x − 1)(x − 2)(x − 3)(x² + 4).
        let c = array![
            [6.0, -15.0, 30.0, -44.0, 24.0],
            [1.0, 0.0, 0.0, 0.0, 0.0],
            [0.0, 1.0, 0.0, 0.0, 0.0],
            [0.0, 0.0, 1.0, 0.0, 0.0],
            [0.0, 0.0, 0.0, 1.0, 0.0]
        ];
        let found = eigenvalues(&c).unwrap();
        assert!((found[0] - Complex::new(3.0, 0.0)).norm() < 1e-12, "{found}");
        assert!((found[4] - Complex::new(1.0, 0.0)).norm() < 1e-12, "{found}");
        let middle = found.slice(s![1..4]);
        for root in [Complex::new(0.0, 2.0), Complex::new(0.0, -2.0), Complex::new(2.0, 0.0)] {
            assert!(middle.iter().any(|z: &Complex<f64>| (z - root).norm() < 1e-12), "{found}");
        }
    }

    #[test]
    fn a_cycle_that_plain_shifts_do_not_leave() {
        let found = eigenvalues(&array![[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]).unwrap();
        assert!(
            found.iter().all(|z: &Complex<f64>| (z.norm() - 1.0).abs() < 1e-14 && (z.powi(3) - 1.0).norm() < 1e-13)
        );
    }
}
