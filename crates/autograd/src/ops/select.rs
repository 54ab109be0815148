//! Parts of an array, and arrays put together.

use super::axes;
use crate::tape::same_tape;
use crate::{Error, Result, Value, Var};
use gradus_linalg::Real;
use ndarray::{ArrayRef, Axis, Dimension, IxDyn, Slice, Zip};
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
        let step = step.min(end.max(1)); // a longer step takes no more, and must not turn negative as an isize
        let part = Slice::new(start as isize, Some(end as isize), step as isize);
        let y = self.value.clone().view_as(|mut x| {
            x.slice_axis_inplace(Axis(axis), part);
            x
        });
        Ok(self.tape().record_into("slice", [self], y, move |dy, slots| {
            slots.accumulate(0, |mut dx, beta| {
                if beta == F::zero() {
                    dx.fill(F::zero());
                }
                dx.slice_axis_mut(Axis(axis), part).zip_mut_with(&*dy, |dx, &dy| *dx += dy);
            });
        }))
    }

    /// One index of an axis; the axis is left out. Shares the memory.
    ///
    /// ```text
    /// y = x[index]        dx = dy at the index, 0 elsewhere
    /// ```
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

    /// For each place of `index`, the element of this array at that place, but on `axis` at the index that stands there.
    ///
    /// ```text
    /// y[i, j] = x[index[i, j], j]  (axis 0)        dx[k, j] = Σ dy[i, j] over the i with index[i, j] = k
    /// ```
    ///
    /// It takes the logit of each sample's class, say.
    ///
    /// # Shapes
    /// `index` has as many axes as the array, none but `axis` longer than the array's; the result has its shape.
    ///
    /// # Errors
    /// [`Error::Axis`], [`Error::Shapes`] or [`Error::Index`] if the axis, a place or an index is not there.
    ///
    /// # Examples
    /// ```
    /// use gradus_autograd::{Tape, ndarray::array};
    /// let logits = Tape::recording().variable(array![[0.1, 0.7, 0.2], [0.3, 0.3, 0.4]]);
    /// let of_class = logits.gather(1, &array![[1], [2]])?;
    /// assert_eq!(of_class.value(), &array![[0.7], [0.4]].into_dyn());
    /// # Ok::<(), gradus_autograd::Error>(())
    /// ```
    #[track_caller]
    pub fn gather<D: Dimension>(&self, axis: isize, index: &ArrayRef<usize, D>) -> Result<Self> {
        let operation = "gather";
        let axis = axes::axis(operation, axis, self.shape())?;
        let index = index.view().into_dyn().to_owned();
        let within = |i: usize| i == axis || index.shape()[i] <= self.shape()[i];
        if index.ndim() != self.shape().len() || !(0..index.ndim()).all(within) {
            let (left, right) = (self.shape().to_vec(), index.shape().to_vec());
            let expected = "the index must have as many axes as the array, none but the axis of the gather longer";
            return Err(Error::Shapes { operation, left, right, expected });
        }
        if let Some(&index) = index.iter().find(|&&i| i >= self.shape()[axis]) {
            return Err(Error::Index { operation, index, axis, shape: self.shape().to_vec() });
        }
        // The part of the array whose lanes are those of the index.
        let end = |(i, &n): (usize, &usize)| if i == axis { Slice::from(..) } else { Slice::from(..n as isize) };
        let part: Vec<Slice> = index.shape().iter().enumerate().map(end).collect();
        let mut y = Value::unspecified(IxDyn(index.shape()));
        let x = self.value.slice_each_axis(|of| part[of.axis.index()]);
        Zip::from(y.lanes_mut(Axis(axis)))
            .and(index.lanes(Axis(axis)))
            .and(x.lanes(Axis(axis)))
            .for_each(|mut y, index, x| y.iter_mut().zip(index).for_each(|(y, &i)| *y = x[i]));
        Ok(self.tape().record_into(operation, [self], y, move |dy, slots| {
            slots.accumulate(0, |mut dx, beta| {
                if beta == F::zero() {
                    dx.fill(F::zero());
                }
                Zip::from(dx.slice_each_axis_mut(|of| part[of.axis.index()]).lanes_mut(Axis(axis)))
                    .and(index.lanes(Axis(axis)))
                    .and(dy.lanes(Axis(axis)))
                    .for_each(|mut dx, index, dy| index.iter().zip(dy).for_each(|(&i, &dy)| dx[i] += dy));
            });
        }))
    }

    /// The array cut along an axis into parts of these lengths, one after the other. Shares the memory.
    ///
    /// ```text
    /// dx = the parts' dy one after the other
    /// ```
    ///
    /// # Errors
    /// [`Error::Axis`] if the axis is not there, [`Error::Split`] if the lengths do not add up to its own.
    ///
    /// # Examples
    /// ```
    /// use gradus_autograd::{Tape, ndarray::array};
    /// let gates = Tape::recording().variable(array![[1.0, 2.0, 3.0, 4.0]]);
    /// let parts = gates.split(-1, &[1, 3])?;
    /// assert_eq!(parts[1].value(), &array![[2.0, 3.0, 4.0]].into_dyn());
    /// # Ok::<(), gradus_autograd::Error>(())
    /// ```
    #[track_caller]
    pub fn split(&self, axis: isize, sizes: &[usize]) -> Result<Vec<Self>> {
        let counted = axes::axis("split", axis, self.shape())?;
        let total = sizes.iter().try_fold(0_usize, |sum, &size| sum.checked_add(size));
        if total != Some(self.shape()[counted]) {
            return Err(Error::Split { sizes: sizes.to_vec(), axis: counted, shape: self.shape().to_vec() });
        }
        let mut start = 0;
        let mut parts = Vec::with_capacity(sizes.len());
        for size in sizes {
            parts.push(self.slice_axis(axis, start..start + size, 1)?);
            start += size;
        }
        Ok(parts)
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
///
/// # Examples
/// ```
/// use gradus_autograd::{Tape, concatenate, ndarray::array};
/// let tape = Tape::recording();
/// let (a, b) = (tape.variable(array![1.0, 2.0]), tape.variable(array![3.0]));
/// assert_eq!(concatenate(0, &[&a, &b])?.value(), &array![1.0, 2.0, 3.0].into_dyn());
/// # Ok::<(), gradus_autograd::Error>(())
/// ```
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
            return Err(Error::Shapes {
                operation,
                left,
                right,
                expected: "all other axes must be of the same length",
            });
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
/// ```text
/// y[i] = xᵢ        dxᵢ = dy[i]
/// ```
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
            return Err(Error::Shapes { operation, left, right, expected: "all shapes must be the same" });
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
