//! The gradient of a score with respect to the image.

use super::{check_scores, space};
use gradus_autograd::{Real, Tape};
use gradus_nn_layers::{Layer, Result};
use ndarray::{ArrayD, ArrayRef, Axis, Dimension};

/// How much the score of a class changes with each pixel: the size of its gradient.
///
/// ```text
/// map[i] = max_c |∂ score_class / ∂ x[c, i]|
/// ```
///
/// One backward pass, with the layers as in use, not as in training. It is the slope at this image: a pixel that the model relies on, but
/// whose change would not matter because a unit is saturated, is dark; [`occlusion`](crate::occlusion()) shows it. Give a model that
/// ends in scores (logits): after a softmax, a sure model is flat everywhere.
///
/// # Shapes
/// - `image`: `(C, …)`, one image without the batch axis, any number of axes in space
/// - `model`: from `(1, C, …)` to scores `(1, classes)`
/// - result: the axes in space
///
/// # Examples
/// Of a linear model, it is the size of the weights:
/// ```
/// use gradus_conv::{ndarray::{Array3, array}, saliency};
/// use gradus_nn_layers::{Flatten, Linear, Sequential, sequential};
/// let linear: Linear = Linear::from_parts(array![[1.0, -2.0, 0.0, 0.5], [0.0, 0.0, 0.0, 0.0]], None)?;
/// let model: Sequential = sequential![Flatten, linear];
/// let map = saliency(&model, &Array3::zeros((1, 2, 2)), 0)?;
/// assert_eq!(map, array![[1.0, 2.0], [0.0, 0.5]].into_dyn());
/// # Ok::<(), gradus_nn_layers::Error>(())
/// ```
///
/// # Errors
/// [`Error::Input`](crate::Error::Input) for an image without pixels; [`Error::Scores`](crate::Error::Scores) if the model gives no scores
/// `(1, classes)`; [`Error::Class`](crate::Error::Class); whatever the model returns.
///
/// # References
/// K. Simonyan, A. Vedaldi, A. Zisserman, *Deep inside convolutional networks: visualising image classification models and saliency maps*,
/// 2013, <https://arxiv.org/abs/1312.6034>
pub fn saliency<F: Real, D: Dimension>(
    model: &(impl Layer<F> + ?Sized),
    image: &ArrayRef<F, D>,
    class: usize,
) -> Result<ArrayD<F>> {
    const OPERATION: &str = "saliency";
    let space = space(OPERATION, image.shape())?;
    let tape = Tape::recording();
    let x = tape.variable(image.to_owned().into_dyn().insert_axis(Axis(0)));
    let scores = model.forward(&x)?;
    check_scores(OPERATION, scores.shape(), 1, class)?;
    let score = scores.select(1, class)?.sum();
    let mut map = ArrayD::zeros(space);
    if !score.needs_gradient() {
        return Ok(map); // the model does not look at the image
    }
    let gradients = score.backward()?;
    if let Some(gradient) = gradients.get(&x) {
        for channel in gradient.index_axis(Axis(0), 0).outer_iter() {
            map.zip_mut_with(&channel, |most, &slope| *most = most.maximum(slope.abs()));
        }
    }
    Ok(map)
}
