//! Exercise 1, chapter 1: the Euclidean norm.

use crate::Answer;
use gradus::ndarray::Array1;

/// The Euclidean norm of a vector: its length.
///
/// ```text
/// ‖x‖₂ = √(Σᵢ xᵢ²)
/// ```
///
/// # Shapes
/// - `x (n,)`
/// - result: one number
///
/// # Errors
/// [`NotDone`](crate::NotDone) until you have written it.
pub fn l2_norm(x: &Array1<f64>) -> Answer<f64> {
    // Yours: put your answer in place of the next two lines, and return it in `Ok(…)`.
    let _ = x;
    Err(crate::NotDone)
}
