//! Exercise 13, chapter 7: Adam.

use crate::Answer;
use gradus::ndarray::Array1;

/// The settings of Adam.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AdamSettings {
    /// About the length of a step.
    pub lr: f64,
    /// The share of the first moment that is kept.
    pub beta1: f64,
    /// The share of the second moment that is kept.
    pub beta2: f64,
    /// ε, which keeps the division from exploding.
    pub eps: f64,
}

/// What Adam remembers from step to step. It starts with zeros.
#[derive(Debug, Clone, PartialEq)]
pub struct AdamState {
    /// How many steps there were.
    pub t: i32,
    /// The first moment: `(n,)`.
    pub m: Array1<f64>,
    /// The second moment: `(n,)`.
    pub v: Array1<f64>,
}

/// One step of Adam. `theta` and `state` are changed in place.
///
/// ```text
/// t ← t + 1
/// m ← β₁ m + (1 − β₁) g              m̂ = m / (1 − β₁ᵗ)
/// v ← β₂ v + (1 − β₂) g²             v̂ = v / (1 − β₂ᵗ)
/// θ ← θ − lr · m̂ / (√v̂ + ε)
/// ```
///
/// What `state` holds stays uncorrected: `m` and `v`, not `m̂` and `v̂`.
///
/// # Shapes
/// - `theta (n,)`, `grad (n,)`
/// - result: nothing, `Ok(())`
///
/// # Errors
/// [`NotDone`](crate::NotDone) until you have written it.
pub fn adam(theta: &mut Array1<f64>, state: &mut AdamState, grad: &Array1<f64>, settings: &AdamSettings) -> Answer<()> {
    // Yours: put your answer in place of the next two lines, and return it in `Ok(…)`.
    let _ = (theta, state, grad, settings);
    Err(crate::NotDone)
}
