//! Channels into places and back.

use crate::geometry::count;
use crate::shape::no_parameters;
use crate::{Error, Result};
use gradus_autograd::{Real, Var};
use gradus_nn_layers::{Description, Layer};

const SHUFFLE: &str = "pixel_shuffle";
const UNSHUFFLE: &str = "pixel_unshuffle";

/// Spreads blocks of channels over space: of each `factor²` channels of an image, one as many times as large along both axes.
///
/// ```text
/// y[n, c, h · r + i, w · r + j] = x[n, (c · r + i) · r + j, h, w]        r = factor; 0 ≤ i, j < r
///
///   a a    b b        a b a b
///   a a    b b        c d c d
///                →    a b a b
///   c c    d d        c d c d
///   c c    d d
/// ```
///
/// The way to a larger image that computes at the smaller size. It is a rearrangement, and its gradient is [`pixel_unshuffle`] of `dy`.
/// Along one or three axes in space it takes `r` or `r³` channels.
///
/// # Shapes
/// - `x (N, C · rᴿ, …)`, with `R` axes after the channels, any number of them
/// - result `(N, C, …)`, each axis in space `r` times as long
///
/// # Examples
/// ```
/// use gradus_conv::{Tape, ndarray::array, pixel_shuffle};
/// let x = Tape::<f64>::inference().input(array![[[[1.0]], [[2.0]], [[3.0]], [[4.0]]]]);
/// assert_eq!(pixel_shuffle(&x, 2)?.value(), &array![[[[1.0, 2.0], [3.0, 4.0]]]]);
/// # Ok::<(), gradus_conv::Error>(())
/// ```
///
/// # Errors
/// [`Error::Rank`] without an axis in space; [`Error::Zero`] for a factor of 0; [`Error::Multiple`] if the channels are not a multiple of
/// `rᴿ`; [`Error::TooLarge`].
///
/// # References
/// W. Shi et al., *Real-time single image and video super-resolution using an efficient sub-pixel convolutional neural network*, 2016,
/// <https://arxiv.org/abs/1609.05158>
#[track_caller]
pub fn pixel_shuffle<F: Real>(x: &Var<F>, factor: usize) -> Result<Var<F>> {
    let out_shape = shuffled::<F>(x.shape(), factor)?;
    let (size, rank) = (&x.shape()[2..], x.shape().len() - 2);
    let blocks = [&out_shape[..2], &vec![factor; rank], size].concat();
    // Each axis is followed by that of its places in a block.
    let places = (0..rank).flat_map(|axis| [2 + rank + axis, 2 + axis]);
    let order: Vec<isize> = [0, 1].into_iter().chain(places).map(|axis| axis as isize).collect();
    Ok(x.reshape(&blocks)?.permute(&order)?.reshape(&out_shape)?)
}

/// Gathers blocks of space into channels: the inverse of [`pixel_shuffle`], and its gradient.
///
/// ```text
/// y[n, (c · r + i) · r + j, h, w] = x[n, c, h · r + i, w · r + j]        r = factor; 0 ≤ i, j < r
/// ```
///
/// # Shapes
/// - `x (N, C, …)`, with `R` axes after the channels, any number of them
/// - result `(N, C · rᴿ, …)`, each axis in space an `r`-th as long
///
/// # Examples
/// ```
/// use gradus_conv::{Tape, ndarray::array, pixel_unshuffle};
/// let x = Tape::<f64>::inference().input(array![[[1.0, 2.0, 3.0, 4.0]]]);
/// assert_eq!(pixel_unshuffle(&x, 2)?.value(), &array![[[1.0, 3.0], [2.0, 4.0]]]);
/// # Ok::<(), gradus_conv::Error>(())
/// ```
///
/// # Errors
/// [`Error::Rank`] without an axis in space; [`Error::Zero`] for a factor of 0; [`Error::Multiple`] if a size is not a multiple of it;
/// [`Error::TooLarge`].
///
/// # References
/// As of [`pixel_shuffle`].
#[track_caller]
pub fn pixel_unshuffle<F: Real>(x: &Var<F>, factor: usize) -> Result<Var<F>> {
    let out_shape = unshuffled::<F>(x.shape(), factor)?;
    let rank = out_shape.len() - 2;
    let mut blocks = x.shape()[..2].to_vec();
    blocks.extend(out_shape[2..].iter().flat_map(|&size| [size, factor]));
    // The places in the blocks go before the blocks.
    let order = [0, 1].into_iter().chain((0..rank).map(|axis| 3 + 2 * axis)).chain((0..rank).map(|axis| 2 + 2 * axis));
    let order: Vec<isize> = order.map(|axis| axis as isize).collect();
    Ok(x.reshape(&blocks)?.permute(&order)?.reshape(&out_shape)?)
}

/// The numbers of a block, `factorᴿ`, if the shape has axes in space.
fn block(operation: &'static str, shape: &[usize], factor: usize) -> Result<usize> {
    let rank = shape.len().saturating_sub(2);
    if rank == 0 {
        return Err(Error::Rank { operation, found: shape.to_vec(), rank: 1 });
    }
    if factor == 0 {
        return Err(Error::Zero { operation, name: "factor", value: vec![0] });
    }
    let block = u32::try_from(rank).ok().and_then(|rank| factor.checked_pow(rank));
    block.ok_or_else(|| Error::TooLarge { operation, what: "block of size", sizes: vec![factor; rank] })
}

fn shuffled<F: Real>(x: &[usize], factor: usize) -> Result<Vec<usize>> {
    let operation = SHUFFLE;
    let block = block(operation, x, factor)?;
    if !x[1].is_multiple_of(block) {
        return Err(Error::Multiple { operation, what: "channels", found: x[1], of: block });
    }
    count_blocks::<F>(operation, [x[0], x[1] / block, block], &x[2..])?;
    let size = x[2..].iter().map(|size| size * factor); // no larger than what was counted
    Ok([x[0], x[1] / block].into_iter().chain(size).collect())
}

fn unshuffled<F: Real>(x: &[usize], factor: usize) -> Result<Vec<usize>> {
    let operation = UNSHUFFLE;
    let block = block(operation, x, factor)?;
    if let Some(&found) = x[2..].iter().find(|size| !size.is_multiple_of(factor)) {
        return Err(Error::Multiple { operation, what: "size", found, of: factor });
    }
    let channels = x[1].checked_mul(block);
    let channels = channels.ok_or_else(|| Error::TooLarge { operation, what: "channels", sizes: vec![x[1], block] })?;
    let size: Vec<usize> = x[2..].iter().map(|size| size / factor).collect();
    count_blocks::<F>(operation, [x[0], x[1], block], &size)?;
    Ok([&[x[0], channels], &size[..]].concat())
}

/// Checks that an array of images, channels, numbers of a block, and blocks can exist: on the way there is one, with either result's numbers.
fn count_blocks<F: Real>(operation: &'static str, [images, channels, block]: [usize; 3], size: &[usize]) -> Result<()> {
    count::<F>(operation, "blocks of shape", &[&[images, channels, block], size].concat()).map(drop)
}

/// Spreads blocks of channels over space, as a layer: see [`pixel_shuffle`].
///
/// # Examples
/// ```
/// use gradus_conv::{Layer, PixelShuffle, Tape, ndarray::Array4};
/// let x = Tape::<f32>::inference().input(Array4::zeros((2, 12, 5, 7)));
/// assert_eq!(PixelShuffle::new(2).forward(&x)?.shape(), [2, 3, 10, 14]);
/// # Ok::<(), gradus_nn_layers::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PixelShuffle {
    /// How many times as long each axis in space becomes.
    pub factor: usize,
}

/// Gathers blocks of space into channels, as a layer: see [`pixel_unshuffle`].
///
/// # Examples
/// ```
/// use gradus_conv::{Layer, PixelUnshuffle, Tape, ndarray::Array4};
/// let x = Tape::<f32>::inference().input(Array4::zeros((2, 3, 10, 14)));
/// assert_eq!(PixelUnshuffle::new(2).forward(&x)?.shape(), [2, 12, 5, 7]);
/// # Ok::<(), gradus_nn_layers::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PixelUnshuffle {
    /// How many times as short each axis in space becomes.
    pub factor: usize,
}

impl PixelShuffle {
    /// By this factor.
    #[must_use]
    pub fn new(factor: usize) -> Self {
        Self { factor }
    }
}

impl PixelUnshuffle {
    /// By this factor.
    #[must_use]
    pub fn new(factor: usize) -> Self {
        Self { factor }
    }
}

no_parameters!([] PixelShuffle, [] PixelUnshuffle);

impl<F: Real> Layer<F> for PixelShuffle {
    /// # Errors
    /// As [`pixel_shuffle`].
    fn forward(&self, x: &Var<F>) -> gradus_nn_layers::Result<Var<F>> {
        Ok(pixel_shuffle(x, self.factor)?)
    }

    fn describe(&self, input: &[usize]) -> gradus_nn_layers::Result<Description> {
        let output = shuffled::<F>(input, self.factor)?;
        Ok(Description::of::<F>(self, "PixelShuffle", &output))
    }
}

impl<F: Real> Layer<F> for PixelUnshuffle {
    /// # Errors
    /// As [`pixel_unshuffle`].
    fn forward(&self, x: &Var<F>) -> gradus_nn_layers::Result<Var<F>> {
        Ok(pixel_unshuffle(x, self.factor)?)
    }

    fn describe(&self, input: &[usize]) -> gradus_nn_layers::Result<Description> {
        let output = unshuffled::<F>(input, self.factor)?;
        Ok(Description::of::<F>(self, "PixelUnshuffle", &output))
    }
}
