//! RAdam.

use crate::rule::{momentum_is, rule_methods, setter};
use crate::see::{Change, number, term};
use crate::{Optimizer, OptimizerState, Result, State, fused, hyper};
use gradus_linalg::Real;
use ndarray::{ArrayViewD, ArrayViewMutD};

/// RAdam: Adam that does not trust its second moment before it has seen enough gradients.
///
/// ```text
/// g ← g + λ θ                              (weight_decay λ)
/// θ ← (1 − lr · λ) θ                       in its place, with decoupled_weight_decay
/// m ← β₁ m + (1 − β₁) g                    m̂ = m / (1 − β₁ᵗ)
/// v ← β₂ v + (1 − β₂) g²
/// ρ∞ = 2 / (1 − β₂) − 1
/// ρₜ = ρ∞ − 2 t β₂ᵗ / (1 − β₂ᵗ)
/// if ρₜ > 5:   r = √( (ρₜ − 4)(ρₜ − 2) ρ∞ / ((ρ∞ − 4)(ρ∞ − 2) ρₜ) )
///              θ ← θ − lr · m̂ · r √(1 − β₂ᵗ) / (√v + ε)
/// otherwise:   θ ← θ − lr · m̂
/// ```
///
/// with `t` = 1 at the first step.
///
/// | setting | means | default | range |
/// | --- | --- | --- | --- |
/// | `lr` | about the length of a step, for each number | | at least 0 |
/// | `betas` | shares of the two moments that are kept | 0.9, 0.999 | at least 0, less than 1 |
/// | `eps` | keeps the division from exploding | 1e-8 | at least 0 |
/// | `weight_decay` | strength of the penalty `λ/2 · ‖θ‖²` | 0 | at least 0 |
/// | `decoupled_weight_decay` | parameters shrink beside the step, as in [`AdamW`](crate::AdamW) | no | |
///
/// `ρₜ` is about how many gradients the average `v` holds. As long as they are few, the variance of `1/√v` is large or
/// not even finite, and the step is that of momentum alone: the first five steps by default. Then `r` rises to 1, much as a
/// warm-up of the rate does. With `β₂` of 2/3 or less it never gets that far.
///
/// ε stands beside `√v` uncorrected, as in PyTorch and the authors' code; optax adds it to the corrected root. The paper
/// goes over to the adaptive step at `ρₜ > 4`, the authors' code and PyTorch at 5.
///
/// The state takes twice the memory of the parameters.
///
/// # Examples
/// ```
/// use gradus_nn_layers::{Parameter, Tape, ndarray::array};
/// use gradus_optim::{Optimizer, RAdam};
/// let mut w: Parameter<f64> = array![3.0].into();
/// let loss = Tape::recording().parameter(&w).square().sum();
/// RAdam::new(0.1).step(&mut w, &loss.backward()?)?;
/// assert!((w.value()[[0]] - 2.4).abs() < 1e-12); // plain descent: 3 − 0.1 · 6
/// # Ok::<(), gradus_nn_layers::Error>(())
/// ```
///
/// # References
/// L. Liu, H. Jiang, P. He, W. Chen, X. Liu, J. Gao, J. Han, *On the variance of the adaptive learning rate and beyond*,
/// ICLR 2020, <https://arxiv.org/abs/1908.03265>
#[derive(Debug, Clone)]
pub struct RAdam<F = f32> {
    lr: f64,
    beta1: f64,
    beta2: f64,
    eps: f64,
    weight_decay: f64,
    decoupled: bool,
    state: State<F>,
}

impl<F: Real> RAdam<F> {
    /// RAdam with this learning rate; 1e-3 is the usual one.
    #[must_use]
    pub fn new(lr: f64) -> Self {
        let state = State::new("radam", &["exp_avg", "exp_avg_sq"]);
        Self { lr, beta1: 0.9, beta2: 0.999, eps: 1e-8, weight_decay: 0.0, decoupled: false, state }
    }

    setter! {
        /// With these shares of the first and the second moment kept from step to step.
        betas(beta1, beta2)
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

impl<F: Real> Optimizer<F> for RAdam<F> {
    fn update(&mut self, name: &str, param: ArrayViewMutD<'_, F>, grad: ArrayViewD<'_, F>) -> Result<()> {
        let slot = self.state.at(name, param.shape())?;
        slot.steps = slot.steps.saturating_add(1);
        let t = slot.steps;
        let number = F::from_f64;
        let (b1, take1) = (number(self.beta1), number(1.0 - self.beta1));
        let (b2, take2) = (number(self.beta2), number(1.0 - self.beta2));
        let lr = self.lr / (1.0 - hyper::power(self.beta1, t));
        let (penalty, shrink) = hyper::decay(self.weight_decay, self.lr, self.decoupled);
        let (eps, penalty, shrink) = (number(self.eps), number(penalty), number(shrink));
        let arrays = slot.arrays();
        if let Some(factor) = rectification(self.beta2, t) {
            let lr = number(lr * factor);
            fused(
                param,
                grad,
                arrays,
                #[inline(always)]
                |p, g, [m, v]| {
                    let g = g + penalty * *p;
                    *m = b1 * *m + take1 * g;
                    *v = b2 * *v + take2 * g * g;
                    *p = shrink * *p - lr * *m / (v.sqrt() + eps);
                },
            );
        } else {
            let lr = number(lr);
            fused(
                param,
                grad,
                arrays,
                #[inline(always)]
                |p, g, [m, v]| {
                    let g = g + penalty * *p;
                    *m = b1 * *m + take1 * g;
                    *v = b2 * *v + take2 * g * g;
                    *p = shrink * *p - lr * *m;
                },
            );
        }
        Ok(())
    }

    momentum_is!(beta1);

    fn validate(&self) -> Result<()> {
        hyper::not_negative("radam", "lr", self.lr)?;
        hyper::below_one("radam", "beta1", self.beta1)?;
        hyper::below_one("radam", "beta2", self.beta2)?;
        hyper::not_negative("radam", "eps", self.eps)?;
        hyper::not_negative("radam", "weight_decay", self.weight_decay)
    }

    fn explain(&self, change: &Change) -> Vec<String> {
        let Self { lr, beta1, beta2, eps, weight_decay, decoupled, .. } = *self;
        let (penalty, decay) = if decoupled { (0.0, weight_decay) } else { (weight_decay, 0.0) };
        let (mut lines, g) = change.gradient_with(penalty);
        let (shrunk, theta) = change.shrunk(lr, decay);
        lines.extend(shrunk);
        let (line, m) = change.average("exp_avg", ["m", "β₁", "g"], beta1, g);
        lines.push(line);
        let (line, v) = change.average("exp_avg_sq", ["v", "β₂", "g²"], beta2, g);
        lines.push(line);
        let (line, m_hat) = change.corrected(["m", "β₁"], m, beta1);
        lines.push(line);
        let (t, kept) = (change.steps, hyper::power(beta2, change.steps));
        let [most, now] = lengths(beta2, t);
        let (left, all, held) = (number(1.0 - kept), number(most), number(now));
        lines.push(format!("ρ∞ = 2 / (1 − β₂) − 1 = 2 / {} − 1 = {all}", number(1.0 - beta2)));
        let bias = format!("2 · {t} · {} / {left}", number(kept));
        lines.push(format!("ρₜ = ρ∞ − 2 t β₂^{t} / (1 − β₂^{t}) = {all} − {bias} = {held}"));
        if now > 5.0 {
            let r = ratio(most, now).sqrt();
            let formula = "r = √((ρₜ − 4) (ρₜ − 2) ρ∞ / ((ρ∞ − 4) (ρ∞ − 2) ρₜ))";
            let above = format!("({held} − 4) · ({held} − 2) · {all}");
            let below = format!("(({all} − 4) · ({all} − 2) · {held})");
            lines.push(format!("{formula} = √({above} / {below}) = {}", number(r)));
            let root = format!("{} · √{left} / (√{} + {})", number(r), number(v), number(eps));
            let symbol = format!("m̂ · r √(1 − β₂^{t}) / (√v + ε)");
            lines.push(change.along(theta, lr, [&symbol, &format!("{} · {root}", term(m_hat))]));
        } else {
            lines.push(change.along(theta, lr, ["m̂", &term(m_hat)]));
        }
        lines
    }

    rule_methods!();
}

/// `ρ∞` and `ρₜ`.
fn lengths(beta2: f64, t: u64) -> [f64; 2] {
    let kept = hyper::power(beta2, t);
    let most = 2.0 / (1.0 - beta2) - 1.0;
    [most, most - 2.0 * t as f64 * kept / (1.0 - kept)]
}

/// `r²`.
fn ratio(most: f64, now: f64) -> f64 {
    (now - 4.0) * (now - 2.0) * most / ((most - 4.0) * (most - 2.0) * now)
}

/// `r · √(1 − β₂ᵗ)` at step `t`, if the second moment can be trusted by then.
fn rectification(beta2: f64, t: u64) -> Option<f64> {
    let [most, now] = lengths(beta2, t);
    (now > 5.0).then(|| (ratio(most, now) * (1.0 - hyper::power(beta2, t))).sqrt())
}
