//! The rule: one method of its own, the update of one array.

use gradus::ndarray::{ArrayViewD, ArrayViewMutD};
use gradus::optim::{Error, OptimizerState, Result, State, fused};
use gradus::prelude::{Optimizer, Real};

/// AdaBelief: steps scaled by how far the gradient strays from what was expected of it.
///
/// ```text
/// m ← β₁ m + (1 − β₁) g                 m̂ = m / (1 − β₁ᵗ)
/// s ← β₂ s + (1 − β₂) (g − m)² + ε      ŝ = s / (1 − β₂ᵗ)
/// θ ← θ − lr · m̂ / (√ŝ + ε)
/// ```
///
/// Where Adam divides by the size of the gradient, this divides by its surprise: long steps where the gradient is large and steady. β₁ is 0.9, β₂ 0.999, ε 1e-8.
///
/// # References
/// J. Zhuang, T. Tang, Y. Ding, S. Tatikonda, N. Dvornek, X. Papademetris, J. Duncan, *AdaBelief optimizer: adapting stepsizes by the belief in
/// observed gradients*, NeurIPS 2020, <https://arxiv.org/abs/2010.07468>, Algorithm 2
#[derive(Debug, Clone)]
pub(crate) struct AdaBelief<F = f32> {
    lr: f64,
    state: State<F>,
}

impl<F: Real> AdaBelief<F> {
    pub(crate) fn new(lr: f64) -> Self {
        Self { lr, state: State::new("adabelief", &["exp_avg", "exp_avg_var"]) }
    }
}

impl<F: Real> Optimizer<F> for AdaBelief<F> {
    fn update(&mut self, name: &str, param: ArrayViewMutD<'_, F>, grad: ArrayViewD<'_, F>) -> Result<()> {
        let slot = self.state.at(name, param.shape())?;
        slot.steps = slot.steps.saturating_add(1);
        let t = i32::try_from(slot.steps).unwrap_or(i32::MAX);
        let number = F::from_f64;
        let (b1, b2, eps, one) = (number(0.9), number(0.999), number(1e-8), F::one());
        let lr = number(self.lr / (1.0 - 0.9_f64.powi(t))); // both corrections leave the loop
        let c2 = number(1.0 / (1.0 - 0.999_f64.powi(t)));
        fused(
            param,
            grad,
            slot.arrays(),
            #[inline(always)]
            |p, g, [m, s]| {
                *m = b1 * *m + (one - b1) * g;
                *s = b2 * *s + (one - b2) * (g - *m) * (g - *m) + eps;
                *p -= lr * *m / ((*s * c2).sqrt() + eps);
            },
        );
        Ok(())
    }

    fn lr(&self) -> f64 {
        self.lr
    }

    fn set_lr(&mut self, lr: f64) {
        self.lr = lr;
    }

    fn validate(&self) -> Result<()> {
        if self.lr.is_finite() && self.lr >= 0.0 {
            return Ok(());
        }
        let expected = "finite and not negative";
        Err(Error::HyperParameter { rule: "adabelief", field: "lr", value: self.lr, expected })
    }

    fn state(&self) -> OptimizerState<F> {
        OptimizerState { lr: self.lr, slots: self.state.save() }
    }

    fn restore(&mut self, state: OptimizerState<F>) -> Result<()> {
        self.state.load(state.slots)?;
        self.lr = state.lr;
        Ok(())
    }
}
