//! Layer normalization without the mean.

use super::layer_norm;
use crate::{Layer, Module, Parameter, Result, init};
use gradus_autograd::{Real, Var};
use ndarray::{Dimension, IntoDimension};

/// Root-mean-square normalization: the last axes of each sample divided by the root of the mean of their squares.
///
/// ```text
/// y = w x / √(s + ε),    s = mean of x² over the last axes
/// z = x / √(s + ε),  g = w dy
/// dx = (g − z mean(g z)) / √(s + ε),  dw = Σ dy z over the samples
/// ```
///
/// What [`LayerNorm`](crate::LayerNorm) does to the length of a vector, without moving its mean; cheaper, and in language models as good.
/// The default `eps` is the machine epsilon of the number type, PyTorch's.
///
/// # Shapes
/// - input: `(…, normalized_shape)`
/// - output: as the input
///
/// # Examples
/// ```
/// use gradus_nn_layers::{Layer, RmsNorm, Tape, ndarray::array};
/// let layer: RmsNorm = RmsNorm::new(2).eps(0.0);
/// let y = layer.forward(&Tape::inference().input(array![[1.0, 1.0], [-7.0, 1.0]]))?;
/// assert_eq!(y.value(), &array![[1.0, 1.0], [-1.4, 0.2]]);
/// # Ok::<(), gradus_nn_layers::Error>(())
/// ```
///
/// # References
/// B. Zhang, R. Sennrich, *Root mean square layer normalization*, 2019, <https://arxiv.org/abs/1910.07467>
#[derive(Debug, Clone, Module)]
pub struct RmsNorm<F: Real = f32> {
    /// Scale `w`, of the normalized shape; starts as ones.
    pub weight: Option<Parameter<F>>,
    /// What is added to the mean of the squares.
    pub eps: f64,
    /// The lengths of the last axes, over which the mean is taken.
    #[module(skip)]
    pub normalized_shape: Vec<usize>,
}

const NAME: &str = "rms_norm";

impl<F: Real> RmsNorm<F> {
    /// Over last axes of these lengths, with a scale.
    #[must_use]
    pub fn new(normalized_shape: impl IntoDimension) -> Self {
        let shape = normalized_shape.into_dimension();
        let normalized_shape = shape.slice().to_vec();
        Self { weight: Some(init::ones(shape).into()), eps: F::EPSILON.to_f64(), normalized_shape }
    }

    /// As [`RmsNorm::new`], without a scale: there is nothing to train.
    #[must_use]
    pub fn without_affine(normalized_shape: impl IntoDimension) -> Self {
        Self { weight: None, ..Self::new(normalized_shape) }
    }

    /// The same with this `eps`, at least 0.
    #[must_use]
    pub fn eps(mut self, eps: f64) -> Self {
        self.eps = eps;
        self
    }
}

impl<F: Real> Layer<F> for RmsNorm<F> {
    /// # Errors
    /// As those of [`LayerNorm`](crate::LayerNorm).
    fn forward(&self, x: &Var<F>) -> Result<Var<F>> {
        layer_norm::forward(NAME, x, &self.normalized_shape, self.eps, false, (self.weight.as_ref(), None))
    }
}
