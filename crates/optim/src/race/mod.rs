//! Races: the same model, data and seed under several optimizers.

mod table;

pub(crate) use table::write_table;

use crate::plot::{Axis, Pen, Plot, significant};
use crate::see::item;
use crate::{Optimizer, hyper};
use gradus_autograd::{Real, Var};
use gradus_nn_layers::{Module, Result};
use std::fmt;
use std::time::{Duration, Instant};

/// WebAssembly without a system has no clock: asked for the time, it would panic.
const HAS_CLOCK: bool = !cfg!(all(target_arch = "wasm32", target_os = "unknown"));

/// Several optimizers, each of which is to train the same model from the same start on the same data.
///
/// # Examples
/// ```
/// use gradus_nn_layers::{Parameter, Result, Tape, ndarray::array};
/// use gradus_optim::{Adam, Sgd, race::Race};
/// fn main() -> Result<()> {
///     let race = Race::new(100)
///         .entrant("sgd", Sgd::new(0.1))
///         .entrant("momentum", Sgd::new(0.02).momentum(0.9))
///         .entrant("adam", Adam::new(0.1))
///         .target(1e-3);
///     let start = || Parameter::<f32>::from(array![1.0, -2.0]);
///     let results = race.run(start, |w, _| Ok(Tape::recording().parameter(w).square().sum()))?;
///     println!("{results}"); // final loss, best loss, steps to the target, time per step
///     assert!(results.to_svg().contains("momentum"));
///     assert_eq!(results.best().unwrap().name, "sgd"); // the plain one, on so plain a loss
///     Ok(())
/// }
/// ```
pub struct Race<F: Real = f32> {
    steps: u64,
    target: Option<f64>,
    entrants: Vec<(String, Box<dyn Optimizer<F>>)>,
}

impl<F: Real> Race<F> {
    /// Of so many steps.
    #[must_use]
    pub fn new(steps: u64) -> Self {
        Self { steps, target: None, entrants: Vec::new() }
    }

    /// With a further optimizer. Its name stands in the table and in the legend.
    #[must_use]
    pub fn entrant(mut self, name: &str, optimizer: impl Optimizer<F> + 'static) -> Self {
        self.entrants.push((name.to_owned(), Box::new(optimizer)));
        self
    }

    /// With a loss whose first reaching is noted.
    #[must_use]
    pub fn target(self, target: f64) -> Self {
        Self { target: Some(target), ..self }
    }

    /// Runs the race. `start` makes the model, the same at every call: seed its random numbers inside. `loss` is given the model
    /// and the step, from which it takes its batch and, for dropout, its seed. The loss of step `t` is that before the step;
    /// one more is taken after the last. Who meets a loss that is not finite stops there.
    ///
    /// All but the times is the same bits at every run.
    ///
    /// # Errors
    /// What [`Optimizer::validate`] finds, before anyone starts; what `loss` and the optimizers find.
    pub fn run<M: Module<F>>(self, start: impl Fn() -> M, loss: impl Fn(&M, u64) -> Result<Var<F>>) -> Result<Results> {
        hyper::steps("race", "steps", self.steps)?;
        self.entrants.iter().try_for_each(|(_, optimizer)| optimizer.validate())?;
        let mut finishes = Vec::new();
        for (name, mut optimizer) in self.entrants {
            let mut model = start();
            let (mut losses, mut diverged, mut time) = (Vec::new(), false, Duration::ZERO);
            for step in 0..=self.steps {
                let began = HAS_CLOCK.then(Instant::now);
                let loss = loss(&model, step)?;
                let value = item(&loss)?;
                losses.push(value);
                diverged = !value.is_finite();
                if diverged || step == self.steps {
                    break;
                }
                optimizer.step(&mut model, &loss.backward()?)?;
                time += began.map_or(Duration::ZERO, |began| began.elapsed());
            }
            let steps = u32::try_from(losses.len() - 1).unwrap_or(u32::MAX).max(1);
            let reached = self.target.and_then(|target| losses.iter().position(|&loss| loss <= target));
            let steps_to_target = reached.map(|step| step as u64);
            finishes.push(Finish { name, losses, diverged, steps_to_target, time_per_step: time / steps });
        }
        Ok(Results { finishes, target: self.target })
    }
}

impl<F: Real> fmt::Debug for Race<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.entrants.iter().map(|(name, _)| name).collect();
        f.debug_struct("Race")
            .field("steps", &self.steps)
            .field("target", &self.target)
            .field("entrants", &names)
            .finish()
    }
}

/// How one optimizer did.
#[derive(Debug, Clone, PartialEq)]
pub struct Finish {
    /// Its name.
    pub name: String,
    /// The loss before each step, and after the last.
    pub losses: Vec<f64>,
    /// Whether the last loss is not finite, so that it stopped there.
    pub diverged: bool,
    /// The steps made before the loss was first at most the target; none if it never was, or there is no target.
    pub steps_to_target: Option<u64>,
    /// The mean time of forward pass, backward pass and update; 0 on `wasm32-unknown-unknown`, which has no clock.
    pub time_per_step: Duration,
}

impl Finish {
    /// The last loss.
    #[must_use]
    pub fn final_loss(&self) -> f64 {
        self.losses.last().copied().unwrap_or(f64::NAN)
    }

    /// The lowest loss.
    #[must_use]
    pub fn best_loss(&self) -> f64 {
        self.losses.iter().copied().fold(f64::NAN, f64::min)
    }
}

/// The results of a race. Displayed, they are a table in Markdown.
#[derive(Debug, Clone, PartialEq)]
pub struct Results {
    finishes: Vec<Finish>,
    target: Option<f64>,
}

impl Results {
    /// Each optimizer's result, in the order of entering.
    #[must_use]
    pub fn finishes(&self) -> &[Finish] {
        &self.finishes
    }

    /// The one with the lowest final loss, the first of equals; none if all diverged.
    #[must_use]
    pub fn best(&self) -> Option<&Finish> {
        let finite = self.finishes.iter().filter(|finish| !finish.diverged);
        finite.min_by(|a, b| a.final_loss().total_cmp(&b.final_loss()))
    }

    /// The losses against the steps, a curve for each optimizer. What rises far above the start is cut off.
    #[must_use]
    #[inline] // compiled where it is used: CONTRIBUTING, "What few programs call"
    pub fn to_svg(&self) -> String {
        let first = self.finishes.iter().filter_map(|finish| finish.losses.first().copied()).fold(f64::NAN, f64::max);
        let most = first + first.abs();
        let shown = self.finishes.iter().flat_map(|finish| &finish.losses).copied();
        let shown = shown.filter(|&loss| loss <= most || most.is_nan()).chain(self.target);
        let longest = self.finishes.iter().map(|finish| finish.losses.len()).max().unwrap_or(0);
        let x = Axis::exact("step", 0.0, longest.saturating_sub(1) as f64);
        let mut plot = Plot::new("loss by optimizer", x, Axis::automatic("loss", shown));
        if let Some(target) = self.target {
            plot.curve(Some("target"), [[0.0, target], [longest as f64, target]], Pen::mark());
        }
        for (i, finish) in self.finishes.iter().enumerate() {
            let points = finish.losses.iter().enumerate().map(|(step, &loss)| [step as f64, loss]);
            plot.curve(Some(&finish.name), points, Pen::of(i));
        }
        plot.finish()
    }
}

impl fmt::Display for Results {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let reaching =
            self.target.map_or("steps to target".to_owned(), |loss| format!("steps to {}", significant(loss, 3)));
        let header = ["optimizer", "final loss", "best loss", &reaching, "time per step"].map(str::to_owned);
        let rows = self.finishes.iter().map(|finish| {
            let (last, best) = (significant(finish.final_loss(), 4), significant(finish.best_loss(), 4));
            let reached = finish.steps_to_target.map_or("–".to_owned(), |steps| steps.to_string());
            let time = format!("{:.2?}", finish.time_per_step);
            [finish.name.clone(), if finish.diverged { "diverged".to_owned() } else { last }, best, reached, time]
        });
        write_table(f, header, &rows.collect::<Vec<_>>())
    }
}
