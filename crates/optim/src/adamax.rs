//! Adamax.

use crate::rule::{momentum_is, rule_methods, setter};
use crate::see::{Change, number, term};
use crate::{Optimizer, OptimizerState, Result, State, fused, hyper};
use gradus_linalg::Real;
use ndarray::{ArrayViewD, ArrayViewMutD};

/// Adamax: Adam with the largest gradient of late in place of the mean square.
///
/// ```text
/// g ← g + λ θ                          (weight_decay λ)
/// m ← β₁ m + (1 − β₁) g
/// u ← max(β₂ u, |g| + ε)
/// θ ← θ − lr / (1 − β₁ᵗ) · m / u
/// ```
///
/// with `t` = 1 at the first step.
///
/// | setting | means | default | range |
/// | --- | --- | --- | --- |
/// | `lr` | bound of a step, for each number | | at least 0 |
/// | `betas` | shares of the moment and of the maximum that are kept | 0.9, 0.999 | at least 0, less than 1 |
/// | `eps` | keeps the division from exploding | 1e-8 | at least 0 |
/// | `weight_decay` | strength of the penalty `λ/2 · ‖θ‖²` | 0 | at least 0 |
///
/// `u` needs no correction: a maximum is not drawn towards its start. ε stands beside `|g|` inside the maximum, as in
/// PyTorch; the paper has none, and TensorFlow and optax add it to `u` in the division.
///
/// The state takes twice the memory of the parameters.
///
/// # Examples
/// ```
/// use gradus_nn_layers::{Parameter, Tape, ndarray::array};
/// use gradus_optim::{Adamax, Optimizer};
/// let mut w: Parameter<f64> = array![3.0, -1.0].into();
/// let loss = Tape::recording().parameter(&w).square().sum();
/// Adamax::new(0.1).step(&mut w, &loss.backward()?)?;
/// assert!((w.value()[[0]] - 2.9).abs() < 1e-8 && (w.value()[[1]] + 0.9).abs() < 1e-8);
/// # Ok::<(), gradus_nn_layers::Error>(())
/// ```
///
/// # References
/// D. P. Kingma, J. Ba, *Adam: a method for stochastic optimization*, ICLR 2015, §7.1, <https://arxiv.org/abs/1412.6980>
#[derive(Debug, Clone)]
pub struct Adamax<F = f32> {
    lr: f64,
    beta1: f64,
    beta2: f64,
    eps: f64,
    weight_decay: f64,
    state: State<F>,
}

impl<F: Real> Adamax<F> {
    /// Adamax with this learning rate; 2e-3 is the usual one.
    #[must_use]
    pub fn new(lr: f64) -> Self {
        let state = State::new("adamax", &["exp_avg", "exp_inf"]);
        Self { lr, beta1: 0.9, beta2: 0.999, eps: 1e-8, weight_decay: 0.0, state }
    }

    setter! {
        /// With these shares of the moment and of the maximum kept from step to step.
        betas(beta1, beta2)
    }

    setter! {
        /// With this number beside the gradient's absolute value.
        eps(eps)
    }

    setter! {
        /// With the penalty `weight_decay/2 · ‖θ‖²`.
        weight_decay(weight_decay)
    }
}

impl<F: Real> Optimizer<F> for Adamax<F> {
    fn update(&mut self, name: &str, param: ArrayViewMutD<'_, F>, grad: ArrayViewD<'_, F>) -> Result<()> {
        let slot = self.state.at(name, param.shape())?;
        slot.steps = slot.steps.saturating_add(1);
        let number = F::from_f64;
        let (b1, take1, b2) = (number(self.beta1), number(1.0 - self.beta1), number(self.beta2));
        let lr = number(self.lr / (1.0 - hyper::power(self.beta1, slot.steps)));
        let (eps, decay) = (number(self.eps), number(self.weight_decay));
        fused(
            param,
            grad,
            slot.arrays(),
            #[inline(always)]
            |p, g, [m, u]| {
                let g = g + decay * *p;
                *m = b1 * *m + take1 * g;
                *u = (b2 * *u).maximum(g.abs() + eps);
                *p -= lr * *m / *u;
            },
        );
        Ok(())
    }

    momentum_is!(beta1);

    fn validate(&self) -> Result<()> {
        hyper::not_negative("adamax", "lr", self.lr)?;
        hyper::below_one("adamax", "beta1", self.beta1)?;
        hyper::below_one("adamax", "beta2", self.beta2)?;
        hyper::not_negative("adamax", "eps", self.eps)?;
        hyper::not_negative("adamax", "weight_decay", self.weight_decay)
    }

    fn explain(&self, change: &Change) -> Vec<String> {
        let Self { lr, beta1, beta2, eps, weight_decay, .. } = *self;
        let (mut lines, g) = change.gradient_with(weight_decay);
        let (line, m) = change.average("exp_avg", ["m", "β₁", "g"], beta1, g);
        lines.push(line);
        let (before, u) = change.remembered("exp_inf");
        let largest = format!("max({} · {}, |{}| + {})", number(beta2), number(before), number(g), number(eps));
        lines.push(format!("u ← max(β₂ u, |g| + ε) = {largest} = {}", number(u)));
        let (t, correct) = (change.steps, number(1.0 - hyper::power(beta1, change.steps)));
        let (theta, lr, m, u) = (term(change.before), number(lr), term(m), number(u));
        let step = format!("{theta} − {lr} / {correct} · {m} / {u}");
        lines.push(format!("θ ← θ − lr / (1 − β₁^{t}) · m / u = {step} = {}", number(change.after)));
        lines
    }

    rule_methods!();
}
