//! Exercise 10, chapter 4: a recurrent cell over a sequence.

use crate::Answer;
use gradus::ndarray::{Array1, Array2, Array3};

/// The parameters of a recurrent cell. The exercise `bptt` has them, too.
#[derive(Debug, Clone, PartialEq)]
pub struct RnnWeights {
    /// `Wᵢₕ`, from the input to the state: `(hidden, in)`.
    pub weight_ih: Array2<f64>,
    /// `Wₕₕ`, from state to state: `(hidden, hidden)`.
    pub weight_hh: Array2<f64>,
    /// `b`: `(hidden,)`.
    pub bias: Array1<f64>,
}

/// The states of a recurrent cell with tanh after each step of a batch of sequences.
///
/// ```text
/// aₜ = xₜ Wᵢₕᵀ + hₜ₋₁ Wₕₕᵀ + b          hₜ = tanh(aₜ)          t = 0 … T − 1, and h₋₁ = h0
/// ```
///
/// # Shapes
/// - `x (T, n, in)`: steps, samples, features; `h0 (n, hidden)`
/// - result: `(T, n, hidden)`, in which step `t` holds `hₜ`, so that `h0` is not in it
///
/// # Errors
/// [`NotDone`](crate::NotDone) until you have written it.
pub fn rnn_forward(x: &Array3<f64>, h0: &Array2<f64>, weights: &RnnWeights) -> Answer<Array3<f64>> {
    // Yours: put your answer in place of the next two lines, and return it in `Ok(…)`.
    let _ = (x, h0, weights);
    Err(crate::NotDone)
}
