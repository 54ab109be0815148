//! Losses for one class out of several, beside cross-entropy.

use super::lanes::Lanes;
use super::{Reduction, class_options, positive, reduction_option};
use crate::Result;
use gradus_autograd::{Real, Var};
use ndarray::{ArrayRef, Dimension};

/// Negative log-likelihood: minus the logarithm of the probability that the model gives to the label.
///
/// ```text
/// ℓ = − w_y x_y        dx_y = − w_y · dℓ, and 0 for the other classes
/// ```
///
/// The input is log-probabilities, of [`Var::log_softmax`] say; [`CrossEntropy`](crate::CrossEntropy) does both in one.
/// The mean is weighted, `Σ ℓ / Σ w_y` over the labels that are not ignored.
///
/// # Shapes
/// input `(N, K)`, labels `(N)`; or input `(N, K, …)`, labels `(N, …)`; or input `(K)` and one label of no axes
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Nll {
    reduction: Reduction,
    weight: Option<Vec<f64>>,
    ignore_index: Option<usize>,
}

reduction_option!(Nll);
class_options!(Nll);

impl Nll {
    /// The mean, without weights or an ignored label.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The loss of these log-probabilities for these labels.
    ///
    /// # Errors
    /// As [`CrossEntropy::loss`](crate::CrossEntropy::loss).
    #[track_caller]
    pub fn loss<F: Real, D: Dimension>(
        &self,
        log_probabilities: &Var<F>,
        labels: &ArrayRef<usize, D>,
    ) -> Result<Var<F>> {
        let lanes = Lanes::new("nll", log_probabilities.shape())?;
        let labels = lanes.labels(labels, self.ignore_index)?;
        let weights = lanes.weights::<F>(self.weight.as_deref())?;
        let scale = match self.reduction {
            Reduction::Mean => lanes.one_over_weights(&labels, weights.as_deref())?,
            _ => F::one(),
        };
        Ok(lanes.record(log_probabilities, self.reduction, scale, |lane, x, dx| {
            dx.fill(F::zero());
            let Some(label) = labels[lane] else { return F::zero() };
            let weight = weights.as_ref().map_or(F::one(), |weights| weights[label]);
            dx[label] = -weight * scale;
            -weight * x[label]
        }))
    }
}

/// Multi-class margin loss: the label's score should exceed every other by a margin.
///
/// ```text
/// ℓ = w_y/K Σ max(0, margin − x_y + xₖ)  over k ≠ y         squared:  … max(0, …)²
/// dxₖ = w_y/K · dℓ  where the margin is missed,  dx_y = − Σ dxₖ         … 2 max(0, …) dℓ
/// ```
///
/// As in PyTorch, the mean is over the number of samples also with weights.
///
/// # Shapes
/// As for [`Nll`].
///
/// # References
/// K. Crammer, Y. Singer, *On the algorithmic implementation of multiclass kernel-based vector machines*, 2001.
#[derive(Debug, Clone, PartialEq)]
pub struct MultiMargin {
    reduction: Reduction,
    margin: f64,
    squared: bool,
    weight: Option<Vec<f64>>,
}

reduction_option!(MultiMargin);

impl MultiMargin {
    /// The mean, with a margin above 0; PyTorch's default is 1.
    #[must_use]
    pub fn new(margin: f64) -> Self {
        Self { reduction: Reduction::default(), margin, squared: false, weight: None }
    }

    /// The squares of the shortfalls, PyTorch's `p=2`.
    #[must_use]
    pub fn squared(mut self) -> Self {
        self.squared = true;
        self
    }

    /// A weight for each class, at least 0; 1 by default.
    #[must_use]
    pub fn weight(mut self, weight: impl Into<Vec<f64>>) -> Self {
        self.weight = Some(weight.into());
        self
    }

    /// The loss of these scores for these labels.
    ///
    /// # Errors
    /// [`Error::LabelOutOfRange`](crate::Error::LabelOutOfRange), [`Error::LabelShape`](crate::Error::LabelShape),
    /// [`Error::EmptyBatch`](crate::Error::EmptyBatch), [`Error::WeightLength`](crate::Error::WeightLength),
    /// [`Error::HyperParameter`](crate::Error::HyperParameter).
    #[track_caller]
    pub fn loss<F: Real, D: Dimension>(&self, scores: &Var<F>, labels: &ArrayRef<usize, D>) -> Result<Var<F>> {
        const NAME: &str = "multi_margin";
        let margin = F::from_f64(positive(NAME, "margin", self.margin)?);
        let lanes = Lanes::new(NAME, scores.shape())?;
        let labels = lanes.labels(labels, None)?;
        let scale = match self.reduction {
            Reduction::Mean => F::one() / F::from_f64(lanes.count as f64),
            _ => F::one(),
        };
        let weights = lanes.weights::<F>(self.weight.as_deref())?;
        let (squared, two) = (self.squared, F::from_f64(2.0));
        let classes = F::from_f64(lanes.classes as f64);
        Ok(lanes.record(scores, self.reduction, scale, |lane, x, dx| {
            let Some(label) = labels[lane] else { return F::zero() };
            let share = weights.as_ref().map_or(F::one(), |weights| weights[label]) / classes;
            let (mut loss, mut missed) = (F::zero(), F::zero());
            for (k, (&score, dx)) in x.iter().zip(dx.iter_mut()).enumerate() {
                let short = margin - x[label] + score;
                *dx = F::zero();
                if k != label && (short > F::zero() || short.is_nan()) {
                    let slope = if squared { two * short } else { F::one() };
                    loss += if squared { short * short } else { short };
                    missed += slope;
                    *dx = slope * share * scale;
                }
            }
            dx[label] = -missed * share * scale;
            share * loss
        }))
    }
}
