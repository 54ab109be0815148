//! Softmax and its kin, shifted by the maximum so that no exponential overflows.

use super::axes;
use crate::{Result, Value, Var};
use gradus_linalg::Real;
use gradus_linalg::elementwise::sum_slice;
use ndarray::IxDyn;

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
        let over = axes::axes("logsumexp", axes, self.shape())?;
        let kept: Vec<usize> = (0..self.shape().len()).filter(|axis| !over.contains(axis)).collect();
        // The reduced axes go to the end, and are one.
        let order: Vec<usize> = kept.iter().chain(&over).copied().collect();
        let outer: Vec<usize> = kept.iter().map(|&axis| self.shape()[axis]).collect();
        let inner: usize = over.iter().map(|&axis| self.shape()[axis]).product();
        let permuted = self.value.clone().view_as(|x| x.permuted_axes(IxDyn(&order)));
        let permuted_shape = permuted.shape().to_vec();
        let x = permuted.into_standard_layout();
        let rows = x.as_slice().expect("a standard layout is a slice");
        let mut y = Value::unspecified(IxDyn(&outer));
        for (i, y) in y.iter_mut().enumerate() {
            *y = logsumexp_row(&rows[i * inner..(i + 1) * inner]);
        }
        let mut shape = outer;
        if keep {
            over.iter().for_each(|&axis| shape.insert(axis, 1));
        }
        let saved = y.clone();
        let y = y.reshaped(&shape);
        let mut inverse = vec![0; order.len()];
        order.iter().enumerate().for_each(|(to, &from)| inverse[from] = to);
        Ok(self.tape().record("logsumexp", [self], y, move |dy| {
            let dy = dy.into_standard_layout();
            let mut dx = Value::unspecified(IxDyn(&permuted_shape));
            let slice = "a standard layout is a slice";
            let (xs, dxs) = (x.as_slice().expect(slice), dx.as_slice_mut().expect(slice));
            for (i, (&y, &dy)) in saved.iter().zip(dy.iter()).enumerate() {
                let row = i * inner..(i + 1) * inner;
                dxs[row.clone()].iter_mut().zip(&xs[row]).for_each(|(dx, &x)| *dx = dy * (x - y).exp());
            }
            [dx.view_as(|dx| dx.permuted_axes(IxDyn(&inverse)))]
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
    let shift = logsumexp_row(row);
    row.iter_mut().for_each(|x| *x -= shift);
}

fn logsumexp_row<F: Real>(row: &[F]) -> F {
    let shift = max(row);
    if !shift.is_finite() {
        return shift; // all −∞, one +∞, NaN, or nothing at all
    }
    let mut exponentials = gradus_linalg::memory::take(row.len());
    exponentials.iter_mut().zip(row).for_each(|(e, &x)| *e = (x - shift).exp());
    let sum = sum_slice(&exponentials);
    gradus_linalg::memory::give(exponentials);
    shift + sum.ln()
}
