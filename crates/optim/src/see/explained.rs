//! A wrapper that shows what each step computes.

use super::{Change, Remembered, StepLog, StepRow};
use crate::state::ByName;
use crate::{Error, Optimizer, OptimizerState, Result};
use gradus_autograd::{Gradients, Leaf, Real};
use gradus_nn_layers::{Item, Module};
use ndarray::{ArrayD, ArrayViewD, ArrayViewMutD};
use std::fmt;

/// An optimizer that walks as the one inside does, to the bit, and tells what it did: a [`StepLog`] of all parameters, and for one
/// chosen element the formula with this step's numbers.
///
/// It is a microscope: it copies every parameter before its update, and the whole state of the optimizer around that of the chosen one.
///
/// # Examples
/// ```
/// use gradus_nn_layers::{Parameter, Result, Tape, ndarray::array};
/// use gradus_optim::{Optimizer, Sgd, see::Explained};
/// fn main() -> Result<()> {
///     let mut w: Parameter<f64> = array![1.0, -2.0].into();
///     let mut sgd = Explained::new(Sgd::new(0.1).momentum(0.5)).element("", &[1]); // a bare parameter has no name
///     for _ in 0..2 {
///         let loss = Tape::recording().parameter(&w).square().sum();
///         sgd.step(&mut w, &loss.backward()?)?;
///     }
///     assert_eq!(sgd.explanations()[1].lines, [
///         "g = -3.2",
///         "v ← μ v + g = 0.5 · (-4) + (-3.2) = -5.2",
///         "θ ← θ − lr · v = (-1.6) − 0.1 · (-5.2) = -1.08",
///     ]);
///     println!("{}", sgd.explanations()[1]); // the same with a heading
///     println!("{}", sgd.log()); // update/weight, effective learning rate, cosine
///     Ok(())
/// }
/// ```
#[derive(Debug, Clone)]
pub struct Explained<O, F: Real = f32> {
    optimizer: O,
    element: Option<(String, Vec<usize>)>,
    explanations: Vec<Explanation>,
    log: StepLog,
    steps: ByName<u64>,
    number: std::marker::PhantomData<fn() -> F>,
}

/// One step of the chosen element.
#[derive(Debug, Clone, PartialEq)]
pub struct Explanation {
    /// The numbers.
    pub change: Change,
    /// The formula with the numbers put in, line by line.
    pub lines: Vec<String>,
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Change { parameter, index, steps, .. } = &self.change;
        writeln!(f, "{parameter}{index:?}, step {steps}")?;
        self.lines.iter().try_for_each(|line| writeln!(f, "    {line}"))
    }
}

impl<F: Real, O: Optimizer<F>> Explained<O, F> {
    /// With the log alone.
    #[must_use]
    pub fn new(optimizer: O) -> Self {
        let (explanations, log, steps) = (Vec::new(), StepLog::default(), ByName::default());
        Self { optimizer, element: None, explanations, log, steps, number: std::marker::PhantomData }
    }

    /// With explanations of this element of the parameter of this name.
    #[must_use]
    pub fn element(self, parameter: &str, index: &[usize]) -> Self {
        Self { element: Some((parameter.to_owned(), index.to_vec())), ..self }
    }

    /// The steps of the chosen element so far.
    #[must_use]
    pub fn explanations(&self) -> &[Explanation] {
        &self.explanations
    }

    /// Length and direction of every step so far.
    #[must_use]
    pub fn log(&self) -> &StepLog {
        &self.log
    }

    /// The optimizer inside.
    #[must_use]
    pub fn into_inner(self) -> O {
        self.optimizer
    }

    /// What the optimizer remembers of an element: the count of steps, and a number under each name, of the optimizer inside a
    /// wrapper before the wrapper's own. A number without axes belongs to every element.
    fn memory(&self, name: &str, index: &[usize]) -> (Option<u64>, Vec<(String, f64)>) {
        let (mut steps, mut numbers) = (None, Vec::new());
        for slot in self.optimizer.state().slots.into_iter().filter(|slot| slot.parameter == name) {
            steps = steps.or(Some(slot.steps));
            let at = |(name, array): (String, ArrayD<F>)| {
                let number = if array.ndim() == 0 { array.first() } else { array.get(index) };
                number.map(|number| (name, number.to_f64()))
            };
            numbers.extend(slot.arrays.into_iter().filter_map(at));
        }
        (steps, numbers)
    }

    /// What must be known of the chosen element before its step; none of other parameters.
    fn look(&self, name: &str, before: &ArrayViewD<'_, F>, grad: &ArrayViewD<'_, F>) -> Result<Option<Look>> {
        let Some((_, index)) = self.element.as_ref().filter(|(own, _)| own == name) else { return Ok(None) };
        if before.shape() != grad.shape() {
            return Ok(None); // the optimizer inside refuses it
        }
        match (before.get(&**index), grad.get(&**index)) {
            (Some(value), Some(gradient)) => {
                let had = self.memory(name, index).1;
                Ok(Some(Look { index: index.clone(), before: value.to_f64(), gradient: gradient.to_f64(), had }))
            }
            _ => Err(Error::Element { name: name.to_owned(), index: index.clone(), shape: before.shape().to_vec() }),
        }
    }

    /// Takes down what the step has done to a parameter.
    fn note(&mut self, name: &str, [before, after, grad]: [ArrayViewD<'_, F>; 3], look: Option<Look>) {
        let (mut moved, mut weight, mut slope, mut along) = (0.0, 0.0, 0.0, 0.0);
        for ((before, after), g) in before.iter().zip(&after).zip(&grad) {
            let (before, g) = (before.to_f64(), g.to_f64());
            let step = after.to_f64() - before;
            moved += step * step;
            weight += before * before;
            slope += g * g;
            along -= step * g;
        }
        let over = |a: f64, b: f64| if b == 0.0 { 0.0 } else { a / b };
        let (moved, weight, slope) = (f64::sqrt(moved), f64::sqrt(weight), f64::sqrt(slope));
        let count = self.steps.find_or(name, || 0);
        let step = *count;
        *count += 1;
        self.log.push(StepRow {
            step,
            parameter: name.to_owned(),
            ratio: over(moved, weight),
            effective_lr: over(moved, slope),
            cosine: over(along, moved * slope),
        });
        let Some(Look { index, before, gradient, mut had }) = look else { return };
        let (steps, has) = self.memory(name, &index);
        let state = has.into_iter().map(|(name, after)| {
            // Wrappers in wrappers have equal names, in the same order: each is taken once.
            let place = had.iter().position(|(own, _)| *own == name);
            let before = place.map_or(0.0, |place| had.remove(place).1);
            Remembered { name, before, after }
        });
        let change = Change {
            parameter: name.to_owned(),
            steps: steps.unwrap_or(step + 1),
            lr: self.optimizer.lr(),
            before,
            gradient,
            after: after[&*index].to_f64(),
            state: state.collect(),
            index,
        };
        let lines = self.optimizer.explain(&change);
        self.explanations.push(Explanation { change, lines });
    }
}

/// The chosen element before its step.
struct Look {
    index: Vec<usize>,
    before: f64,
    gradient: f64,
    had: Vec<(String, f64)>,
}

impl<F: Real, O: Optimizer<F>> Optimizer<F> for Explained<O, F> {
    /// As the optimizer inside.
    ///
    /// # Errors
    /// [`Error::Element`] if the parameter has no element at the chosen place; nothing is changed then. What the optimizer inside finds.
    fn update(&mut self, name: &str, mut param: ArrayViewMutD<'_, F>, grad: ArrayViewD<'_, F>) -> Result<()> {
        let before = param.to_owned();
        let look = self.look(name, &before.view(), &grad)?;
        self.optimizer.update(name, param.view_mut(), grad.view())?;
        self.note(name, [before.view(), param.view(), grad], look);
        Ok(())
    }

    /// As the optimizer inside, also one that has a step of its own.
    ///
    /// # Errors
    /// As [`update`](Self::update).
    fn step(&mut self, model: &mut dyn Module<F>, grads: &Gradients<F>) -> Result<()> {
        self.validate()?;
        let before = model.state_dict(); // shared: the first change copies
        let mut look = Ok(None);
        each(model, grads, |name, value, grad| {
            if matches!(look, Ok(None)) {
                look = self.look(name, &value, &grad);
            }
        });
        let mut look = look?;
        self.optimizer.step(model, grads)?;
        let chosen = self.element.as_ref().map(|(name, _)| name.clone());
        each(model, grads, |name, after, grad| {
            let own = if chosen.as_deref() == Some(name) { look.take() } else { None };
            if let Some(before) = before.get(name) {
                self.note(name, [before.view(), after, grad], own);
            }
        });
        Ok(())
    }

    fn lr(&self) -> f64 {
        self.optimizer.lr()
    }

    fn set_lr(&mut self, lr: f64) {
        self.optimizer.set_lr(lr);
    }

    fn set_momentum(&mut self, momentum: f64) -> Result<()> {
        self.optimizer.set_momentum(momentum)
    }

    fn validate(&self) -> Result<()> {
        self.optimizer.validate()
    }

    fn explain(&self, change: &Change) -> Vec<String> {
        self.optimizer.explain(change)
    }

    fn state(&self) -> OptimizerState<F> {
        self.optimizer.state()
    }

    fn restore(&mut self, state: OptimizerState<F>) -> Result<()> {
        self.optimizer.restore(state)
    }
}

/// Every trainable parameter that has a gradient.
fn each<F: Real>(
    model: &dyn Module<F>,
    grads: &Gradients<F>,
    mut f: impl FnMut(&str, ArrayViewD<'_, F>, ArrayViewD<'_, F>),
) {
    model.visit(&mut |name, item| {
        if let Item::Parameter(parameter) = item
            && parameter.is_trainable()
            && let Some(grad) = grads.get_id(parameter.id())
        {
            f(name, parameter.value().view(), grad.view());
        }
    });
}
