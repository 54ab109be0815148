//! Moving, turning and zooming images.

use super::{Transform, not_negative, resample};
use crate::Result;
use crate::error::hold;
use gradus_linalg::Real;
use ndarray::{Array3, ArrayView3, Ix3};
use rand::{Rng, RngExt};

/// Moves an image by whole pixels, at random up to so many in either direction.
///
/// ```text
/// y[c, i, j] = x[c, i − dy, j − dx]        dy, dx uniform among −max … max; what comes in is `fill`
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shift {
    /// The most pixels down or up.
    pub rows: usize,
    /// The most pixels to the right or left.
    pub columns: usize,
    /// What comes in at the edges.
    pub fill: f64,
}

impl Shift {
    /// By at most so many pixels; zeros come in.
    #[must_use]
    pub fn new(rows: usize, columns: usize) -> Self {
        Self { rows, columns, fill: 0.0 }
    }
}

impl<F: Real> Transform<F, Ix3> for Shift {
    fn apply(&self, x: ArrayView3<'_, F>, rng: &mut dyn Rng) -> Result<Array3<F>> {
        let (_, rows, columns) = x.dim();
        // Further than the image is large, all are the same.
        let mut draw = |most: usize, size: usize| {
            let most = most.min(size) as i64;
            rng.random_range(-most..=most) as f64
        };
        let (dy, dx) = (draw(self.rows, rows), draw(self.columns, columns));
        Ok(resample(x, [rows, columns], self.fill, |i, j| [i - dy, j - dx]))
    }
}

/// Turns an image around its centre, at random up to so many degrees in either direction.
///
/// ```text
/// p(y, x) of the result is p(R (y, x)) of the image,  R a rotation by an angle uniform in −degrees … degrees
/// ```
///
/// Between pixels it is interpolated bilinearly; what comes in at the corners is `fill`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rotate {
    /// The largest angle.
    pub degrees: f64,
    /// What comes in at the corners.
    pub fill: f64,
}

impl Rotate {
    /// By at most this angle; zeros come in.
    #[must_use]
    pub fn new(degrees: f64) -> Self {
        Self { degrees, fill: 0.0 }
    }
}

impl<F: Real> Transform<F, Ix3> for Rotate {
    fn apply(&self, x: ArrayView3<'_, F>, rng: &mut dyn Rng) -> Result<Array3<F>> {
        not_negative("rotate", "degrees", self.degrees)?;
        let angle = between(-self.degrees, self.degrees, rng).to_radians();
        let (sin, cos) = angle.sin_cos();
        Ok(around_centre(x, self.fill, |y, x| [cos * y + sin * x, cos * x - sin * y]))
    }
}

/// Zooms an image around its centre, by a random factor; above 1 it grows.
///
/// ```text
/// p(y, x) of the result is p(y / s, x / s) of the image,  s uniform in low … high
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scale {
    /// The smallest factor: above 0.
    pub low: f64,
    /// The largest factor.
    pub high: f64,
    /// What comes in at the edges where it shrinks.
    pub fill: f64,
}

impl Scale {
    /// By a factor between these; zeros come in.
    #[must_use]
    pub fn new(low: f64, high: f64) -> Self {
        Self { low, high, fill: 0.0 }
    }
}

impl<F: Real> Transform<F, Ix3> for Scale {
    fn apply(&self, x: ArrayView3<'_, F>, rng: &mut dyn Rng) -> Result<Array3<F>> {
        hold(self.low.is_finite() && self.low > 0.0, "scale", "low", self.low, "finite and above 0")?;
        let fits = self.high.is_finite() && self.high >= self.low;
        hold(fits, "scale", "high", self.high, "finite and at least low")?;
        let factor = between(self.low, self.high, rng);
        Ok(around_centre(x, self.fill, |y, x| [y / factor, x / factor]))
    }
}

/// Uniform from `low` to `high`.
pub(super) fn between(low: f64, high: f64, rng: &mut dyn Rng) -> f64 {
    low + (high - low) * rng.random::<f64>()
}

/// The image read at `from(y, x)`, both counted from its centre.
fn around_centre<F: Real>(image: ArrayView3<'_, F>, fill: f64, from: impl Fn(f64, f64) -> [f64; 2]) -> Array3<F> {
    let (_, rows, columns) = image.dim();
    let (middle_y, middle_x) = ((rows as f64 - 1.0) / 2.0, (columns as f64 - 1.0) / 2.0);
    resample(image, [rows, columns], fill, |y, x| {
        let [y, x] = from(y - middle_y, x - middle_x);
        [y + middle_y, x + middle_x]
    })
}
