//! The seam: what every optimizer is.

use crate::see::Change;
use crate::{Error, OptimizerState, Result, Schedule, walk};
use gradus_autograd::{Gradients, Real};
use gradus_nn_layers::Module;
use ndarray::{ArrayViewD, ArrayViewMutD};

/// A rule that changes parameters by their gradients.
///
/// The rule itself knows one array: [`update`](Optimizer::update) is the method to write. [`step`](Optimizer::step)
/// walks the model and calls it for every trainable parameter that has a gradient.
///
/// # Examples
/// An optimizer of your own: only the sign of the gradient counts.
/// ```
/// use gradus_optim::ndarray::{ArrayViewD, ArrayViewMutD};
/// use gradus_optim::{Optimizer, Real, Result, fused};
///
/// struct SignSgd {
///     lr: f64,
/// }
///
/// impl<F: Real> Optimizer<F> for SignSgd {
///     fn update(&mut self, _: &str, param: ArrayViewMutD<'_, F>, grad: ArrayViewD<'_, F>) -> Result<()> {
///         let lr = F::from_f64(self.lr);
///         fused(param, grad, &mut [], |p, g, []| {
///             *p -= if g > F::zero() { lr } else if g < F::zero() { -lr } else { F::zero() };
///         });
///         Ok(())
///     }
///     fn lr(&self) -> f64 {
///         self.lr
///     }
///     fn set_lr(&mut self, lr: f64) {
///         self.lr = lr;
///     }
/// }
///
/// use gradus_nn_layers::{Parameter, Tape, ndarray::array};
/// let mut w: Parameter = array![1.0, -2.0].into();
/// let loss = Tape::recording().parameter(&w).square().sum();
/// SignSgd { lr: 0.5 }.step(&mut w, &loss.backward()?)?;
/// assert_eq!(w.value(), &array![0.5, -1.5]);
/// # Ok::<(), gradus_nn_layers::Error>(())
/// ```
pub trait Optimizer<F: Real = f32>: Send {
    /// Changes one parameter by its gradient, which has the same shape. `name` is the parameter's full name in the
    /// model, under which [`State`](crate::State) remembers what the next step needs.
    ///
    /// # Errors
    /// If what is remembered under this name does not fit the parameter.
    fn update(&mut self, name: &str, param: ArrayViewMutD<'_, F>, grad: ArrayViewD<'_, F>) -> Result<()>;

    /// The learning rate.
    fn lr(&self) -> f64;

    /// Sets the learning rate, as a [`Schedule`](crate::Schedule) wants it before each step.
    fn set_lr(&mut self, lr: f64);

    /// Sets the momentum, which a [`Schedule`](crate::Schedule) may move against the rate: `momentum` of
    /// [`Sgd`](crate::Sgd), β₁ of [`Adam`](crate::Adam) and its kin.
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
    /// use gradus_optim::{Optimizer, Sgd};
    /// let mut sgd: Sgd = Sgd::new(0.1).momentum(0.9);
    /// let schedule = OneCycle::new(1.0, 100);
    /// sgd.follow(&schedule, 29)?; // the peak of the rate, the bottom of the momentum
    /// assert_eq!((sgd.lr(), schedule.momentum(29)), (1.0, Some(0.85)));
    /// # Ok::<(), gradus_optim::Error>(())
    /// ```
    fn follow(&mut self, schedule: &dyn Schedule, step: u64) -> Result<()> {
        if let Some(momentum) = schedule.momentum(step) {
            self.set_momentum(momentum)?;
        }
        self.set_lr(schedule.lr(step));
        Ok(())
    }

    /// Checks the hyper-parameters. Every step begins with it, and a training loop may ask before the first batch.
    ///
    /// # Errors
    /// [`Error::HyperParameter`] names the field, its value and what would fit.
    fn validate(&self) -> Result<()> {
        crate::hyper::not_negative("optimizer", "lr", self.lr())
    }

    /// The rule with the numbers of one step put in, line by line, for [`Explained`](crate::see::Explained). Unless a rule says more, the
    /// numbers alone: [`Change::plain`].
    fn explain(&self, change: &Change) -> Vec<String> {
        change.plain()
    }

    /// What training has changed in the optimizer: the learning rate, and what it remembers of each parameter. An
    /// optimizer that remembers anything says so here, for instance by its [`State::save`](crate::State::save).
    fn state(&self) -> OptimizerState<F> {
        OptimizerState { lr: self.lr(), slots: Vec::new() }
    }

    /// Puts back what [`state`](Optimizer::state) returned: the steps that follow have the same bits as if training
    /// had never stopped. The other hyper-parameters are the caller's to set as they were.
    ///
    /// # Errors
    /// [`Error::StateArrays`] or [`Error::Stateless`] if another optimizer wrote it; nothing is changed then.
    fn restore(&mut self, state: OptimizerState<F>) -> Result<()> {
        if let Some(slot) = state.slots.first() {
            return Err(Error::Stateless { name: slot.parameter.clone() });
        }
        self.set_lr(state.lr);
        Ok(())
    }

    /// Changes every trainable parameter that has a gradient, in place, and puts the values that the forward pass has
    /// noted (running means, say) into the buffers.
    ///
    /// # Errors
    /// What [`validate`](Optimizer::validate) finds, before anything is changed; [`Error::NoGradient`] if not one of the
    /// model's parameters has a gradient; [`Error::GradientShape`], [`Error::BufferShape`] and what
    /// [`update`](Optimizer::update) finds.
    ///
    /// # Examples
    /// ```
    /// use gradus_nn_layers::{Parameter, Tape, ndarray::array};
    /// use gradus_optim::{Optimizer, Sgd};
    ///
    /// let mut w: Parameter = array![1.0, -2.0].into();
    /// let mut sgd = Sgd::new(0.25);
    /// let loss = Tape::recording().parameter(&w).square().sum(); // its gradient is 2 w
    /// sgd.step(&mut w, &loss.backward()?)?;
    /// assert_eq!(w.value(), &array![0.5, -1.0]);
    ///
    /// let gradients = Tape::recording().parameter(&w).sum().backward()?;
    /// let mut copy = w.clone(); // another parameter, of which there is no gradient
    /// assert!(sgd.step(&mut copy, &gradients).unwrap_err().to_string().contains("a clone"));
    /// # Ok::<(), gradus_nn_layers::Error>(())
    /// ```
    fn step(&mut self, model: &mut dyn Module<F>, grads: &Gradients<F>) -> Result<()> {
        self.validate()?;
        walk::with_gradients(model, grads, true, &mut |name, parameter, grad| {
            self.update(name, parameter.value_mut().view_mut(), grad.view())
        })
    }
}

macro_rules! forward {
    ($($type:ty),+) => {
        $(impl<F: Real, O: Optimizer<F> + ?Sized> Optimizer<F> for $type {
            fn update(&mut self, name: &str, param: ArrayViewMutD<'_, F>, grad: ArrayViewD<'_, F>) -> Result<()> {
                (**self).update(name, param, grad)
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
            fn validate(&self) -> Result<()> {
                (**self).validate()
            }
            fn explain(&self, change: &Change) -> Vec<String> {
                (**self).explain(change)
            }
            fn state(&self) -> OptimizerState<F> {
                (**self).state()
            }
            fn restore(&mut self, state: OptimizerState<F>) -> Result<()> {
                (**self).restore(state)
            }
            fn step(&mut self, model: &mut dyn Module<F>, grads: &Gradients<F>) -> Result<()> {
                (**self).step(model, grads)
            }
        })+
    };
}

forward!(Box<O>, &mut O);
