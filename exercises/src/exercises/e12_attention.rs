//! Exercise 12, chapter 6: attention.

use crate::Answer;
use gradus::ndarray::Array2;

/// Scaled dot-product attention: for each query a mean of the values, weighted by how well their keys match it.
///
/// ```text
/// S = q kᵀ / √d        P = softmax(S), in each row        y = P v
/// ```
///
/// # Shapes
/// - `q (n, d)`, `k (m, d)`, `v (m, e)`; none of the sizes is 0
/// - result: `(n, e)`
///
/// # Errors
/// [`NotDone`](crate::NotDone) until you have written it.
pub fn attention(q: &Array2<f64>, k: &Array2<f64>, v: &Array2<f64>) -> Answer<Array2<f64>> {
    // Yours: put your answer in place of the next two lines, and return it in `Ok(…)`.
    let _ = (q, k, v);
    Err(crate::NotDone)
}
