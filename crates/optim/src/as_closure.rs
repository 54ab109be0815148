//! One seam over both kinds of optimizer.

use crate::{ClosureOptimizer, Objective, Optimizer, OptimizerState, Result, Schedule};
use gradus_autograd::Real;
use gradus_nn_layers::Result as LayerResult;

/// The kind of [`AsClosure`] that is given gradients: every [`Optimizer`].
#[derive(Debug, Clone, Copy)]
pub enum GivenGradients {}

/// The kind of [`AsClosure`] that asks for the loss: every [`ClosureOptimizer`].
#[derive(Debug, Clone, Copy)]
pub enum AsksForLoss {}

/// Either kind of optimizer, seen as a [`ClosureOptimizer`]: what a training loop takes, so that it is written once.
///
/// Every [`Optimizer`] and every [`ClosureOptimizer`] has it. `Kind` is found by the compiler, and of no concern to a caller;
/// it is there because Rust could not tell otherwise that no type is both, and only a type that is both must name it.
///
/// # Examples
/// ```
/// use gradus_nn_layers::{Parameter, Tape, ndarray::array};
/// use gradus_optim::{Adam, AsClosure, ClosureOptimizer, Evaluation, Lbfgs, Sam, Sgd};
///
/// /// A loop that takes any optimizer.
/// fn descend<Kind>(w: &mut Parameter<f64>, optimizer: &mut impl AsClosure<f64, Kind>) -> Result<f64, gradus_nn_layers::Error> {
///     let mut optimizer = optimizer.as_closure();
///     let mut loss = f64::NAN;
///     for _ in 0..100 {
///         loss = optimizer.step_with(w, |w| Evaluation::of(&Tape::recording().parameter(w).square().sum()))?;
///     }
///     Ok(loss)
/// }
///
/// let start = || Parameter::from(array![1.0, -2.0]);
/// assert!(descend(&mut start(), &mut Adam::new(0.1))? < 1e-3);
/// assert!(descend(&mut start(), &mut Sam::new(Sgd::new(0.1), 1e-4))? < 1e-3);
/// assert!(descend(&mut start(), &mut Lbfgs::new(1.0))? < 1e-3);
/// # Ok::<(), gradus_nn_layers::Error>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no optimizer of `{F}`",
    note = "implement `gradus_optim::Optimizer`, or `gradus_optim::ClosureOptimizer` if it needs the loss more than once a step"
)]
pub trait AsClosure<F: Real, Kind> {
    /// The optimizer as one that asks for the loss itself: [`OneEvaluation`] of an [`Optimizer`], a [`ClosureOptimizer`] as it is.
    fn as_closure(&mut self) -> impl ClosureOptimizer<F>;
}

impl<F: Real, O: Optimizer<F> + ?Sized> AsClosure<F, GivenGradients> for O {
    fn as_closure(&mut self) -> impl ClosureOptimizer<F> {
        OneEvaluation(self)
    }
}

impl<F: Real, O: ClosureOptimizer<F> + ?Sized> AsClosure<F, AsksForLoss> for O {
    fn as_closure(&mut self) -> impl ClosureOptimizer<F> {
        self
    }
}

/// An [`Optimizer`] as a [`ClosureOptimizer`]: its step evaluates the objective once, and takes these gradients.
///
/// The bits are those of [`Optimizer::step`] with the same gradients.
///
/// # Examples
/// Both kinds in one list:
/// ```
/// use gradus_nn_layers::{Parameter, Tape, ndarray::array};
/// use gradus_optim::{ClosureOptimizer, Evaluation, OneEvaluation, Sam, Sgd};
///
/// let optimizers: [Box<dyn ClosureOptimizer<f64>>; 2] =
///     [Box::new(OneEvaluation(Sgd::new(0.25))), Box::new(Sam::new(Sgd::new(0.25), 0.0))];
/// for mut optimizer in optimizers {
///     let mut w: Parameter<f64> = array![2.0].into();
///     let before = optimizer.step_with(&mut w, |w| Evaluation::of(&Tape::recording().parameter(w).square().sum()))?;
///     assert_eq!((before, w.value()[[0]]), (4.0, 1.0));
/// }
/// # Ok::<(), gradus_nn_layers::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct OneEvaluation<O>(pub O);

impl<F: Real, O: Optimizer<F>> ClosureOptimizer<F> for OneEvaluation<O> {
    fn step_on(&mut self, objective: &mut dyn Objective<F>) -> LayerResult<f64> {
        self.0.validate()?;
        let here = objective.evaluate()?;
        self.0.step(objective.model(), &here.gradients)?;
        Ok(here.loss)
    }

    fn lr(&self) -> f64 {
        self.0.lr()
    }

    fn set_lr(&mut self, lr: f64) {
        self.0.set_lr(lr);
    }

    fn set_momentum(&mut self, momentum: f64) -> Result<()> {
        self.0.set_momentum(momentum)
    }

    fn follow(&mut self, schedule: &dyn Schedule, step: u64) -> Result<()> {
        self.0.follow(schedule, step)
    }

    fn validate(&self) -> Result<()> {
        self.0.validate()
    }

    fn state(&self) -> OptimizerState<F> {
        self.0.state()
    }

    fn restore(&mut self, state: OptimizerState<F>) -> Result<()> {
        self.0.restore(state)
    }
}
