//! The largest and the smallest, over some axes or along one.

use super::rows::{Rows, slice};
use crate::{Result, Value, Var};
use gradus_linalg::Real;
use ndarray::{ArrayD, IxDyn};

impl<F: Real> Var<F> {
    /// The largest element over some axes; with `keep`, they stay as axes of length 1. NaN if one is NaN.
    ///
    /// ```text
    /// y = max x        dx = dy / n at each of the n elements that equal y, else 0
    /// ```
    ///
    /// Equal elements share the gradient, as in PyTorch's `amax`; [`Var::max_axis`] gives it to one of them.
    ///
    /// # Errors
    /// If an axis is not there or named twice; [`Error::NoElements`](crate::Error::NoElements) if there is nothing to
    /// choose from.
    ///
    /// # Examples
    /// ```
    /// use gradus_autograd::{Tape, ndarray::array};
    /// let x = Tape::recording().variable(array![[1.0, 5.0, 5.0], [4.0, 2.0, 3.0]]);
    /// let y = x.amax(&[1], false)?;
    /// assert_eq!(y.value(), &array![5.0, 4.0].into_dyn());
    /// let gradients = y.sum().backward()?;
    /// assert_eq!(gradients.get(&x).unwrap(), &array![[0.0, 0.5, 0.5], [1.0, 0.0, 0.0]].into_dyn());
    /// # Ok::<(), gradus_autograd::Error>(())
    /// ```
    #[track_caller]
    pub fn amax(&self, axes: &[isize], keep: bool) -> Result<Self> {
        self.extreme("amax", axes, keep, F::maximum)
    }

    /// The smallest element over some axes; with `keep`, they stay as axes of length 1. NaN if one is NaN.
    ///
    /// ```text
    /// y = min x        dx = dy / n at each of the n elements that equal y, else 0
    /// ```
    ///
    /// # Errors
    /// As [`Var::amax`].
    #[track_caller]
    pub fn amin(&self, axes: &[isize], keep: bool) -> Result<Self> {
        self.extreme("amin", axes, keep, F::minimum)
    }

    /// The largest element along one axis, and where it is: the first of equal ones, or the first NaN.
    ///
    /// ```text
    /// y = x[k],  k = argmax x        dx = dy at k, else 0
    /// ```
    ///
    /// # Errors
    /// If the axis is not there; [`Error::NoElements`](crate::Error::NoElements) if it is empty.
    ///
    /// # Examples
    /// ```
    /// use gradus_autograd::{Tape, ndarray::array};
    /// let logits = Tape::recording().variable(array![[0.1, 2.0, -1.0], [3.0, 3.0, 0.5]]);
    /// let (best, class) = logits.max_axis(-1, false)?;
    /// assert_eq!(best.value(), &array![2.0, 3.0].into_dyn());
    /// assert_eq!(class, array![1, 0].into_dyn());
    /// # Ok::<(), gradus_autograd::Error>(())
    /// ```
    #[track_caller]
    pub fn max_axis(&self, axis: isize, keep: bool) -> Result<(Self, ArrayD<usize>)> {
        self.extreme_place("max_axis", axis, keep, |x, best| x > best)
    }

    /// The smallest element along one axis, and where it is: the first of equal ones, or the first NaN.
    ///
    /// ```text
    /// y = x[k],  k = argmin x        dx = dy at k, else 0
    /// ```
    ///
    /// # Errors
    /// As [`Var::max_axis`].
    #[track_caller]
    pub fn min_axis(&self, axis: isize, keep: bool) -> Result<(Self, ArrayD<usize>)> {
        self.extreme_place("min_axis", axis, keep, |x, best| x < best)
    }

    #[track_caller]
    fn extreme(&self, name: &'static str, axes: &[isize], keep: bool, better: fn(F, F) -> F) -> Result<Self> {
        let rows = Rows::new(name, axes, keep, self.shape())?.nonempty(name, axes, self.shape())?;
        let forward = move |row: &[F]| row[1..].iter().fold(row[0], |best, &x| better(best, x));
        Ok(self.reduce_rows(name, rows, forward, |x, y, dy, dx| {
            let equal = x.iter().filter(|&&x| x == y).count();
            // Nothing equals a NaN: then every gradient is NaN.
            let (share, other) = if y.is_nan() { (y, y) } else { (dy / F::from_f64(equal as f64), F::zero()) };
            dx.iter_mut().zip(x).for_each(|(dx, &x)| *dx = if x == y { share } else { other });
        }))
    }

    #[track_caller]
    fn extreme_place(
        &self,
        name: &'static str,
        axis: isize,
        keep: bool,
        better: fn(F, F) -> bool,
    ) -> Result<(Self, ArrayD<usize>)> {
        let rows = Rows::new(name, &[axis], keep, self.shape())?.nonempty(name, &[axis], self.shape())?;
        let x = rows.lay_out(self.value.clone());
        let places: Vec<usize> = (0..rows.count)
            .map(|i| {
                let row = &slice(&x)[i * rows.len..(i + 1) * rows.len];
                (1..row.len()).fold(0, |best, k| {
                    let replaces = better(row[k], row[best]) || row[k].is_nan();
                    if replaces && !row[best].is_nan() { k } else { best }
                })
            })
            .collect();
        let mut y = Value::unspecified(IxDyn(&rows.result));
        y.iter_mut().zip(&places).enumerate().for_each(|(i, (y, &k))| *y = slice(&x)[i * rows.len + k]);
        let index = ArrayD::from_shape_vec(IxDyn(&rows.result), places.clone()).expect("one place for each row");
        let y = self.tape().record(name, [self], y, move |dy| {
            let mut dx = rows.unspecified();
            dx.fill(F::zero());
            let dxs = dx.as_slice_mut().expect("fresh memory is row-major");
            dy.iter().zip(&places).enumerate().for_each(|(i, (&dy, &k))| dxs[i * rows.len + k] = dy);
            [rows.put_back(dx)]
        });
        Ok((y, index))
    }
}
