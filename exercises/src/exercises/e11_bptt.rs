//! Exercise 11, chapter 5: back-propagation through time.

use super::e10_rnn_forward::RnnWeights;
use crate::Answer;
use gradus::ndarray::{Array1, Array2, Array3};

/// The gradients that back-propagation through time gives: of the input, the first state and all parameters.
#[derive(Debug, Clone, PartialEq)]
pub struct RnnGradients {
    /// `∂L/∂x`: `(T, n, in)`.
    pub dx: Array3<f64>,
    /// `∂L/∂h0`: `(n, hidden)`.
    pub dh0: Array2<f64>,
    /// `∂L/∂Wᵢₕ`: `(hidden, in)`.
    pub dweight_ih: Array2<f64>,
    /// `∂L/∂Wₕₕ`: `(hidden, hidden)`.
    pub dweight_hh: Array2<f64>,
    /// `∂L/∂b`: `(hidden,)`.
    pub dbias: Array1<f64>,
}

/// Back-propagation through time of a recurrent cell with tanh.
///
/// ```text
/// aₜ = xₜ Wᵢₕᵀ + hₜ₋₁ Wₕₕᵀ + b          hₜ = tanh(aₜ)          t = 0 … T − 1, and h₋₁ = h0
/// ```
///
/// A loss reads the state of every step. `dh` holds its gradient by each `hₜ` where the loss itself reads it; that `hₜ` acts
/// on the later states is for you to add. The states `h` of the forward pass are given, as `rnn-forward` returns them.
///
/// # Shapes
/// - `x (T, n, in)`, `h0 (n, hidden)`, `h (T, n, hidden)`, `dh (T, n, hidden)`
/// - result: [`RnnGradients`]
///
/// # Errors
/// [`NotDone`](crate::NotDone) until you have written it.
pub fn bptt(
    x: &Array3<f64>,
    h0: &Array2<f64>,
    weights: &RnnWeights,
    h: &Array3<f64>,
    dh: &Array3<f64>,
) -> Answer<RnnGradients> {
    // Yours: put your answer in place of the next two lines, and return it in `Ok(…)`.
    let _ = (x, h0, weights, h, dh);
    Err(crate::NotDone)
}
