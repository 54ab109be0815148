//! Lion.

use crate::rule::{momentum_is, rule_methods, setter};
use crate::see::{Change, number, term};
use crate::{Optimizer, OptimizerState, Result, State, fused, hyper};
use gradus_linalg::Real;
use ndarray::{ArrayViewD, ArrayViewMutD};

/// Lion: the sign of gradient and momentum together.
///
/// ```text
/// θ ← (1 − lr · λ) θ                   (weight_decay λ)
/// c = β₁ m + (1 − β₁) g
/// θ ← θ − lr · sign(c)
/// m ← β₂ m + (1 − β₂) g
/// ```
///
/// | setting | means | default | range |
/// | --- | --- | --- | --- |
/// | `lr` | length of a step, for each number | | at least 0 |
/// | `betas` | share of the momentum in the step, and that which is kept of it | 0.9, 0.99 | at least 0, less than 1 |
/// | `weight_decay` | share of the parameters that vanishes at each step, in units of `lr` | 0 | at least 0 |
///
/// Every number moves by `lr` at every step (not at all where `c` is 0), so that steps are longer than Adam's: the paper
/// takes a rate three to ten times smaller, and a decay as many times larger. There is no ε, and nothing that it would
/// protect. Decay is decoupled, as in [`AdamW`](crate::AdamW): a penalty would be lost in the sign.
///
/// PyTorch has no Lion; the formula is the paper's Algorithm 2, and the momentum has the name that the authors' code
/// gives it.
///
/// The state takes as much memory as the parameters, half of Adam's.
///
/// # Examples
/// ```
/// use gradus_nn_layers::{Parameter, Tape, ndarray::array};
/// use gradus_optim::{Lion, Optimizer};
/// let mut w: Parameter<f64> = array![3.0, -1.0, 0.0].into();
/// let loss = Tape::recording().parameter(&w).square().sum();
/// Lion::new(0.5).step(&mut w, &loss.backward()?)?;
/// assert_eq!(w.value(), &array![2.5, -0.5, 0.0]);
/// # Ok::<(), gradus_nn_layers::Error>(())
/// ```
///
/// # References
/// X. Chen, C. Liang, D. Huang, E. Real, K. Wang et al., *Symbolic discovery of optimization algorithms*, NeurIPS 2023,
/// <https://arxiv.org/abs/2302.06675>
#[derive(Debug, Clone)]
pub struct Lion<F = f32> {
    lr: f64,
    beta1: f64,
    beta2: f64,
    weight_decay: f64,
    state: State<F>,
}

impl<F: Real> Lion<F> {
    /// Lion with this learning rate; 1e-4 is the usual one.
    #[must_use]
    pub fn new(lr: f64) -> Self {
        Self { lr, beta1: 0.9, beta2: 0.99, weight_decay: 0.0, state: State::new("lion", &["exp_avg"]) }
    }

    setter! {
        /// With this share of the momentum in the step, and this one kept of it.
        betas(beta1, beta2)
    }

    setter! {
        /// With parameters shrunk by `lr · weight_decay` of themselves at each step.
        weight_decay(weight_decay)
    }
}

impl<F: Real> Optimizer<F> for Lion<F> {
    fn update(&mut self, name: &str, param: ArrayViewMutD<'_, F>, grad: ArrayViewD<'_, F>) -> Result<()> {
        let slot = self.state.at(name, param.shape())?;
        slot.steps = slot.steps.saturating_add(1);
        let number = F::from_f64;
        let (b1, take1) = (number(self.beta1), number(1.0 - self.beta1));
        let (b2, take2) = (number(self.beta2), number(1.0 - self.beta2));
        let (lr, shrink) = (number(self.lr), number(1.0 - self.lr * self.weight_decay));
        fused(
            param,
            grad,
            slot.arrays(),
            #[inline(always)]
            |p, g, [m]| {
                *p = shrink * *p - lr * hyper::sign(b1 * *m + take1 * g);
                *m = b2 * *m + take2 * g;
            },
        );
        Ok(())
    }

    momentum_is!(beta1);

    fn validate(&self) -> Result<()> {
        hyper::not_negative("lion", "lr", self.lr)?;
        hyper::below_one("lion", "beta1", self.beta1)?;
        hyper::below_one("lion", "beta2", self.beta2)?;
        hyper::not_negative("lion", "weight_decay", self.weight_decay)
    }

    /// The momentum comes before the step that it has no part in, so that the last line is that of the parameter.
    fn explain(&self, change: &Change) -> Vec<String> {
        let Self { lr, beta1, beta2, weight_decay, .. } = *self;
        let (mut lines, g) = change.gradient_with(0.0);
        let (shrunk, theta) = change.shrunk(lr, weight_decay);
        lines.extend(shrunk);
        let m = change.remembered("exp_avg").0;
        let c = beta1 * m + (1.0 - beta1) * g;
        let sum = format!("{} · {} + {} · {}", number(beta1), term(m), number(1.0 - beta1), term(g));
        lines.push(format!("c = β₁ m + (1 − β₁) g = {sum} = {}", number(c)));
        lines.push(change.average("exp_avg", ["m", "β₂", "g"], beta2, g).0);
        lines.push(change.along(theta, lr, ["sign(c)", &format!("sign({})", number(c))]));
        lines
    }

    rule_methods!();
}
