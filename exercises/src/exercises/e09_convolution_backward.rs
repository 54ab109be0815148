//! Exercise 9, chapter 3: a convolution, backward.

use crate::Answer;
use gradus::ndarray::Array4;

/// The gradients of a valid convolution, with respect to its input and its weight.
///
/// ```text
/// y[n, o, i, j] = Σ_c Σ_k Σ_l W[o, c, k, l] · x[n, c, i + k, j + l]
///
/// result: (dx, dW), where dy = ∂L/∂y is given
/// ```
///
/// # Shapes
/// - `x (n, c, h, w)`, `weight (o, c, kh, kw)`, `dy (n, o, h − kh + 1, w − kw + 1)`
/// - result: `dx (n, c, h, w)`, `dW (o, c, kh, kw)`
///
/// # Errors
/// [`NotDone`](crate::NotDone) until you have written it.
pub fn convolution_backward(
    x: &Array4<f64>,
    weight: &Array4<f64>,
    dy: &Array4<f64>,
) -> Answer<(Array4<f64>, Array4<f64>)> {
    // Yours: put your answer in place of the next two lines, and return it in `Ok(…)`.
    let _ = (x, weight, dy);
    Err(crate::NotDone)
}
