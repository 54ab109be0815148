//! Sums, means and products, over everything or over some axes.

use super::axes;
use super::rows::Rows;
use crate::{Result, Value, Var};
use gradus_linalg::{Real, elementwise};
use ndarray::{Axis, Dimension, IxDyn};

impl<F: Real> Var<F> {
    /// Sum of all elements, in a fixed tree.
    ///
    /// ```text
    /// y = Σ xᵢ        dxᵢ = dy
    /// ```
    #[track_caller]
    #[must_use]
    pub fn sum(&self) -> Self {
        self.scaled_sum("sum", F::one())
    }

    /// Mean of all elements; of no elements it is NaN, as 0/0.
    ///
    /// ```text
    /// y = Σ xᵢ / n        dxᵢ = dy / n
    /// ```
    #[track_caller]
    #[must_use]
    pub fn mean(&self) -> Self {
        self.scaled_sum("mean", F::one() / count(self.value().len()))
    }

    #[track_caller]
    fn scaled_sum(&self, name: &'static str, scale: F) -> Self {
        let x = self.value.clone().into_standard_layout();
        let sum = elementwise::sum_slice(x.as_slice().expect("a standard layout is a slice"));
        let shape = self.value.raw_dim();
        self.tape().record(name, [self], Value::scalar(sum * scale), move |dy| {
            let dy = dy.first().copied().unwrap_or_else(F::zero);
            [Value::full(shape, dy * scale)]
        })
    }

    /// Sum over some axes; with `keep`, they stay as axes of length 1.
    ///
    /// ```text
    /// y = Σ x over the axes        dx = dy, repeated along them
    /// ```
    ///
    /// # Errors
    /// If an axis is not there, or is named twice.
    ///
    /// # Examples
    /// ```
    /// use gradus_autograd::{Tape, ndarray::array};
    /// let x = Tape::recording().variable(array![[1.0, 2.0], [3.0, 4.0]]);
    /// assert_eq!(x.sum_axes(&[0], false)?.value(), &array![4.0, 6.0].into_dyn());
    /// assert_eq!(x.sum_axes(&[-1], true)?.value(), &array![[3.0], [7.0]].into_dyn());
    /// # Ok::<(), gradus_autograd::Error>(())
    /// ```
    #[track_caller]
    pub fn sum_axes(&self, axes: &[isize], keep: bool) -> Result<Self> {
        self.scaled_sum_axes("sum_axes", axes, keep, |_| F::one())
    }

    /// Mean over some axes; with `keep`, they stay as axes of length 1.
    ///
    /// ```text
    /// y = Σ x / n over the axes        dx = dy / n, repeated along them
    /// ```
    ///
    /// # Errors
    /// If an axis is not there, or is named twice.
    #[track_caller]
    pub fn mean_axes(&self, axes: &[isize], keep: bool) -> Result<Self> {
        self.scaled_sum_axes("mean_axes", axes, keep, |n| F::one() / count(n))
    }

    /// Product over some axes; with `keep`, they stay as axes of length 1. Of no elements it is 1.
    ///
    /// ```text
    /// y = Π xᵢ        dxᵢ = dy · Π xⱼ over the j ≠ i
    /// ```
    ///
    /// The products of the others are not quotients of `y`: they are right where elements are 0.
    ///
    /// # Errors
    /// If an axis is not there, or is named twice.
    #[track_caller]
    pub fn prod(&self, axes: &[isize], keep: bool) -> Result<Self> {
        let rows = Rows::new("prod", axes, keep, self.shape())?;
        let product = |x: &[F]| x.iter().fold(F::one(), |product, &x| product * x);
        Ok(self.reduce_rows("prod", rows, product, |x, _, dy, dx| {
            let mut before = dy;
            for (dx, &x) in dx.iter_mut().zip(x) {
                *dx = before;
                before *= x;
            }
            let mut after = F::one();
            for (dx, &x) in dx.iter_mut().zip(x).rev() {
                *dx *= after;
                after *= x;
            }
        }))
    }

    /// Running sum along an axis.
    ///
    /// ```text
    /// yᵢ = Σ xⱼ over j ≤ i        dxⱼ = Σ dyᵢ over i ≥ j
    /// ```
    ///
    /// # Errors
    /// If the axis is not there.
    ///
    /// # Examples
    /// ```
    /// use gradus_autograd::{Tape, ndarray::array};
    /// let x = Tape::recording().variable(array![1.0, 2.0, 3.0]);
    /// assert_eq!(x.cumsum(0)?.value(), &array![1.0, 3.0, 6.0].into_dyn());
    /// # Ok::<(), gradus_autograd::Error>(())
    /// ```
    #[track_caller]
    pub fn cumsum(&self, axis: isize) -> Result<Self> {
        let axis = Axis(axes::axis("cumsum", axis, self.shape())?);
        let mut y = self.value.clone();
        y.accumulate_axis_inplace(axis, |&before, x| *x += before);
        Ok(self.tape().record("cumsum", [self], y, move |mut dy| {
            dy.invert_axis(axis);
            dy.accumulate_axis_inplace(axis, |&after, dy| *dy += after);
            dy.invert_axis(axis);
            [dy]
        }))
    }

    #[track_caller]
    fn scaled_sum_axes(
        &self,
        name: &'static str,
        axes: &[isize],
        keep: bool,
        scale: impl Fn(usize) -> F,
    ) -> Result<Self> {
        let axes = axes::axes(name, axes, self.shape())?;
        let mut kept = self.shape().to_vec();
        for &axis in &axes {
            kept[axis] = 1;
        }
        let scale = scale(axes.iter().map(|&axis| self.shape()[axis]).product());
        let mut y = elementwise::sum_to(self.value(), &kept);
        if scale != F::one() {
            elementwise::map_in_place(&mut y, |y| y * scale);
        }
        if !keep {
            for &axis in axes.iter().rev() {
                y = y.remove_axis(Axis(axis));
            }
        }
        let shape = self.value.raw_dim();
        Ok(self.tape().record(name, [self], y, move |dy| {
            let dy = dy.reshaped(&kept);
            let mut dx = Value::unspecified(IxDyn(shape.slice()));
            let repeated = elementwise::zip_in_place(name, &mut dx, &dy, |_, dy| dy * scale);
            repeated.expect("an axis of length 1 broadcasts");
            [dx]
        }))
    }
}

fn count<F: Real>(n: usize) -> F {
    F::from_f64(n as f64)
}
