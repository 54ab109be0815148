//! Softmax and its kin, shifted by the maximum so that no exponential overflows.

use super::axes;
use super::rows::{Rows, slice};
use crate::{Result, Value, Var};
use gradus_linalg::simd::vectorized;
use gradus_linalg::{Real, rows};

impl<F: Real> Var<F> {
    /// Softmax along an axis.
    ///
    /// ```text
    /// yᵢ = e^(xᵢ − m) / Σ e^(xⱼ − m),  m = max xⱼ        dxᵢ = yᵢ (dyᵢ − Σ dyⱼ yⱼ)
    /// ```
    ///
    /// # Errors
    /// If the axis is not there.
    ///
    /// # Examples
    /// ```
    /// use gradus_autograd::{Tape, ndarray::array};
    /// let logits = Tape::recording().variable(array![[1000.0, 1000.0], [0.0, -1000.0]]);
    /// assert_eq!(logits.softmax(-1)?.value(), &array![[0.5, 0.5], [1.0, 0.0]].into_dyn());
    /// # Ok::<(), gradus_autograd::Error>(())
    /// ```
    ///
    /// # References
    /// J. S. Bridle, *Probabilistic interpretation of feedforward classification network outputs*, 1990.
    #[track_caller]
    pub fn softmax(&self, axis: isize) -> Result<Self> {
        self.along("softmax", axis, rows::softmax, rows::softmax_backward)
    }

    /// Logarithm of the softmax along an axis, without the softmax's underflow.
    ///
    /// ```text
    /// yᵢ = xᵢ − m − ln Σ e^(xⱼ − m),  m = max xⱼ        dxᵢ = dyᵢ − e^yᵢ Σ dyⱼ
    /// ```
    ///
    /// # Errors
    /// If the axis is not there.
    #[track_caller]
    pub fn log_softmax(&self, axis: isize) -> Result<Self> {
        self.along("log_softmax", axis, rows::log_softmax, rows::log_softmax_backward)
    }

    /// Logarithm of the sum of exponentials over some axes; with `keep`, they stay as axes of length 1.
    ///
    /// ```text
    /// y = m + ln Σ e^(xⱼ − m),  m = max xⱼ        dxᵢ = dy · e^(xᵢ − y)
    /// ```
    ///
    /// Of no elements it is −∞, the logarithm of an empty sum.
    ///
    /// # Errors
    /// If an axis is not there, or is named twice.
    #[track_caller]
    pub fn logsumexp(&self, axes: &[isize], keep: bool) -> Result<Self> {
        let lanes = Rows::new("logsumexp", axes, keep, self.shape())?;
        Ok(self.reduce_rows("logsumexp", lanes, rows::log_sum_exp, |x, y, dy, dx| {
            vectorized(
                #[inline(always)]
                || dx.iter_mut().zip(x).for_each(|(dx, &x)| *dx = dy * (x - y).exp()),
            );
        }))
    }

    /// Applies `forward(lane length, x, y)` to the lanes of an axis, one after the other in memory, and
    /// `backward(lane length, y, dy)`, which turns `dy` into `dx`, on the way back.
    #[track_caller]
    fn along(
        &self,
        name: &'static str,
        axis: isize,
        forward: impl Fn(usize, &[F], &mut [F]),
        backward: impl Fn(usize, &[F], &mut [F]) + 'static,
    ) -> Result<Self> {
        let axis = axes::axis(name, axis, self.shape())?;
        let (lane, last) = (self.shape()[axis], self.shape().len() - 1);
        let swap = move |x: Value<F>| {
            x.view_as(|mut x| {
                x.swap_axes(axis, last);
                x
            })
        };
        let x = swap(self.value.clone()).into_standard_layout();
        let mut y = Value::unspecified(x.raw_dim());
        forward(lane, slice(&x), y.as_slice_mut().expect("fresh memory is row-major"));
        let saved = y.clone();
        Ok(self.tape().record(name, [self], swap(y), move |dy| {
            let mut dx = swap(dy).into_standard_layout();
            backward(lane, slice(&saved), dx.as_slice_mut().expect("a standard layout is a slice"));
            [swap(dx)]
        }))
    }
}
