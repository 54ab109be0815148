//! Schedules made of schedules.

use super::Schedule;
use crate::Result;

/// One schedule for a number of steps, then another: see [`Schedule::then`].
///
/// ```text
/// lr(t) = first(t)  while t < steps,   next(t − steps)  afterwards
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Then<A, B> {
    pub(super) first: A,
    pub(super) steps: u64,
    pub(super) next: B,
}

impl<A: Schedule, B: Schedule> Schedule for Then<A, B> {
    fn lr(&self, step: u64) -> f64 {
        match step.checked_sub(self.steps) {
            Some(step) => self.next.lr(step),
            None => self.first.lr(step),
        }
    }

    fn momentum(&self, step: u64) -> Option<f64> {
        match step.checked_sub(self.steps) {
            Some(step) => self.next.momentum(step),
            None => self.first.momentum(step),
        }
    }

    fn validate(&self) -> Result<()> {
        self.first.validate()?;
        self.next.validate()
    }
}

/// A rise in a straight line before a schedule: see [`Schedule::warm_up`].
///
/// ```text
/// lr(t) = schedule(0) · (t + 1) / (steps + 1)  while t < steps,   schedule(t − steps)  afterwards
/// ```
///
/// The first step's rate is not 0, so that no batch is wasted, and the last of the rise lies below the schedule's first.
///
/// # References
/// P. Goyal et al., *Accurate, large minibatch SGD: training ImageNet in 1 hour*, 2017, section 2.2,
/// <https://arxiv.org/abs/1706.02677>
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WarmUp<S> {
    pub(super) steps: u64,
    pub(super) schedule: S,
}

impl<S: Schedule> Schedule for WarmUp<S> {
    fn lr(&self, step: u64) -> f64 {
        match step.checked_sub(self.steps) {
            Some(step) => self.schedule.lr(step),
            None => self.schedule.lr(0) * (step + 1) as f64 / (self.steps as f64 + 1.0),
        }
    }

    /// The schedule's first momentum while the rate rises.
    fn momentum(&self, step: u64) -> Option<f64> {
        self.schedule.momentum(step.saturating_sub(self.steps))
    }

    fn validate(&self) -> Result<()> {
        self.schedule.validate()
    }
}

#[cfg(test)]
mod tests {
    use crate::schedule::{Constant, Schedule, StepDecay};

    #[test]
    fn by_hand() {
        let schedule = StepDecay::new(0.4, 2, 0.5).warm_up(3).then(6, Constant::new(0.01));
        let rates: Vec<f64> = (0..8).map(|step| schedule.lr(step)).collect();
        let expected = [0.1, 0.2, 0.3, 0.4, 0.4, 0.2, 0.01, 0.01];
        assert!(rates.iter().zip(expected).all(|(r, e)| (r - e).abs() < 1e-12), "{rates:?}");
    }

    #[test]
    fn no_steps_of_warm_up_change_nothing() {
        assert_eq!(Constant::new(0.3).warm_up(0).lr(0), 0.3);
        assert_eq!(Constant::new(0.3).warm_up(u64::MAX).lr(u64::MAX - 1), 0.3);
    }

    #[test]
    fn the_fault_is_found_wherever_it_is() {
        let schedule = Constant::new(0.1).then(5, StepDecay::new(0.1, 0, 0.5)).warm_up(2);
        assert_eq!(schedule.validate().unwrap_err().to_string(), "step decay: every 0: must be at least 1");
        assert!(schedule.lr(100).is_finite());
    }
}
