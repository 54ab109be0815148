//! Losses that compare distributions.

use super::pointwise::pointwise;
use super::{Reduction, reduction_option};
use crate::{Error, Result};
use gradus_autograd::{Real, Var};

/// Kullback–Leibler divergence of a model's distribution from the target's.
///
/// ```text
/// ℓ = t (ln t − x)        dx = − t · dℓ,  dt = (ln t − x + 1) · dℓ        0 where t = 0
/// ```
///
/// `x` is the logarithm of the model's probabilities; the target is probabilities, or with
/// [`log_target`](Self::log_target) logarithms too. The divergence is the sum over the classes: so the
/// [mean over the samples](Self::batch_mean) is the one of the textbooks, and [`Reduction::Mean`], the default as in
/// PyTorch, is smaller by the number of classes.
///
/// # Shapes
/// Prediction and target have the same shape; samples are on the first axis.
///
/// # References
/// S. Kullback, R. A. Leibler, *On information and sufficiency*, 1951.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct KlDivergence {
    reduction: Reduction,
    batch_mean: bool,
    log_target: bool,
}

reduction_option!(KlDivergence);

impl KlDivergence {
    /// The mean over all elements, for a target of probabilities.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The sum divided by the number of samples, whatever the reduction.
    #[must_use]
    pub fn batch_mean(mut self) -> Self {
        self.batch_mean = true;
        self
    }

    /// The target is the logarithm of probabilities.
    #[must_use]
    pub fn log_target(mut self) -> Self {
        self.log_target = true;
        self
    }

    /// The divergence of these log-probabilities from the target.
    ///
    /// # Errors
    /// [`Error::Target`] if the shapes differ, [`Error::EmptyBatch`].
    #[track_caller]
    pub fn loss<F: Real>(&self, log_probabilities: &Var<F>, target: &Var<F>) -> Result<Var<F>> {
        const NAME: &str = "kl_div";
        let reduction = if self.batch_mean { Reduction::Sum } else { self.reduction };
        let one = F::one();
        let loss = if self.log_target {
            let loss = |_, x: F, t: F| t.exp() * (t - x);
            pointwise(NAME, log_probabilities, target, reduction, loss, move |_, x, t| {
                (-t.exp(), t.exp() * (t - x + one))
            })?
        } else {
            let at_zero = |t: F, y: F| if t == F::zero() { t } else { y };
            let loss = move |_, x: F, t: F| at_zero(t, t * (t.ln() - x));
            pointwise(NAME, log_probabilities, target, reduction, loss, move |_, x, t| {
                (-t, at_zero(t, t.ln() - x + one))
            })?
        };
        if !self.batch_mean {
            return Ok(loss);
        }
        let shape = log_probabilities.shape();
        let samples = shape.first().ok_or_else(|| Error::EmptyBatch { loss: NAME, shape: shape.to_vec() })?;
        Ok(loss * (one / F::from_f64(*samples as f64)))
    }
}
