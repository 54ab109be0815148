//! Exercise 5, chapter 2: softmax, backward.

use crate::Answer;
use gradus::ndarray::Array2;

/// The vector-Jacobian product of softmax: from the gradient of a loss by the result to its gradient by the input.
///
/// ```text
/// yᵢ = exp(xᵢ) / Σⱼ exp(xⱼ)          ∂yⱼ/∂xᵢ = yⱼ (δᵢⱼ − yᵢ)
///
/// dxᵢ = Σⱼ dyⱼ · ∂yⱼ/∂xᵢ             in each row by itself; dy = ∂L/∂y, dx = ∂L/∂x
/// ```
///
/// The result `y` of the forward pass is given; `x` itself is not needed.
///
/// # Shapes
/// - `y (n, c)`, each row sums to 1; `dy (n, c)`
/// - result: `dx (n, c)`
///
/// # Errors
/// [`NotDone`](crate::NotDone) until you have written it.
pub fn softmax_backward(y: &Array2<f64>, dy: &Array2<f64>) -> Answer<Array2<f64>> {
    // Yours: put your answer in place of the next two lines, and return it in `Ok(…)`.
    let _ = (y, dy);
    Err(crate::NotDone)
}
