//! Adadelta.

use crate::rule::{rule_methods, setter};
use crate::see::{Change, number, term};
use crate::{Optimizer, OptimizerState, Result, State, fused, hyper};
use gradus_linalg::Real;
use ndarray::{ArrayViewD, ArrayViewMutD};

/// Adadelta: gradients measured by past gradients, steps by past steps, so that no learning rate needs a unit.
///
/// ```text
/// g ← g + λ θ                          (weight_decay λ)
/// v ← ρ v + (1 − ρ) g²
/// d = √(u + ε) / √(v + ε) · g
/// u ← ρ u + (1 − ρ) d²
/// θ ← θ − lr · d
/// ```
///
/// | setting | means | default | range |
/// | --- | --- | --- | --- |
/// | `lr` | a factor of the step; 1 in the paper | | at least 0 |
/// | `rho` | share of both averages that is kept | 0.9 | at least 0, less than 1 |
/// | `eps` | gives the first steps their length | 1e-6 | at least 0 |
/// | `weight_decay` | strength of the penalty `λ/2 · ‖θ‖²` | 0 | at least 0 |
///
/// ε stands inside both roots, in the paper and in every framework, and does more than to keep a division from
/// exploding: `u` is 0 at first, so that the first steps are about `√ε` long, and from there they have to grow. With
/// ε = 0 nothing ever moves.
///
/// The state takes twice the memory of the parameters.
///
/// # Examples
/// ```
/// use gradus_nn_layers::{Parameter, Tape, ndarray::array};
/// use gradus_optim::{Adadelta, Optimizer};
/// let mut w: Parameter<f64> = array![3.0].into();
/// let loss = Tape::recording().parameter(&w).square().sum();
/// Adadelta::new(1.0).step(&mut w, &loss.backward()?)?;
/// // The first step: √(1e-6) / √(0.1 · 6²) · 6
/// assert!((3.0 - w.value()[[0]] - 1e-3 / 0.1_f64.sqrt()).abs() < 1e-9);
/// # Ok::<(), gradus_nn_layers::Error>(())
/// ```
///
/// # References
/// M. D. Zeiler, *ADADELTA: an adaptive learning rate method*, 2012, <https://arxiv.org/abs/1212.5701>
#[derive(Debug, Clone)]
pub struct Adadelta<F = f32> {
    lr: f64,
    rho: f64,
    eps: f64,
    weight_decay: f64,
    state: State<F>,
}

impl<F: Real> Adadelta<F> {
    /// Adadelta with this factor of the step; 1 is the paper's.
    #[must_use]
    pub fn new(lr: f64) -> Self {
        let state = State::new("adadelta", &["square_avg", "acc_delta"]);
        Self { lr, rho: 0.9, eps: 1e-6, weight_decay: 0.0, state }
    }

    setter! {
        /// With this share of both averages kept from step to step.
        rho(rho)
    }

    setter! {
        /// With this number inside both roots.
        eps(eps)
    }

    setter! {
        /// With the penalty `weight_decay/2 · ‖θ‖²`.
        weight_decay(weight_decay)
    }
}

impl<F: Real> Optimizer<F> for Adadelta<F> {
    fn update(&mut self, name: &str, param: ArrayViewMutD<'_, F>, grad: ArrayViewD<'_, F>) -> Result<()> {
        let slot = self.state.at(name, param.shape())?;
        slot.steps = slot.steps.saturating_add(1);
        let (lr, rho, take) = (F::from_f64(self.lr), F::from_f64(self.rho), F::from_f64(1.0 - self.rho));
        let (eps, decay) = (F::from_f64(self.eps), F::from_f64(self.weight_decay));
        fused(
            param,
            grad,
            slot.arrays(),
            #[inline(always)]
            |p, g, [v, u]| {
                let g = g + decay * *p;
                *v = rho * *v + take * g * g;
                let d = ratio(*u + eps, *v + eps) * g;
                *u = rho * *u + take * d * d;
                *p -= lr * d;
            },
        );
        Ok(())
    }

    fn validate(&self) -> Result<()> {
        hyper::not_negative("adadelta", "lr", self.lr)?;
        hyper::below_one("adadelta", "rho", self.rho)?;
        hyper::not_negative("adadelta", "eps", self.eps)?;
        hyper::not_negative("adadelta", "weight_decay", self.weight_decay)
    }

    fn explain(&self, change: &Change) -> Vec<String> {
        let Self { lr, rho, eps, weight_decay, .. } = *self;
        let (mut lines, g) = change.gradient_with(weight_decay);
        let (line, v) = change.average("square_avg", ["v", "ρ", "g²"], rho, g);
        lines.push(line);
        let u = change.remembered("acc_delta").0;
        let d = ratio(u + eps, v + eps) * g;
        let roots = format!("√({} + {eps}) / √({} + {eps})", number(u), number(v), eps = number(eps));
        lines.push(format!("d = √(u + ε) / √(v + ε) · g = {roots} · {} = {}", term(g), number(d)));
        lines.push(change.average("acc_delta", ["u", "ρ", "d²"], rho, d).0);
        lines.push(change.along(change.before, lr, ["d", &term(d)]));
        lines
    }

    rule_methods!();
}

/// `√steps / √gradients`. Without ε, a gradient that was always 0 would give 0/0.
#[inline(always)]
fn ratio<F: Real>(steps: F, gradients: F) -> F {
    if gradients == F::ZERO { F::ZERO } else { steps.sqrt() / gradients.sqrt() }
}
