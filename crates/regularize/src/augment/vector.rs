//! Changes of arrays of any shape.

use super::geometry::between;
use super::{Transform, not_negative, probability};
use crate::Result;
use crate::error::hold;
use gradus_linalg::Real;
use gradus_nn_layers::init;
use ndarray::{Array, ArrayView, Dimension};
use rand::{Rng, RngExt};

/// Adds Gaussian noise of mean 0.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Jitter {
    /// The standard deviation of the noise.
    pub std: f64,
}

impl Jitter {
    /// Noise of this standard deviation.
    #[must_use]
    pub fn new(std: f64) -> Self {
        Self { std }
    }
}

impl<F: Real, D: Dimension> Transform<F, D> for Jitter {
    fn apply(&self, x: ArrayView<'_, F, D>, rng: &mut dyn Rng) -> Result<Array<F, D>> {
        not_negative("jitter", "std", self.std)?;
        let noise: Array<F, D> = init::normal(x.raw_dim(), 0.0, self.std, rng);
        Ok(noise + &x)
    }
}

/// Multiplies by a factor that is uniform between two.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Gain {
    /// The smallest factor.
    pub low: f64,
    /// The largest factor.
    pub high: f64,
}

impl Gain {
    /// By a factor between these.
    #[must_use]
    pub fn new(low: f64, high: f64) -> Self {
        Self { low, high }
    }
}

impl<F: Real, D: Dimension> Transform<F, D> for Gain {
    fn apply(&self, x: ArrayView<'_, F, D>, rng: &mut dyn Rng) -> Result<Array<F, D>> {
        hold(self.low.is_finite(), "gain", "low", self.low, "finite")?;
        let fits = self.high.is_finite() && self.high >= self.low;
        hold(fits, "gain", "high", self.high, "finite and at least low")?;
        let factor = F::from_f64(between(self.low, self.high, rng));
        Ok(x.mapv(|x| factor * x))
    }
}

/// Sets each number to 0 with probability `p`. The others stay as they are: it stands for data that are missing, while
/// [`Dropout`](crate::Dropout) keeps the expectation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Mask {
    /// How often.
    pub p: f64,
}

impl Mask {
    /// With probability `p`.
    #[must_use]
    pub fn new(p: f64) -> Self {
        Self { p }
    }
}

impl<F: Real, D: Dimension> Transform<F, D> for Mask {
    fn apply(&self, x: ArrayView<'_, F, D>, rng: &mut dyn Rng) -> Result<Array<F, D>> {
        probability("mask", self.p)?;
        Ok(x.mapv(|x| if rng.random::<f64>() < self.p { F::zero() } else { x }))
    }
}
