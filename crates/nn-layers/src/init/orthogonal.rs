//! Weights that are a rotation.

use super::check;
use crate::{Error, Result};
use gradus_autograd::Real;
use ndarray::{Array, Dimension, IntoDimension};
use rand::{Rng, RngExt};
use rand_distr::StandardNormal;

/// Weights `(out, in, kernel…)` that, as a matrix `W (out, in · kernel)`, have orthonormal rows times `gain`;
/// orthonormal columns if there are more rows than columns.
///
/// ```text
/// W Wᵀ = gain² I  if out ≤ in · kernel,  else  Wᵀ W = gain² I
/// ```
///
/// Such a layer keeps the length of what flows through it, not only on average: a deep linear network of these learns
/// as fast as a shallow one. The matrix is drawn evenly from all there are (Haar's measure): it is the `Q` of the QR
/// decomposition of a normal matrix, with the signs that make R's diagonal positive. As what Householder's
/// reflections leave of a normal matrix is again one, only the column that each is made from need be drawn, and
/// nothing be decomposed.
///
/// # Errors
/// [`Error::UnfitShape`] for fewer than two axes; [`Error::HyperParameter`] for a gain that is not finite.
///
/// # Examples
/// ```
/// use gradus_nn_layers::{init, ndarray::Array2};
/// use rand::{SeedableRng, rngs::StdRng};
/// let w: Array2<f64> = init::orthogonal((2, 3), 1.0, &mut StdRng::seed_from_u64(7))?;
/// let product = w.dot(&w.t());
/// assert!((&product - &Array2::<f64>::eye(2)).iter().all(|e| e.abs() < 1e-14));
/// # Ok::<(), gradus_nn_layers::Error>(())
/// ```
///
/// # References
/// - A. M. Saxe, J. L. McClelland, S. Ganguli, *Exact solutions to the nonlinear dynamics of learning in deep linear
///   neural networks*, 2014, <https://arxiv.org/abs/1312.6120>
/// - G. W. Stewart, *The efficient generation of random orthogonal matrices with an application to condition
///   estimators*, 1980, <https://doi.org/10.1137/0717034>
pub fn orthogonal<F: Real, D: Dimension>(
    shape: impl IntoDimension<Dim = D>,
    gain: f64,
    rng: &mut (impl Rng + ?Sized),
) -> Result<Array<F, D>> {
    let shape = shape.into_dimension();
    check("orthogonal", "gain", gain, gain.is_finite(), "a finite number would fit")?;
    let [rows, others @ ..] = shape.slice() else { return Err(unfit(&shape)) };
    if others.is_empty() {
        return Err(unfit(&shape));
    }
    let (rows, columns) = (*rows, others.iter().product::<usize>());
    // Vectors lie one after the other in memory: as rows if these are the fewer, and else as columns.
    let (count, length) = (rows.min(columns), rows.max(columns));
    let q = rotation(count, length, rng);
    let mut place = 0;
    Ok(Array::from_shape_simple_fn(shape, || {
        let (row, column) = (place / columns, place % columns);
        place += 1;
        let (vector, element) = if rows <= columns { (row, column) } else { (column, row) };
        F::from_f64(gain * q[vector * length + element])
    }))
}

fn unfit(shape: &impl Dimension) -> Error {
    let expected = "at least two axes, (out, in, kernel…), would fit";
    Error::UnfitShape { operation: "orthogonal", shape: shape.slice().to_vec(), expected }
}

/// `count` orthonormal vectors of this length, one after the other.
///
/// ```text
/// Q = H₁ H₂ … H_count D,  H = I − 2 u uᵀ,  D the signs of R's diagonal
/// ```
fn rotation(count: usize, length: usize, rng: &mut (impl Rng + ?Sized)) -> Vec<f64> {
    let mirrors: Vec<(Vec<f64>, f64)> = (0..count).map(|k| mirror(length - k, rng)).collect();
    let mut q = vec![0.0; count * length];
    for (k, (_, sign)) in mirrors.iter().enumerate() {
        q[k * length + k] = *sign;
    }
    // From the last to the first: the k-th leaves vectors before the k-th and elements before the k-th alone.
    for (k, (u, _)) in mirrors.iter().enumerate().rev() {
        for vector in q.chunks_exact_mut(length.max(1)).skip(k) {
            let vector = &mut vector[k..];
            let twice: f64 = 2.0 * u.iter().zip(&*vector).map(|(u, x)| u * x).sum::<f64>();
            vector.iter_mut().zip(u).for_each(|(x, u)| *x -= twice * u);
        }
    }
    q
}

/// The unit normal `u` of the mirror that maps a normal vector `x` to `β e₁`, and the sign of `β = −sign(x₁) ‖x‖`.
fn mirror(length: usize, rng: &mut (impl Rng + ?Sized)) -> (Vec<f64>, f64) {
    let mut x: Vec<f64> = (0..length).map(|_| rng.sample(StandardNormal)).collect();
    let norm = |x: &[f64]| x.iter().map(|x| x * x).sum::<f64>().sqrt();
    let sign = if x[0] < 0.0 { 1.0 } else { -1.0 };
    x[0] -= sign * norm(&x); // a sum in magnitude, so that nothing cancels
    let length = norm(&x);
    if length > 0.0 {
        x.iter_mut().for_each(|x| *x /= length);
    }
    (x, sign)
}
