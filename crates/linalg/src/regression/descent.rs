//! Gradient descent, on all samples and on mini-batches.

use super::{Centred, times};
use crate::decompose::positive;
use crate::{Error, Real, Result, l2_norm};
use ndarray::{Array1, ArrayRef1, ArrayRef2, Axis};
use rand::Rng;
use rand::seq::SliceRandom;

/// The gradient of `1/(2n) ‖X w − y‖²`: `Xᵀ (X w − y) / n`.
fn gradient<F: Real>(x: &ArrayRef2<F>, y: &ArrayRef1<F>, w: &ArrayRef1<F>) -> Array1<F> {
    let n = F::from_f64(x.nrows() as f64);
    let errors = times(x, w) - y;
    times(&x.t(), &errors).mapv_into(|g| g / n)
}

pub(super) fn full<F: Real>(
    data: &Centred<F>,
    lr: Option<f64>,
    tolerance: f64,
    most: usize,
) -> Result<(Array1<F>, usize, &'static str)> {
    const OPERATION: &str = "gradient_descent";
    positive(OPERATION, "tolerance", tolerance)?;
    let (largest, least) = data.curvature;
    let lr = match lr {
        Some(lr) => {
            positive(OPERATION, "lr", lr)?;
            if lr * largest >= 2.0 {
                return Err(Error::Step { operation: OPERATION, lr, limit: 2.0 / largest });
            }
            lr
        }
        None if largest > 0.0 => 2.0 / (largest + least),
        None => 1.0, // constant features: the gradient is 0
    };
    let lr = F::from_f64(lr);
    let mut w = Array1::zeros(data.x.ncols());
    // Below what the gradient's own rounding amounts to, ε ‖X‖ ‖y‖ / n, it does not fall, however many steps are taken.
    let rounding = F::from_f64((largest / data.y.len().max(1) as f64).sqrt()) * l2_norm(&data.y) * F::EPSILON;
    let mut end = None;
    for step in 0..=most {
        let g = gradient(&data.x, &data.y, &w);
        let length = l2_norm(&g);
        if length <= rounding || length <= *end.get_or_insert(length * F::from_f64(tolerance)) {
            return Ok((w, step, "gradient descent"));
        }
        w.zip_mut_with(&g, |w, &g| *w -= lr * g);
    }
    Err(Error::NoConvergence { operation: OPERATION, iterations: most })
}

/// Stochastic gradient descent on mini-batches, for [`LinearRegression::fit_sgd`](crate::LinearRegression::fit_sgd).
///
/// ```text
/// w ← w − lrₑ ∇(batch)        lrₑ = lr / (1 + lr λmin k e / 2)
/// ```
///
/// With a constant step the iterate never settles: it wanders in a cloud around the minimum as wide as the step is long. So the step falls
/// with the epochs `e` like `1/e`, no faster than the slowest direction can follow: `λmin` is the least eigenvalue of `XᵀX/n`,
/// `k` the number of batches in an epoch. A last batch that is smaller counts for less, so that all samples count alike.
///
/// # References
/// H. Robbins, S. Monro, *A Stochastic Approximation Method*, 1951, <https://doi.org/10.1214/aoms/1177729586>; L. Bottou, F. Curtis,
/// J. Nocedal, *Optimization Methods for Large-Scale Machine Learning*, 2018, §4, <https://arxiv.org/abs/1606.04838>
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sgd {
    /// The step at the start; `None`, the default, is `1 / max ‖xᵢ‖²` of the centred samples, stable for any batch.
    pub lr: Option<f64>,
    /// Samples in a batch; the last of an epoch may be smaller. Default 16.
    pub batch_size: usize,
    /// How often all samples are gone through, each time in a new order. Default 1,000.
    pub epochs: usize,
}

impl Default for Sgd {
    fn default() -> Self {
        Self { lr: None, batch_size: 16, epochs: 1000 }
    }
}

impl Sgd {
    pub(super) fn run<F: Real>(&self, data: &Centred<F>, rng: &mut (impl Rng + ?Sized)) -> Result<Array1<F>> {
        const OPERATION: &str = "sgd";
        for (name, value) in [("batch_size", self.batch_size), ("epochs", self.epochs)] {
            if value == 0 {
                return Err(Error::Setting { operation: OPERATION, name, value: 0.0, fits: "at least 1" });
            }
        }
        let longest = data.x.rows().into_iter().map(|row| l2_norm(&row).to_f64()).fold(0.0, f64::max);
        let lr = match self.lr {
            Some(lr) => {
                positive(OPERATION, "lr", lr)?;
                lr
            }
            None if longest > 0.0 => 1.0 / (longest * longest),
            None => 1.0,
        };
        let size = self.batch_size.min(data.x.nrows());
        let batches = data.x.nrows().div_ceil(size);
        let mut order: Vec<usize> = (0..data.x.nrows()).collect();
        let mut w: Array1<F> = Array1::zeros(data.x.ncols());
        for epoch in 0..self.epochs {
            order.shuffle(rng);
            let lr = lr / (1.0 + 0.5 * lr * data.curvature.1 * (batches * epoch) as f64);
            for batch in order.chunks(size) {
                let g = gradient(&data.x.select(Axis(0), batch), &data.y.select(Axis(0), batch), &w);
                let lr = F::from_f64(lr * batch.len() as f64 / size as f64);
                w.zip_mut_with(&g, |w, &g| *w -= lr * g);
            }
        }
        if w.iter().all(|w| w.is_finite()) {
            return Ok(w);
        }
        Err(Error::Step { operation: OPERATION, lr, limit: 2.0 / data.curvature.0 })
    }
}
