//! LeCun's rule: the variance stays the same on the way forward, for layers without a gain.

use super::{Fan, Nonlinearity, kaiming_normal, kaiming_uniform};
use crate::Result;
use gradus_autograd::Real;
use ndarray::{Array, Dimension, IntoDimension};
use rand::Rng;

/// Weights `(out, in, kernel…)` from `U(−b, b)`, `b = √(3 / fan_in)`: of variance `1 / fan_in`.
///
/// Kaiming's rule with the gain 1. It is what self-normalizing networks of scaled exponential linear units start from
/// (G. Klambauer et al., 2017, <https://arxiv.org/abs/1706.02515>).
///
/// # Errors
/// [`Error::Fans`](crate::Error::Fans) if the shape has fewer than two axes.
///
/// # Examples
/// ```
/// use gradus_nn_layers::{init, ndarray::Array2};
/// use rand::{SeedableRng, rngs::StdRng};
/// let w: Array2<f64> = init::lecun_uniform((8, 12), &mut StdRng::seed_from_u64(7))?;
/// assert!(w.iter().all(|w| w.abs() <= 0.5)); // √(3 / 12)
/// # Ok::<(), gradus_nn_layers::Error>(())
/// ```
///
/// # References
/// Y. LeCun, L. Bottou, G. B. Orr, K.-R. Müller, *Efficient BackProp*, 1998, <https://doi.org/10.1007/3-540-49430-8_2>
pub fn lecun_uniform<F: Real, D: Dimension>(
    shape: impl IntoDimension<Dim = D>,
    rng: &mut (impl Rng + ?Sized),
) -> Result<Array<F, D>> {
    kaiming_uniform(shape, Fan::In, Nonlinearity::Linear, rng)
}

/// Weights `(out, in, kernel…)` from the normal distribution of mean 0 and variance `1 / fan_in`.
///
/// The distribution is whole; Keras and JAX cut theirs off at two standard deviations, which
/// [`truncated_normal`](super::truncated_normal) does.
///
/// # Errors
/// [`Error::Fans`](crate::Error::Fans) if the shape has fewer than two axes.
///
/// # Examples
/// ```
/// use gradus_nn_layers::{init, ndarray::Array4};
/// use rand::{SeedableRng, rngs::StdRng};
/// let w: Array4<f32> = init::lecun_normal((16, 3, 5, 5), &mut StdRng::seed_from_u64(7))?;
/// assert_eq!(w.dim(), (16, 3, 5, 5));
/// # Ok::<(), gradus_nn_layers::Error>(())
/// ```
///
/// # References
/// As [`lecun_uniform`].
pub fn lecun_normal<F: Real, D: Dimension>(
    shape: impl IntoDimension<Dim = D>,
    rng: &mut (impl Rng + ?Sized),
) -> Result<Array<F, D>> {
    kaiming_normal(shape, Fan::In, Nonlinearity::Linear, rng)
}
