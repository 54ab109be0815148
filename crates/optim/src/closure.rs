//! The other seam: optimizers that look at the loss more than once a step.

use crate::{Error, OptimizerState, Result, Schedule};
use gradus_autograd::{Gradients, Real, Var};
use gradus_nn_layers::{Module, Result as LayerResult};

/// The loss at some point, and its gradients.
#[derive(Debug, Clone)]
pub struct Evaluation<F: Real = f32> {
    /// The loss.
    pub loss: f64,
    /// Its gradients.
    pub gradients: Gradients<F>,
}

impl<F: Real> Evaluation<F> {
    /// Walks back from a loss.
    ///
    /// # Errors
    /// Those of [`Var::backward`]: the loss must be one finite number.
    pub fn of(loss: &Var<F>) -> LayerResult<Self> {
        let gradients = loss.backward()?;
        Ok(Self { loss: loss.item().map_or(f64::NAN, Real::to_f64), gradients })
    }
}

/// A model and its loss: what a [`ClosureOptimizer`] works on.
pub trait Objective<F: Real = f32> {
    /// The model.
    fn model(&mut self) -> &mut dyn Module<F>;

    /// The loss of the model as it is now, and its gradients. It must be the same function each time within a step: the same batch,
    /// the same dropout.
    ///
    /// # Errors
    /// Whatever the forward or the backward pass fails with.
    fn evaluate(&mut self) -> LayerResult<Evaluation<F>>;
}

/// A rule that needs the loss at several points for one step: a line search, a second gradient.
///
/// An [`Optimizer`](crate::Optimizer) is given gradients. These ask for them, as often as they like, through a closure that
/// runs the forward and the backward pass: [`step_with`](ClosureOptimizer::step_with) is the method to call, and
/// [`step_on`](ClosureOptimizer::step_on) the one to write. The trait can be made an object, and the methods beside the
/// step are those of `Optimizer`. A loop that takes both kinds takes [`AsClosure`](crate::AsClosure).
///
/// # Examples
/// ```
/// use gradus_nn_layers::{Module, Parameter, Tape, ndarray::array};
/// use gradus_optim::{ClosureOptimizer, Evaluation, Lbfgs, Sam, Sgd};
///
/// let optimizers: [Box<dyn ClosureOptimizer<f64>>; 2] =
///     [Box::new(Lbfgs::new(1.0).strong_wolfe()), Box::new(Sam::new(Sgd::new(0.1), 0.05))];
/// for mut optimizer in optimizers {
///     let mut w: Parameter<f64> = array![3.0, -1.0].into();
///     let before = optimizer.step_with(&mut w, |w| Evaluation::of(&Tape::recording().parameter(w).square().sum()))?;
///     assert_eq!(before, 10.0);
///     assert!(w.value().iter().map(|w| w * w).sum::<f64>() < before);
/// }
/// # Ok::<(), gradus_nn_layers::Error>(())
/// ```
pub trait ClosureOptimizer<F: Real = f32>: Send {
    /// One step on an objective; returns the loss at which it began.
    ///
    /// # Errors
    /// What [`validate`](ClosureOptimizer::validate) finds, before anything is evaluated; what the evaluation fails with; and, as
    /// for [`Optimizer::step`](crate::Optimizer::step), gradients that do not fit the model.
    fn step_on(&mut self, objective: &mut dyn Objective<F>) -> LayerResult<f64>;

    /// One step on a model with a closure that gives its loss and gradients; returns the loss at which it began.
    ///
    /// # Errors
    /// Those of [`step_on`](ClosureOptimizer::step_on).
    fn step_with<M: Module<F>>(
        &mut self,
        model: &mut M,
        evaluate: impl FnMut(&M) -> LayerResult<Evaluation<F>>,
    ) -> LayerResult<f64>
    where
        Self: Sized,
    {
        self.step_on(&mut Closure { model, evaluate })
    }

    /// The learning rate.
    fn lr(&self) -> f64;

    /// Sets the learning rate.
    fn set_lr(&mut self, lr: f64);

    /// Sets the momentum, which a [`Schedule`] may move against the rate: that of the base optimizer, for [`Sam`](crate::Sam).
    ///
    /// # Errors
    /// [`Error::NoMomentum`] if the rule has none, as unless it says otherwise.
    fn set_momentum(&mut self, momentum: f64) -> Result<()> {
        Err(Error::NoMomentum { momentum })
    }

    /// Sets the learning rate that the schedule has for this step, and the momentum if the schedule moves it.
    ///
    /// # Errors
    /// [`Error::NoMomentum`] if the schedule moves a momentum and the rule has none; nothing is changed then.
    ///
    /// # Examples
    /// ```
    /// use gradus_optim::schedule::{OneCycle, Schedule};
    /// use gradus_optim::{ClosureOptimizer, Lbfgs, Sam, Sgd};
    /// let schedule = OneCycle::new(1.0, 100);
    /// let mut sam = Sam::<_, f32>::new(Sgd::new(0.1).momentum(0.9), 0.05);
    /// sam.follow(&schedule, 29)?; // the peak of the rate, the bottom of the momentum
    /// assert_eq!(sam.lr(), 1.0);
    ///
    /// let mut lbfgs: Lbfgs = Lbfgs::new(0.5);
    /// assert!(lbfgs.follow(&schedule, 29).unwrap_err().to_string().contains("no momentum"));
    /// lbfgs.follow(&schedule.without_momentum(), 29)?;
    /// assert_eq!(lbfgs.lr(), 1.0);
    /// # Ok::<(), gradus_optim::Error>(())
    /// ```
    fn follow(&mut self, schedule: &dyn Schedule, step: u64) -> Result<()> {
        if let Some(momentum) = schedule.momentum(step) {
            self.set_momentum(momentum)?;
        }
        self.set_lr(schedule.lr(step));
        Ok(())
    }

    /// Checks the hyper-parameters. Every step begins with it.
    ///
    /// # Errors
    /// [`Error::HyperParameter`] names the field, its value and what would fit.
    fn validate(&self) -> Result<()>;

    /// What training has changed in the optimizer.
    fn state(&self) -> OptimizerState<F>;

    /// Puts back what [`state`](ClosureOptimizer::state) returned: the steps that follow have the same bits as if training
    /// had never stopped. The other hyper-parameters are the caller's to set as they were.
    ///
    /// # Errors
    /// [`Error::StateArrays`] or [`Error::Stateless`] if another
    /// optimizer wrote it; nothing is changed then.
    fn restore(&mut self, state: OptimizerState<F>) -> Result<()>;
}

/// A model with a closure.
struct Closure<'a, M, E> {
    model: &'a mut M,
    evaluate: E,
}

impl<F: Real, M: Module<F>, E: FnMut(&M) -> LayerResult<Evaluation<F>>> Objective<F> for Closure<'_, M, E> {
    fn model(&mut self) -> &mut dyn Module<F> {
        self.model
    }

    fn evaluate(&mut self) -> LayerResult<Evaluation<F>> {
        (self.evaluate)(self.model)
    }
}

macro_rules! forward {
    ($($type:ty),+) => {
        $(impl<F: Real, O: ClosureOptimizer<F> + ?Sized> ClosureOptimizer<F> for $type {
            fn step_on(&mut self, objective: &mut dyn Objective<F>) -> LayerResult<f64> {
                (**self).step_on(objective)
            }
            fn lr(&self) -> f64 {
                (**self).lr()
            }
            fn set_lr(&mut self, lr: f64) {
                (**self).set_lr(lr);
            }
            fn set_momentum(&mut self, momentum: f64) -> Result<()> {
                (**self).set_momentum(momentum)
            }
            fn follow(&mut self, schedule: &dyn Schedule, step: u64) -> Result<()> {
                (**self).follow(schedule, step)
            }
            fn validate(&self) -> Result<()> {
                (**self).validate()
            }
            fn state(&self) -> OptimizerState<F> {
                (**self).state()
            }
            fn restore(&mut self, state: OptimizerState<F>) -> Result<()> {
                (**self).restore(state)
            }
        })+
    };
}

forward!(Box<O>, &mut O);
