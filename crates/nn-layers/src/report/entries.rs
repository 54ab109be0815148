//! What a forward pass of any model recorded, entry by entry.

use super::Moments;
use crate::{Module, Result};
use gradus_autograd::{Gradients, Real, Step, Value, Var};
use std::collections::HashMap;
use std::ops::Range;
use std::panic::Location;

/// One operation of a forward pass.
pub(super) struct TapeEntry {
    /// The places of its results on the tape.
    pub(super) places: Range<usize>,
    pub(super) operation: &'static str,
    pub(super) location: &'static Location<'static>,
    /// The shape of its (first) result.
    pub(super) output: Vec<usize>,
    /// The shapes of those inputs through which a gradient flows, by number.
    pub(super) inputs: Vec<(usize, Vec<usize>)>,
    /// The names of the parameters among its inputs.
    pub(super) parameters: Vec<String>,
    /// Those of the gradient of its results.
    pub(super) gradient: Moments,
}

/// Walks back from `y` with this cotangent: the operations on the way in the order in which they ran, and the gradients.
///
/// A tape keeps no values and no names. An operation's parameters are known by the memory of their gradients: what
/// the operation's step added to is what the pass at last returns as the gradient of the parameter.
pub(super) fn entries<F: Real>(
    model: &(impl Module<F> + ?Sized),
    y: &Var<F>,
    cotangent: impl Into<Value<F>>,
) -> Result<(Vec<TapeEntry>, Option<Gradients<F>>)> {
    if !y.needs_gradient() {
        return Ok((Vec::new(), None));
    }
    let cotangent = cotangent.into();
    // A loss that is always a finite number, whatever comes out of the model, of which `y` has the given gradient.
    let loss = y.tape().record("report", [y], Value::scalar(F::zero()), move |_| [cotangent]);
    let mut walk = loss.backward_steps()?;
    let mut steps = Vec::new();
    for step in &mut walk {
        steps.push(step?); // all are kept, so that no memory is used twice
    }
    let gradients = walk.finish()?;

    let place = |value: &Value<F>| (!value.is_empty()).then(|| (value.as_ptr(), value.shape().to_vec()));
    let mut names: HashMap<(*const F, Vec<usize>), String> = HashMap::new();
    for (name, parameter) in model.parameters() {
        names.extend(gradients.get(parameter).and_then(place).map(|place| (place, name)));
    }
    let mut entries = Vec::new();
    for Step { place: first, operation, location, upstream, inputs, .. } in steps.iter().rev() {
        let mut parameters: Vec<String> = Vec::new();
        for input in inputs {
            let name = input.gradient.as_ref().and_then(place).and_then(|place| names.get(&place).cloned());
            let Some(name) = name else { continue };
            // What was there before this step is the same parameter's gradient, of a later use.
            names.extend(input.before.as_ref().and_then(place).map(|place| (place, name.clone())));
            if !parameters.contains(&name) {
                parameters.push(name);
            }
        }
        if matches!(*operation, "variable" | "parameter" | "report") {
            continue;
        }
        let shape = |value: &Value<F>| value.shape().to_vec();
        entries.push(TapeEntry {
            places: *first..first + upstream.len(),
            operation,
            location,
            output: upstream.iter().flatten().next().map(shape).unwrap_or_default(),
            inputs: inputs.iter().filter_map(|i| Some((i.input, shape(i.gradient.as_ref()?)))).collect(),
            parameters,
            gradient: Moments::of(upstream.iter().flatten().flat_map(|dy| dy.iter().copied())),
        });
    }
    Ok((entries, Some(gradients)))
}

impl TapeEntry {
    /// The path that its parameters' names have in common: that of the layer which they belong to.
    pub(super) fn path(&self) -> String {
        let Some((first, others)) = self.parameters.split_first() else { return String::new() };
        let mut path: Vec<&str> = first.split('.').collect();
        path.pop();
        for other in others {
            let same = path.iter().zip(other.split('.')).take_while(|(a, b)| **a == *b).count();
            path.truncate(same);
        }
        path.join(".")
    }
}
