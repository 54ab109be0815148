//! Softmax and its kin, shifted by the maximum so that no exponential overflows.

use super::axes;
use super::rows::{Rows, sum_map};
use crate::{Result, Value, Var};
use gradus_linalg::Real;
use gradus_linalg::elementwise::sum_slice;

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
        self.along("softmax", axis, softmax_row, |dy, y| {
            let mut inner = F::zero();
            dy.iter().zip(y).for_each(|(&dy, &y)| inner += dy * y);
            dy.iter_mut().zip(y).for_each(|(dy, &y)| *dy = y * (*dy - inner));
        })
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
        self.along("log_softmax", axis, log_softmax_row, |dy, y| {
            let sum = sum_slice(dy);
            dy.iter_mut().zip(y).for_each(|(dy, &y)| *dy -= y.exp() * sum);
        })
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
        let rows = Rows::new("logsumexp", axes, keep, self.shape())?;
        Ok(self.reduce_rows("logsumexp", rows, logsumexp_row, |x, y, dy, dx| {
            dx.iter_mut().zip(x).for_each(|(dx, &x)| *dx = dy * (x - y).exp());
        }))
    }

    /// Applies `forward` to each lane of an axis, in place on a copy, and `backward(dy, y)` to each lane on the way
    /// back, turning `dy` into `dx`.
    #[track_caller]
    fn along(
        &self,
        name: &'static str,
        axis: isize,
        forward: impl Fn(&mut [F]),
        backward: impl Fn(&mut [F], &[F]) + 'static,
    ) -> Result<Self> {
        let axis = axes::axis(name, axis, self.shape())?;
        let lane = self.shape()[axis].max(1); // chunks of an empty array need a length all the same
        let last = self.shape().len() - 1;
        let swap = move |x: Value<F>| {
            x.view_as(|mut x| {
                x.swap_axes(axis, last);
                x
            })
        };
        let lanes = swap(self.value.clone());
        let mut y = Value::unspecified(lanes.raw_dim());
        y.assign(&*lanes);
        let slice = "fresh memory is row-major";
        y.as_slice_mut().expect(slice).chunks_exact_mut(lane).for_each(forward);
        let saved = y.clone();
        Ok(self.tape().record(name, [self], swap(y), move |dy| {
            let mut dx = swap(dy).into_standard_layout();
            let (dxs, ys) = (dx.as_slice_mut().expect(slice), saved.as_slice().expect(slice));
            dxs.chunks_exact_mut(lane).zip(ys.chunks_exact(lane)).for_each(|(dx, y)| backward(dx, y));
            [swap(dx)]
        }))
    }
}

fn max<F: Real>(row: &[F]) -> F {
    row.iter().copied().fold(-F::INFINITY, F::maximum)
}

fn softmax_row<F: Real>(row: &mut [F]) {
    let shift = max(row);
    row.iter_mut().for_each(|x| *x = (*x - shift).exp());
    let scale = F::one() / sum_slice(row);
    row.iter_mut().for_each(|x| *x *= scale);
}

fn log_softmax_row<F: Real>(row: &mut [F]) {
    // Two subtractions: m + ln Σ as one number would, at a large m, keep few digits of the logarithm.
    let shift = max(row);
    row.iter_mut().for_each(|x| *x -= shift);
    let log = sum_map(row, F::exp).ln();
    row.iter_mut().for_each(|x| *x -= log);
}

fn logsumexp_row<F: Real>(row: &[F]) -> F {
    let shift = max(row);
    if !shift.is_finite() {
        return shift; // all −∞, one +∞, NaN, or nothing at all
    }
    shift + sum_map(row, |x| (x - shift).exp()).ln()
}
