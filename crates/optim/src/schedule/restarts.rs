//! Half a cosine again and again.

use super::{CosineAnnealing, Schedule};
use crate::{Result, hyper};

/// [`CosineAnnealing`] that begins again at each period's end; PyTorch's `CosineAnnealingWarmRestarts`.
///
/// ```text
/// lr(t) = floor + (lr − floor) · (1 + cos(π s / Tᵢ)) / 2
/// s: steps since the period began,  Tᵢ = steps · growthⁱ: the length of period i
/// ```
///
/// The jump back to the high rate leaves the minimum that was found; the parameters at the end of each period are a
/// model each.
///
/// # Examples
/// ```
/// use gradus_optim::schedule::{CosineWarmRestarts, Schedule};
/// let schedule = CosineWarmRestarts::new(1.0, 10).growth(2); // periods begin at 0, 10, 30, 70, …
/// assert_eq!([0, 10, 30, 70].map(|step| schedule.lr(step)), [1.0; 4]);
/// assert!((schedule.lr(20) - 0.5).abs() < 1e-12 && schedule.lr(29) < 0.01);
/// ```
///
/// # References
/// I. Loshchilov, F. Hutter, *SGDR: stochastic gradient descent with warm restarts*, ICLR 2017,
/// <https://arxiv.org/abs/1608.03983>
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CosineWarmRestarts {
    lr: f64,
    floor: f64,
    steps: u64,
    growth: u64,
}

impl CosineWarmRestarts {
    /// From `lr` down to 0 in so many steps, again and again.
    #[must_use]
    pub fn new(lr: f64, steps: u64) -> Self {
        Self { lr, floor: 0.0, steps, growth: 1 }
    }

    /// With this lowest rate.
    #[must_use]
    pub fn floor(self, floor: f64) -> Self {
        Self { floor, ..self }
    }

    /// With each period so many times as long as the one before.
    #[must_use]
    pub fn growth(self, growth: u64) -> Self {
        Self { growth, ..self }
    }
}

impl Schedule for CosineWarmRestarts {
    fn lr(&self, step: u64) -> f64 {
        let (mut since, mut length) = (step, self.steps.max(1));
        if self.growth <= 1 {
            since %= length;
        }
        while since >= length {
            since -= length;
            length = length.saturating_mul(self.growth);
        }
        CosineAnnealing::new(self.lr, length).floor(self.floor).lr(since)
    }

    fn validate(&self) -> Result<()> {
        hyper::not_negative("cosine warm restarts", "lr", self.lr)?;
        hyper::not_negative("cosine warm restarts", "floor", self.floor)?;
        hyper::steps("cosine warm restarts", "steps", self.steps)?;
        hyper::steps("cosine warm restarts", "growth", self.growth)
    }
}
