//! One step of a cell alone on a tape: what it takes from a gradient, and its Jacobian.

use crate::{Cell, Result, State};
use gradus_autograd::{Gradients, Real, Tape, Value, Var, concatenate};
use ndarray::{Array2, Axis};

/// A step with its inputs as variables.
struct Step<F: Real> {
    x: Var<F>,
    before: Vec<Var<F>>,
    /// The state after it.
    parts: Vec<Var<F>>,
    /// All arrays of it side by side, `(N, S)`.
    after: Var<F>,
}

fn step<C: Cell>(cell: &C, x: Value<C::Float>, before: Vec<Value<C::Float>>) -> Result<Step<C::Float>> {
    let tape = Tape::recording();
    let x = tape.variable(x);
    let before: Vec<_> = before.into_iter().map(|part| tape.variable(part)).collect();
    let state = C::State::from_parts(before.clone()).expect("a state was taken apart and is put together");
    let parts: Vec<_> = cell.step(&x, &state)?.parts().into_iter().cloned().collect();
    let after = concatenate(-1, &parts.iter().collect::<Vec<_>>())?;
    Ok(Step { x, before, parts, after })
}

/// What a gradient of the state after a step becomes of the step's inputs.
pub(super) struct Pulled<F: Real> {
    /// `∂L/∂x`, `(N, I)`
    pub(super) x: Array2<F>,
    /// What reaches the state before, `Jₜᵀ λₜ`, `(N, S)`
    pub(super) before: Array2<F>,
    /// `∂L/∂h`, `∂L/∂c`: of each array of the state after the step, with what it does within the step through those computed from it.
    pub(super) parts: Vec<Array2<F>>,
    /// The step's share of the parameters' gradients; nothing if the step depends on nothing.
    pub(super) parameters: Option<Gradients<F>>,
}

/// The gradient with respect to a step's inputs and parameters, from that with respect to the state after it.
pub(super) fn pull<C: Cell>(
    cell: &C,
    x: Value<C::Float>,
    before: Vec<Value<C::Float>>,
    after: Array2<C::Float>,
) -> Result<Pulled<C::Float>> {
    let step = step(cell, x, before)?;
    step.parts.iter().for_each(Var::retain_gradient);
    let gradients = if step.after.needs_gradient() { Some(step.after.backward_with(after)?) } else { None };
    let of = |variable: &Var<C::Float>| match gradients.as_ref().and_then(|gradients| gradients.get(variable)) {
        Some(gradient) => gradient.clone(),
        None => Value::zeros(variable.value().raw_dim()),
    };
    let before: Vec<_> = step.before.iter().map(of).collect();
    let parts = step.parts.iter().map(|part| matrix(of(part))).collect();
    Ok(Pulled { x: matrix(of(&step.x)), before: side_by_side(&before), parts, parameters: gradients })
}

/// The Jacobian `∂sₜ/∂sₜ₋₁` of a step of one sequence, the state all its arrays one after another, `(S, S)`.
///
/// The sequence stands `S` times in a batch; row `i` of it gets the gradient `eᵢ`, so that one backward pass has all rows.
pub(super) fn jacobian<C: Cell>(cell: &C, x: &Value<C::Float>, before: &[Value<C::Float>]) -> Result<Array2<f64>> {
    let size: usize = cell.state_sizes().into_iter().sum();
    let repeated =
        |row: &Value<C::Float>| Value::from(row.broadcast((size, row.len())).expect("a row is repeated").to_owned());
    let before = before.iter().map(repeated).collect();
    Ok(pull(cell, repeated(x), before, Array2::eye(size))?.before.mapv(Real::to_f64))
}

/// Arrays `(N, …)` side by side.
pub(super) fn side_by_side<F: Real>(parts: &[Value<F>]) -> Array2<F> {
    let parts: Vec<_> = parts.iter().map(|part| matrix(part.clone())).collect();
    let batch = parts.first().map_or(0, Array2::nrows);
    let mut all = Array2::zeros((batch, parts.iter().map(Array2::ncols).sum()));
    let mut start = 0;
    for part in parts {
        all.slice_axis_mut(Axis(1), (start..start + part.ncols()).into()).assign(&part);
        start += part.ncols();
    }
    all
}

/// The rows of all but the last axis.
fn matrix<F: Real>(value: Value<F>) -> Array2<F> {
    let columns = value.shape().last().copied().unwrap_or(1);
    let rows = value.shape().iter().rev().skip(1).product();
    value.into_standard_layout().into_array().into_shape_with_order((rows, columns)).expect("as many elements")
}

/// A row of a batch.
pub(super) fn row<F: Real>(batch: &Value<F>, sequence: usize) -> Value<F> {
    Value::from(batch.index_axis(Axis(0), sequence).to_owned())
}
