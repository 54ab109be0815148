//! Down by a power of the step.

use super::Schedule;
use crate::{Result, hyper};

/// From `lr` down to `floor` by a power of the steps that are left, then constant; PyTorch's `PolynomialLR`.
///
/// ```text
/// lr(t) = floor + (lr − floor) · (1 − min(t, steps) / steps)^power
/// ```
///
/// A power of 1 is a straight line; above 1 the rate falls fast at first, below 1 late.
///
/// # Examples
/// ```
/// use gradus_optim::schedule::{Polynomial, Schedule};
/// let schedule = Polynomial::new(1.0, 4, 2.0);
/// assert_eq!([0, 2, 4, 9].map(|step| schedule.lr(step)), [1.0, 0.25, 0.0, 0.0]);
/// ```
///
/// # References
/// L.-C. Chen, G. Papandreou, I. Kokkinos, K. Murphy, A. L. Yuille, *DeepLab*, 2017, section 4.1.1 ("poly"),
/// <https://arxiv.org/abs/1606.00915>
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Polynomial {
    lr: f64,
    floor: f64,
    steps: u64,
    power: f64,
}

impl Polynomial {
    /// From `lr` down to 0 in so many steps, by this power.
    #[must_use]
    pub fn new(lr: f64, steps: u64, power: f64) -> Self {
        Self { lr, floor: 0.0, steps, power }
    }

    /// With this lowest rate.
    #[must_use]
    pub fn floor(self, floor: f64) -> Self {
        Self { floor, ..self }
    }
}

impl Schedule for Polynomial {
    fn lr(&self, step: u64) -> f64 {
        if step >= self.steps {
            return self.floor; // also where 0⁰ would be 1
        }
        self.floor + (self.lr - self.floor) * (1.0 - step as f64 / self.steps as f64).powf(self.power)
    }

    fn validate(&self) -> Result<()> {
        hyper::not_negative("polynomial", "lr", self.lr)?;
        hyper::not_negative("polynomial", "floor", self.floor)?;
        hyper::steps("polynomial", "steps", self.steps)?;
        hyper::not_negative("polynomial", "power", self.power)
    }
}

/// Down with the inverse square root of the step.
///
/// ```text
/// lr(t) = lr · √(shift / (t + shift))
/// ```
///
/// It has no end that must be known beforehand. After a [warm-up](Schedule::warm_up) of `shift − 1` steps it is the
/// schedule of the Transformer, `width^(−1/2) · min(s^(−1/2), s · shift^(−3/2))` with `s = t + 1`, whose highest rate is
/// `(width · shift)^(−1/2)`.
///
/// # Examples
/// ```
/// use gradus_optim::schedule::{InverseSqrt, Schedule};
/// let (width, shift) = (512.0_f64, 4000);
/// let schedule = InverseSqrt::new((width * shift as f64).powf(-0.5), shift).warm_up(shift - 1);
/// let transformer = |s: f64| width.powf(-0.5) * s.powf(-0.5).min(s * (shift as f64).powf(-1.5));
/// for step in [0, 1000, 3998, 3999, 4000, 100_000] {
///     assert!((schedule.lr(step) - transformer((step + 1) as f64)).abs() < 1e-15);
/// }
/// ```
///
/// # References
/// A. Vaswani et al., *Attention is all you need*, NeurIPS 2017, equation 3, <https://arxiv.org/abs/1706.03762>
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct InverseSqrt {
    lr: f64,
    shift: u64,
}

impl InverseSqrt {
    /// `lr` at first, and half of it after `3 · shift` steps.
    #[must_use]
    pub fn new(lr: f64, shift: u64) -> Self {
        Self { lr, shift }
    }
}

impl Schedule for InverseSqrt {
    fn lr(&self, step: u64) -> f64 {
        let shift = self.shift.max(1) as f64;
        self.lr * (shift / (step as f64 + shift)).sqrt()
    }

    fn validate(&self) -> Result<()> {
        hyper::not_negative("inverse square root", "lr", self.lr)?;
        hyper::steps("inverse square root", "shift", self.shift)
    }
}
