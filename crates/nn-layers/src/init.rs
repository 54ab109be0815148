//! Where training starts: the values that parameters are drawn from.
//!
//! A layer keeps the variance of what flows through it if its weights have a variance of about `1/fan`, the fan being the
//! number of terms in each sum: of inputs on the way forward, of outputs on the way back. Xavier's rule splits the
//! difference between the two, Kaiming's takes one of them and makes up for what the activation takes away.
//!
//! All functions return plain arrays, which convert into a [`Parameter`](crate::Parameter) with `into()`, and draw in
//! `f64` in row-major order, so that an `f32` model starts from the rounded values of its `f64` twin.
//!
//! # Examples
//! ```
//! use gradus_nn_layers::{Linear, init, ndarray::Array1};
//! use rand::{SeedableRng, rngs::StdRng};
//!
//! let mut rng = StdRng::seed_from_u64(7);
//! let weight = init::kaiming_normal((128, 64), init::Fan::In, init::Nonlinearity::Relu, &mut rng)?;
//! let layer: Linear = Linear::from_parts(weight, Some(init::zeros(128).into()))?;
//! # assert_eq!(layer.in_features(), 64);
//! # let _: Array1<f32> = init::zeros(3);
//! # Ok::<(), gradus_nn_layers::Error>(())
//! ```
//!
//! # References
//! - X. Glorot, Y. Bengio, *Understanding the difficulty of training deep feedforward neural networks*, 2010
//! - K. He, X. Zhang, S. Ren, J. Sun, *Delving deep into rectifiers*, 2015, <https://arxiv.org/abs/1502.01852>

use crate::{Error, Result};
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

/// The number of terms in the sums of a layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fans {
    /// Terms of each output: inputs times the positions of the kernel.
    pub fan_in: usize,
    /// Terms of each input's gradient: outputs times the positions of the kernel.
    pub fan_out: usize,
}

/// The fans of a weight of shape `(out, in, kernel…)`: a matrix, or a convolution of any rank.
///
/// # Errors
/// [`Error::Fans`] if the shape has fewer than two axes.
///
/// # Examples
/// ```
/// use gradus_nn_layers::init::{Fans, fans};
/// assert_eq!(fans(&[16, 3, 5, 5])?, Fans { fan_in: 75, fan_out: 400 });
/// # Ok::<(), gradus_nn_layers::Error>(())
/// ```
pub fn fans(shape: &[usize]) -> Result<Fans> {
    let [out, input, kernel @ ..] = shape else { return Err(Error::Fans { shape: shape.to_vec() }) };
    let positions = kernel.iter().fold(1_usize, |n, &len| n.saturating_mul(len));
    Ok(Fans { fan_in: input.saturating_mul(positions), fan_out: out.saturating_mul(positions) })
}

/// Which fan [Kaiming's rule](kaiming_std) takes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Fan {
    /// Fan-in: the variance stays the same on the way forward.
    #[default]
    In,
    /// Fan-out: the variance of the gradient stays the same on the way back.
    Out,
}

/// What comes after the weights, for the [`gain`](Nonlinearity::gain) that makes up for it.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
#[non_exhaustive]
pub enum Nonlinearity {
    /// Nothing, or another linear layer or convolution.
    #[default]
    Linear,
    /// Logistic sigmoid.
    Sigmoid,
    /// Hyperbolic tangent.
    Tanh,
    /// Rectified linear unit.
    Relu,
    /// Rectified linear unit that lets through a share of what is negative.
    LeakyRelu {
        /// The share; PyTorch's default is 0.01.
        slope: f64,
    },
    /// Scaled exponential linear unit.
    Selu,
}

impl Nonlinearity {
    /// The factor by which the weights' standard deviation is raised.
    ///
    /// ```text
    /// linear, sigmoid 1      tanh 5/3      relu √2      leaky relu √(2 / (1 + slope²))      selu 3/4
    /// ```
    ///
    /// These are PyTorch's (`calculate_gain`). That of tanh and of selu are rules of thumb; the others follow from the
    /// share of the variance that the function keeps.
    #[must_use]
    pub fn gain(self) -> f64 {
        match self {
            Self::Linear | Self::Sigmoid => 1.0,
            Self::Tanh => 5.0 / 3.0,
            Self::Relu => std::f64::consts::SQRT_2,
            Self::LeakyRelu { slope } => (2.0 / (1.0 + slope * slope)).sqrt(),
            Self::Selu => 0.75,
        }
    }
}

/// Standard deviation of Xavier's (Glorot's) rule.
///
/// ```text
/// std = gain · √(2 / (fan_in + fan_out))
/// ```
///
/// # Errors
/// As [`fans`]; [`Error::HyperParameter`] if the gain is negative or not finite.
pub fn xavier_std(shape: &[usize], gain: f64) -> Result<f64> {
    if !(gain >= 0.0 && gain.is_finite()) {
        let (operation, name, expected) = ("xavier", "gain", "a finite number of at least 0 would fit");
        return Err(Error::HyperParameter { operation, name, value: gain, expected });
    }
    let Fans { fan_in, fan_out } = fans(shape)?;
    // Two means: 2 / (in + out) = 1 / mean. Their sum is taken in f64, where it cannot overflow.
    Ok(gain * per_root((fan_in as f64 + fan_out as f64) / 2.0))
}

/// Bound of Xavier's uniform rule, `√3 · std`: a uniform distribution to ±b has standard deviation b/√3.
///
/// # Errors
/// As [`xavier_std`].
pub fn xavier_bound(shape: &[usize], gain: f64) -> Result<f64> {
    Ok(3_f64.sqrt() * xavier_std(shape, gain)?)
}

/// Standard deviation of Kaiming's (He's) rule.
///
/// ```text
/// std = gain / √fan
/// ```
///
/// # Errors
/// As [`fans`].
pub fn kaiming_std(shape: &[usize], fan: Fan, nonlinearity: Nonlinearity) -> Result<f64> {
    let fans = fans(shape)?;
    let fan = match fan {
        Fan::In => fans.fan_in,
        Fan::Out => fans.fan_out,
    };
    Ok(nonlinearity.gain() * per_root(fan as f64))
}

/// Bound of Kaiming's uniform rule, `√3 · std`.
///
/// # Errors
/// As [`kaiming_std`].
pub fn kaiming_bound(shape: &[usize], fan: Fan, nonlinearity: Nonlinearity) -> Result<f64> {
    Ok(3_f64.sqrt() * kaiming_std(shape, fan, nonlinearity)?)
}

/// Weights `(out, in, kernel…)` from `U(−b, b)`, `b` = [`xavier_bound`].
///
/// # Errors
/// As [`xavier_std`].
pub fn xavier_uniform<F: Real, D: Dimension>(
    shape: impl IntoDimension<Dim = D>,
    gain: f64,
    rng: &mut (impl Rng + ?Sized),
) -> Result<Array<F, D>> {
    let shape = shape.into_dimension();
    let bound = xavier_bound(shape.slice(), gain)?;
    Ok(uniform(shape, bound, rng))
}

/// Weights `(out, in, kernel…)` from the normal distribution of mean 0 and standard deviation [`xavier_std`].
///
/// # Errors
/// As [`xavier_std`].
pub fn xavier_normal<F: Real, D: Dimension>(
    shape: impl IntoDimension<Dim = D>,
    gain: f64,
    rng: &mut (impl Rng + ?Sized),
) -> Result<Array<F, D>> {
    let shape = shape.into_dimension();
    let std = xavier_std(shape.slice(), gain)?;
    Ok(normal(shape, 0.0, std, rng))
}

/// Weights `(out, in, kernel…)` from `U(−b, b)`, `b` = [`kaiming_bound`].
///
/// # Errors
/// As [`kaiming_std`].
pub fn kaiming_uniform<F: Real, D: Dimension>(
    shape: impl IntoDimension<Dim = D>,
    fan: Fan,
    nonlinearity: Nonlinearity,
    rng: &mut (impl Rng + ?Sized),
) -> Result<Array<F, D>> {
    let shape = shape.into_dimension();
    let bound = kaiming_bound(shape.slice(), fan, nonlinearity)?;
    Ok(uniform(shape, bound, rng))
}

/// Weights `(out, in, kernel…)` from the normal distribution of mean 0 and standard deviation [`kaiming_std`].
///
/// # Errors
/// As [`kaiming_std`].
pub fn kaiming_normal<F: Real, D: Dimension>(
    shape: impl IntoDimension<Dim = D>,
    fan: Fan,
    nonlinearity: Nonlinearity,
    rng: &mut (impl Rng + ?Sized),
) -> Result<Array<F, D>> {
    let shape = shape.into_dimension();
    let std = kaiming_std(shape.slice(), fan, nonlinearity)?;
    Ok(normal(shape, 0.0, std, rng))
}

/// `1/√fan`, and 0 for a weight without elements.
fn per_root(fan: f64) -> f64 {
    if fan == 0.0 { 0.0 } else { 1.0 / fan.sqrt() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array1, Array2};
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    #[test]
    fn samples_have_the_moments_they_should() {
        let mut rng = StdRng::seed_from_u64(3);
        let moments = |w: &Array2<f64>| {
            let mean = w.sum() / w.len() as f64;
            (mean, (w.mapv(|w| (w - mean).powi(2)).sum() / w.len() as f64).sqrt())
        };
        let shape = (300, 200);
        let relu = Nonlinearity::Relu;
        let drawn = [
            (uniform(shape, 0.6, &mut rng), 0.0, 0.6 / 3_f64.sqrt()),
            (normal(shape, 0.5, 2.0, &mut rng), 0.5, 2.0),
            (xavier_uniform(shape, 1.5, &mut rng).unwrap(), 0.0, 1.5 * (2.0 / 500_f64).sqrt()),
            (xavier_normal(shape, 1.5, &mut rng).unwrap(), 0.0, 1.5 * (2.0 / 500_f64).sqrt()),
            (kaiming_uniform(shape, Fan::In, relu, &mut rng).unwrap(), 0.0, 0.1),
            (kaiming_normal(shape, Fan::Out, relu, &mut rng).unwrap(), 0.0, (2.0 / 300_f64).sqrt()),
        ];
        for (i, (w, mean, std)) in drawn.iter().enumerate() {
            // 60,000 samples: the mean is right to std/245, the deviation to about 0.3 %; five times that is allowed.
            let (m, s) = moments(w);
            assert!((m - mean).abs() < 5.0 * std / 245.0, "{i}: mean {m}, expected {mean}");
            assert!((s / std - 1.0).abs() < 0.015, "{i}: deviation {s}, expected {std}");
        }
    }

    #[test]
    fn an_f32_model_starts_from_the_rounded_values_of_its_f64_twin() {
        let wide: Array1<f64> = normal(5, 0.0, 1.0, &mut StdRng::seed_from_u64(3));
        let narrow: Array1<f32> = normal(5, 0.0, 1.0, &mut StdRng::seed_from_u64(3));
        assert_eq!(narrow, wide.mapv(|x| x as f32));
    }

    #[test]
    fn bad_arguments_are_named() {
        assert_eq!(
            fans(&[5]).unwrap_err().to_string(),
            "fans: weight of shape [5]: fan-in and fan-out need at least two axes, (out, in, kernel…)"
        );
        let message = xavier_std(&[5, 5], f64::NAN).unwrap_err().to_string();
        assert_eq!(message, "xavier: gain = NaN: a finite number of at least 0 would fit");
    }

    #[test]
    fn weights_without_elements_are_no_trouble() {
        let w: Array2<f32> =
            kaiming_uniform((5, 0), Fan::In, Nonlinearity::Relu, &mut StdRng::seed_from_u64(3)).unwrap();
        assert_eq!(w.dim(), (5, 0));
        assert_eq!(inverse_sqrt(0), 0.0);
    }
}
