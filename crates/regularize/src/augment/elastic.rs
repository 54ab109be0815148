//! Bending images.

use super::geometry::between;
use super::{Transform, not_negative, resample};
use crate::Result;
use gradus_linalg::Real;
use ndarray::{Array2, Array3, ArrayView3, Axis, Ix3};
use rand::Rng;

/// Bends an image as handwriting varies: each pixel is read a little beside its place, neighbours nearly alike.
///
/// ```text
/// d = α · (G_σ ∗ U),  U uniform in −1 … 1 at each pixel, G_σ a Gaussian that adds up to 1;  one field for y, one for x
/// p(y, x) of the result is p(y + d_y, x + d_x) of the image
/// ```
///
/// For handwritten digits of 28 × 28, Simard et al. took `σ = 4` and `α = 34`. The smoothing divides the displacements' deviation by about
/// `2 √π σ`. Beyond the edges the fields are 0.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Elastic {
    /// The strength `α` of the displacements, in pixels before they are smoothed.
    pub alpha: f64,
    /// The deviation `σ` of the Gaussian, in pixels: how stiff the image is. At most 1000.
    pub sigma: f64,
    /// What comes in at the edges.
    pub fill: f64,
}

impl Elastic {
    /// With this strength and this stiffness; zeros come in.
    #[must_use]
    pub fn new(alpha: f64, sigma: f64) -> Self {
        Self { alpha, sigma, fill: 0.0 }
    }
}

impl<F: Real> Transform<F, Ix3> for Elastic {
    fn apply(&self, x: ArrayView3<'_, F>, rng: &mut dyn Rng) -> Result<Array3<F>> {
        not_negative("elastic", "alpha", self.alpha)?;
        let fits = (0.0..=1000.0).contains(&self.sigma);
        crate::error::hold(fits, "elastic", "sigma", self.sigma, "between 0 and 1000")?;
        let (_, rows, columns) = x.dim();
        let kernel = gaussian(self.sigma);
        let mut field = || {
            let mut field = Array2::from_shape_simple_fn((rows, columns), || between(-1.0, 1.0, rng));
            smooth(&mut field, &kernel);
            field
        };
        let (down, right) = (field(), field());
        Ok(resample(x, [rows, columns], self.fill, |y, x| {
            let at = [y as usize, x as usize];
            [y + self.alpha * down[at], x + self.alpha * right[at]]
        }))
    }
}

/// A Gaussian out to three deviations, which adds up to 1; its middle is the middle of the list.
fn gaussian(sigma: f64) -> Vec<f64> {
    let reach = (3.0 * sigma).ceil() as i64;
    let bell = |i: i64| if sigma == 0.0 { 1.0 } else { (-0.5 * (i as f64 / sigma).powi(2)).exp() };
    let sum: f64 = (-reach..=reach).map(bell).sum();
    (-reach..=reach).map(|i| bell(i) / sum).collect()
}

/// Correlates with the kernel along both axes.
fn smooth(field: &mut Array2<f64>, kernel: &[f64]) {
    let reach = kernel.len() / 2;
    for axis in [0, 1] {
        for mut lane in field.lanes_mut(Axis(axis)) {
            let before = lane.to_owned();
            for (i, smoothed) in lane.iter_mut().enumerate() {
                let first = i.saturating_sub(reach);
                let near = before.iter().skip(first).zip(&kernel[first + reach - i..]);
                *smoothed = near.map(|(x, weight)| x * weight).sum();
            }
        }
    }
}
