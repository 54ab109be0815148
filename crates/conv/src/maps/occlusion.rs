//! What a score loses when a part of the image is covered.

use super::{check_scores, space};
use crate::{Error, Geometry};
use gradus_autograd::{Real, Tape};
use gradus_nn_layers::{Layer, Result};
use ndarray::{ArrayD, ArrayRef, ArrayViewMutD, Axis, Dimension, IxDyn, Slice};

/// How [`occlusion`] covers an image.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Occlusion<const R: usize = 2> {
    /// How the patch moves: its size, stride, and padding, by which it may overhang the edge.
    pub geometry: Geometry<R>,
    /// What a covered pixel is: the paper's grey, or what the background is; default 0.
    pub fill: f64,
    /// How many covered images go through the model at once; default 64.
    pub batch_size: usize,
}

impl<const R: usize> Occlusion<R> {
    /// Patches that move as this window does, filled with 0.
    ///
    /// A stride of 1 and a padding of half the patch's (odd) size make a map as large as the image.
    #[must_use]
    pub fn new(geometry: Geometry<R>) -> Self {
        Self { geometry, fill: 0.0, batch_size: 64 }
    }

    /// Sets what a covered pixel is.
    #[must_use]
    pub fn fill(self, fill: f64) -> Self {
        Self { fill, ..self }
    }

    /// Sets how many covered images go through the model at once.
    #[must_use]
    pub fn batch_size(self, batch_size: usize) -> Self {
        Self { batch_size, ..self }
    }
}

/// How much the score of a class falls when a patch of the image is covered, for each place of the patch.
///
/// ```text
/// map[p] = score_class(x) − score_class(x with fill under the patch at place p)
/// ```
///
/// Where it is large, the model found what speaks for the class; where it is negative, what speaks against it. A forward pass for each
/// place, in batches; no gradients.
///
/// # Shapes
/// - `image`: `(C, …)`, one image without the batch axis, with `R` axes in space
/// - `model`: from `(N, C, …)` to scores `(N, classes)`
/// - result: the places of the patch, as [`Geometry::output_size`] says
///
/// # Examples
/// Of a linear model and a patch of one pixel, it is weight times pixel:
/// ```
/// use gradus_conv::{Geometry, Occlusion, ndarray::array, occlusion};
/// use gradus_nn_layers::{Flatten, Linear, Sequential, sequential};
/// let linear: Linear = Linear::from_parts(array![[1.0, -2.0, 0.0, 0.5]], None)?;
/// let model: Sequential = sequential![Flatten, linear];
/// let map = occlusion(&model, &array![[[1.0, 1.0], [1.0, 4.0]]], 0, &Occlusion::new(Geometry::<2>::new(1)))?;
/// assert_eq!(map, array![[1.0, -2.0], [0.0, 2.0]].into_dyn());
/// # Ok::<(), gradus_nn_layers::Error>(())
/// ```
///
/// # Errors
/// [`Error::Input`] for an image without pixels or with another number of axes; [`Error::Zero`] for a `batch_size` of 0; the errors of
/// [`Geometry::output_size`]; [`Error::TooLarge`] if memory cannot hold a batch; [`Error::Scores`] and [`Error::Class`]; whatever the
/// model returns.
///
/// # References
/// M. D. Zeiler, R. Fergus, *Visualizing and understanding convolutional networks*, 2013, <https://arxiv.org/abs/1311.2901>
pub fn occlusion<const R: usize, F: Real, D: Dimension>(
    model: &(impl Layer<F> + ?Sized),
    image: &ArrayRef<F, D>,
    class: usize,
    how: &Occlusion<R>,
) -> Result<ArrayD<F>> {
    const OPERATION: &str = "occlusion";
    let image = image.view().into_dyn();
    let space = space(OPERATION, image.shape())?;
    if space.len() != R {
        let expected = format!("one image (C, …) with {R} axes in space");
        return Err(Error::Input { operation: OPERATION, found: image.shape().to_vec(), expected }.into());
    }
    if how.batch_size == 0 {
        return Err(Error::Zero { operation: OPERATION, name: "batch_size", value: vec![0] }.into());
    }
    let axes = how.geometry.axes(OPERATION, space)?;
    let places: Vec<usize> = axes.iter().map(|axis| axis.out).collect();
    let total = crate::geometry::count::<F>(OPERATION, "map of shape", &places)?;

    let tape = Tape::inference();
    let score_of = |batch: ArrayD<F>| -> Result<Vec<F>> {
        let images = batch.shape()[0];
        let scores = model.forward(&tape.input(batch))?;
        check_scores(OPERATION, scores.shape(), images, class)?;
        Ok(scores.value().index_axis(Axis(1), class).iter().copied().collect())
    };
    let whole = score_of(image.to_owned().insert_axis(Axis(0)))?[0];

    let fill = F::from_f64(how.fill);
    let mut drops = Vec::with_capacity(total);
    while drops.len() < total {
        let images = how.batch_size.min(total - drops.len());
        let mut shape = vec![images];
        shape.extend(image.shape());
        crate::geometry::count::<F>(OPERATION, "batch of shape", &shape)?;
        let mut batch =
            image.broadcast(IxDyn(&shape)).expect("the batch is a new axis before those of the image").to_owned();
        for (number, mut copy) in batch.outer_iter_mut().enumerate() {
            cover(&how.geometry, copy.view_mut(), place(&places, drops.len() + number), fill);
        }
        drops.extend(score_of(batch)?.into_iter().map(|score| whole - score));
    }
    Ok(ArrayD::from_shape_vec(places, drops).expect("there is a drop for each place"))
}

/// The place of this number in row-major order.
fn place(places: &[usize], mut number: usize) -> Vec<usize> {
    let mut place: Vec<usize> = places
        .iter()
        .rev()
        .map(|&len| {
            let at = number % len;
            number /= len;
            at
        })
        .collect();
    place.reverse();
    place
}

/// Fills what lies under the patch at a place, in every channel.
fn cover<const R: usize, F: Real>(geometry: &Geometry<R>, image: ArrayViewMutD<'_, F>, place: Vec<usize>, fill: F) {
    let size: Vec<usize> = image.shape()[1..].to_vec();
    // Along each axis the covered positions, which dilation may set apart.
    let covered: Vec<Vec<usize>> = place
        .iter()
        .enumerate()
        .map(|(axis, at)| {
            let start = at * geometry.stride[axis]; // at most the padded size
            let positions = (0..geometry.kernel_size[axis]).map(|k| start + k * geometry.dilation[axis]);
            positions.filter_map(|i| i.checked_sub(geometry.padding[axis].0)).filter(|&i| i < size[axis]).collect()
        })
        .collect();
    fill_product(image, &covered, 1, fill);
}

/// Fills the positions whose index along `axis` and each axis after it is among the given.
fn fill_product<F: Real>(mut image: ArrayViewMutD<'_, F>, covered: &[Vec<usize>], axis: usize, fill: F) {
    let Some((positions, others)) = covered.split_first() else { return image.fill(fill) };
    for &position in positions {
        let row = image.slice_axis_mut(Axis(axis), Slice::from(position..position + 1));
        fill_product(row, others, axis + 1, fill);
    }
}
