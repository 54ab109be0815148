//! The same numbers under another shape. Nothing is copied where strides can say it.

use super::arith::sum_to;
use super::axes;
use crate::{Error, Result, Value, Var};
use gradus_linalg::{Real, elementwise};
use ndarray::{Axis, Dimension, IxDyn};

impl<F: Real> Var<F> {
    /// Another shape with as many elements, in row-major order.
    ///
    /// ```text
    /// dx = dy under the shape of x
    /// ```
    ///
    /// # Errors
    /// [`Error::Reshape`] if the number of elements differs.
    #[track_caller]
    pub fn reshape(&self, shape: &[usize]) -> Result<Self> {
        let same = shape.iter().try_fold(1_usize, |n, &len| n.checked_mul(len)) == Some(self.value().len());
        if !same {
            return Err(Error::Reshape { from: self.shape().to_vec(), to: shape.to_vec() });
        }
        let from = self.value.raw_dim();
        let y = self.value.clone().reshaped(shape);
        Ok(self.tape().record("reshape", [self], y, move |dy| [dy.reshaped(from.slice())]))
    }

    /// Every axis from `first` on as one: `(N, C, H, W)` from axis 1 becomes `(N, C·H·W)`.
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

    /// The axes in another order: axis `i` of the result is axis `axes[i]` of this.
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
            let (axes, shape, expected) = (axes.to_vec(), self.shape().to_vec(), "every axis exactly once");
            return Err(Error::Axes { operation: "permute", axes, shape, expected });
        }
        let y = self.value.clone().view_as(|x| x.permuted_axes(IxDyn(&order)));
        Ok(self.tape().record("permute", [self], y, move |dy| [dy.view_as(|dy| dy.permuted_axes(IxDyn(&inverse)))]))
    }

    /// Two axes swapped.
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
    /// If the shape does not broadcast to this one.
    #[track_caller]
    pub fn broadcast_to(&self, shape: &[usize]) -> Result<Self> {
        let from = self.value.raw_dim();
        let mut y = Value::zeros(IxDyn(shape));
        elementwise::zip_in_place("broadcast_to", &mut y, self.value(), |_, x| x)?;
        Ok(self.tape().record("broadcast_to", [self], y, move |dy| [sum_to(dy, from.slice())]))
    }

    /// An axis of length 1 left out.
    ///
    /// # Errors
    /// [`Error::Axis`] if it is not there; [`Error::Reshape`] if its length is not 1.
    #[track_caller]
    pub fn squeeze(&self, axis: isize) -> Result<Self> {
        let axis = axes::axis("squeeze", axis, self.shape())?;
        let mut shape = self.shape().to_vec();
        shape.remove(axis);
        if self.shape()[axis] != 1 {
            return Err(Error::Reshape { from: self.shape().to_vec(), to: shape });
        }
        let y = self.value.clone().view_as(|x| x.index_axis_move(Axis(axis), 0));
        Ok(self.tape().record("squeeze", [self], y, move |dy| [dy.view_as(|dy| dy.insert_axis(Axis(axis)))]))
    }

    /// An axis of length 1 put in, to stand at `axis` in the result.
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
}
