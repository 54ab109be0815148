//! The same numbers under another shape. Nothing is copied where strides can say it.

use super::arith::sum_to;
use super::axes;
use crate::{Error, Result, Value, Var};
use gradus_linalg::Real;
use gradus_linalg::elementwise::broadcast_shape;
use ndarray::{Axis, Dimension, IxDyn, Slice};

impl<F: Real> Var<F> {
    /// Another shape with as many elements, in row-major order.
    ///
    /// ```text
    /// dx = dy under the shape of x
    /// ```
    ///
    /// # Errors
    /// [`Error::Reshape`] if the number of elements differs; [`Error::TooLarge`] if memory cannot hold as many.
    #[track_caller]
    pub fn reshape(&self, shape: &[usize]) -> Result<Self> {
        if !addressable::<F>(shape) {
            return Err(Error::TooLarge { operation: "reshape", shape: shape.to_vec() });
        }
        if shape.iter().product::<usize>() != self.value().len() {
            return Err(Error::Reshape { from: self.shape().to_vec(), to: shape.to_vec() });
        }
        let from = self.value.raw_dim();
        let y = self.value.clone().reshaped(shape);
        Ok(self.tape().record("reshape", [self], y, move |dy| [dy.reshaped(from.slice())]))
    }

    /// Every axis from `first` on as one: `(N, C, H, W)` from axis 1 becomes `(N, C·H·W)`.
    ///
    /// ```text
    /// dx = dy under the shape of x
    /// ```
    ///
    /// # Errors
    /// [`Error::Axis`] if there is no such axis.
    #[track_caller]
    pub fn flatten_from(&self, first: isize) -> Result<Self> {
        let first = axes::axis("flatten_from", first, self.shape())?;
        let (kept, merged) = self.shape().split_at(first);
        let mut shape = kept.to_vec();
        shape.push(merged.iter().product());
        self.reshape(&shape)
    }

    /// The axes in another order, in the same memory: axis `i` of the result is axis `axes[i]` of this.
    ///
    /// ```text
    /// dx = dy with the axes put back
    /// ```
    ///
    /// # Errors
    /// [`Error::Axes`] if `axes` is not a permutation of all axes.
    #[track_caller]
    pub fn permute(&self, axes: &[isize]) -> Result<Self> {
        let order = axes.iter().map(|&a| axes::axis("permute", a, self.shape())).collect::<Result<Vec<_>>>()?;
        let mut inverse = vec![usize::MAX; self.shape().len()];
        order.iter().enumerate().for_each(|(to, &from)| inverse[from] = to);
        if order.len() != inverse.len() || inverse.contains(&usize::MAX) {
            let (axes, shape, expected) =
                (axes.to_vec(), self.shape().to_vec(), "every axis must be named exactly once");
            return Err(Error::Axes { operation: "permute", axes, shape, expected });
        }
        let y = self.value.clone().view_as(|x| x.permuted_axes(IxDyn(&order)));
        Ok(self.tape().record("permute", [self], y, move |dy| [dy.view_as(|dy| dy.permuted_axes(IxDyn(&inverse)))]))
    }

    /// Two axes swapped. Shares the memory.
    ///
    /// ```text
    /// dx = dy with the same axes swapped
    /// ```
    ///
    /// # Errors
    /// [`Error::Axis`] if one of them is not there.
    #[track_caller]
    pub fn transpose(&self, a: isize, b: isize) -> Result<Self> {
        let mut order: Vec<isize> = (0..self.shape().len() as isize).collect();
        order.swap(axes::axis("transpose", a, self.shape())?, axes::axis("transpose", b, self.shape())?);
        self.permute(&order)
    }

    /// The array repeated along new axes in front and along axes of length 1.
    ///
    /// ```text
    /// dx = Σ dy over the repeated axes
    /// ```
    ///
    /// # Errors
    /// If the array does not broadcast to this shape; [`Error::TooLarge`] if memory cannot hold that many elements.
    #[track_caller]
    pub fn broadcast_to(&self, shape: &[usize]) -> Result<Self> {
        let operation = "broadcast_to";
        if !addressable::<F>(shape) {
            return Err(Error::TooLarge { operation, shape: shape.to_vec() });
        }
        if broadcast_shape(operation, self.shape(), shape)? != shape {
            let (left, right) = (self.shape().to_vec(), shape.to_vec());
            return Err(Error::Shapes { operation, left, right, expected: "only axes of length 1 can be repeated" });
        }
        let from = self.value.raw_dim();
        let mut y = Value::unspecified(IxDyn(shape));
        y.assign(&self.value.broadcast(shape).expect("the shapes have been compared"));
        Ok(self.tape().record(operation, [self], y, move |dy| [sum_to(dy, from.slice())]))
    }

    /// An axis of length 1 left out. Shares the memory.
    ///
    /// ```text
    /// dx = dy with the axis put in again
    /// ```
    ///
    /// # Errors
    /// [`Error::Axis`] if it is not there; [`Error::Squeeze`] if its length is not 1.
    #[track_caller]
    pub fn squeeze(&self, axis: isize) -> Result<Self> {
        let axis = axes::axis("squeeze", axis, self.shape())?;
        if self.shape()[axis] != 1 {
            return Err(Error::Squeeze { axis, shape: self.shape().to_vec() });
        }
        let y = self.value.clone().view_as(|x| x.index_axis_move(Axis(axis), 0));
        Ok(self.tape().record("squeeze", [self], y, move |dy| [dy.view_as(|dy| dy.insert_axis(Axis(axis)))]))
    }

    /// An axis of length 1 put in, to stand at `axis` in the result. Shares the memory.
    ///
    /// ```text
    /// dx = dy with the axis left out
    /// ```
    ///
    /// # Errors
    /// [`Error::Axis`] if the result has no such axis.
    #[track_caller]
    pub fn unsqueeze(&self, axis: isize) -> Result<Self> {
        let mut shape = self.shape().to_vec();
        shape.push(1); // any axis of the result will do
        let axis = axes::axis("unsqueeze", axis, &shape)?;
        let y = self.value.clone().view_as(|x| x.insert_axis(Axis(axis)));
        Ok(self.tape().record("unsqueeze", [self], y, move |dy| [dy.view_as(|dy| dy.index_axis_move(Axis(axis), 0))]))
    }

    /// The axes walked backwards. Shares the memory.
    ///
    /// ```text
    /// yᵢ = xₙ₋₁₋ᵢ        dx = dy with the same axes walked backwards
    /// ```
    ///
    /// # Errors
    /// [`Error::Axis`] or [`Error::Axes`] if an axis is not there, or is named twice.
    #[track_caller]
    pub fn flip(&self, axes: &[isize]) -> Result<Self> {
        let axes = axes::axes("flip", axes, self.shape())?;
        let flip = move |x: Value<F>| {
            x.view_as(|mut x| {
                axes.iter().for_each(|&axis| x.invert_axis(Axis(axis)));
                x
            })
        };
        let y = flip(self.value.clone());
        Ok(self.tape().record("flip", [self], y, move |dy| [flip(dy)]))
    }

    /// A margin of one number around the array: for each axis, how many elements before and how many after.
    ///
    /// ```text
    /// dx = dy without the margin
    /// ```
    ///
    /// # Errors
    /// [`Error::Pad`] if there is not one pair for each axis; [`Error::TooLarge`] if memory cannot hold the result.
    ///
    /// # Examples
    /// ```
    /// use gradus_autograd::{Tape, ndarray::array};
    /// let x = Tape::recording().variable(array![[1.0, 2.0]]);
    /// let y = x.pad(&[(0, 1), (1, 0)], 9.0)?;
    /// assert_eq!(y.value(), &array![[9.0, 1.0, 2.0], [9.0, 9.0, 9.0]].into_dyn());
    /// # Ok::<(), gradus_autograd::Error>(())
    /// ```
    #[track_caller]
    pub fn pad(&self, widths: &[(usize, usize)], value: f64) -> Result<Self> {
        if widths.len() != self.shape().len() {
            return Err(Error::Pad { widths: widths.to_vec(), shape: self.shape().to_vec() });
        }
        let shape: Vec<usize> =
            self.shape().iter().zip(widths).map(|(&n, &(a, b))| n.saturating_add(a).saturating_add(b)).collect();
        if !addressable::<F>(&shape) {
            return Err(Error::TooLarge { operation: "pad", shape });
        }
        let inner: Vec<Slice> = self
            .shape()
            .iter()
            .zip(widths)
            .map(|(&n, &(before, _))| Slice::new(before as isize, Some((before + n) as isize), 1))
            .collect();
        let mut y = Value::full(IxDyn(&shape), F::from_f64(value));
        y.slice_each_axis_mut(|axis| inner[axis.axis.index()]).assign(&**self.value());
        Ok(self.tape().record("pad", [self], y, move |dy| {
            [dy.view_as(|mut dy| {
                dy.slice_each_axis_inplace(|axis| inner[axis.axis.index()]);
                dy
            })]
        }))
    }
}

/// Whether an array can have this shape: its bytes, of an empty one those along its other axes, can be addressed.
fn addressable<F>(shape: &[usize]) -> bool {
    let product = shape.iter().filter(|&&len| len != 0).try_fold(1_usize, |n, &len| n.checked_mul(len));
    product.and_then(|n| n.checked_mul(size_of::<F>())).is_some_and(|bytes| isize::try_from(bytes).is_ok())
}
