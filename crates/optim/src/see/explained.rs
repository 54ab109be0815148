//! A wrapper that shows what each step computes.

use super::{Change, Remembered, StepLog, StepRow};
use crate::state::ByName;
use crate::{Error, Optimizer, OptimizerState, Result};
use gradus_autograd::Real;
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

    /// What the optimizer remembers of an element: the count of steps, and a number under each name.
    fn memory(&self, name: &str, index: &[usize]) -> (Option<u64>, Vec<(String, f64)>) {
        let slot = self.optimizer.state().slots.into_iter().find(|slot| slot.parameter == name);
        slot.map_or((None, Vec::new()), |slot| {
            let at = |(name, array): (String, ArrayD<F>)| Some((name, array.get(index)?.to_f64()));
            (Some(slot.steps), slot.arrays.into_iter().filter_map(at).collect())
        })
    }

    fn note(&mut self, name: &str, before: &ArrayD<F>, after: &ArrayViewMutD<'_, F>, grad: &ArrayViewD<'_, F>) {
        let (mut moved, mut weight, mut slope, mut along) = (0.0, 0.0, 0.0, 0.0);
        for ((before, after), g) in before.iter().zip(after).zip(grad) {
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
        self.log.push(StepRow {
            step: *count,
            parameter: name.to_owned(),
            ratio: over(moved, weight),
            effective_lr: over(moved, slope),
            cosine: over(along, moved * slope),
        });
        *count += 1;
    }
}

impl<F: Real, O: Optimizer<F>> Optimizer<F> for Explained<O, F> {
    /// As the optimizer inside.
    ///
    /// # Errors
    /// [`Error::Element`] if the parameter has no element at the chosen place; nothing is changed then. What the optimizer inside finds.
    fn update(&mut self, name: &str, mut param: ArrayViewMutD<'_, F>, grad: ArrayViewD<'_, F>) -> Result<()> {
        let before = param.to_owned();
        let index = self.element.as_ref().filter(|(own, _)| own == name).map(|(_, index)| index.clone());
        let Some(index) = index else {
            self.optimizer.update(name, param.view_mut(), grad.view())?;
            self.note(name, &before, &param, &grad);
            return Ok(());
        };
        let (Some(old), Some(gradient)) = (before.get(&*index), grad.get(&*index)) else {
            return Err(Error::Element { name: name.to_owned(), index, shape: before.shape().to_vec() });
        };
        let (old, gradient) = (old.to_f64(), gradient.to_f64());
        let (_, had) = self.memory(name, &index);
        self.optimizer.update(name, param.view_mut(), grad.view())?;
        self.note(name, &before, &param, &grad);
        let (steps, has) = self.memory(name, &index);
        let state = has.into_iter().map(|(name, after)| {
            let before = had.iter().find(|(own, _)| *own == name).map_or(0.0, |(_, before)| *before);
            Remembered { name, before, after }
        });
        let change = Change {
            parameter: name.to_owned(),
            steps: steps.unwrap_or_else(|| *self.steps.find_or(name, || 0)),
            lr: self.optimizer.lr(),
            before: old,
            gradient,
            after: param[&*index].to_f64(),
            state: state.collect(),
            index,
        };
        let lines = self.optimizer.explain(&change);
        self.explanations.push(Explanation { change, lines });
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
