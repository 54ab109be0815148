//! Vector norms, scaled so that no power overflows or vanishes.

use super::rows::{Rows, sum_map};
use crate::{Result, Var};
use gradus_linalg::Real;
use gradus_linalg::simd::vectorized;

impl<F: Real> Var<F> {
    /// The p-norm over some axes; with `keep`, they stay as axes of length 1.
    ///
    /// ```text
    /// y = (Σ |xᵢ|ᵖ)^(1/p)        dxᵢ = dy · sign(xᵢ) (|xᵢ| / y)^(p−1)
    /// p = ∞:  y = max |xᵢ|       dxᵢ = dy · sign(xᵢ) / n at each of the n elements with |xᵢ| = y
    /// ```
    ///
    /// `p` is 1 for the sum of absolute values, 2 for the Euclidean norm; `f64::INFINITY` and any other number but 0
    /// will do (below 1 the result is no norm). The subgradient at 0 is 0, also of the Euclidean norm at the origin, as
    /// in PyTorch.
    ///
    /// # Errors
    /// If an axis is not there or named twice; [`Error::NoElements`](crate::Error::NoElements) for `p = ±∞` of nothing.
    ///
    /// # Examples
    /// ```
    /// use gradus_autograd::{Tape, ndarray::array};
    /// let x = Tape::recording().variable(array![3.0, -4.0]);
    /// let y = x.norm(2.0, &[0], false)?;
    /// assert_eq!(y.item(), Some(5.0));
    /// assert_eq!(y.backward()?.get(&x).unwrap(), &array![0.6, -0.8].into_dyn());
    /// # Ok::<(), gradus_autograd::Error>(())
    /// ```
    #[track_caller]
    pub fn norm(&self, p: f64, axes: &[isize], keep: bool) -> Result<Self> {
        let rows = Rows::new("norm", axes, keep, self.shape())?;
        if p.is_infinite() {
            rows.nonempty("norm", axes, self.shape())?;
            let magnitude = self.abs();
            return if p > 0.0 { magnitude.amax(axes, keep) } else { magnitude.amin(axes, keep) };
        }
        Ok(self.reduce_rows(
            "norm",
            rows,
            move |x| norm(x, p),
            move |x, y, dy, dx| {
                let (zero, exponent) = (F::zero(), F::from_f64(p - 1.0));
                vectorized(
                    #[inline(always)]
                    || {
                        for (dx, &x) in dx.iter_mut().zip(x) {
                            *dx = if x == zero || y == zero {
                                zero
                            } else if p == 2.0 {
                                dy * (x / y)
                            } else {
                                let slope = dy * (x.abs() / y).powf(exponent);
                                if x > zero { slope } else { -slope }
                            };
                        }
                    },
                );
            },
        ))
    }
}

/// The norm of a row, in units of the element that counts most: the largest, or for negative `p` the smallest.
fn norm<F: Real>(row: &[F], p: f64) -> F {
    let magnitudes = row.iter().map(|x| x.abs());
    let unit = if p > 0.0 { magnitudes.reduce(F::maximum) } else { magnitudes.reduce(F::minimum) };
    let unit = unit.unwrap_or_else(F::zero);
    if unit == F::zero() || !unit.is_finite() {
        return unit;
    }
    if p == 1.0 {
        return sum_map(row, F::abs);
    }
    if p == 2.0 {
        return unit * sum_map(row, |x| (x / unit) * (x / unit)).sqrt();
    }
    let (p, root) = (F::from_f64(p), F::from_f64(1.0 / p));
    unit * sum_map(
        row,
        #[inline(always)]
        move |x| (x.abs() / unit).powf(p),
    )
    .powf(root)
}
