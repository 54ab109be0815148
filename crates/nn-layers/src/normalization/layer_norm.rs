//! Normalization over all features of a sample.

use super::standardize::Standardize;
use super::{EPS, bind, check_eps};
use crate::{Error, Layer, Module, Parameter, Result, init};
use gradus_autograd::{Real, Var};
use ndarray::{Dimension, IntoDimension};

/// Layer normalization: the last axes of each sample brought to mean 0 and variance 1, then scaled and shifted.
///
/// ```text
/// y = w (x − m) / √(v + ε) + b,    m = mean of x, v = variance of x (divided by n), over the last axes
/// z = (x − m) / √(v + ε),  g = w dy
/// dx = (g − mean g − z mean(g z)) / √(v + ε),  dw = Σ dy z,  db = Σ dy over the samples
/// ```
///
/// Forward and backward are one entry each; the variance is computed in two passes. The default `eps` is 10⁻⁵, PyTorch's.
///
/// # Shapes
/// - input: `(…, normalized_shape)`
/// - output: as the input
///
/// # Examples
/// ```
/// use gradus_nn_layers::{Layer, LayerNorm, Tape, ndarray::array};
/// let layer: LayerNorm = LayerNorm::new(2).eps(0.0);
/// let y = layer.forward(&Tape::inference().input(array![[1.0, 3.0], [-2e3, 2e3]]))?;
/// assert_eq!(y.value(), &array![[-1.0, 1.0], [-1.0, 1.0]]);
/// # Ok::<(), gradus_nn_layers::Error>(())
/// ```
///
/// # References
/// J. L. Ba, J. R. Kiros, G. E. Hinton, *Layer normalization*, 2016, <https://arxiv.org/abs/1607.06450>
#[derive(Debug, Clone, Module)]
pub struct LayerNorm<F: Real = f32> {
    /// Scale `w`, of the normalized shape; starts as ones.
    pub weight: Option<Parameter<F>>,
    /// Shift `b`, of the normalized shape; starts as zeros. It is used only beside a weight.
    pub bias: Option<Parameter<F>>,
    /// What is added to the variance, so that a row of equal numbers is not divided by 0.
    pub eps: f64,
    /// The lengths of the last axes, over which the mean and the variance are taken.
    #[module(skip)]
    pub normalized_shape: Vec<usize>,
}

const NAME: &str = "layer_norm";

impl<F: Real> LayerNorm<F> {
    /// Over last axes of these lengths, with scale and shift.
    #[must_use]
    pub fn new(normalized_shape: impl IntoDimension) -> Self {
        let shape = normalized_shape.into_dimension();
        let (weight, bias) = (init::ones(shape.clone()), init::zeros(shape.clone()));
        let normalized_shape = shape.slice().to_vec();
        Self { weight: Some(weight.into()), bias: Some(bias.into()), eps: EPS, normalized_shape }
    }

    /// As [`LayerNorm::new`], with a scale and no shift.
    #[must_use]
    pub fn without_bias(normalized_shape: impl IntoDimension) -> Self {
        Self { bias: None, ..Self::new(normalized_shape) }
    }

    /// As [`LayerNorm::new`], with neither scale nor shift: there is nothing to train.
    #[must_use]
    pub fn without_affine(normalized_shape: impl IntoDimension) -> Self {
        Self { weight: None, bias: None, ..Self::new(normalized_shape) }
    }

    /// The same with this `eps`, at least 0.
    #[must_use]
    pub fn eps(mut self, eps: f64) -> Self {
        self.eps = eps;
        self
    }
}

impl<F: Real> Layer<F> for LayerNorm<F> {
    /// # Errors
    /// [`Error::NormalizedShape`], [`Error::HyperParameter`] for an `eps` below 0, [`Error::ParameterShape`].
    fn forward(&self, x: &Var<F>) -> Result<Var<F>> {
        forward(NAME, x, &self.normalized_shape, self.eps, true, (self.weight.as_ref(), self.bias.as_ref()))
    }
}

/// Layer normalization with or without the mean.
pub(super) fn forward<F: Real>(
    layer: &'static str,
    x: &Var<F>,
    shape: &[usize],
    eps: f64,
    centered: bool,
    (weight, bias): (Option<&Parameter<F>>, Option<&Parameter<F>>),
) -> Result<Var<F>> {
    if !x.shape().ends_with(shape) {
        return Err(Error::NormalizedShape { layer, expected: shape.to_vec(), input: x.shape().to_vec() });
    }
    let weight = bind(x.tape(), layer, ("weight", weight), shape)?;
    let bias = bind(x.tape(), layer, ("bias", bias), shape)?;
    let (eps, channels) = (check_eps(layer, eps)?, shape.iter().product());
    let rows = Standardize { operation: layer, centered, eps, groups: 1, channels, inner: 1 };
    Ok(rows.record(x, weight.as_ref(), bias.as_ref()))
}
