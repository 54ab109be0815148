//! One number for the confidence.

use super::check;
use crate::Result;
use crate::error::{finite, hold};
use gradus_linalg::Real;
use ndarray::{Array2, ArrayRef1, ArrayRef2};

/// Temperature scaling: logits divided by one number, which is fitted to held-out data.
///
/// ```text
/// p = softmax(z / T),  T = argmin − Σᵢ ln pᵢ[labelᵢ] / N
/// ```
///
/// The order of the logits stays, so that no prediction changes; above 1 all grow less sure. `fit` takes held-out logits: on those
/// that were trained on a network is right too often.
///
/// In `β = 1/T` the negative log-likelihood is convex: `f' = E[Σ p z − z_label]`, `f'' = E[Var_p z]`. Newton's method finds the minimum,
/// by bisection where it would leave the bracket. `T` is held between 0.001 and 1000: where all are right it would go to 0.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Temperature {
    /// The temperature `T`.
    pub value: f64,
}

/// The smallest and the largest `1 / T`.
const RANGE: [f64; 2] = [1e-3, 1e3];

impl Temperature {
    /// The temperature at which these logits, `(N, K)`, give these labels, `(N,)`, the largest likelihood.
    ///
    /// # Errors
    /// [`Error::Lengths`](crate::Error::Lengths), [`Error::Nothing`](crate::Error::Nothing), [`Error::Label`](crate::Error::Label);
    /// [`Error::Element`](crate::Error::Element) for a logit that is not finite.
    pub fn fit<F: Real>(logits: &ArrayRef2<F>, labels: &ArrayRef1<usize>) -> Result<Self> {
        check("temperature", logits, labels)?;
        check_finite(logits)?;
        let ([mut low, mut high], mut beta, mut before) = (RANGE, 1.0, f64::INFINITY);
        for _ in 0..200 {
            let (slope, curvature) = derivatives(logits, labels, beta);
            if slope > 0.0 {
                high = beta;
            } else {
                low = beta;
            }
            let newton = beta - slope / curvature;
            // The middle of a bracket that spans six powers of ten is that of the logarithms.
            // Steps that do not grow shorter creep towards a minimum that is far away.
            let shorter = (newton - beta).abs() < 0.5 * before;
            let next = if newton > low && newton < high && shorter { newton } else { (low * high).sqrt() };
            let moved = (next - beta).abs();
            before = moved;
            beta = next;
            if moved <= 4.0 * f64::EPSILON * beta {
                break;
            }
        }
        Ok(Self { value: 1.0 / beta })
    }

    /// Another temperature.
    #[must_use]
    pub fn with(self, value: f64) -> Self {
        Self { value }
    }

    /// The logits, divided.
    ///
    /// # Errors
    /// [`Error::HyperParameter`](crate::Error::HyperParameter) if the temperature is not finite and above 0.
    pub fn scale<F: Real>(self, logits: &ArrayRef2<F>) -> Result<Array2<F>> {
        let fits = self.value.is_finite() && self.value > 0.0;
        hold(fits, "temperature", "value", self.value, "finite and above 0")?;
        let beta = F::from_f64(1.0 / self.value);
        Ok(logits.mapv(|z| z * beta))
    }

    /// `softmax(z / T)`.
    ///
    /// # Errors
    /// As [`scale`](Self::scale), and [`Error::Element`](crate::Error::Element) for a logit that is not finite.
    pub fn probabilities<F: Real>(self, logits: &ArrayRef2<F>) -> Result<Array2<F>> {
        check_finite(logits)?;
        let mut p = self.scale(logits)?;
        for mut row in p.rows_mut() {
            let most = row.iter().fold(F::from_f64(f64::NEG_INFINITY), |most, &z| if z > most { z } else { most });
            row.mapv_inplace(|z| (z - most).exp());
            let sum: F = row.iter().copied().sum();
            row.mapv_inplace(|e| e / sum);
        }
        Ok(p)
    }

    /// The mean negative log-likelihood of the labels, in nats.
    ///
    /// # Errors
    /// As [`fit`](Self::fit) and [`scale`](Self::scale).
    pub fn nll<F: Real>(self, logits: &ArrayRef2<F>, labels: &ArrayRef1<usize>) -> Result<f64> {
        check("temperature", logits, labels)?;
        check_finite(logits)?;
        let scaled = self.scale(logits)?;
        let each = scaled.rows().into_iter().zip(labels).map(|(row, &label)| {
            let most = row.iter().fold(f64::NEG_INFINITY, |most, z| most.max(z.to_f64()));
            let sum: f64 = row.iter().map(|z| (z.to_f64() - most).exp()).sum();
            sum.ln() + most - row[label].to_f64()
        });
        Ok(each.sum::<f64>() / labels.len() as f64)
    }
}

fn check_finite<F: Real>(logits: &ArrayRef2<F>) -> Result<()> {
    finite("temperature", "logit", logits, "finite")
}

/// First and second derivative of the mean negative log-likelihood with respect to `β = 1/T`.
fn derivatives<F: Real>(logits: &ArrayRef2<F>, labels: &ArrayRef1<usize>, beta: f64) -> (f64, f64) {
    let (mut slope, mut curvature) = (0.0, 0.0);
    for (row, &label) in logits.rows().into_iter().zip(labels) {
        // Only differences of logits count: those to the largest do not overflow, and cancel least.
        let most = row.iter().fold(f64::NEG_INFINITY, |most, z| most.max(z.to_f64()));
        let (mut sum, mut mean, mut square) = (0.0, 0.0, 0.0);
        for z in row {
            let z = z.to_f64() - most;
            let e = (beta * z).exp();
            sum += e;
            mean += e * z;
            square += e * z * z;
        }
        let mean = mean / sum;
        slope += mean - (row[label].to_f64() - most);
        curvature += square / sum - mean * mean;
    }
    (slope / labels.len() as f64, curvature / labels.len() as f64)
}
