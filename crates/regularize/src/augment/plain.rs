//! Changes of images that move whole pixels, or none.

use super::{Transform, probability, window};
use crate::error::hold;
use crate::{Error, Result};
use gradus_linalg::Real;
use ndarray::{Array3, ArrayView3, Axis, Ix3};
use rand::{Rng, RngExt};

/// Mirrors an image with probability `p`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Flip {
    /// How often.
    pub p: f64,
    /// Up and down are exchanged, not left and right.
    pub vertical: bool,
}

impl Flip {
    /// Left and right are exchanged.
    #[must_use]
    pub fn horizontal(p: f64) -> Self {
        Self { p, vertical: false }
    }

    /// Up and down are exchanged.
    #[must_use]
    pub fn vertical(p: f64) -> Self {
        Self { p, vertical: true }
    }
}

impl<F: Real> Transform<F, Ix3> for Flip {
    fn apply(&self, mut x: ArrayView3<'_, F>, rng: &mut dyn Rng) -> Result<Array3<F>> {
        probability("flip", self.p)?;
        if rng.random::<f64>() < self.p {
            x.invert_axis(Axis(if self.vertical { 1 } else { 2 }));
        }
        Ok(x.as_standard_layout().into_owned())
    }
}

/// Cuts a part of this size out of an image, at a random place, after so many pixels of `fill` have been put around it.
///
/// With 4 pixels of padding and the image's own size it is the usual augmentation of CIFAR-10.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Crop {
    /// Rows of the part.
    pub height: usize,
    /// Columns of the part.
    pub width: usize,
    /// Pixels put around the image on all four sides.
    pub padding: usize,
    /// What is put around the image.
    pub fill: f64,
}

impl Crop {
    /// A part of this size, without padding.
    #[must_use]
    pub fn new(height: usize, width: usize) -> Self {
        Self { height, width, padding: 0, fill: 0.0 }
    }

    /// With so many zeros put around the image.
    #[must_use]
    pub fn padding(self, padding: usize) -> Self {
        Self { padding, ..self }
    }
}

impl<F: Real> Transform<F, Ix3> for Crop {
    /// # Errors
    /// [`Error::Lengths`] if the image is smaller than the part.
    fn apply(&self, x: ArrayView3<'_, F>, rng: &mut dyn Rng) -> Result<Array3<F>> {
        let (channels, rows, columns) = x.dim();
        let around = self.padding.saturating_mul(2);
        let (padded_rows, padded_columns) = (rows.saturating_add(around), columns.saturating_add(around));
        if self.height > padded_rows || self.width > padded_columns {
            let (left, right) = (vec![self.height, self.width], vec![padded_rows, padded_columns]);
            let expected = "the part must not be larger than the padded image";
            return Err(Error::Lengths { operation: "crop", left, right, expected });
        }
        let (top, left) =
            (rng.random_range(0..=padded_rows - self.height), rng.random_range(0..=padded_columns - self.width));
        // Where the part overlaps the image: a range of the part and one of the image.
        let overlap = |start: usize, len: usize, size: usize| {
            let (first, last) = (start.max(self.padding), (start + len).min(self.padding + size));
            (first < last).then(|| (first - start..last - start, first - self.padding..last - self.padding))
        };
        let mut part = Array3::from_elem((channels, self.height, self.width), F::from_f64(self.fill));
        if let (Some((rows_to, rows_from)), Some((columns_to, columns_from))) =
            (overlap(top, self.height, rows), overlap(left, self.width, columns))
        {
            let image = x.slice_each_axis(window(&rows_from, &columns_from));
            part.slice_each_axis_mut(window(&rows_to, &columns_to)).assign(&image);
        }
        Ok(part)
    }
}

/// Brings the channels of images to a mean of 0 and a deviation of 1, given what these are over the training data.
///
/// ```text
/// y[c, i, j] = (x[c, i, j] − mean[c]) / std[c]
/// ```
///
/// Nothing in it is random.
#[derive(Debug, Clone, PartialEq)]
pub struct Normalize {
    mean: Vec<f64>,
    std: Vec<f64>,
}

impl Normalize {
    /// With these means and deviations of the channels.
    ///
    /// # Errors
    /// [`Error::Lengths`] if there are not as many of either; [`Error::HyperParameter`] for a deviation that is not above 0, and for
    /// what is not finite.
    pub fn new(mean: &[f64], std: &[f64]) -> Result<Self> {
        const OPERATION: &str = "normalize";
        if mean.len() != std.len() {
            let (left, right) = (vec![mean.len()], vec![std.len()]);
            let expected = "each channel needs a mean and a deviation";
            return Err(Error::Lengths { operation: OPERATION, left, right, expected });
        }
        for &mean in mean {
            hold(mean.is_finite(), OPERATION, "mean", mean, "finite")?;
        }
        for &std in std {
            hold(std.is_finite() && std > 0.0, OPERATION, "std", std, "finite and above 0")?;
        }
        Ok(Self { mean: mean.to_vec(), std: std.to_vec() })
    }
}

impl<F: Real> Transform<F, Ix3> for Normalize {
    /// # Errors
    /// [`Error::Lengths`] if the image has another number of channels.
    fn apply(&self, x: ArrayView3<'_, F>, _: &mut dyn Rng) -> Result<Array3<F>> {
        let mut image = x.to_owned();
        if image.len_of(Axis(0)) != self.mean.len() {
            let (left, right) = (image.shape().to_vec(), vec![self.mean.len()]);
            let expected = "the image must have a channel for each mean";
            return Err(Error::Lengths { operation: "normalize", left, right, expected });
        }
        for (mut channel, (&mean, &std)) in image.axis_iter_mut(Axis(0)).zip(self.mean.iter().zip(&self.std)) {
            let (mean, std) = (F::from_f64(mean), F::from_f64(std));
            channel.mapv_inplace(|x| (x - mean) / std);
        }
        Ok(image)
    }
}
