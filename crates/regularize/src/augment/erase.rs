//! Overwriting a part of an image.

use super::geometry::between;
use super::{Transform, probability, window};
use crate::Result;
use crate::error::hold;
use gradus_linalg::Real;
use ndarray::{Array3, ArrayView3, Ix3};
use rand::{Rng, RngExt};

/// Random erasing: with probability `p`, overwrites a rectangle of the image, of random size, shape and place.
///
/// ```text
/// area = H W · share,  share uniform in `share`
/// height = √(area · aspect),  width = √(area / aspect),  ln aspect uniform between those of `aspect`
/// ```
///
/// A class that is recognized by one detail is recognized by others too when that one may be hidden. A rectangle that does not fit is drawn
/// anew; after ten of them the image stays as it is.
///
/// | setting | means | default | range |
/// | --- | --- | --- | --- |
/// | `p` | how often | | 0 to 1 |
/// | `share` | of the image's area | 0.02 to 0.33 | 0 to 1 |
/// | `aspect` | height by width | 0.3 to 3.3 | above 0 |
/// | `value` | what is written | 0 | |
///
/// The defaults are torchvision's.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Erase {
    /// How often.
    pub p: f64,
    /// The smallest and the largest share of the image's area.
    pub share: [f64; 2],
    /// The smallest and the largest height by width.
    pub aspect: [f64; 2],
    /// What is written.
    pub value: f64,
}

impl Erase {
    /// With probability `p`.
    #[must_use]
    pub fn new(p: f64) -> Self {
        Self { p, share: [0.02, 0.33], aspect: [0.3, 3.3], value: 0.0 }
    }
}

impl<F: Real> Transform<F, Ix3> for Erase {
    fn apply(&self, x: ArrayView3<'_, F>, rng: &mut dyn Rng) -> Result<Array3<F>> {
        const OPERATION: &str = "erase";
        const TRIES: usize = 10;
        probability(OPERATION, self.p)?;
        let ([least, most], [flat, tall]) = (self.share, self.aspect);
        hold((0.0..=1.0).contains(&least), OPERATION, "smallest share", least, "between 0 and 1")?;
        hold((least..=1.0).contains(&most), OPERATION, "largest share", most, "between the smallest and 1")?;
        hold(flat.is_finite() && flat > 0.0, OPERATION, "smallest aspect", flat, "finite and above 0")?;
        hold(tall.is_finite() && tall >= flat, OPERATION, "largest aspect", tall, "finite and at least the smallest")?;
        let mut image = x.to_owned();
        let (_, rows, columns) = image.dim();
        if rows == 0 || columns == 0 || rng.random::<f64>() >= self.p {
            return Ok(image);
        }
        for _ in 0..TRIES {
            let area = (rows * columns) as f64 * between(least, most, rng);
            let aspect = between(flat.ln(), tall.ln(), rng).exp();
            let (height, width) = ((area * aspect).sqrt().round() as usize, (area / aspect).sqrt().round() as usize);
            if height == 0 || width == 0 || height > rows || width > columns {
                continue;
            }
            let (top, left) = (rng.random_range(0..=rows - height), rng.random_range(0..=columns - width));
            image
                .slice_each_axis_mut(window(&(top..top + height), &(left..left + width)))
                .fill(F::from_f64(self.value));
            break;
        }
        Ok(image)
    }
}
