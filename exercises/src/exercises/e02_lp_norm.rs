//! Exercise 2, chapter 1: the norm of order p.

use crate::Answer;
use gradus::ndarray::Array1;

/// The norm of order `p` of a vector, where `p` is at least 1 and may be infinite.
///
/// ```text
/// ‖x‖ₚ = (Σᵢ |xᵢ|ᵖ)^(1/p)        ‖x‖∞ = maxᵢ |xᵢ|
/// ```
///
/// `p = f64::INFINITY` asks for the second. The norm of zeros is 0. Beware of size: the norm of `(1e200, 1e200)` is a number
/// that `f64` can hold for every `p`, but `1e200²` is not.
///
/// # Shapes
/// - `x (n,)`
/// - result: one number
///
/// # Errors
/// [`NotDone`](crate::NotDone) until you have written it.
pub fn lp_norm(x: &Array1<f64>, p: f64) -> Answer<f64> {
    // Yours: put your answer in place of the next two lines, and return it in `Ok(…)`.
    let _ = (x, p);
    Err(crate::NotDone)
}
