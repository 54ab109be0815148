//! Exercise 3, chapter 1: the gradient of linear regression.

use crate::Answer;
use gradus::ndarray::{Array1, Array2};

/// The gradient of the mean squared error of a linear model, with respect to its weights and its bias.
///
/// ```text
/// rᵢ = Σⱼ xᵢⱼ wⱼ + b − yᵢ            L = 1/n · Σᵢ rᵢ²
///
/// result: (∂L/∂w, ∂L/∂b)
/// ```
///
/// # Shapes
/// - `x (n, d)`, one sample in each row; `y (n,)`
/// - `w (d,)`, `b` one number
/// - result: `dw (d,)`, `db` one number
///
/// # Errors
/// [`NotDone`](crate::NotDone) until you have written it.
pub fn regression_gradient(x: &Array2<f64>, y: &Array1<f64>, w: &Array1<f64>, b: f64) -> Answer<(Array1<f64>, f64)> {
    // Yours: put your answer in place of the next two lines, and return it in `Ok(…)`.
    let _ = (x, y, w, b);
    Err(crate::NotDone)
}
