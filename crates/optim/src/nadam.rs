//! NAdam.

use crate::rule::{momentum_is, rule_methods, setter};
use crate::see::{Change, number, term};
use crate::{Optimizer, OptimizerState, Result, State, fused, hyper};
use gradus_linalg::Real;
use ndarray::{ArrayViewD, ArrayViewMutD};

/// NAdam: Adam with Nesterov's look ahead in place of plain momentum.
///
/// ```text
/// g ← g + λ θ                              (weight_decay λ)
/// θ ← (1 − lr · λ) θ                       in its place, with decoupled_weight_decay
/// μₜ = β₁ (1 − ½ · 0.96^(t ψ))             (momentum_decay ψ)
/// Pₜ = μ₁ μ₂ … μₜ
/// m ← β₁ m + (1 − β₁) g
/// v ← β₂ v + (1 − β₂) g²                   v̂ = v / (1 − β₂ᵗ)
/// d = (1 − μₜ) g / (1 − Pₜ) + μₜ₊₁ m / (1 − Pₜ μₜ₊₁)
/// θ ← θ − lr · d / (√v̂ + ε)
/// ```
///
/// with `t` = 1 at the first step.
///
/// | setting | means | default | range |
/// | --- | --- | --- | --- |
/// | `lr` | about the length of a step, for each number | | at least 0 |
/// | `betas` | shares of the two moments that are kept | 0.9, 0.999 | at least 0, less than 1 |
/// | `momentum_decay` | how fast the momentum rises from half of `β₁` to it | 0.004 | at least 0 |
/// | `eps` | keeps the division from exploding | 1e-8 | at least 0 |
/// | `weight_decay` | strength of the penalty `λ/2 · ‖θ‖²` | 0 | at least 0 |
/// | `decoupled_weight_decay` | parameters shrink beside the step, as in [`AdamW`](crate::AdamW) | no | |
///
/// The momentum that mixes gradient and moment is scheduled, the moment's own `β₁` is not: so it is in PyTorch, which the
/// numbers here follow, and in Keras. Optax has no schedule and mixes with `β₁` itself. ε stands outside the root and
/// beside the corrected `v̂`; the report has it inside.
///
/// The state takes twice the memory of the parameters, and one number, `Pₜ`, for each. Like PyTorch, this keeps it in single
/// precision.
///
/// # Examples
/// ```
/// use gradus_nn_layers::{Parameter, Tape, ndarray::array};
/// use gradus_optim::{NAdam, Optimizer};
/// let mut w: Parameter<f64> = array![3.0, -1.0].into();
/// let mut nadam = NAdam::new(0.1);
/// for _ in 0..200 {
///     let loss = Tape::recording().parameter(&w).square().sum();
///     nadam.step(&mut w, &loss.backward()?)?;
/// }
/// assert!(w.value().iter().all(|w| w.abs() < 1e-2));
/// # Ok::<(), gradus_nn_layers::Error>(())
/// ```
///
/// # References
/// T. Dozat, *Incorporating Nesterov momentum into Adam*, ICLR workshop 2016,
/// <https://openreview.net/forum?id=OM0jvwB8jIp57ZJjtNEZ>
#[derive(Debug, Clone)]
pub struct NAdam<F = f32> {
    lr: f64,
    beta1: f64,
    beta2: f64,
    momentum_decay: f64,
    eps: f64,
    weight_decay: f64,
    decoupled: bool,
    state: State<F>,
}

impl<F: Real> NAdam<F> {
    /// NAdam with this learning rate; 2e-3 is the usual one.
    #[must_use]
    pub fn new(lr: f64) -> Self {
        let state = State::new("nadam", &["exp_avg", "exp_avg_sq"]).with_numbers(&[("mu_product", 1.0)]);
        let (momentum_decay, eps, weight_decay) = (0.004, 1e-8, 0.0);
        Self { lr, beta1: 0.9, beta2: 0.999, momentum_decay, eps, weight_decay, decoupled: false, state }
    }

    setter! {
        /// With these shares of the first and the second moment kept from step to step.
        betas(beta1, beta2)
    }

    setter! {
        /// With this speed at which the momentum rises.
        momentum_decay(momentum_decay)
    }

    setter! {
        /// With this number beside the root.
        eps(eps)
    }

    setter! {
        /// With the penalty `weight_decay/2 · ‖θ‖²`, or with that share of decay if it is decoupled.
        weight_decay(weight_decay)
    }

    /// With parameters shrunk by `lr · weight_decay` of themselves at each step, in place of the penalty.
    #[must_use]
    pub fn decoupled_weight_decay(self) -> Self {
        Self { decoupled: true, ..self }
    }
}

impl<F: Real> Optimizer<F> for NAdam<F> {
    fn update(&mut self, name: &str, param: ArrayViewMutD<'_, F>, grad: ArrayViewD<'_, F>) -> Result<()> {
        let Self { lr, beta1, beta2, momentum_decay, eps, .. } = *self;
        let slot = self.state.at(name, param.shape())?;
        slot.steps = slot.steps.saturating_add(1);
        let t = slot.steps;
        let momentum = |t| scheduled(beta1, momentum_decay, t);
        let (mu, next) = (momentum(t), momentum(t.saturating_add(1)));
        let [product] = slot.numbers();
        // PyTorch keeps this one number in single precision whatever the parameters are, and so in the ninth digit of its
        // steps; a run that is carried on from there must not notice.
        let single = product.to_f64() as f32 * mu as f32;
        *product = F::from_f64(single.into());
        let product = f64::from(single);

        let number = F::from_f64;
        let of_gradient = number(lr * (1.0 - mu) / (1.0 - product));
        let of_moment = number(lr * next / (1.0 - product * next));
        let (b1, take1) = (number(beta1), number(1.0 - beta1));
        let (b2, take2) = (number(beta2), number(1.0 - beta2));
        let correct2 = number(1.0 / (1.0 - hyper::power(beta2, t)));
        let (penalty, shrink) = hyper::decay(self.weight_decay, lr, self.decoupled);
        let (eps, penalty, shrink) = (number(eps), number(penalty), number(shrink));
        fused(
            param,
            grad,
            slot.arrays(),
            #[inline(always)]
            |p, g, [m, v]| {
                let g = g + penalty * *p;
                *m = b1 * *m + take1 * g;
                *v = b2 * *v + take2 * g * g;
                *p = shrink * *p - (of_gradient * g + of_moment * *m) / ((*v * correct2).sqrt() + eps);
            },
        );
        Ok(())
    }

    momentum_is!(beta1);

    fn validate(&self) -> Result<()> {
        hyper::not_negative("nadam", "lr", self.lr)?;
        hyper::below_one("nadam", "beta1", self.beta1)?;
        hyper::below_one("nadam", "beta2", self.beta2)?;
        hyper::not_negative("nadam", "momentum_decay", self.momentum_decay)?;
        hyper::not_negative("nadam", "eps", self.eps)?;
        hyper::not_negative("nadam", "weight_decay", self.weight_decay)
    }

    fn explain(&self, change: &Change) -> Vec<String> {
        let Self { lr, beta1, beta2, momentum_decay, eps, weight_decay, decoupled, .. } = *self;
        let (penalty, decay) = if decoupled { (0.0, weight_decay) } else { (weight_decay, 0.0) };
        let (mut lines, g) = change.gradient_with(penalty);
        let (shrunk, theta) = change.shrunk(lr, decay);
        lines.extend(shrunk);
        let [mu, next] = [("μₜ", change.steps), ("μₜ₊₁", change.steps.saturating_add(1))].map(|(symbol, t)| {
            let mu = scheduled(beta1, momentum_decay, t);
            let (b1, psi, value) = (number(beta1), number(momentum_decay), number(mu));
            lines.push(format!("{symbol} = β₁ (1 − ½ · 0.96^(t ψ)) = {b1} · (1 − 0.5 · 0.96^({t} · {psi})) = {value}"));
            mu
        });
        let (before, product) = change.remembered("mu_product");
        let before = if change.steps <= 1 { 1.0 } else { before };
        lines.push(format!("Pₜ = μ₁ μ₂ … μₜ = {} · {} = {}", number(before), number(mu), number(product)));
        let (line, m) = change.average("exp_avg", ["m", "β₁", "g"], beta1, g);
        lines.push(line);
        let (line, v) = change.average("exp_avg_sq", ["v", "β₂", "g²"], beta2, g);
        lines.push(line);
        let (line, v_hat) = change.corrected(["v", "β₂"], v, beta2);
        lines.push(line);
        let d = (1.0 - mu) * g / (1.0 - product) + next * m / (1.0 - product * next);
        let (mu, next, product) = (number(mu), number(next), number(product));
        let of_gradient = format!("(1 − {mu}) · {} / (1 − {product})", term(g));
        let of_moment = format!("{next} · {} / (1 − {product} · {next})", term(m));
        let formula = "d = (1 − μₜ) g / (1 − Pₜ) + μₜ₊₁ m / (1 − Pₜ μₜ₊₁)";
        lines.push(format!("{formula} = {of_gradient} + {of_moment} = {}", number(d)));
        let d = format!("{} / (√{} + {})", term(d), number(v_hat), number(eps));
        lines.push(change.along(theta, lr, ["d / (√v̂ + ε)", &d]));
        lines
    }

    rule_methods!();
}

/// `μₜ`, the momentum of step `t`.
fn scheduled(beta1: f64, momentum_decay: f64, t: u64) -> f64 {
    beta1 * (1.0 - 0.5 * 0.96_f64.powf(t as f64 * momentum_decay))
}
