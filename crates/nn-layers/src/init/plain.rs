//! The same number everywhere, and the plain distributions.

use gradus_autograd::Real;
use ndarray::{Array, Dimension, IntoDimension};
use rand::{Rng, RngExt};
use rand_distr::StandardNormal;

/// Every element the same number.
pub fn constant<F: Real, D: Dimension>(shape: impl IntoDimension<Dim = D>, value: f64) -> Array<F, D> {
    Array::from_elem(shape.into_dimension(), F::from_f64(value))
}

/// Every element 0: the usual start of a bias.
pub fn zeros<F: Real, D: Dimension>(shape: impl IntoDimension<Dim = D>) -> Array<F, D> {
    constant(shape, 0.0)
}

/// Every element 1: the usual start of a scale.
pub fn ones<F: Real, D: Dimension>(shape: impl IntoDimension<Dim = D>) -> Array<F, D> {
    constant(shape, 1.0)
}

/// Elements of the uniform distribution `U(−bound, bound)`.
///
/// # Examples
/// ```
/// use gradus_nn_layers::{init, ndarray::Array2};
/// use rand::{SeedableRng, rngs::StdRng};
/// let w: Array2<f64> = init::uniform((3, 4), 0.5, &mut StdRng::seed_from_u64(7));
/// assert!(w.iter().all(|w| w.abs() <= 0.5));
/// ```
pub fn uniform<F: Real, D: Dimension>(
    shape: impl IntoDimension<Dim = D>,
    bound: f64,
    rng: &mut (impl Rng + ?Sized),
) -> Array<F, D> {
    uniform_between(shape, -bound, bound, rng)
}

/// Elements of the uniform distribution `U(low, high)`.
pub fn uniform_between<F: Real, D: Dimension>(
    shape: impl IntoDimension<Dim = D>,
    low: f64,
    high: f64,
    rng: &mut (impl Rng + ?Sized),
) -> Array<F, D> {
    Array::from_shape_simple_fn(shape.into_dimension(), || F::from_f64(low + (high - low) * rng.random::<f64>()))
}

/// Elements of the normal distribution of this mean and standard deviation.
pub fn normal<F: Real, D: Dimension>(
    shape: impl IntoDimension<Dim = D>,
    mean: f64,
    std: f64,
    rng: &mut (impl Rng + ?Sized),
) -> Array<F, D> {
    Array::from_shape_simple_fn(shape.into_dimension(), || {
        F::from_f64(mean + std * rng.sample::<f64, _>(StandardNormal))
    })
}

/// `1/√n`, the bound of PyTorch's default initialization; 0 for `n = 0`, where there is nothing to draw.
///
/// It is Kaiming's uniform rule with a leaky ReLU of slope √5, which is to say with no reason but history.
#[must_use]
pub fn inverse_sqrt(n: usize) -> f64 {
    if n == 0 { 0.0 } else { 1.0 / (n as f64).sqrt() }
}
