//! Variance and standard deviation, from the deviations and not from the difference of two large sums.

use super::rows::{Rows, sum_map};
use crate::{Result, Var};
use gradus_linalg::Real;
use gradus_linalg::elementwise::sum_slice;

impl<F: Real> Var<F> {
    /// Variance over some axes; with `keep`, they stay as axes of length 1.
    ///
    /// ```text
    /// y = Σ (xᵢ − m)² / (n − correction),  m = Σ xᵢ / n        dxᵢ = dy · 2 (xᵢ − m) / (n − correction)
    /// ```
    ///
    /// `correction` 0 is the variance of the numbers themselves, which batch and layer normalization take; 1 (Bessel's)
    /// estimates that of what they were drawn from. Where n does not exceed it, the variance is NaN, as 0/0.
    ///
    /// # Errors
    /// If an axis is not there, or is named twice.
    ///
    /// # Examples
    /// ```
    /// use gradus_autograd::{Tape, ndarray::array};
    /// let x = Tape::recording().variable(array![[1.0, 3.0], [2.0, 2.0]]);
    /// assert_eq!(x.variance(&[1], 0, false)?.value(), &array![1.0, 0.0].into_dyn());
    /// assert_eq!(x.variance(&[1], 1, true)?.value(), &array![[2.0], [0.0]].into_dyn());
    /// # Ok::<(), gradus_autograd::Error>(())
    /// ```
    ///
    /// # References
    /// T. F. Chan, G. H. Golub, R. J. LeVeque, *Algorithms for computing the sample variance*, The American
    /// Statistician 37, 1983 (the corrected two-pass algorithm).
    #[track_caller]
    pub fn variance(&self, axes: &[isize], correction: usize, keep: bool) -> Result<Self> {
        let rows = Rows::new("variance", axes, keep, self.shape())?;
        let divisor = divisor::<F>(rows.len, correction);
        Ok(self.reduce_rows(
            "variance",
            rows,
            move |x| squares(x) / divisor,
            move |x, _, dy, dx| {
                let ((mean, off), slope) = (centre(x), (dy + dy) / divisor);
                dx.iter_mut().zip(x).for_each(|(dx, &x)| *dx = slope * ((x - mean) - off));
            },
        ))
    }

    /// Standard deviation over some axes, the root of [`Var::variance`].
    ///
    /// ```text
    /// y = √(Σ (xᵢ − m)² / (n − correction))        dxᵢ = dy · (xᵢ − m) / ((n − correction) y),  and 0 where y = 0
    /// ```
    ///
    /// # Errors
    /// If an axis is not there, or is named twice.
    #[track_caller]
    pub fn standard_deviation(&self, axes: &[isize], correction: usize, keep: bool) -> Result<Self> {
        let rows = Rows::new("standard_deviation", axes, keep, self.shape())?;
        let divisor = divisor::<F>(rows.len, correction);
        Ok(self.reduce_rows(
            "standard_deviation",
            rows,
            move |x| (squares(x) / divisor).sqrt(),
            move |x, y, dy, dx| {
                let (mean, off) = centre(x);
                let slope = if y == F::zero() { F::zero() } else { dy / (divisor * y) };
                dx.iter_mut().zip(x).for_each(|(dx, &x)| *dx = slope * ((x - mean) - off));
            },
        ))
    }
}

fn divisor<F: Real>(n: usize, correction: usize) -> F {
    F::from_f64(n.saturating_sub(correction) as f64)
}

fn mean<F: Real>(x: &[F]) -> F {
    sum_slice(x) / F::from_f64(x.len() as f64)
}

/// The mean, and what it is off by: the mean of the deviations from it, which is 0 but for rounding. Of numbers near a million,
/// the first is right to 1e-10, and both together to 1e-26.
fn centre<F: Real>(x: &[F]) -> (F, F) {
    let mean = mean(x);
    (mean, sum_map(x, |x| x - mean) / F::from_f64(x.len() as f64))
}

/// The sum of squared deviations from the mean. The second term would be 0 if the mean were exact; it takes away most
/// of the mean's rounding error.
fn squares<F: Real>(x: &[F]) -> F {
    let (mean, off) = centre(x);
    sum_map(x, |x| (x - mean) * (x - mean)) - off * off * F::from_f64(x.len() as f64)
}
