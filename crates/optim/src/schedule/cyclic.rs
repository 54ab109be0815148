//! Up and down again and again.

use super::Schedule;
use crate::{Result, hyper};

/// How the height of the triangles changes.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Height {
    Same,
    Halved,
    Shrinking(f64),
}

/// A rate that rises from `base_lr` to `max_lr` and falls back, in triangles, while the momentum goes the other way;
/// PyTorch's `CyclicLR`.
///
/// ```text
/// lr(t) = base_lr + (max_lr − base_lr) · s · h        momentum(t) = high − (high − low) · s · h
/// s: rises from 0 to 1 in step_size_up steps, falls back in step_size_down
/// h: 1 (triangular),  1/2ᶜ in cycle c, counted from 0 (triangular2),  γᵗ (exp_range)
/// ```
///
/// | setting | means | default | range |
/// | --- | --- | --- | --- |
/// | `base_lr`, `max_lr` | the two ends | | at least 0 |
/// | `step_size_up` | steps of the rise | | at least 1 |
/// | `step_size_down` | steps of the fall | as the rise | at least 1 |
/// | `triangular2` | each triangle half as high | no | |
/// | `exp_range` | height times `gamma` at each step | no | at least 0 |
/// | `momenta` | the lower and the higher one | 0.8, 0.9 | at least 0, less than 1 |
///
/// # Examples
/// ```
/// use gradus_optim::schedule::{Cyclic, Schedule};
/// let schedule = Cyclic::new(0.0, 1.0, 2).triangular2();
/// assert_eq!([0, 1, 2, 3, 4, 6].map(|step| schedule.lr(step)), [0.0, 0.5, 1.0, 0.5, 0.0, 0.5]);
/// assert!((schedule.momentum(2).unwrap() - 0.8).abs() < 1e-12);
/// ```
///
/// # References
/// L. N. Smith, *Cyclical learning rates for training neural networks*, WACV 2017, <https://arxiv.org/abs/1506.01186>
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cyclic {
    base_lr: f64,
    max_lr: f64,
    step_size_up: u64,
    step_size_down: u64,
    height: Height,
    momentum: Option<(f64, f64)>,
}

impl Cyclic {
    /// Between these rates, up in so many steps and down in as many.
    #[must_use]
    pub fn new(base_lr: f64, max_lr: f64, step_size_up: u64) -> Self {
        let (height, momentum) = (Height::Same, Some((0.8, 0.9)));
        Self { base_lr, max_lr, step_size_up, step_size_down: step_size_up, height, momentum }
    }

    /// With so many steps for the fall.
    #[must_use]
    pub fn step_size_down(self, step_size_down: u64) -> Self {
        Self { step_size_down, ..self }
    }

    /// With each triangle half as high as the one before.
    #[must_use]
    pub fn triangular2(self) -> Self {
        Self { height: Height::Halved, ..self }
    }

    /// With the height multiplied by `gamma` at each step.
    #[must_use]
    pub fn exp_range(self, gamma: f64) -> Self {
        Self { height: Height::Shrinking(gamma), ..self }
    }

    /// With the momentum between these two, the lower one where the rate is highest.
    #[must_use]
    pub fn momenta(self, base_momentum: f64, max_momentum: f64) -> Self {
        Self { momentum: Some((base_momentum, max_momentum)), ..self }
    }

    /// With the momentum left alone.
    #[must_use]
    pub fn without_momentum(self) -> Self {
        Self { momentum: None, ..self }
    }

    /// How far up, from 0 to 1.
    fn share(&self, step: u64) -> f64 {
        let (up, down) = (self.step_size_up.max(1), self.step_size_down.max(1));
        let period = up.saturating_add(down);
        let (cycle, within) = (step / period, step % period);
        let triangle = if within <= up { within as f64 / up as f64 } else { (period - within) as f64 / down as f64 };
        triangle
            * match self.height {
                Height::Same => 1.0,
                Height::Halved => (-(cycle as f64)).exp2(),
                Height::Shrinking(gamma) => gamma.powf(step as f64),
            }
    }
}

impl Schedule for Cyclic {
    fn lr(&self, step: u64) -> f64 {
        self.base_lr + (self.max_lr - self.base_lr) * self.share(step)
    }

    fn momentum(&self, step: u64) -> Option<f64> {
        self.momentum.map(|(low, high)| high - (high - low) * self.share(step))
    }

    fn validate(&self) -> Result<()> {
        hyper::not_negative("cyclic", "base_lr", self.base_lr)?;
        hyper::not_negative("cyclic", "max_lr", self.max_lr)?;
        hyper::steps("cyclic", "step_size_up", self.step_size_up)?;
        hyper::steps("cyclic", "step_size_down", self.step_size_down)?;
        if let Height::Shrinking(gamma) = self.height {
            hyper::not_negative("cyclic", "gamma", gamma)?;
        }
        let (low, high) = self.momentum.unwrap_or((0.0, 0.0));
        hyper::below_one("cyclic", "base_momentum", low)?;
        hyper::below_one("cyclic", "max_momentum", high)
    }
}
