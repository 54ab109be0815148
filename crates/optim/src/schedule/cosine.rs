//! Down along half a cosine.

use super::Schedule;
use crate::{Result, hyper};

/// Cosine annealing: from `lr` down to `floor` along half a cosine, in `steps` steps.
///
/// ```text
/// lr(t) = floor + (lr − floor) · (1 + cos(π t / steps)) / 2
/// ```
///
/// Slow at both ends: long enough at the high rate to explore, long enough at the low one to settle. Past its end the cosine
/// rises again, as PyTorch's does; use [`then`](Schedule::then) if training goes on longer.
///
/// # Examples
/// ```
/// use gradus_optim::schedule::{CosineAnnealing, Schedule};
/// let schedule = CosineAnnealing::new(1.0, 10).floor(0.2);
/// assert_eq!(schedule.lr(0), 1.0);
/// assert!((schedule.lr(5) - 0.6).abs() < 1e-12);
/// assert!((schedule.lr(10) - 0.2).abs() < 1e-12);
/// ```
///
/// # References
/// I. Loshchilov, F. Hutter, *SGDR: stochastic gradient descent with warm restarts*, ICLR 2017, equation 5,
/// <https://arxiv.org/abs/1608.03983>
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CosineAnnealing {
    lr: f64,
    floor: f64,
    steps: u64,
}

impl CosineAnnealing {
    /// From `lr` down to 0 in so many steps.
    #[must_use]
    pub fn new(lr: f64, steps: u64) -> Self {
        Self { lr, floor: 0.0, steps }
    }

    /// With this lowest rate.
    #[must_use]
    pub fn floor(self, floor: f64) -> Self {
        Self { floor, ..self }
    }
}

impl Schedule for CosineAnnealing {
    fn lr(&self, step: u64) -> f64 {
        let turn = std::f64::consts::PI * step as f64 / self.steps.max(1) as f64;
        self.floor + (self.lr - self.floor) * (1.0 + turn.cos()) / 2.0
    }

    fn validate(&self) -> Result<()> {
        hyper::not_negative("cosine annealing", "lr", self.lr)?;
        hyper::not_negative("cosine annealing", "floor", self.floor)?;
        hyper::steps("cosine annealing", "steps", self.steps)
    }
}
