//! Learning-rate schedules: pure functions from the step to the learning rate.
//!
//! A schedule has no state and knows no optimizer. Before each step the training loop asks it for the rate, so that
//! resuming at step 1000 is to ask for the rate of step 1000. What a step is, is the caller's choice: a mini-batch
//! or an epoch. Steps are counted from 0.
//!
//! ```
//! use gradus_optim::schedule::{CosineAnnealing, Schedule};
//! // From a tenth of 0.1 up to 0.1 in 9 steps, then down to 0 in 90.
//! let schedule = CosineAnnealing::new(0.1, 90).warm_up(9);
//! assert!((schedule.lr(0) - 0.01).abs() < 1e-12);
//! assert!((schedule.lr(9) - 0.1).abs() < 1e-12);
//! assert!((schedule.lr(54) - 0.05).abs() < 1e-12);
//! assert!(schedule.lr(99) < 1e-12);
//! ```
//!
//! | schedule | formula at step t |
//! | --- | --- |
//! | [`Constant`] | `lr` |
//! | [`StepDecay`] | `lr · γ^⌊t / every⌋` |
//! | [`Exponential`] | `lr · γᵗ` |
//! | [`Linear`] | from one rate to another in a straight line, then constant |
//! | [`MultiStep`] | `lr · γ^(milestones reached)` |
//! | [`Polynomial`] | `floor + (lr − floor) · (1 − t / T)^power` |
//! | [`InverseSqrt`] | `lr · √(shift / (t + shift))` |
//! | [`CosineAnnealing`] | `floor + (lr − floor) · (1 + cos(π t / T)) / 2` |
//! | [`CosineWarmRestarts`] | the same, begun again after each period |
//! | [`OneCycle`] | up and down once, the momentum the other way |
//! | [`Cyclic`] | up and down again and again |
//! | [`Then`], [`WarmUp`] | one schedule after another; a rise before one |
//!
//! What waits for a metric is no function of the step: [`ReduceOnPlateau`] has a state, which is saved and restored.

mod combine;
mod cosine;
mod cyclic;
mod decay;
mod milestones;
mod one_cycle;
mod plateau;
mod power;
mod restarts;

pub use combine::{Then, WarmUp};
pub use cosine::CosineAnnealing;
pub use cyclic::Cyclic;
pub use decay::{Constant, Exponential, Linear, StepDecay};
pub use milestones::MultiStep;
pub use one_cycle::OneCycle;
pub use plateau::{PlateauState, ReduceOnPlateau};
pub use power::{InverseSqrt, Polynomial};
pub use restarts::CosineWarmRestarts;

use crate::Result;

/// A pure function from the step to the learning rate.
///
/// # Examples
/// A schedule of your own: the harmonic series, which Robbins and Monro's conditions allow.
/// ```
/// use gradus_optim::schedule::Schedule;
/// struct Harmonic(f64);
/// impl Schedule for Harmonic {
///     fn lr(&self, step: u64) -> f64 {
///         self.0 / (step + 1) as f64
///     }
/// }
/// assert_eq!(Harmonic(0.1).warm_up(2).lr(3), 0.05);
/// ```
pub trait Schedule: Send + Sync {
    /// The learning rate in force during this step; the first step is 0.
    fn lr(&self, step: u64) -> f64;

    /// The momentum in force during this step, of a schedule that moves it, too: [`OneCycle`] and [`Cyclic`] do.
    /// [`Optimizer::follow`](crate::Optimizer::follow) sets both.
    fn momentum(&self, _step: u64) -> Option<f64> {
        None
    }

    /// Checks the settings, as a training loop does before the first batch.
    ///
    /// # Errors
    /// [`Error::HyperParameter`](crate::Error::HyperParameter) names the field, its value and what would fit.
    fn validate(&self) -> Result<()> {
        crate::hyper::not_negative("schedule", "lr", self.lr(0))
    }

    /// This schedule for so many steps, then `next`, which counts its steps from 0 again.
    fn then<S: Schedule>(self, steps: u64, next: S) -> Then<Self, S>
    where
        Self: Sized,
    {
        Then { first: self, steps, next }
    }

    /// A rise in a straight line to this schedule's first rate, in so many steps, then this schedule from its beginning.
    fn warm_up(self, steps: u64) -> WarmUp<Self>
    where
        Self: Sized,
    {
        WarmUp { steps, schedule: self }
    }
}

impl<S: Schedule + ?Sized> Schedule for Box<S> {
    fn lr(&self, step: u64) -> f64 {
        (**self).lr(step)
    }
    fn momentum(&self, step: u64) -> Option<f64> {
        (**self).momentum(step)
    }
    fn validate(&self) -> Result<()> {
        (**self).validate()
    }
}

impl<S: Schedule + ?Sized> Schedule for &S {
    fn lr(&self, step: u64) -> f64 {
        (**self).lr(step)
    }
    fn momentum(&self, step: u64) -> Option<f64> {
        (**self).momentum(step)
    }
    fn validate(&self) -> Result<()> {
        (**self).validate()
    }
}
