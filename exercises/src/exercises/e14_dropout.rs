//! Exercise 14, chapter 8: inverted dropout.

use crate::Answer;
use gradus::ndarray::Array1;

/// Inverted dropout, forward and backward.
///
/// ```text
/// in training:   y = x · m / (1 − p)        dx = dy · m / (1 − p)        m = 1 where `keep`, else 0
/// otherwise:     y = x                      dx = dy
/// ```
///
/// `keep` was drawn before: each entry is false with probability `p`. What is dropped is 0, even where `x` is infinite.
///
/// # Shapes
/// - `x (n,)`, `dy (n,)`, `keep (n,)`; `p` at least 0, less than 1
/// - result: `y (n,)`, `dx (n,)`
///
/// # Errors
/// [`NotDone`](crate::NotDone) until you have written it.
pub fn dropout(
    x: &Array1<f64>,
    dy: &Array1<f64>,
    keep: &Array1<bool>,
    p: f64,
    training: bool,
) -> Answer<(Array1<f64>, Array1<f64>)> {
    // Yours: put your answer in place of the next two lines, and return it in `Ok(…)`.
    let _ = (x, dy, keep, p, training);
    Err(crate::NotDone)
}
