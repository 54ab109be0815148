//! Exercise 6, chapter 2: cross-entropy after softmax.

use crate::Answer;
use gradus::ndarray::{Array1, Array2};

/// The gradient of the mean cross-entropy of classes, with respect to the logits: softmax and logarithm in one.
///
/// ```text
/// pᵢⱼ = exp(zᵢⱼ) / Σₖ exp(zᵢₖ)       L = −1/n · Σᵢ log pᵢ,labelᵢ
///
/// result: ∂L/∂z
/// ```
///
/// The logits may be large: `exp(1000)` is not a number that `f64` can hold, but every `p` is.
///
/// # Shapes
/// - `logits (n, c)`, one sample in each row; `labels (n,)`, each from 0 to c − 1
/// - result: `(n, c)`
///
/// # Errors
/// [`NotDone`](crate::NotDone) until you have written it.
pub fn cross_entropy_gradient(logits: &Array2<f64>, labels: &Array1<usize>) -> Answer<Array2<f64>> {
    // Yours: put your answer in place of the next two lines, and return it in `Ok(…)`.
    let _ = (logits, labels);
    Err(crate::NotDone)
}
