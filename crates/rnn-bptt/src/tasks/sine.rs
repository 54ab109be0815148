//! The next value of a sine.

use super::{Batch, Target, Task, at_least};
use crate::{Error, Result};
use gradus_autograd::Real;
use ndarray::Array3;
use rand::{Rng, RngExt};
use std::f64::consts::TAU;

/// Sine prediction: a sine of a phase that is not known, and at every step its next value.
///
/// ```text
/// xₜ = sin(ω t + φ),  φ ~ U(0, 2π),  ω = 2π / period        yₜ = xₜ₊₁
/// ```
///
/// The value alone does not tell whether the curve rises or falls there; the value before does. Two are enough, for
/// `xₜ₊₁ = 2 cos ω xₜ − xₜ₋₁`. The loss is the mean squared error. It is the easiest of the tasks: one step of memory,
/// at any length; a network that fails here has an error in it.
///
/// # Scores
/// - [baseline](Task::baseline): the best function of the present value, `xₜ cos ω`. Off by `cos(ω t + φ) sin ω`, its
///   mean square is `½ sin² ω`;
/// - what no network gets below: the first step has no value before it, so that `½ sin² ω / T` remain;
/// - [solved](Task::solved): that and a fiftieth of the baseline;
/// - measured with a period of 20, whose baseline is 0.0477: an Elman network of 32 tanh units (Adam at 2e-3,
///   gradient's norm clipped to 1, 3,000 batches of 32) reaches 0.0025 at 20 steps, where 0.0024 cannot be avoided, and
///   0.0006 at 200.
#[derive(Debug, Clone, PartialEq)]
pub struct Sine {
    steps: usize,
    period: f64,
}

impl Sine {
    /// Sequences of this many steps, with a period of so many; it need not be a whole number.
    ///
    /// # Errors
    /// [`Error::Setting`] for sequences of no steps, and for a period that is not a finite number above 2: of faster
    /// ones the samples are those of a slower one.
    ///
    /// # Examples
    /// ```
    /// use gradus_rnn_bptt::tasks::{Sine, Task};
    /// let task = Sine::new(20, 8.0)?;
    /// assert!((task.baseline() - 0.25).abs() < 1e-12); // ½ sin² 45°
    /// # Ok::<(), gradus_rnn_bptt::Error>(())
    /// ```
    pub fn new(steps: usize, period: f64) -> Result<Self> {
        let operation = "sine";
        let steps = at_least(1, operation, "steps", steps, "a sequence has at least 1 step")?;
        if !(period > 2.0 && period.is_finite()) {
            let expected = "a finite number of steps above 2 would fit";
            return Err(Error::Setting { operation, name: "period", value: period, expected });
        }
        Ok(Self { steps, period })
    }

    /// What remains for the best network: the error of the first step, `½ sin² ω / T`.
    #[must_use]
    pub fn floor(&self) -> f64 {
        self.baseline() / self.steps as f64
    }
}

impl Task for Sine {
    fn input_size(&self) -> usize {
        1
    }

    fn output_size(&self) -> usize {
        1
    }

    fn steps(&self) -> usize {
        self.steps
    }

    fn every_step(&self) -> bool {
        true
    }

    fn batch<F: Real>(&self, sequences: usize, rng: &mut (impl Rng + ?Sized)) -> Batch<F> {
        let phases: Vec<f64> = (0..sequences).map(|_| rng.random_range(0.0..TAU)).collect();
        let wave = |later: usize| {
            Array3::from_shape_fn((self.steps, sequences, 1), |(t, n, _)| {
                F::from_f64((TAU * (t + later) as f64 / self.period + phases[n]).sin())
            })
        };
        Batch { input: wave(0), target: Target::Values(wave(1).into_dyn()) }
    }

    /// `½ sin² ω`.
    fn baseline(&self) -> f64 {
        (TAU / self.period).sin().powi(2) / 2.0
    }

    fn solved(&self) -> f64 {
        self.floor() + self.baseline() / 50.0
    }

    /// No length: the memory that it takes is one step.
    fn rnn_horizon(&self) -> Option<usize> {
        None
    }
}
