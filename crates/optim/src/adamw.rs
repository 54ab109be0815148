//! Adam with decoupled weight decay.

use crate::adam::{Moments, moments_settings, optimizer_by_moments};
use crate::see::Change;
use crate::{Optimizer, OptimizerState, Result};
use gradus_linalg::Real;
use ndarray::{ArrayViewD, ArrayViewMutD};

/// Adam with decoupled weight decay: parameters shrink beside the step, not through the gradient.
///
/// ```text
/// θ ← (1 − lr · λ) θ                   (weight_decay λ)
/// m ← β₁ m + (1 − β₁) g                m̂ = m / (1 − β₁ᵗ)
/// v ← β₂ v + (1 − β₂) g²               v̂ = v / (1 − β₂ᵗ)
/// θ ← θ − lr · m̂ / (√v̂ + ε)
/// ```
///
/// The penalty `λ/2 · ‖θ‖²` adds `λ θ` to the gradient, and Adam divides it by `√v̂` with the rest: where gradients are
/// large, decay all but vanishes. Decoupled, it is the same share of every parameter. Under plain
/// [`Sgd`](crate::Sgd) the two are one and the same.
///
/// The decay is `lr · λ`, as in PyTorch; in the paper it is `η λ`, with `η` the schedule's factor and the base rate left out.
///
/// Settings as for [`Adam`](crate::Adam), but `weight_decay` is 0.01 unless set. Decay is meant for weights: leave
/// biases and normalization out by [`Groups`](crate::Groups).
///
/// # Examples
/// ```
/// use gradus_nn_layers::{Parameter, Tape, ndarray::array};
/// use gradus_optim::{AdamW, Optimizer};
/// let mut w: Parameter<f64> = array![3.0].into();
/// let loss = Tape::recording().parameter(&w).mul_scalar(0.0).sum(); // the gradient is 0: only decay acts
/// AdamW::new(0.1).weight_decay(0.5).step(&mut w, &loss.backward()?)?;
/// assert_eq!(w.value(), &array![3.0 * 0.95]);
/// # Ok::<(), gradus_nn_layers::Error>(())
/// ```
///
/// # References
/// I. Loshchilov, F. Hutter, *Decoupled weight decay regularization*, ICLR 2019, <https://arxiv.org/abs/1711.05101>
#[derive(Debug, Clone)]
pub struct AdamW<F = f32> {
    moments: Moments<F>,
}

impl<F: Real> AdamW<F> {
    /// AdamW with this learning rate; 1e-3 is the usual one.
    #[must_use]
    pub fn new(lr: f64) -> Self {
        Self { moments: Moments::new("adamw", lr, 0.01) }
    }
}

impl<F: Real> Optimizer<F> for AdamW<F> {
    fn update(&mut self, name: &str, param: ArrayViewMutD<'_, F>, grad: ArrayViewD<'_, F>) -> Result<()> {
        let shrink = 1.0 - self.moments.lr * self.moments.weight_decay;
        self.moments.update(name, param, grad, 0.0, shrink)
    }

    optimizer_by_moments!();
}

moments_settings!(AdamW, "With parameters shrunk by `lr · weight_decay` of themselves at each step.");
