//! Kernels, feature maps and heat maps as SVG text: tiles of pixels with a scale beside them. Write the text to a file and open it in a
//! browser.
//!
//! A [`Panel`] is a grid of numbered tiles that share one scale of colours, and a picture is panels side by side:
//!
//! ```
//! use gradus_conv::{Conv2d, picture::{Panel, svg}};
//! use rand::{SeedableRng, rngs::StdRng};
//!
//! let layer: Conv2d = Conv2d::new(1, 8, 3, &mut StdRng::seed_from_u64(7));
//! let picture = svg("a layer before training", &[Panel::kernels("kernels", layer.weight.value())?])?;
//! assert!(picture.starts_with("<svg") && picture.contains("kernels"));
//! # Ok::<(), gradus_conv::Error>(())
//! ```

mod draw;
mod scale;

pub use draw::svg;
pub use scale::Scale;

use crate::{Error, Result};
use gradus_autograd::Real;
use ndarray::{Array2, ArrayRef, Dimension, Ix2};

/// A grid of tiles of pixels that share one scale.
#[derive(Debug, Clone)]
pub struct Panel {
    title: String,
    scale: Scale,
    tiles: Vec<Tile>,
    columns: Option<usize>,
}

/// Pixels with a number or a name above them.
#[derive(Debug, Clone)]
struct Tile {
    label: String,
    pixels: Array2<f64>,
    /// What is marked with dots.
    marks: Option<Array2<f64>>,
}

impl Panel {
    /// A panel without tiles.
    #[must_use]
    pub fn new(title: impl Into<String>, scale: Scale) -> Self {
        Self { title: title.into(), scale, tiles: Vec::new(), columns: None }
    }

    /// With one more tile, `(height, width)`.
    ///
    /// # Errors
    /// [`Error::Picture`] for an array that has not two axes, or no pixels.
    pub fn tile<F: Real, D: Dimension>(mut self, label: impl Into<String>, pixels: &ArrayRef<F, D>) -> Result<Self> {
        let pixels = self.plane(pixels)?;
        self.tiles.push(Tile { label: label.into(), pixels, marks: None });
        Ok(self)
    }

    /// With one more tile, whose pixels are marked with dots: the image below its heat map. The larger the image's number, the larger the dot;
    /// numbers of 0 and below have none. The image may be of another size: it is stretched over the tile.
    ///
    /// # Errors
    /// As [`Panel::tile`], of either array.
    pub fn tile_with_marks<F: Real, D: Dimension, E: Dimension>(
        mut self,
        label: impl Into<String>,
        pixels: &ArrayRef<F, D>,
        image: &ArrayRef<F, E>,
    ) -> Result<Self> {
        let (pixels, marks) = (self.plane(pixels)?, Some(self.plane(image)?));
        self.tiles.push(Tile { label: label.into(), pixels, marks });
        Ok(self)
    }

    fn plane<F: Real, D: Dimension>(&self, pixels: &ArrayRef<F, D>) -> Result<Array2<f64>> {
        let plane = pixels.view().into_dimensionality::<Ix2>().ok().filter(|plane| !plane.is_empty());
        let expected = "pixels (height, width), at least one,";
        let plane = plane.ok_or_else(|| self.refused(pixels.shape(), expected))?;
        Ok(plane.mapv(Real::to_f64))
    }

    fn refused(&self, found: &[usize], expected: &'static str) -> Error {
        Error::Picture { panel: self.title.clone(), found: found.to_vec(), expected }
    }

    /// Sets how many tiles stand side by side; as many as make the panel about square, unless set.
    #[must_use]
    pub fn columns(self, columns: usize) -> Self {
        Self { columns: Some(columns), ..self }
    }

    /// The kernels of a convolution, weight `(out_channels, in_channels, height, width)`, on a scale with 0 in its middle.
    ///
    /// Of more than one input channel, each output channel is a row with a kernel for each input channel.
    ///
    /// # Errors
    /// [`Error::Picture`] for a weight of another number of axes, or without numbers.
    pub fn kernels<F: Real, D: Dimension>(title: impl Into<String>, weight: &ArrayRef<F, D>) -> Result<Self> {
        let mut panel = Self::new(title, Scale::Diverging);
        let &[_, inputs, ..] = weight.shape() else { return Err(panel.refused(weight.shape(), KERNELS)) };
        if weight.ndim() != 4 || weight.is_empty() {
            return Err(panel.refused(weight.shape(), KERNELS));
        }
        for (out, kernels) in weight.view().into_dyn().outer_iter().enumerate() {
            for (channel, kernel) in kernels.outer_iter().enumerate() {
                let label = if inputs == 1 { out.to_string() } else { format!("{out}.{channel}") };
                panel = panel.tile(label, &kernel)?;
            }
        }
        panel.columns = (inputs > 1).then_some(inputs);
        Ok(panel)
    }

    /// The channels of one sample `(channels, height, width)`: on a scale that begins at 0, or with 0 in its middle if any number is negative.
    ///
    /// # Errors
    /// [`Error::Picture`] for an array of another number of axes, or without numbers.
    pub fn feature_maps<F: Real, D: Dimension>(title: impl Into<String>, maps: &ArrayRef<F, D>) -> Result<Self> {
        let mut panel = Self::new(title, Scale::of(maps));
        if maps.ndim() != 3 || maps.is_empty() {
            return Err(panel.refused(maps.shape(), "maps (channels, height, width), at least one pixel,"));
        }
        for (channel, map) in maps.view().into_dyn().outer_iter().enumerate() {
            panel = panel.tile(channel.to_string(), &map)?;
        }
        Ok(panel)
    }

    /// One array `(height, width)`, such as a saliency or an occlusion map: on a scale that begins at 0, or with 0 in its middle if any number
    /// is negative.
    ///
    /// # Errors
    /// As [`Panel::tile`].
    pub fn heat_map<F: Real, D: Dimension>(title: impl Into<String>, map: &ArrayRef<F, D>) -> Result<Self> {
        Self::new(title, Scale::of(map)).tile("", map)
    }

    /// One image `(height, width)` as ink on paper: 0 is white, the largest number black.
    ///
    /// # Errors
    /// As [`Panel::tile`].
    pub fn ink<F: Real, D: Dimension>(title: impl Into<String>, image: &ArrayRef<F, D>) -> Result<Self> {
        Self::new(title, Scale::Ink).tile("", image)
    }
}

const KERNELS: &str = "a weight (out_channels, in_channels, height, width), at least one number,";
