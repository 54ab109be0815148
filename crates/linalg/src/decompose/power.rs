//! The largest eigenvalue or singular value, from products alone.

use super::check;
use crate::{Error, Real, Result, l2_norm};
use ndarray::{Array1, Array2, ArrayRef1, ArrayRef2, ArrayView2};

/// What [`power_iteration`] finds.
#[derive(Debug, Clone)]
pub struct Dominant<F> {
    /// The eigenvalue largest in modulus.
    pub value: F,
    /// Its eigenvector, of length 1.
    pub vector: Array1<F>,
    /// Products that it took.
    pub iterations: usize,
}

/// The eigenvalue of largest modulus and its eigenvector, by multiplying a vector by `A` again and again.
///
/// ```text
/// x ← A x / ‖A x‖        λ = xᵀ A x        until ‖A x − λ x‖ ≤ tolerance · |λ|
/// ```
///
/// The error shrinks by `|λ₂ / λ₁|` at each step; where two eigenvalues share the largest modulus (a complex pair does), there is
/// no convergence, and [`spectral_radius`] is what to ask for.
///
/// # Examples
/// ```
/// use gradus_linalg::{ndarray::array, power_iteration};
/// let found = power_iteration(&array![[2.0, 1.0], [1.0, 2.0]], 1e-12, 1000)?;
/// assert!((found.value - 3.0_f64).abs() < 1e-12);
/// # Ok::<(), gradus_linalg::Error>(())
/// ```
///
/// # Errors
/// [`Error::NoConvergence`] after `most` iterations; [`Error::Setting`], [`Error::NotSquare`], [`Error::EmptyMatrix`],
/// [`Error::NotFinite`].
///
/// # References
/// R. von Mises, H. Pollaczek-Geiringer, *Praktische Verfahren der Gleichungsauflösung*, 1929; G. H. Golub, C. F. Van Loan, *Matrix
/// Computations*, 4th ed., 2013, §7.3.1
pub fn power_iteration<F: Real>(a: &ArrayRef2<F>, tolerance: f64, most: usize) -> Result<Dominant<F>> {
    const OPERATION: &str = "power_iteration";
    check::square(OPERATION, a)?;
    iterate(OPERATION, a.nrows(), tolerance, most, |x| times(a.view(), x))
}

/// The largest singular value `σ₁ = ‖A‖₂`, by [`power_iteration`] with `AᵀA`, which is not formed.
///
/// # Examples
/// ```
/// use gradus_linalg::{largest_singular_value, ndarray::array};
/// let sigma: f64 = largest_singular_value(&array![[3.0, 0.0, 0.0], [0.0, 4.0, 0.0]], 1e-10, 1000)?;
/// assert!((sigma - 4.0).abs() < 1e-12);
/// # Ok::<(), gradus_linalg::Error>(())
/// ```
///
/// # Errors
/// As [`power_iteration`], but for the shape.
pub fn largest_singular_value<F: Real>(a: &ArrayRef2<F>, tolerance: f64, most: usize) -> Result<F> {
    const OPERATION: &str = "largest_singular_value";
    check::matrix(OPERATION, a)?;
    let found = iterate(OPERATION, a.ncols(), tolerance, most, |x| times(a.t(), &times(a.view(), x)))?;
    Ok(l2_norm(&times(a.view(), &found.vector)))
}

fn iterate<F: Real>(
    operation: &'static str,
    n: usize,
    tolerance: f64,
    most: usize,
    map: impl Fn(&ArrayRef1<F>) -> Array1<F>,
) -> Result<Dominant<F>> {
    check::positive(operation, "tolerance", tolerance)?;
    let tolerance = F::from_f64(tolerance);
    // Fractions of multiples of the golden ratio: no matrix that people write down is blind to this direction.
    let mut x = Array1::from_shape_fn(n, |i| F::from_f64(0.5 + ((i + 1) as f64 * 0.618_033_988_749_894_9).fract()));
    let length = l2_norm(&x);
    x.mapv_inplace(|x| x / length);
    for iterations in 1..=most {
        let next = map(&x);
        let value = next.iter().zip(&x).map(|(&y, &x)| y * x).sum::<F>();
        let length = l2_norm(&next);
        let residual = next.iter().zip(&x).map(|(&y, &x)| y - value * x).collect::<Array1<F>>();
        if l2_norm(&residual) <= tolerance * value.abs() || length == F::zero() {
            return Ok(Dominant { value, vector: x, iterations });
        }
        x = next.mapv_into(|y| y / length);
    }
    Err(Error::NoConvergence { operation, iterations: most })
}

/// The spectral radius `ρ(A) = maxᵢ |λᵢ|`, by Gelfand's formula: no eigenvalue is computed.
///
/// ```text
/// ρ(A) = lim ‖Aᵏ‖^(1/k),        with k = 2ᵖ by squaring p times
/// ```
///
/// Whatever the eigenvalues, complex, repeated or defective, the error falls like `p / 2ᵖ`; about 50 products
/// settle it. A recurrent network whose Jacobian has `ρ < 1` forgets, one with `ρ > 1` can explode.
///
/// # Examples
/// ```
/// use gradus_linalg::{ndarray::array, spectral_radius};
/// let rotation = array![[0.0, -0.5], [0.5, 0.0]]; // eigenvalues ±i/2
/// assert!((spectral_radius(&rotation)? - 0.5_f64).abs() < 1e-15);
/// assert_eq!(spectral_radius(&array![[0.0, 1.0], [0.0, 0.0]])?, 0.0); // although the norm is 1
/// # Ok::<(), gradus_linalg::Error>(())
/// ```
///
/// # Errors
/// [`Error::NotSquare`], [`Error::EmptyMatrix`], [`Error::NotFinite`].
///
/// # References
/// I. Gelfand, *Normierte Ringe*, 1941; P. Lax, *Functional Analysis*, 2002, §17.1
pub fn spectral_radius<F: Real>(a: &ArrayRef2<F>) -> Result<F> {
    check::square("spectral_radius", a)?;
    let (mut power, mut square) = (a.to_owned(), Array2::zeros(a.raw_dim()));
    let (mut ln, mut share) = (F::zero(), F::one());
    for _ in 0..64 {
        let length = l2_norm(&power);
        if length == F::zero() {
            return Ok(F::zero()); // nilpotent
        }
        ln += share * length.ln();
        power.mapv_inplace(|x| x / length);
        F::gemm(F::one(), power.view(), power.view(), F::zero(), square.view_mut());
        std::mem::swap(&mut power, &mut square);
        share *= F::from_f64(0.5);
    }
    Ok(ln.exp())
}

fn times<F: Real>(a: ArrayView2<'_, F>, x: &ArrayRef1<F>) -> Array1<F> {
    a.rows().into_iter().map(|row| row.iter().zip(x).map(|(&a, &x)| a * x).sum()).collect()
}
