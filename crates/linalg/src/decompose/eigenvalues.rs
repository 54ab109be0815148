//! Eigenvalues of any square matrix: Francis's implicitly shifted QR algorithm.

use super::check;
use super::qr::reflector;
use crate::{Error, Real, Result, max_norm};
use ndarray::{Array1, Array2, ArrayRef1, ArrayRef2, ArrayViewMut2, aview1, s};
use num_complex::Complex;

/// Steps for one eigenvalue; two or three are usual.
const STEPS: usize = 60;

/// The eigenvalues of a square matrix, from the largest in modulus; complex ones in conjugate pairs.
///
/// Reflections bring the matrix to Hessenberg form, zero below the first subdiagonal. Each step then is one of the
/// QR algorithm with two shifts, the eigenvalues of the last 2×2 block, so that all arithmetic stays real; the last
/// subdiagonal elements fall to 0 and eigenvalues split off. For symmetric matrices [`symmetric_eigen`](crate::symmetric_eigen) is more accurate.
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
/// G. H. Golub, C. F. Van Loan, *Matrix Computations*, 4th ed., 2013, §7.5, algorithms 7.4.2 and 7.5.1; J. G. F. Francis, *The
/// QR Transformation*, 1961, <https://doi.org/10.1093/comjnl/4.3.265>
pub fn eigenvalues<F: Real>(a: &ArrayRef2<F>) -> Result<Array1<Complex<F>>> {
    check::square("eigenvalues", a)?;
    let n = a.nrows();
    let largest = max_norm(a);
    let scale = if largest == F::zero() { F::one() } else { largest };
    let mut h = a.mapv(|x| x / scale);
    hessenberg(&mut h);

    let mut found = Vec::with_capacity(n);
    let mut end = n; // rows and columns from here on are done
    let mut steps = 0;
    while end > 0 {
        let start = (1..end).rev().find(|&k| negligible(&h, k)).unwrap_or(0);
        match end - start {
            1 => found.push(Complex::new(h[[start, start]], F::zero())),
            2 => found.extend(of_block(&h.slice(s![start..end, start..end]))),
            _ => {
                steps += 1;
                if steps > STEPS {
                    return Err(Error::NoConvergence { operation: "eigenvalues", iterations: STEPS });
                }
                francis_step(h.slice_mut(s![start..end, start..end]), steps % 10 == 0);
                continue;
            }
        }
        end = start;
        steps = 0;
    }
    let modulus = |z: &Complex<F>| {
        let (re, im) = (z.re.abs(), z.im.abs());
        let (large, small) = (re.maximum(im), re.minimum(im));
        if large == F::zero() { large } else { large * (F::one() + (small / large) * (small / large)).sqrt() }
    };
    // Stable, so that pairs stay together.
    found.sort_by(|x, y| modulus(y).partial_cmp(&modulus(x)).expect("finite input gives finite values"));
    Ok(found.into_iter().map(|z| Complex::new(z.re * scale, z.im * scale)).collect())
}

/// `A ← Qᵀ A Q` with zeros below the first subdiagonal.
fn hessenberg<F: Real>(a: &mut Array2<F>) {
    let n = a.nrows();
    let mut normal = vec![F::zero(); n];
    for k in 0..n.saturating_sub(2) {
        let v = &mut normal[k + 1..];
        let (tau, beta) = reflector(&a.slice(s![k + 1.., k]), v);
        let v = aview1(v);
        mirror_rows(tau, &v, a.slice_mut(s![k + 1.., k + 1..]));
        mirror_rows(tau, &v, a.slice_mut(s![.., k + 1..]).reversed_axes());
        a.slice_mut(s![k + 1.., k]).fill(F::zero());
        a[[k + 1, k]] = beta;
    }
}

/// `A ← (I − τ v vᵀ) A`; of a transposed view, `A ← A (I − τ v vᵀ)`.
fn mirror_rows<F: Real>(tau: F, v: &ArrayRef1<F>, mut a: ArrayViewMut2<'_, F>) {
    for mut column in a.columns_mut() {
        let product = tau * column.iter().zip(v).map(|(&a, &v)| a * v).sum::<F>();
        column.zip_mut_with(v, |a, &v| *a -= product * v);
    }
}

/// Whether the subdiagonal element `(k, k−1)` is 0 to working precision.
fn negligible<F: Real>(h: &Array2<F>, k: usize) -> bool {
    let around = h[[k - 1, k - 1]].abs() + h[[k, k]].abs();
    // Elements were scaled to at most 1.
    let around = if around == F::zero() { F::EPSILON } else { around };
    h[[k, k - 1]].abs() <= F::EPSILON * around
}

/// One implicit double-shift step on an unreduced Hessenberg block of at least three rows.
///
/// The first column of `(H − σ₁)(H − σ₂)` decides the first reflection; those after it chase the bulge that it makes down the diagonal.
fn francis_step<F: Real>(mut h: ArrayViewMut2<'_, F>, exceptional: bool) {
    let n = h.nrows();
    let (mut trace, mut det) = (
        h[[n - 2, n - 2]] + h[[n - 1, n - 1]],
        h[[n - 2, n - 2]] * h[[n - 1, n - 1]] - h[[n - 2, n - 1]] * h[[n - 1, n - 2]],
    );
    if exceptional {
        // Shifts of no meaning break the cycles that a few matrices fall into.
        let size = h[[n - 1, n - 2]].abs() + h[[n - 2, n - 3]].abs();
        (trace, det) = (F::from_f64(1.5) * size, size * size);
    }
    let mut x = [
        h[[0, 0]] * (h[[0, 0]] - trace) + h[[0, 1]] * h[[1, 0]] + det,
        h[[1, 0]] * (h[[0, 0]] + h[[1, 1]] - trace),
        h[[1, 0]] * h[[2, 1]],
    ];
    for k in 0..n - 1 {
        let rows = 3.min(n - k);
        let mut v = [F::zero(); 3];
        let (tau, _) = reflector(&aview1(&x[..rows]), &mut v[..rows]);
        let v = aview1(&v[..rows]);
        mirror_rows(tau, &v, h.slice_mut(s![k..k + rows, k.saturating_sub(1)..]));
        mirror_rows(tau, &v, h.slice_mut(s![..n.min(k + 4), k..k + rows]).reversed_axes());
        if k > 0 {
            h.slice_mut(s![k + 1..k + rows, k - 1]).fill(F::zero()); // but for rounding
        }
        for (i, x) in x.iter_mut().enumerate() {
            *x = if k + 1 + i < n { h[[k + 1 + i, k]] } else { F::zero() };
        }
    }
}

/// The two eigenvalues of a 2×2 matrix.
fn of_block<F: Real>(a: &ArrayRef2<F>) -> [Complex<F>; 2] {
    let half = F::from_f64(0.5) * (a[[0, 0]] - a[[1, 1]]);
    let product = a[[0, 1]] * a[[1, 0]];
    let discriminant = half * half + product;
    let root = discriminant.abs().sqrt();
    if discriminant < F::zero() {
        let middle = a[[1, 1]] + half;
        return [Complex::new(middle, root), Complex::new(middle, -root)];
    }
    // The sum of equal signs first; the other from the product of both, lest it cancel.
    let far = if half < F::zero() { half - root } else { half + root };
    let near = if far == F::zero() { F::zero() } else { -product / far };
    [Complex::new(a[[1, 1]] + far, F::zero()), Complex::new(a[[1, 1]] + near, F::zero())]
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

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
