//! Noise on weights.

use super::{check, shaken};
use crate::substitute::forward_with_picked;
use gradus_autograd::{Real, Var};
use gradus_nn_layers::{Description, Glob, Layer, Module, Result, Walk, WalkMut};

/// In training, runs a layer with Gaussian noise on its weights.
///
/// ```text
/// in training:  y = f(x; W + s ε)     ε of the standard normal distribution, anew in each pass
/// otherwise:    y = f(x; W)
/// ```
///
/// What is learned must do also when the weights are a little off: it lies in a flat part of the loss.
///
/// Every parameter but biases is shaken, or those whose names match [a pattern](Self::of). The names are the layer's own. The
/// layer runs on a tape of its own inside one entry, so that any layer without buffers will do.
///
/// # Errors
/// `forward` returns what the layer returns; [`Error::HyperParameter`](crate::Error::HyperParameter) if `std` is negative or not finite;
/// [`Error::NothingPicked`](crate::Error::NothingPicked) if no name matches; [`Error::LayerWithBuffers`](crate::Error::LayerWithBuffers).
///
/// # Examples
/// ```
/// use gradus_nn_layers::{Layer, Linear, Tape, ndarray::array};
/// use gradus_regularize::noise::WeightNoise;
/// use rand::{SeedableRng, rngs::StdRng};
///
/// let layer: Linear = Linear::from_parts(array![[1.0, 10.0]], None)?;
/// let layer = WeightNoise::new(layer, 0.1);
/// let x = array![[1.0, 1.0]];
/// let y = layer.forward(&Tape::training(&mut StdRng::seed_from_u64(7)).input(x.clone()))?;
/// assert!(y.value()[[0, 0]] != 11.0 && (y.value()[[0, 0]] - 11.0).abs() < 1.0);
/// assert_eq!(layer.forward(&Tape::inference().input(x))?.value(), &array![[11.0]]);
/// # Ok::<(), gradus_nn_layers::Error>(())
/// ```
///
/// # References
/// A. Graves, *Practical variational inference for neural networks*, NeurIPS 2011,
/// <https://papers.nips.cc/paper/2011/hash/7eb3c8be3d411e8ebfab08eba5f49632-Abstract.html>
#[derive(Debug, Clone)]
pub struct WeightNoise<L> {
    /// The layer.
    pub layer: L,
    /// The standard deviation `s` of the noise.
    pub std: f64,
    which: Option<Glob>,
}

impl<L> WeightNoise<L> {
    /// Noise of this standard deviation on every parameter but biases.
    pub fn new(layer: L, std: f64) -> Self {
        Self { layer, std, which: None }
    }

    /// On the parameters whose names match this pattern, and on no other.
    #[must_use]
    pub fn of(self, pattern: &str) -> Self {
        Self { which: Some(Glob::new(pattern)), ..self }
    }
}

impl<F: Real, L: Module<F>> Module<F> for WeightNoise<L> {
    fn walk<'module>(&'module self, walk: &mut Walk<'module, '_, F>) {
        self.layer.walk(walk);
    }
    fn walk_mut<'module>(&'module mut self, walk: &mut WalkMut<'module, '_, F>) {
        self.layer.walk_mut(walk);
    }
}

impl<F: Real, L: Layer<F> + Clone> Layer<F> for WeightNoise<L> {
    #[track_caller]
    fn forward(&self, x: &Var<F>) -> Result<Var<F>> {
        const OPERATION: &str = "weight_noise";
        check(OPERATION, self.std)?;
        if !x.tape().is_training() || self.std == 0.0 {
            return self.layer.forward(x);
        }
        forward_with_picked(OPERATION, &self.layer, self.which.as_ref(), x, &|w| Ok(shaken(OPERATION, w, self.std)?))
    }

    fn describe(&self, input: &[usize]) -> Result<Description> {
        self.layer.describe(input)
    }
}
