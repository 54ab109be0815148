//! The simple ones: constant, in steps, exponential, in a straight line.

use super::Schedule;
use crate::{Result, hyper};

/// The same rate at every step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Constant {
    lr: f64,
}

impl Constant {
    /// This rate.
    #[must_use]
    pub fn new(lr: f64) -> Self {
        Self { lr }
    }
}

impl Schedule for Constant {
    fn lr(&self, _: u64) -> f64 {
        self.lr
    }

    fn validate(&self) -> Result<()> {
        hyper::not_negative("constant", "lr", self.lr)
    }
}

/// Multiplied by `gamma` after every so many steps; PyTorch's `StepLR`.
///
/// ```text
/// lr(t) = lr · γ^⌊t / every⌋
/// ```
///
/// # Examples
/// ```
/// use gradus_optim::schedule::{Schedule, StepDecay};
/// let schedule = StepDecay::new(0.8, 10, 0.5);
/// assert_eq!([9, 10, 25].map(|step| schedule.lr(step)), [0.8, 0.4, 0.2]);
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StepDecay {
    lr: f64,
    every: u64,
    gamma: f64,
}

impl StepDecay {
    /// `lr` at first, times `gamma` after every `every` steps.
    #[must_use]
    pub fn new(lr: f64, every: u64, gamma: f64) -> Self {
        Self { lr, every, gamma }
    }
}

impl Schedule for StepDecay {
    fn lr(&self, step: u64) -> f64 {
        self.lr * self.gamma.powf((step / self.every.max(1)) as f64)
    }

    fn validate(&self) -> Result<()> {
        hyper::not_negative("step decay", "lr", self.lr)?;
        hyper::steps("step decay", "every", self.every)?;
        hyper::not_negative("step decay", "gamma", self.gamma)
    }
}

/// Multiplied by `gamma` after every step; PyTorch's `ExponentialLR`.
///
/// ```text
/// lr(t) = lr · γᵗ
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Exponential {
    lr: f64,
    gamma: f64,
}

impl Exponential {
    /// `lr` at first, times `gamma` after every step.
    #[must_use]
    pub fn new(lr: f64, gamma: f64) -> Self {
        Self { lr, gamma }
    }
}

impl Schedule for Exponential {
    fn lr(&self, step: u64) -> f64 {
        self.lr * self.gamma.powf(step as f64)
    }

    fn validate(&self) -> Result<()> {
        hyper::not_negative("exponential", "lr", self.lr)?;
        hyper::not_negative("exponential", "gamma", self.gamma)
    }
}

/// In a straight line from one rate to another in so many steps, then constant; PyTorch's `LinearLR`.
///
/// ```text
/// lr(t) = start + (end − start) · min(t, steps) / steps
/// ```
///
/// # Examples
/// ```
/// use gradus_optim::schedule::{Linear, Schedule};
/// let schedule = Linear::new(0.5, 0.1, 4);
/// assert_eq!([0, 2, 4, 9].map(|step| schedule.lr(step)), [0.5, 0.3, 0.1, 0.1]);
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Linear {
    start: f64,
    end: f64,
    steps: u64,
}

impl Linear {
    /// From `start` to `end` in so many steps.
    #[must_use]
    pub fn new(start: f64, end: f64, steps: u64) -> Self {
        Self { start, end, steps }
    }
}

impl Schedule for Linear {
    fn lr(&self, step: u64) -> f64 {
        if step >= self.steps {
            return self.end;
        }
        self.start + (self.end - self.start) * (step as f64 / self.steps as f64)
    }

    fn validate(&self) -> Result<()> {
        hyper::not_negative("linear", "start", self.start)?;
        hyper::not_negative("linear", "end", self.end)
    }
}
