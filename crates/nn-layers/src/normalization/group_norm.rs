//! Normalization over groups of channels.

use super::standardize::Standardize;
use super::{EPS, bind, check_eps, inner};
use crate::{Error, Layer, Module, Parameter, Result, init};
use gradus_autograd::{Real, Var};

/// Group normalization: the channels of each sample in groups, each group brought to mean 0 and variance 1, then each
/// channel scaled and shifted.
///
/// ```text
/// y = w_c (x − m) / √(v + ε) + b_c,    m, v = mean and variance of x over a group's channels and all further axes
/// z = (x − m) / √(v + ε),  g = w_c dy
/// dx = (g − mean g − z mean(g z)) / √(v + ε),  dw_c = Σ dy z,  db_c = Σ dy over all of the channel
/// ```
///
/// With one group it is [`LayerNorm`](crate::LayerNorm) of images, but for the weights, of which each channel has one; with a group for each
/// channel it is [`InstanceNorm`](crate::InstanceNorm). It does not look at the other samples, so that a batch may be small.
///
/// # Shapes
/// - input: `(N, C, …)` with `C = num_channels`
/// - output: as the input
///
/// # Examples
/// ```
/// use gradus_nn_layers::{GroupNorm, Layer, Tape, ndarray::array};
/// let layer: GroupNorm = GroupNorm::new(2, 4)?.eps(0.0);
/// let y = layer.forward(&Tape::inference().input(array![[1.0, 3.0, 10.0, 30.0]]))?;
/// assert_eq!(y.value(), &array![[-1.0, 1.0, -1.0, 1.0]]);
/// # Ok::<(), gradus_nn_layers::Error>(())
/// ```
///
/// # References
/// Y. Wu, K. He, *Group normalization*, 2018, <https://arxiv.org/abs/1803.08494>
#[derive(Debug, Clone, Module)]
pub struct GroupNorm<F: Real = f32> {
    /// Scale `w`, `(num_channels,)`; starts as ones.
    pub weight: Option<Parameter<F>>,
    /// Shift `b`, `(num_channels,)`; starts as zeros. It is used only beside a weight.
    pub bias: Option<Parameter<F>>,
    /// The number of groups.
    pub num_groups: usize,
    /// The number of channels, which the groups divide evenly.
    pub num_channels: usize,
    /// What is added to the variance.
    pub eps: f64,
}

const NAME: &str = "group_norm";

impl<F: Real> GroupNorm<F> {
    /// So many groups of channels, with scale and shift.
    ///
    /// # Errors
    /// [`Error::Uneven`] if the groups do not divide the channels.
    pub fn new(num_groups: usize, num_channels: usize) -> Result<Self> {
        check_groups(num_groups, num_channels)?;
        let (weight, bias) = (init::ones(num_channels), init::zeros(num_channels));
        Ok(Self { weight: Some(weight.into()), bias: Some(bias.into()), num_groups, num_channels, eps: EPS })
    }

    /// As [`GroupNorm::new`], with neither scale nor shift: there is nothing to train.
    ///
    /// # Errors
    /// As [`GroupNorm::new`].
    pub fn without_affine(num_groups: usize, num_channels: usize) -> Result<Self> {
        Ok(Self { weight: None, bias: None, ..Self::new(num_groups, num_channels)? })
    }

    /// The same with this `eps`, at least 0.
    #[must_use]
    pub fn eps(mut self, eps: f64) -> Self {
        self.eps = eps;
        self
    }
}

impl<F: Real> Layer<F> for GroupNorm<F> {
    /// # Errors
    /// [`Error::Channels`], [`Error::Uneven`], [`Error::HyperParameter`] for an `eps` below 0, [`Error::ParameterShape`].
    fn forward(&self, x: &Var<F>) -> Result<Var<F>> {
        check_groups(self.num_groups, self.num_channels)?;
        let inner = inner(NAME, self.num_channels, 2, x.shape())?;
        let weight = bind(x.tape(), NAME, ("weight", self.weight.as_ref()), &[self.num_channels])?;
        let bias = bind(x.tape(), NAME, ("bias", self.bias.as_ref()), &[self.num_channels])?;
        let (groups, channels) = (self.num_groups, self.num_channels / self.num_groups);
        let rows =
            Standardize { operation: NAME, centered: true, eps: check_eps(NAME, self.eps)?, groups, channels, inner };
        Ok(rows.record(x, weight.as_ref(), bias.as_ref()))
    }
}

fn check_groups(parts: usize, count: usize) -> Result<()> {
    if parts > 0 && count.is_multiple_of(parts) {
        return Ok(());
    }
    Err(Error::Uneven { layer: NAME, what: "channels", count, into: "groups", parts })
}
