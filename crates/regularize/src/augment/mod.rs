//! Augmentation: more samples from those there are, by changes that leave their class what it is.
//!
//! A [`Transform`] maps a sample to a sample, with random numbers from the caller. [`Compose`] applies several one after the other,
//! [`Maybe`] one now and then, [`each`] one to every sample of a batch.
//!
//! | on images `(C, H, W)` | does |
//! | --- | --- |
//! | [`Shift`] | moves by whole pixels |
//! | [`Flip`] | mirrors |
//! | [`Rotate`], [`Scale`] | turns, zooms around the centre |
//! | [`Elastic`] | bends as handwriting does |
//! | [`Crop`] | cuts out a part, after padding if wanted |
//! | [`Erase`] | overwrites a rectangle |
//! | [`Normalize`] | brings channels to given mean and deviation |
//!
//! | on arrays of any shape | does |
//! | --- | --- |
//! | [`Jitter`] | adds Gaussian noise |
//! | [`Gain`] | multiplies by a random factor |
//! | [`Mask`] | sets numbers to 0 |
//!
//! | on batches, with their labels | does |
//! | --- | --- |
//! | [`Mixup`] | blends samples in pairs |
//! | [`CutMix`] | puts a rectangle of one image into another |
//!
//! ```
//! use gradus_nn_layers::ndarray::Array4;
//! use gradus_regularize::augment::{Compose, Flip, Rotate, Shift, each};
//! use rand::{SeedableRng, rngs::StdRng};
//!
//! let transform = Compose::new().then(Shift::new(2, 2)).then(Rotate::new(10.0)).then(Flip::horizontal(0.5));
//! let images = Array4::<f32>::ones((8, 1, 28, 28));
//! let epoch = 3;
//! // A generator for each sample: the same bits, whatever else is drawn and whoever does the work.
//! let augmented = each(&transform, images.view(), |i| StdRng::seed_from_u64(1000 * epoch + i as u64))?;
//! assert_eq!(augmented.shape(), [8, 1, 28, 28]);
//! # Ok::<(), gradus_regularize::Error>(())
//! ```
//!
//! # Your own
//! A transform is one function of a view and a generator:
//! ```
//! use gradus_nn_layers::ndarray::{Array3, ArrayView3, Ix3};
//! use gradus_regularize::{Result, augment::Transform};
//!
//! /// White for black.
//! struct Invert;
//!
//! impl Transform<f32, Ix3> for Invert {
//!     fn apply(&self, x: ArrayView3<'_, f32>, _: &mut dyn rand::Rng) -> Result<Array3<f32>> {
//!         Ok(x.mapv(|x| 1.0 - x))
//!     }
//! }
//! ```
//!
//! # References
//! - P. Simard, D. Steinkraus, J. Platt, *Best practices for convolutional neural networks applied to visual document analysis*, ICDAR 2003,
//!   <https://doi.org/10.1109/ICDAR.2003.1227801> (elastic)
//! - Z. Zhong, L. Zheng, G. Kang, S. Li, Y. Yang, *Random erasing data augmentation*, AAAI 2020, <https://arxiv.org/abs/1708.04896>
//! - C. Shorten, T. Khoshgoftaar, *A survey on image data augmentation for deep learning*, J. Big Data 6, 2019,
//!   <https://doi.org/10.1186/s40537-019-0197-0>

mod compose;
mod elastic;
mod erase;
mod geometry;
mod mix;
mod plain;
mod sample;
mod vector;

pub use compose::{Compose, Maybe, Transform, each};
pub use elastic::Elastic;
pub use erase::Erase;
pub use geometry::{Rotate, Scale, Shift};
pub use mix::{CutMix, Mixup};
pub use plain::{Crop, Flip, Normalize};
pub use sample::resample;
pub use vector::{Gain, Jitter, Mask};

use crate::Result;
use crate::error::hold;
use ndarray::{AxisDescription, Slice};
use std::ops::Range;

/// Of an image `(C, H, W)`, these rows and columns of all channels; for `slice_each_axis`.
fn window(rows: &Range<usize>, columns: &Range<usize>) -> impl Fn(AxisDescription) -> Slice {
    let (rows, columns) = (rows.clone(), columns.clone());
    move |axis| match axis.axis.index() {
        1 => Slice::from(rows.clone()),
        2 => Slice::from(columns.clone()),
        _ => Slice::from(..),
    }
}

/// Refuses what is no probability.
fn probability(operation: &'static str, p: f64) -> Result<()> {
    hold((0.0..=1.0).contains(&p), operation, "p", p, "between 0 and 1")
}

/// Refuses a size that is no such.
fn not_negative(operation: &'static str, field: &'static str, value: f64) -> Result<()> {
    hold(value.is_finite() && value >= 0.0, operation, field, value, "finite and not negative")
}
