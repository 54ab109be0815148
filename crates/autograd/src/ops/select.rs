//! Parts of an array, and arrays put together.

use super::axes;
use crate::tape::same_tape;
use crate::{Error, Result, Value, Var};
use gradus_linalg::Real;
use ndarray::{Axis, Dimension, IxDyn, Slice};
use std::ops::Range;

impl<F: Real> Var<F> {
    /// The indices `range` of one axis, every `step`-th of them. Shares the memory.
    ///
    /// ```text
    /// dx = dy at the indices taken, 0 elsewhere
    /// ```
    ///
    /// # Errors
    /// [`Error::Axis`] or [`Error::Slice`] if the axis is not there or does not hold the range, or the step is 0.
    #[track_caller]
    pub fn slice_axis(&self, axis: isize, range: Range<usize>, step: usize) -> Result<Self> {
        let axis = axes::axis("slice", axis, self.shape())?;
        let Range { start, end } = range;
        if step == 0 || start > end || end > self.shape()[axis] {
            return Err(Error::Slice { start, end, step, axis, shape: self.shape().to_vec() });
        }
        let part = Slice::new(start as isize, Some(end as isize), step as isize);
        let shape = self.value.raw_dim();
        let y = self.value.clone().view_as(|mut x| {
            x.slice_axis_inplace(Axis(axis), part);
            x
        });
        Ok(self.tape().record_into("slice", [self], y, move |dy, slots| {
            slots.accumulate(0, |mut dx, beta| {
                if beta == F::zero() {
                    dx.fill(F::zero());
                }
                debug_assert_eq!(dx.shape(), shape.slice());
                dx.slice_axis_mut(Axis(axis), part).zip_mut_with(&*dy, |dx, &dy| *dx += dy);
            });
        }))
    }

    /// One index of an axis; the axis is left out. Shares the memory.
    ///
    /// # Errors
    /// [`Error::Axis`] or [`Error::Index`] if the axis or the index is not there.
    #[track_caller]
    pub fn select(&self, axis: isize, index: usize) -> Result<Self> {
        let axis = axes::axis("select", axis, self.shape())?;
        if index >= self.shape()[axis] {
            return Err(Error::Index { operation: "select", index, axis, shape: self.shape().to_vec() });
        }
        let y = self.value.clone().view_as(|x| x.index_axis_move(Axis(axis), index));
        Ok(self.tape().record_into("select", [self], y, move |dy, slots| {
            slots.accumulate(0, |mut dx, beta| {
                if beta == F::zero() {
                    dx.fill(F::zero());
                }
                dx.index_axis_mut(Axis(axis), index).zip_mut_with(&*dy, |dx, &dy| *dx += dy);
            });
        }))
    }

    /// Some indices of an axis, in any order and any number of times: rows of a table, say.
    ///
    /// ```text
    /// y[i] = x[indices[i]]        dx[j] = Σ dy[i] over the i with indices[i] = j
    /// ```
    ///
    /// # Errors
    /// [`Error::Axis`] or [`Error::Index`] if the axis or an index is not there.
    #[track_caller]
    pub fn index_select(&self, axis: isize, indices: &[usize]) -> Result<Self> {
        let axis = axes::axis("index_select", axis, self.shape())?;
        if let Some(&index) = indices.iter().find(|&&i| i >= self.shape()[axis]) {
            return Err(Error::Index { operation: "index_select", index, axis, shape: self.shape().to_vec() });
        }
        let mut shape = self.shape().to_vec();
        shape[axis] = indices.len();
        let mut y = Value::unspecified(IxDyn(&shape));
        for (mut y, &i) in y.axis_iter_mut(Axis(axis)).zip(indices) {
            y.assign(&self.value.index_axis(Axis(axis), i));
        }
        let indices = indices.to_vec();
        Ok(self.tape().record_into("index_select", [self], y, move |dy, slots| {
            slots.accumulate(0, |mut dx, beta| {
                if beta == F::zero() {
                    dx.fill(F::zero());
                }
                for (dy, &i) in dy.axis_iter(Axis(axis)).zip(&indices) {
                    dx.index_axis_mut(Axis(axis), i).zip_mut_with(&dy, |dx, &dy| *dx += dy);
                }
            });
        }))
    }
}

/// Arrays one after the other along an axis they all have.
///
/// ```text
/// dxᵢ = the part of dy that came from xᵢ
/// ```
///
/// # Errors
/// If there are none, the axis is not there, the shapes differ in another axis, or the tapes differ.
#[track_caller]
pub fn concatenate<F: Real>(axis: isize, variables: &[&Var<F>]) -> Result<Var<F>> {
    let operation = "concatenate";
    let [first, others @ ..] = variables else { return Err(Error::Empty { operation }) };
    let axis = axes::axis(operation, axis, first.shape())?;
    let mut shape = first.shape().to_vec();
    for other in others {
        same_tape(operation, first, other)?;
        let fits =
            other.shape().len() == shape.len() && (0..shape.len()).all(|i| i == axis || other.shape()[i] == shape[i]);
        if !fits {
            let (left, right) = (first.shape().to_vec(), other.shape().to_vec());
            return Err(Error::Shapes { operation, left, right, expected: "all other axes are of the same length" });
        }
        shape[axis] += other.shape()[axis];
    }
    let mut y = Value::unspecified(IxDyn(&shape));
    let mut ranges = Vec::with_capacity(variables.len());
    let mut start = 0;
    for x in variables {
        let part = Slice::new(start as isize, Some((start + x.shape()[axis]) as isize), 1);
        y.slice_axis_mut(Axis(axis), part).assign(&**x.value());
        start += x.shape()[axis];
        ranges.push(part);
    }
    join(operation, variables, y, move |dy, i| {
        dy.view_as(|mut dy| {
            dy.slice_axis_inplace(Axis(axis), ranges[i]);
            dy
        })
    })
}

/// Arrays of one shape along a new axis, to stand at `axis` in the result.
///
/// # Errors
/// If there are none, the result has no such axis, the shapes differ, or the tapes differ.
#[track_caller]
pub fn stack<F: Real>(axis: isize, variables: &[&Var<F>]) -> Result<Var<F>> {
    let operation = "stack";
    let [first, others @ ..] = variables else { return Err(Error::Empty { operation }) };
    let mut shape = first.shape().to_vec();
    shape.push(variables.len()); // any axis of the result will do
    let axis = axes::axis(operation, axis, &shape)?;
    for other in others {
        same_tape(operation, first, other)?;
        if other.shape() != first.shape() {
            let (left, right) = (first.shape().to_vec(), other.shape().to_vec());
            return Err(Error::Shapes { operation, left, right, expected: "all shapes are the same" });
        }
    }
    shape.pop();
    shape.insert(axis, variables.len());
    let mut y = Value::unspecified(IxDyn(&shape));
    for (mut y, x) in y.axis_iter_mut(Axis(axis)).zip(variables) {
        y.assign(&**x.value());
    }
    join(operation, variables, y, move |dy, i| dy.view_as(|dy| dy.index_axis_move(Axis(axis), i)))
}

/// Records the one output of many inputs; `part` takes from the cotangent what belongs to an input.
#[track_caller]
fn join<F: Real>(
    operation: &'static str,
    variables: &[&Var<F>],
    y: Value<F>,
    part: impl Fn(Value<F>, usize) -> Value<F> + 'static,
) -> Result<Var<F>> {
    let inputs = variables.len();
    let mut outputs = variables[0].tape().record_many(operation, variables, vec![y], move |mut dys, slots| {
        if let Some(dy) = dys.pop().flatten() {
            (0..inputs).for_each(|i| slots.add(i, part(dy.clone(), i)));
        }
    });
    Ok(outputs.pop().expect("one value was recorded"))
}
