//! Normalization over each channel by itself.

use super::standardize::Standardize;
use super::{EPS, bind, check_eps, inner};
use crate::{Layer, Module, Parameter, Result, init};
use gradus_autograd::{Real, Var};

/// Instance normalization: each channel of each sample brought to mean 0 and variance 1, so that an image's contrast is
/// taken out of it.
///
/// ```text
/// y = w_c (x − m) / √(v + ε) + b_c,    m, v = mean and variance of x over the axes after the channel's
/// z = (x − m) / √(v + ε),  g = w_c dy
/// dx = (g − mean g − z mean(g z)) / √(v + ε),  dw_c = Σ dy z,  db_c = Σ dy over all of the channel
/// ```
///
/// As in PyTorch it starts without scale and shift; in one, two or three dimensions it is the same layer. It keeps no
/// running statistics: training and use are the same. Of a channel that is one number, the output is 0.
///
/// # Shapes
/// - input: `(N, C, …)` with `C = num_features` and at least one axis after it
/// - output: as the input
///
/// # Examples
/// ```
/// use gradus_nn_layers::{InstanceNorm, Layer, Tape, ndarray::array};
/// let layer: InstanceNorm = InstanceNorm::new(2).eps(0.0);
/// let y = layer.forward(&Tape::inference().input(array![[[1.0, 3.0], [30.0, 10.0]]]))?;
/// assert_eq!(y.value(), &array![[[-1.0, 1.0], [1.0, -1.0]]]);
/// # Ok::<(), gradus_nn_layers::Error>(())
/// ```
///
/// # References
/// D. Ulyanov, A. Vedaldi, V. Lempitsky, *Instance normalization: the missing ingredient for fast stylization*, 2016,
/// <https://arxiv.org/abs/1607.08022>
#[derive(Debug, Clone, Module)]
pub struct InstanceNorm<F: Real = f32> {
    /// Scale `w`, `(num_features,)`; starts as ones.
    pub weight: Option<Parameter<F>>,
    /// Shift `b`, `(num_features,)`; starts as zeros. It is used only beside a weight.
    pub bias: Option<Parameter<F>>,
    /// The number of channels.
    pub num_features: usize,
    /// What is added to the variance.
    pub eps: f64,
}

const NAME: &str = "instance_norm";

impl<F: Real> InstanceNorm<F> {
    /// For so many channels, without scale and shift.
    #[must_use]
    pub fn new(num_features: usize) -> Self {
        Self { weight: None, bias: None, num_features, eps: EPS }
    }

    /// As [`InstanceNorm::new`], with a scale and a shift for each channel.
    #[must_use]
    pub fn affine(num_features: usize) -> Self {
        let (weight, bias) = (init::ones(num_features), init::zeros(num_features));
        Self { weight: Some(weight.into()), bias: Some(bias.into()), ..Self::new(num_features) }
    }

    /// The same with this `eps`, at least 0.
    #[must_use]
    pub fn eps(mut self, eps: f64) -> Self {
        self.eps = eps;
        self
    }
}

impl<F: Real> Layer<F> for InstanceNorm<F> {
    /// # Errors
    /// [`Error::Channels`](crate::Error::Channels), [`Error::HyperParameter`](crate::Error::HyperParameter) for an `eps`
    /// below 0, [`Error::ParameterShape`](crate::Error::ParameterShape).
    fn forward(&self, x: &Var<F>) -> Result<Var<F>> {
        let groups = self.num_features;
        let inner = inner(NAME, groups, 3, x.shape())?;
        let weight = bind(x.tape(), NAME, ("weight", self.weight.as_ref()), &[groups])?;
        let bias = bind(x.tape(), NAME, ("bias", self.bias.as_ref()), &[groups])?;
        let eps = check_eps(NAME, self.eps)?;
        let rows = Standardize { operation: NAME, centered: true, eps, groups, channels: 1, inner };
        Ok(rows.record(x, weight.as_ref(), bias.as_ref()))
    }
}
