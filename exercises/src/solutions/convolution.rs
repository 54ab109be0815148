//! Chapter 3: convolution.

use crate::Answer;
use gradus::ndarray::Array4;

/// A solution of `convolution`.
///
/// # Errors
/// Never.
pub fn convolution(x: &Array4<f64>, weight: &Array4<f64>) -> Answer<Array4<f64>> {
    let ((samples, _, rows, columns), (outputs, _, kernel_rows, kernel_columns)) = (x.dim(), weight.dim());
    let mut y = Array4::zeros((samples, outputs, rows - kernel_rows + 1, columns - kernel_columns + 1));
    for ((n, o, i, j), y) in y.indexed_iter_mut() {
        for ((of, c, k, l), w) in weight.indexed_iter() {
            if of == o {
                *y += w * x[(n, c, i + k, j + l)];
            }
        }
    }
    Ok(y)
}

/// A solution of `convolution-backward`: each product of the forward pass sends `dy` to both of its factors.
///
/// # Errors
/// Never.
pub fn convolution_backward(
    x: &Array4<f64>,
    weight: &Array4<f64>,
    dy: &Array4<f64>,
) -> Answer<(Array4<f64>, Array4<f64>)> {
    let (mut dx, mut dw) = (Array4::zeros(x.dim()), Array4::zeros(weight.dim()));
    for ((n, o, i, j), dy) in dy.indexed_iter() {
        for ((of, c, k, l), w) in weight.indexed_iter() {
            if of == o {
                dx[(n, c, i + k, j + l)] += dy * w;
                dw[(o, c, k, l)] += dy * x[(n, c, i + k, j + l)];
            }
        }
    }
    Ok((dx, dw))
}
