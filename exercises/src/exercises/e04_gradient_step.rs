//! Exercise 4, chapter 1: a step of gradient descent.

use crate::Answer;
use gradus::ndarray::Array1;

/// One step of gradient descent: the parameters move against their gradient. `theta` is changed in place.
///
/// ```text
/// θ ← θ − lr · g
/// ```
///
/// # Shapes
/// - `theta (n,)`, `grad (n,)`, `lr` one number
/// - result: nothing, `Ok(())`
///
/// # Errors
/// [`NotDone`](crate::NotDone) until you have written it.
pub fn gradient_step(theta: &mut Array1<f64>, grad: &Array1<f64>, lr: f64) -> Answer<()> {
    // Yours: put your answer in place of the next two lines, and return it in `Ok(…)`.
    let _ = (theta, grad, lr);
    Err(crate::NotDone)
}
