//! The backward pass one entry at a time.

use crate::backward::Walk;
use crate::explain::{Explanation, Part};
use crate::render::abbreviated;
use crate::tape::Backward;
use crate::{Gradients, Result, Value, Var};
use gradus_linalg::Real;
use std::fmt;
use std::panic::Location;

/// A backward pass that waits after each entry of the tape: an iterator over [`Step`]s, from the loss backwards.
///
/// Made by [`Var::backward_steps`]. [`Steps::finish`] runs what is left, and returns the gradients, which have the bits
/// that [`Var::backward`] gives them.
#[derive(Debug)]
pub struct Steps<F: Real = f32> {
    walk: Walk<F>,
    pub(crate) explanation: Explanation,
    failed: bool,
}

/// One entry of a backward pass: what arrived, the rule, and what it made of the gradients of the inputs.
///
/// `Display` prints it as an [`Explanation`] does, with the numbers.
#[derive(Debug, Clone)]
pub struct Step<F: Real = f32> {
    /// Its place on the tape, that of the first of its results: the number of an explanation's `v0`, `v1` and so on.
    pub place: usize,
    /// The operation, or `variable` or `parameter`.
    pub operation: &'static str,
    /// The line that called it.
    pub location: &'static Location<'static>,
    /// The gradient of each of its results, complete; `None` for a result that the loss does not depend on.
    pub upstream: Vec<Option<Value<F>>>,
    /// What the rule says and made, for each input through which the gradient flows on.
    pub inputs: Vec<StepInput<F>>,
    text: String,
}

/// What a step did for one input of its operation.
#[derive(Debug, Clone)]
pub struct StepInput<F: Real = f32> {
    /// Which input, from 0.
    pub input: usize,
    /// The rule, as in `∂L/∂v1 ⊙ (1 − v1²)`.
    pub factor: String,
    /// The gradient that the input had received before, from operations that came later.
    pub before: Option<Value<F>>,
    /// The gradient it has now: what this step adds to the one before.
    pub gradient: Option<Value<F>>,
}

impl<F: Real> Var<F> {
    /// The walk of [`Var::backward`], one entry at a time.
    ///
    /// # Examples
    /// ```
    /// use gradus_autograd::{Tape, ndarray::array};
    /// let x = Tape::recording().variable(array![3.0, 4.0]);
    /// let loss = x.square().sum();
    /// let mut steps = loss.backward_steps()?;
    /// let mut operations = Vec::new();
    /// for step in &mut steps {
    ///     let step = step?;
    ///     println!("{step}");
    ///     operations.push(step.operation);
    /// }
    /// assert_eq!(operations, ["sum", "square", "variable"]);
    /// let gradients = steps.finish()?;
    /// assert_eq!(gradients.get(&x).unwrap(), &array![6.0, 8.0].into_dyn());
    /// # Ok::<(), gradus_autograd::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Var::backward`]; what an operation's rule does wrong, its step returns.
    pub fn backward_steps(&self) -> Result<Steps<F>> {
        let seed = self.seed()?;
        let mut explanation = self.explain()?;
        explanation.numbers = true;
        Ok(Steps { walk: Walk::begin(self, seed, Vec::new())?, explanation, failed: false })
    }
}

impl<F: Real> Steps<F> {
    /// The pass in formulas, with the numbers of the steps so far.
    #[must_use]
    pub fn explanation(&self) -> &Explanation {
        &self.explanation
    }

    /// Runs the steps that are left, and returns the gradients.
    ///
    /// # Errors
    /// Of the steps that are left, the first that an operation's rule causes.
    pub fn finish(mut self) -> Result<Gradients<F>> {
        while self.walk.step()? {}
        Ok(self.walk.finish())
    }

    fn advance(&mut self) -> Result<Option<Step<F>>> {
        loop {
            let Some(entry) = self.walk.entries.last() else { return Ok(None) };
            let node = self.walk.entries.len() - 1;
            let outputs = match entry.backward {
                Backward::Many(outputs, _) => outputs as usize,
                Backward::Further | Backward::One(_) | Backward::Leaf(_) => 1,
            };
            self.walk.run_hooks()?;
            let place = self.explanation.parts.iter().position(|part| part.nodes[0] == node);
            let Some(place) = place.filter(|_| !self.walk.is_idle()) else {
                self.walk.step()?;
                continue;
            };
            let of = |walk: &Walk<F>, node: usize| walk.cotangents.get(node).cloned().flatten();
            let upstream: Vec<_> = (node..node + outputs).map(|node| of(&self.walk, node)).collect();
            let Part { operation, location, ref inputs, .. } = self.explanation.parts[place];
            let flowing: Vec<(usize, usize)> =
                inputs.iter().enumerate().filter_map(|(i, input)| Some((i, input.as_ref()?.node))).collect();
            let before: Vec<_> = flowing.iter().map(|&(_, node)| of(&self.walk, node)).collect();
            self.walk.step()?;

            let part = &mut self.explanation.parts[place];
            part.numbers = upstream.iter().map(|dy| dy.as_ref().map(abbreviated)).collect();
            let after: Vec<_> = flowing.iter().map(|&(_, node)| of(&self.walk, node)).collect();
            for (&(i, _), gradient) in flowing.iter().zip(&after) {
                if let Some(input) = &mut part.inputs[i] {
                    input.number = gradient.as_ref().map(abbreviated);
                }
            }
            let part = &self.explanation.parts[place];
            let mut text = String::new();
            // Writing to a string does not fail.
            let _ = self.explanation.write_part(part, &mut text);
            let inputs = flowing.iter().zip(before.into_iter().zip(after));
            let inputs = inputs.map(|(&(input, _), (before, gradient))| {
                let factor = self.explanation.factor(part, input, crate::explain::Style::Text);
                StepInput { input, factor, before, gradient }
            });
            return Ok(Some(Step { place: node, operation, location, upstream, inputs: inputs.collect(), text }));
        }
    }
}

impl<F: Real> Iterator for Steps<F> {
    type Item = Result<Step<F>>;

    fn next(&mut self) -> Option<Result<Step<F>>> {
        if self.failed {
            return None;
        }
        let step = self.advance().transpose();
        self.failed = matches!(step, Some(Err(_)));
        step
    }
}

impl<F: Real> fmt::Display for Step<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
