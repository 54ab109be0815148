//! Stopping when the model no longer gets better, and going back to when it was best.

use crate::error::hold;
use crate::{Error, Result};
use gradus_linalg::Real;
use gradus_nn_layers::{Module, StateDict};

/// Ends training when a metric of held-out data has not improved for a number of epochs, and keeps the best weights.
///
/// An epoch counts as better if its metric is better than the best so far by more than `min_delta`; the first always
/// does. After `patience` epochs in a row that are not better, the decision is to stop. The weights that are kept are those of
/// the last epoch that counted as better, running statistics included.
///
/// | setting | means | default | range |
/// | --- | --- | --- | --- |
/// | `patience` | epochs in a row without improvement until the stop | | at least 1 |
/// | `min_delta` | how much better a metric must be to count | 0 | at least 0 |
/// | `maximize` | large is good (accuracy), not small (a loss) | no | |
///
/// Keeping the weights copies nothing by itself: they share the model's memory, and the next step of the optimizer gives
/// the model memory of its own.
///
/// A metric that is NaN is an error, and never an improvement; the best weights so far can still be restored.
///
/// # Examples
/// ```
/// use gradus_nn_layers::{Parameter, ndarray::array};
/// use gradus_regularize::{Decision, EarlyStopping};
///
/// let mut model: Parameter = array![0.0].into();
/// let mut stopping = EarlyStopping::new(2);
/// let losses = [0.9, 0.5, 0.6, 0.55, 0.1];
/// for (epoch, loss) in losses.into_iter().enumerate() {
///     model.value_mut().fill(epoch as f32); // what training does
///     if stopping.observe(epoch, loss, &model)? == Decision::Stop {
///         break;
///     }
/// }
/// assert_eq!(stopping.restore_best(&mut model)?, Some(1));
/// assert_eq!(model.value(), &array![1.0]);
/// # Ok::<(), gradus_regularize::Error>(())
/// ```
///
/// # References
/// L. Prechelt, *Early stopping – but when?*, in: Neural Networks: Tricks of the Trade, LNCS 1524, 1998
#[derive(Debug, Clone)]
pub struct EarlyStopping<F: Real = f32> {
    patience: usize,
    min_delta: f64,
    maximize: bool,
    best: Option<Best<F>>,
    /// Epochs in a row that were not better.
    waited: usize,
}

#[derive(Debug, Clone)]
struct Best<F: Real> {
    epoch: usize,
    metric: f64,
    weights: StateDict<F>,
}

/// What to do after an epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Go on: this epoch was better than all before it.
    Improved,
    /// Go on, although this epoch was not better.
    Wait,
    /// Stop: too many epochs in a row were not better.
    Stop,
}

impl<F: Real> EarlyStopping<F> {
    /// Waits for so many epochs in a row without improvement; small metrics are good.
    #[must_use]
    pub fn new(patience: usize) -> Self {
        Self { patience, min_delta: 0.0, maximize: false, best: None, waited: 0 }
    }

    /// Only what is better by more than this counts.
    #[must_use]
    pub fn min_delta(self, min_delta: f64) -> Self {
        Self { min_delta, ..self }
    }

    /// Large metrics are good: an accuracy.
    #[must_use]
    pub fn maximize(self) -> Self {
        Self { maximize: true, ..self }
    }

    /// Judges an epoch by its metric, and keeps the model's weights if it is the best so far.
    ///
    /// # Errors
    /// [`Error::NotANumber`] for a metric that is NaN; [`Error::HyperParameter`] for a patience of 0 or a `min_delta` that is
    /// negative or not finite. Nothing is kept then.
    pub fn observe(&mut self, epoch: usize, metric: f64, model: &dyn Module<F>) -> Result<Decision> {
        self.validate()?;
        if metric.is_nan() {
            return Err(Error::NotANumber { operation: "early stopping", field: "metric", value: metric, epoch });
        }
        let better = match &self.best {
            None => true,
            Some(best) if self.maximize => metric > best.metric + self.min_delta,
            Some(best) => metric < best.metric - self.min_delta,
        };
        if better {
            self.best = Some(Best { epoch, metric, weights: model.state_dict() });
            self.waited = 0;
            return Ok(Decision::Improved);
        }
        self.waited += 1;
        Ok(if self.waited >= self.patience { Decision::Stop } else { Decision::Wait })
    }

    /// Checks the settings; [`observe`](Self::observe) does so too.
    ///
    /// # Errors
    /// [`Error::HyperParameter`] names the field, its value and what would fit.
    pub fn validate(&self) -> Result<()> {
        hold(self.patience > 0, "early stopping", "patience", self.patience as f64, "at least 1")?;
        let fits = self.min_delta.is_finite() && self.min_delta >= 0.0;
        hold(fits, "early stopping", "min_delta", self.min_delta, "finite and not negative")
    }

    /// Gives the model the weights of its best epoch, and says which that was; `None`, with the model as it is, if no
    /// epoch has been observed.
    ///
    /// # Errors
    /// [`Error::Restore`] if the model has other parameters than the one observed; it stays as it is then.
    pub fn restore_best(&self, model: &mut dyn Module<F>) -> Result<Option<usize>> {
        let Some(Best { epoch, weights, .. }) = &self.best else { return Ok(None) };
        model.load_state_dict(weights).map_err(|source| Error::Restore { epoch: *epoch, source })?;
        Ok(Some(*epoch))
    }

    /// The best epoch so far.
    #[must_use]
    pub fn best_epoch(&self) -> Option<usize> {
        self.best.as_ref().map(|best| best.epoch)
    }

    /// The best metric so far.
    #[must_use]
    pub fn best_metric(&self) -> Option<f64> {
        self.best.as_ref().map(|best| best.metric)
    }

    /// The best weights so far.
    #[must_use]
    pub fn best_weights(&self) -> Option<&StateDict<F>> {
        self.best.as_ref().map(|best| &best.weights)
    }
}
