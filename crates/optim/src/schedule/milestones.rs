//! Down in steps at chosen places.

use super::Schedule;
use crate::{Result, hyper};

/// Multiplied by `gamma` at each of the given steps; PyTorch's `MultiStepLR`.
///
/// ```text
/// lr(t) = lr · γ^(number of milestones ≤ t)
/// ```
///
/// A milestone named twice counts twice.
///
/// # Examples
/// ```
/// use gradus_optim::schedule::{MultiStep, Schedule};
/// let schedule = MultiStep::new(0.8, [30, 80], 0.5);
/// assert_eq!([29, 30, 79, 80].map(|step| schedule.lr(step)), [0.8, 0.4, 0.4, 0.2]);
/// ```
///
/// # References
/// K. He, X. Zhang, S. Ren, J. Sun, *Deep residual learning for image recognition*, CVPR 2016, section 4.2,
/// <https://arxiv.org/abs/1512.03385>
#[derive(Debug, Clone, PartialEq)]
pub struct MultiStep {
    lr: f64,
    /// In ascending order.
    milestones: Vec<u64>,
    gamma: f64,
}

impl MultiStep {
    /// `lr` at first, times `gamma` from each of the `milestones` on, which may come in any order.
    #[must_use]
    pub fn new(lr: f64, milestones: impl Into<Vec<u64>>, gamma: f64) -> Self {
        let mut milestones = milestones.into();
        milestones.sort_unstable();
        Self { lr, milestones, gamma }
    }
}

impl Schedule for MultiStep {
    fn lr(&self, step: u64) -> f64 {
        let reached = self.milestones.partition_point(|&milestone| milestone <= step);
        self.lr * self.gamma.powf(reached as f64)
    }

    fn validate(&self) -> Result<()> {
        hyper::not_negative("multi-step", "lr", self.lr)?;
        hyper::not_negative("multi-step", "gamma", self.gamma)
    }
}
