//! Exercise 7, chapter 2: a linear layer, backward.

use crate::Answer;
use gradus::ndarray::{Array1, Array2};

/// The gradients of a linear layer, with respect to its input, its weight and its bias.
///
/// ```text
/// y = x Wᵀ + b          yₙₒ = Σᵢ xₙᵢ Wₒᵢ + bₒ
///
/// result: (dx, dW, db), where dy = ∂L/∂y is given
/// ```
///
/// # Shapes
/// - `x (n, in)`, `w (out, in)`, `dy (n, out)`
/// - result: `dx (n, in)`, `dW (out, in)`, `db (out,)`
///
/// # Errors
/// [`NotDone`](crate::NotDone) until you have written it.
pub fn linear_backward(
    x: &Array2<f64>,
    w: &Array2<f64>,
    dy: &Array2<f64>,
) -> Answer<(Array2<f64>, Array2<f64>, Array1<f64>)> {
    // Yours: put your answer in place of the next two lines, and return it in `Ok(…)`.
    let _ = (x, w, dy);
    Err(crate::NotDone)
}
