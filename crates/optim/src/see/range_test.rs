//! The learning-rate range test.

use super::item;
use super::keep::kept;
use crate::plot::{Axis, Pen, Plot};
use crate::{Optimizer, hyper};
use gradus_autograd::{Real, Var};
use gradus_nn_layers::{Module, Result};

/// The learning-rate range test: a short training whose rate rises exponentially, and the loss against the rate.
///
/// ```text
/// lr(t) = min_lr · (max_lr / min_lr)^(t / (steps − 1))
/// ```
///
/// At low rates the loss stays; then it falls, the faster the higher the rate; then it rises, and training diverges. A good rate lies
/// where it falls fastest. The test ends where the loss is `diverged` times the lowest so far, or not finite.
///
/// | setting | means | default | range |
/// | --- | --- | --- | --- |
/// | `min_lr`, `max_lr` | the rates at both ends | | above 0 |
/// | `steps` | batches that it may take | 100 | at least 3 |
/// | `diverged` | the loss that ends it, in units of the lowest so far | 4 | above 1 |
/// | `smoothing` | losses on either side that enter the mean | 2 | |
///
/// Smoothing is a centred mean, so that nothing is shifted towards higher rates, as a running mean would.
///
/// # Examples
/// ```
/// use gradus_nn_layers::{Losses, Parameter, Result, Tape, ndarray::array};
/// use gradus_optim::{Sgd, see::RangeTest};
/// fn main() -> Result<()> {
///     let mut w: Parameter<f64> = array![2.0, -1.0].into();
///     // 5 w²: curvature 10, so that plain descent diverges above 2/10.
///     let curve = RangeTest::new(1e-4, 10.0)
///         .run(&mut w, Sgd::new(0.1), |w, _| Ok(Tape::recording().parameter(w).square().sum().mul_scalar(5.0)))?;
///     let rate = curve.suggestion().unwrap();
///     assert!(curve.diverged() && rate > 0.005 && rate < 0.2);
///     assert_eq!(w.value(), &array![2.0, -1.0]); // as it was
///     Ok(())
/// }
/// ```
///
/// # References
/// L. N. Smith, *Cyclical learning rates for training neural networks*, WACV 2017, section 3.3, <https://arxiv.org/abs/1506.01186>;
/// the steepest descent is S. Gugger's choice, *How do you find a good learning rate*, 2018
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RangeTest {
    min_lr: f64,
    max_lr: f64,
    steps: u64,
    diverged: f64,
    smoothing: usize,
}

impl RangeTest {
    /// From one rate to the other.
    #[must_use]
    pub fn new(min_lr: f64, max_lr: f64) -> Self {
        Self { min_lr, max_lr, steps: 100, diverged: 4.0, smoothing: 2 }
    }

    /// In so many steps.
    #[must_use]
    pub fn steps(self, steps: u64) -> Self {
        Self { steps, ..self }
    }

    /// Ending at a loss of so many times the lowest.
    #[must_use]
    pub fn stop_at(self, diverged: f64) -> Self {
        Self { diverged, ..self }
    }

    /// With means of so many losses on either side.
    #[must_use]
    pub fn smoothing(self, smoothing: usize) -> Self {
        Self { smoothing, ..self }
    }

    /// Runs the test. `loss` is given the model and the step, from which it takes its batch. The model is left as it was,
    /// buffers included; the optimizer, which has learned from wild steps, goes.
    ///
    /// # Errors
    /// [`Error::HyperParameter`](crate::Error::HyperParameter) for a setting that is out of its range; what `loss` and the optimizer find.
    pub fn run<F: Real, M: Module<F>>(
        &self,
        model: &mut M,
        mut optimizer: impl Optimizer<F>,
        loss: impl Fn(&M, u64) -> Result<Var<F>>,
    ) -> Result<RangeCurve> {
        hyper::positive("range test", "min_lr", self.min_lr)?;
        let rises = self.max_lr.is_finite() && self.max_lr > self.min_lr;
        hyper::hold(rises, "range test", "max_lr", self.max_lr, "finite and above min_lr")?;
        hyper::hold(self.steps >= 3, "range test", "steps", self.steps as f64, "at least 3")?;
        hyper::hold(self.diverged > 1.0, "range test", "diverged", self.diverged, "above 1")?;
        kept(model, |model| {
            let mut curve =
                RangeCurve { rates: Vec::new(), losses: Vec::new(), diverged: false, smoothing: self.smoothing };
            let mut lowest = f64::INFINITY;
            for step in 0..self.steps {
                let share = step as f64 / (self.steps - 1) as f64;
                let rate = self.min_lr * (self.max_lr / self.min_lr).powf(share);
                let loss = loss(model, step)?;
                let value = item(&loss)?;
                curve.diverged =
                    !value.is_finite() || (step > 0 && value > lowest + (self.diverged - 1.0) * lowest.abs());
                if curve.diverged {
                    break;
                }
                lowest = lowest.min(value);
                curve.rates.push(rate);
                curve.losses.push(value);
                optimizer.set_lr(rate);
                optimizer.step(model, &loss.backward()?)?;
            }
            Ok(curve)
        })
    }
}

/// What a [`RangeTest`] found.
#[derive(Debug, Clone, PartialEq)]
pub struct RangeCurve {
    rates: Vec<f64>,
    losses: Vec<f64>,
    diverged: bool,
    smoothing: usize,
}

impl RangeCurve {
    /// The rates, in ascending order, up to the one before divergence.
    #[must_use]
    pub fn rates(&self) -> &[f64] {
        &self.rates
    }

    /// The loss before the step at each rate.
    #[must_use]
    pub fn losses(&self) -> &[f64] {
        &self.losses
    }

    /// Whether the test ended by divergence; if not, a higher `max_lr` would tell more.
    #[must_use]
    pub fn diverged(&self) -> bool {
        self.diverged
    }

    /// The centred means of the losses, of fewer at the ends.
    #[must_use]
    pub fn smoothed(&self) -> Vec<f64> {
        let n = self.losses.len();
        let mean = |i: usize| {
            let reach = self.smoothing.min(i).min(n - 1 - i);
            self.losses[i - reach..=i + reach].iter().sum::<f64>() / (2 * reach + 1) as f64
        };
        (0..n).map(mean).collect()
    }

    /// The rate at which the smoothed loss falls fastest against the logarithm of the rate; none if it never falls.
    #[must_use]
    pub fn suggestion(&self) -> Option<f64> {
        let smoothed = self.smoothed();
        // The rate at place i acts between the losses i and i + 1.
        let slopes = smoothed.windows(3).map(|three| three[2] - three[0]).zip(&self.rates[1..]);
        let (slope, &rate) = slopes.min_by(|a, b| a.0.total_cmp(&b.0))?;
        (slope < 0.0).then_some(rate)
    }

    /// The loss against the rate, with the suggestion marked.
    #[must_use]
    #[inline] // compiled where it is used: CONTRIBUTING, "What few programs call"
    pub fn to_svg(&self) -> String {
        let smoothed = self.smoothed();
        let x = Axis::logarithmic("learning rate", self.rates.iter().copied());
        let y = Axis::linear("loss", self.losses.iter().copied());
        let mut plot = Plot::new("range test of the learning rate", x, y);
        let points =
            |losses: &[f64]| -> Vec<[f64; 2]> { self.rates.iter().zip(losses).map(|(&x, &y)| [x, y]).collect() };
        plot.curve(Some("loss"), points(&self.losses), Pen::of(0).faint());
        plot.curve(Some("smoothed"), points(&smoothed), Pen::of(0));
        if let Some(rate) = self.suggestion() {
            let name = format!("falls fastest at {}", crate::plot::significant(rate, 2));
            let (low, high) = smoothed.iter().fold((f64::MAX, f64::MIN), |(l, h), &y| (l.min(y), h.max(y)));
            plot.curve(Some(&name), [[rate, low], [rate, high]], Pen::mark());
        }
        plot.finish()
    }
}
