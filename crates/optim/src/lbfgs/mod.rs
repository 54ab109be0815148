//! L-BFGS.

mod flat;
mod history;
mod line_search;

use crate::walk::put_buffers;
use crate::{ClosureOptimizer, Error, Objective, OptimizerState, Result, hyper};
use flat::{dot, max_abs};
use gradus_autograd::{Error as TapeError, Real};
use gradus_nn_layers::{Error as LayerError, Result as LayerResult};
use history::{History, WHOLE};
use line_search::{Point, strong_wolfe};

/// L-BFGS: Newton's steps, with the curvature read off the last few gradients.
///
/// ```text
/// sᵢ = θᵢ₊₁ − θᵢ                       steps of the past
/// yᵢ = gᵢ₊₁ − gᵢ                       how the gradient changed along them
/// H ≈ (∇²L)⁻¹                          the matrix nearest to (s·y / y·y) I with H yᵢ = sᵢ, by two loops over the pairs
/// d = −H g
/// θ ← θ + t d
/// ```
///
/// where `t` is `lr`, or what a line search finds from there; at the very first iteration it is
/// `min(1, 1 / ‖g‖₁) · lr`, as nothing is known of the curvature.
///
/// | setting | means | default | range |
/// | --- | --- | --- | --- |
/// | `lr` | length of a step, in units of Newton's | | at least 0 |
/// | `max_iter` | iterations for one call of a step | 20 | at least 1 |
/// | `max_eval` | evaluations after which a step begins no further iteration, and a line search tries no further point | `max_iter · 5/4` | at least 1 |
/// | `tolerance_grad` | a largest gradient of this or less ends a step | 1e-7 | at least 0 |
/// | `tolerance_change` | a step, a slope or a change of the loss of less ends it | 1e-9 | at least 0 |
/// | `history_size` | pairs that are remembered | 100 | at least 1 |
/// | `strong_wolfe` | searches along the direction for a point that fulfils the strong Wolfe conditions | no | |
///
/// It is for the gradient of the whole data set and problems small enough for that: near the minimum it converges in few
/// steps where descent needs thousands. Noise of mini-batches, or of dropout that is not the same at each evaluation, passes for
/// curvature. With `strong_wolfe` and a rate of 1 it needs no tuning.
///
/// One step is up to `max_iter` iterations, and the history goes on from step to step. All of this is PyTorch's, and so are
/// the numbers; but the scalars are computed in `f64`. A loss that is not finite is infinitely high for the line
/// search. Where there is none, or when an evaluation fails, the step ends with the error: parameters are then where the
/// iteration began, and the history is empty.
///
/// The state takes `2 · history_size + 2` times the memory of the parameters. It is saved as one slot of all parameters as
/// one vector, under the name `*`. Buffers take the values noted by the first evaluation of a step.
///
/// # Examples
/// The minimum of Rosenbrock's valley, at (1, 1):
/// ```
/// use gradus_nn_layers::{Parameter, Tape, ndarray::array};
/// use gradus_optim::{ClosureOptimizer, Evaluation, Lbfgs};
/// let mut point: (Parameter<f64>, Parameter<f64>) = (array![-1.2].into(), array![1.0].into());
/// let mut lbfgs = Lbfgs::new(1.0).strong_wolfe().max_iter(60).tolerance_change(1e-14);
/// lbfgs.step_with(&mut point, |(x, y)| {
///     let tape = Tape::recording();
///     let (x, y) = (tape.parameter(x), tape.parameter(y));
///     let valley = y.try_sub(&x.square())?.square().mul_scalar(100.0);
///     Evaluation::of(&valley.try_add(&x.add_scalar(-1.0).square())?.sum())
/// })?;
/// assert!((point.0.value()[[0]] - 1.0).abs() < 1e-6 && (point.1.value()[[0]] - 1.0).abs() < 1e-6);
/// # Ok::<(), gradus_nn_layers::Error>(())
/// ```
///
/// # References
/// - D. C. Liu, J. Nocedal, *On the limited memory BFGS method for large scale optimization*, Mathematical Programming 45,
///   1989, <https://doi.org/10.1007/BF01589116>
/// - J. Nocedal, *Updating quasi-Newton matrices with limited storage*, Mathematics of Computation 35, 1980,
///   <https://doi.org/10.1090/S0025-5718-1980-0572855-7> (the two loops)
#[derive(Debug, Clone)]
pub struct Lbfgs<F = f32> {
    lr: f64,
    max_iter: u64,
    max_eval: Option<u64>,
    tolerance_grad: f64,
    tolerance_change: f64,
    history_size: u64,
    strong_wolfe: bool,
    history: History<F>,
}

impl<F: Real> Lbfgs<F> {
    /// L-BFGS with this learning rate; 1 is the usual one.
    #[must_use]
    pub fn new(lr: f64) -> Self {
        Self {
            lr,
            max_iter: 20,
            max_eval: None,
            tolerance_grad: 1e-7,
            tolerance_change: 1e-9,
            history_size: 100,
            strong_wolfe: false,
            history: History::default(),
        }
    }

    /// With at most so many iterations for one step.
    #[must_use]
    pub fn max_iter(self, max_iter: u64) -> Self {
        Self { max_iter, ..self }
    }

    /// With no further iteration in a step after so many evaluations, and no further point of a line search, which is always given one.
    #[must_use]
    pub fn max_eval(self, max_eval: u64) -> Self {
        Self { max_eval: Some(max_eval), ..self }
    }

    /// With steps that end when no number of the gradient is larger than this.
    #[must_use]
    pub fn tolerance_grad(self, tolerance_grad: f64) -> Self {
        Self { tolerance_grad, ..self }
    }

    /// With steps that end when parameters or loss change by less than this.
    #[must_use]
    pub fn tolerance_change(self, tolerance_change: f64) -> Self {
        Self { tolerance_change, ..self }
    }

    /// With so many pairs remembered.
    #[must_use]
    pub fn history_size(self, history_size: u64) -> Self {
        Self { history_size, ..self }
    }

    /// With a line search for the strong Wolfe conditions.
    #[must_use]
    pub fn strong_wolfe(self) -> Self {
        Self { strong_wolfe: true, ..self }
    }

    /// The iterations of one step, from a point with this loss and gradient.
    fn iterate(&mut self, objective: &mut dyn Objective<F>, mut loss: f64, mut gradient: Vec<F>) -> LayerResult<()> {
        let history_size = usize::try_from(self.history_size).unwrap_or(usize::MAX);
        let max_eval = self.max_eval.unwrap_or((self.max_iter.saturating_mul(5) / 4).max(1));
        let mut evaluations = 1;
        for iteration in 1..=self.max_iter {
            let history = &mut self.history;
            let first = history.iterations == 0;
            if !first {
                history.learn(&gradient, history_size);
            }
            history.direction = history.descent(&gradient);
            history.iterations = history.iterations.saturating_add(1);
            history.gradient.clone_from(&gradient);
            let sum = || gradient.iter().map(|g| g.to_f64().abs()).sum::<f64>();
            let mut t = if first { (1.0 / sum()).min(1.0) * self.lr } else { self.lr };
            history.t = F::from_f64(t);

            let direction = &history.direction;
            let slope = dot(&gradient, direction);
            if slope > -self.tolerance_change {
                break;
            }
            let (before, x) = (loss, flat::parameters(objective.model()));
            let outcome = if self.strong_wolfe {
                let start = Point { t: 0.0, loss, slope, gradient };
                strong_wolfe(start, t, max_abs(direction), max_eval.saturating_sub(evaluations), |t| {
                    flat::move_to(objective.model(), &x, t, direction);
                    trial(evaluate(objective), t, direction)
                })
            } else {
                flat::move_to(objective.model(), &x, t, direction);
                // The last iteration needs no further gradient.
                let next = if iteration < self.max_iter { evaluate(objective) } else { Ok((loss, gradient)) };
                next.map(|(loss, gradient)| (Point { t, loss, slope, gradient }, 1))
            };
            let (point, asked) = match outcome {
                Ok(found) => found,
                Err(error) => {
                    flat::move_to(objective.model(), &x, 0.0, &x);
                    self.history = History::default();
                    return Err(error);
                }
            };
            t = point.t;
            if self.strong_wolfe {
                flat::move_to(objective.model(), &x, t, direction);
            }
            (loss, gradient) = (point.loss, point.gradient);
            evaluations += asked;
            let still = max_abs(direction) * t.abs() <= self.tolerance_change;
            self.history.t = F::from_f64(t);
            let arrived = max_abs(&gradient) <= self.tolerance_grad;
            if evaluations >= max_eval || arrived || still || (loss - before).abs() < self.tolerance_change {
                break;
            }
        }
        Ok(())
    }
}

impl<F: Real> ClosureOptimizer<F> for Lbfgs<F> {
    fn step_on(&mut self, objective: &mut dyn Objective<F>) -> LayerResult<f64> {
        self.validate()?;
        let here = objective.evaluate()?;
        let gradient = flat::gradient(objective.model(), &here.gradients)?;
        if self.history.iterations > 0 && self.history.direction.len() != gradient.len() {
            let (parameter, state) = (vec![gradient.len()], vec![self.history.direction.len()]);
            return Err(Error::StateShape { rule: "lbfgs", name: WHOLE.to_owned(), parameter, state }.into());
        }
        if max_abs(&gradient) > self.tolerance_grad {
            self.iterate(objective, here.loss, gradient)?;
        }
        put_buffers(objective.model(), &here.gradients)?;
        Ok(here.loss)
    }

    fn lr(&self) -> f64 {
        self.lr
    }

    fn set_lr(&mut self, lr: f64) {
        self.lr = lr;
    }

    fn validate(&self) -> Result<()> {
        hyper::not_negative("lbfgs", "lr", self.lr)?;
        hyper::steps("lbfgs", "max_iter", self.max_iter)?;
        hyper::steps("lbfgs", "max_eval", self.max_eval.unwrap_or(1))?;
        hyper::not_negative("lbfgs", "tolerance_grad", self.tolerance_grad)?;
        hyper::not_negative("lbfgs", "tolerance_change", self.tolerance_change)?;
        hyper::steps("lbfgs", "history_size", self.history_size)
    }

    fn state(&self) -> OptimizerState<F> {
        self.history.save(self.lr)
    }

    fn restore(&mut self, state: OptimizerState<F>) -> Result<()> {
        self.history = History::load(&state.slots)?;
        self.lr = state.lr;
        Ok(())
    }
}

/// The loss where the model is, and its gradient as one vector.
fn evaluate<F: Real>(objective: &mut dyn Objective<F>) -> LayerResult<(f64, Vec<F>)> {
    let found = objective.evaluate()?;
    Ok((found.loss, flat::gradient(objective.model(), &found.gradients)?))
}

/// A point of a line search. To have gone too far is no error there.
fn trial<F: Real>(found: LayerResult<(f64, Vec<F>)>, t: f64, direction: &[F]) -> LayerResult<Point<Vec<F>>> {
    let too_far = |error: &LayerError| {
        matches!(error.source_as::<TapeError>(), Some(TapeError::NonFiniteLoss { .. }))
            || matches!(error.source_as::<Error>(), Some(Error::NonFiniteNorm { .. }))
    };
    match found {
        Ok((loss, gradient)) if loss.is_finite() => Ok(Point { t, loss, slope: dot(&gradient, direction), gradient }),
        Err(error) if !too_far(&error) => Err(error),
        _ => Ok(Point { t, loss: f64::INFINITY, slope: f64::NAN, gradient: Vec::new() }),
    }
}
