//! Noise: on inputs and activations, on weights, on gradients, on labels.
//!
//! | on | by | where its random numbers come from |
//! | --- | --- | --- |
//! | inputs, activations | the layer [`GaussianNoise`] | the tape |
//! | weights | [`WeightNoise`] around a layer | the tape |
//! | gradients | [`add_to_gradients`], with the strength of [`annealed`] | the caller's generator |
//! | labels | [`flip_labels`]; as distributions, [`smooth_labels`](crate::smooth_labels) | the caller's generator |
//!
//! Small noise on the inputs is, to second order, a penalty on the derivatives of the function (Bishop): what does not change when the input
//! shakes has a small slope there.
//!
//! # References
//! - C. Bishop, *Training with noise is equivalent to Tikhonov regularization*, Neural Computation 7(1), 1995,
//!   <https://doi.org/10.1162/neco.1995.7.1.108>
//! - A. Neelakantan et al., *Adding gradient noise improves learning for very deep networks*, 2015, <https://arxiv.org/abs/1511.06807>

mod labels;
mod weights;

pub use labels::flip_labels;
pub use weights::WeightNoise;

use crate::Result;
use crate::error::hold;
use gradus_autograd::{Gradients, Real, Var};
use gradus_nn_layers::{Layer, Module, Walk, WalkMut, init};
use ndarray::ArrayD;
use rand::Rng;

/// In training, adds Gaussian noise of mean 0 to its input.
///
/// ```text
/// in training:  y = x + s ε        ε of the standard normal distribution;  dx = dy
/// otherwise:    y = x
/// ```
///
/// # Shapes
/// - input: any
/// - output: the input's
///
/// # Errors
/// `forward` returns [`Error::HyperParameter`](crate::Error::HyperParameter) if `std` is negative or not finite.
///
/// # Examples
/// ```
/// use gradus_nn_layers::{Layer, Tape, ndarray::Array1};
/// use gradus_regularize::noise::GaussianNoise;
/// use rand::{SeedableRng, rngs::StdRng};
///
/// let noise = GaussianNoise::new(0.1);
/// let y = noise.forward(&Tape::training(&mut StdRng::seed_from_u64(7)).input(Array1::<f32>::zeros(4)))?;
/// assert!(y.value().iter().all(|y| *y != 0.0 && y.abs() < 1.0));
/// # Ok::<(), gradus_nn_layers::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GaussianNoise {
    /// The standard deviation `s` of the noise.
    pub std: f64,
}

impl GaussianNoise {
    /// Noise of this standard deviation.
    #[must_use]
    pub fn new(std: f64) -> Self {
        Self { std }
    }
}

impl<F: Real> Module<F> for GaussianNoise {
    fn walk<'module>(&'module self, _: &mut Walk<'module, '_, F>) {}
    fn walk_mut<'module>(&'module mut self, _: &mut WalkMut<'module, '_, F>) {}
}

impl<F: Real> Layer<F> for GaussianNoise {
    #[track_caller]
    fn forward(&self, x: &Var<F>) -> gradus_nn_layers::Result<Var<F>> {
        Ok(shaken("gaussian_noise", x, self.std)?)
    }
}

/// In training, with noise added.
#[track_caller]
fn shaken<F: Real>(operation: &'static str, x: &Var<F>, std: f64) -> Result<Var<F>> {
    check(operation, std)?;
    if std == 0.0 {
        return Ok(x.clone());
    }
    let shape = x.value().raw_dim();
    let drawn = x.tape().random(|rng| init::normal::<F, _>(shape, 0.0, std, rng));
    Ok(match drawn {
        Some(noise) => x.try_add(&x.tape().input(noise)).expect("the noise has the shape of what it is added to"),
        None => x.clone(),
    })
}

fn check(operation: &'static str, std: f64) -> Result<()> {
    hold(std.is_finite() && std >= 0.0, operation, "std", std, "finite and not negative")
}

/// Adds Gaussian noise of mean 0 and this standard deviation to every gradient, in the order in which the parameters were made.
///
/// # Errors
/// [`Error::HyperParameter`](crate::Error::HyperParameter) if `std` is negative or not finite.
///
/// # Examples
/// ```
/// use gradus_nn_layers::{Parameter, Tape, ndarray::array};
/// use gradus_regularize::noise;
/// use rand::{SeedableRng, rngs::StdRng};
///
/// let w: Parameter<f64> = array![1.0, 2.0].into();
/// let mut gradients = Tape::recording().parameter(&w).square().sum().backward()?;
/// let step = 100;
/// noise::add_to_gradients(&mut gradients, noise::annealed(0.3, 0.55, step), &mut StdRng::seed_from_u64(7))?;
/// let found = gradients.get(&w).unwrap();
/// assert!(found[[0]] != 2.0 && (found[[0]] - 2.0).abs() < 0.5);
/// # Ok::<(), gradus_nn_layers::Error>(())
/// ```
pub fn add_to_gradients<F: Real>(gradients: &mut Gradients<F>, std: f64, rng: &mut (impl Rng + ?Sized)) -> Result<()> {
    check("gradient noise", std)?;
    for (_, gradient) in gradients.iter_mut() {
        let noise: ArrayD<F> = init::normal(gradient.raw_dim(), 0.0, std, rng);
        gradient.zip_mut_with(&noise, |g, &noise| *g += noise);
    }
    Ok(())
}

/// The standard deviation of noise that dies away, after Neelakantan et al., who take `η` from 0.01 to 1 and `γ = 0.55`.
///
/// ```text
/// s = √(η / (1 + step)^γ)
/// ```
#[must_use]
pub fn annealed(eta: f64, gamma: f64, step: u64) -> f64 {
    (eta / (1.0 + step as f64).powf(gamma)).sqrt()
}
