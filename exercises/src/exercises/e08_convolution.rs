//! Exercise 8, chapter 3: a convolution in two dimensions.

use crate::Answer;
use gradus::ndarray::Array4;

/// A valid convolution in two dimensions, as networks have it: the kernel is not flipped, nothing is padded, the stride is 1.
///
/// ```text
/// y[n, o, i, j] = Σ_c Σ_k Σ_l W[o, c, k, l] · x[n, c, i + k, j + l]
/// ```
///
/// # Shapes
/// - `x (n, c, h, w)`: samples, channels, rows, columns
/// - `weight (o, c, kh, kw)`, with `kh ≤ h`, `kw ≤ w`
/// - result: `(n, o, h − kh + 1, w − kw + 1)`
///
/// # Errors
/// [`NotDone`](crate::NotDone) until you have written it.
pub fn convolution(x: &Array4<f64>, weight: &Array4<f64>) -> Answer<Array4<f64>> {
    // Yours: put your answer in place of the next two lines, and return it in `Ok(…)`.
    let _ = (x, weight);
    Err(crate::NotDone)
}
