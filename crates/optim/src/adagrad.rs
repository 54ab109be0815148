//! Adagrad.

use crate::rule::{rule_methods, setter};
use crate::see::{Change, number, term};
use crate::{Optimizer, OptimizerState, Result, State, fused, hyper};
use gradus_linalg::Real;
use ndarray::{ArrayViewD, ArrayViewMutD};

/// Adagrad: each number's step shrinks with all the gradients that it has seen.
///
/// ```text
/// g ← g + λ θ                                 (weight_decay λ)
/// s ← s + g²                                  (s starts at initial_accumulator_value)
/// θ ← θ − lr / (1 + (t − 1) · lr_decay) · g / (√s + ε)
/// ```
///
/// with `t` = 1 at the first step.
///
/// | setting | means | default | range |
/// | --- | --- | --- | --- |
/// | `lr` | length of the first step, for each number | | at least 0 |
/// | `lr_decay` | how fast the rate falls on its own | 0 | at least 0 |
/// | `initial_accumulator_value` | what the sum of squares begins with | 0 | at least 0 |
/// | `eps` | keeps the division from exploding | 1e-10 | at least 0 |
/// | `weight_decay` | strength of the penalty `λ/2 · ‖θ‖²` | 0 | at least 0 |
///
/// Numbers whose gradient is seldom not 0 (the rows of an embedding, say) keep long steps; the others' shrink as `1/√t`,
/// for good: in long training that is too much, and [`RmsProp`](crate::RmsProp) forgets instead.
///
/// ε stands outside the root, as in PyTorch; TensorFlow has it inside, and begins the sum at 0.1.
///
/// The state takes as much memory as the parameters.
///
/// # Examples
/// ```
/// use gradus_nn_layers::{Parameter, Tape, ndarray::array};
/// use gradus_optim::{Adagrad, Optimizer};
/// let mut w: Parameter<f64> = array![3.0, -1.0].into();
/// let loss = Tape::recording().parameter(&w).square().sum();
/// Adagrad::new(0.1).step(&mut w, &loss.backward()?)?;
/// assert!((w.value()[[0]] - 2.9).abs() < 1e-9 && (w.value()[[1]] + 0.9).abs() < 1e-9);
/// # Ok::<(), gradus_nn_layers::Error>(())
/// ```
///
/// # References
/// J. Duchi, E. Hazan, Y. Singer, *Adaptive subgradient methods for online learning and stochastic optimization*, JMLR 12,
/// 2011, <https://jmlr.org/papers/v12/duchi11a.html>
#[derive(Debug, Clone)]
pub struct Adagrad<F = f32> {
    lr: f64,
    lr_decay: f64,
    initial_accumulator_value: f64,
    eps: f64,
    weight_decay: f64,
    state: State<F>,
}

impl<F: Real> Adagrad<F> {
    /// Adagrad with this learning rate; 1e-2 is the usual one.
    #[must_use]
    pub fn new(lr: f64) -> Self {
        let state = State::new("adagrad", &["sum"]);
        Self { lr, lr_decay: 0.0, initial_accumulator_value: 0.0, eps: 1e-10, weight_decay: 0.0, state }
    }

    setter! {
        /// With a rate that falls as `1 / (1 + (t − 1) · lr_decay)`.
        lr_decay(lr_decay)
    }

    setter! {
        /// With sums of squares that begin here: the larger, the shorter the first steps.
        initial_accumulator_value(initial_accumulator_value)
    }

    setter! {
        /// With this number beside the root.
        eps(eps)
    }

    setter! {
        /// With the penalty `weight_decay/2 · ‖θ‖²`.
        weight_decay(weight_decay)
    }
}

impl<F: Real> Optimizer<F> for Adagrad<F> {
    fn update(&mut self, name: &str, param: ArrayViewMutD<'_, F>, grad: ArrayViewD<'_, F>) -> Result<()> {
        let slot = self.state.at(name, param.shape())?;
        if slot.steps == 0 {
            let [sum] = slot.arrays();
            sum.fill(F::from_f64(self.initial_accumulator_value));
        }
        let lr = F::from_f64(self.lr / (1.0 + slot.steps as f64 * self.lr_decay));
        slot.steps = slot.steps.saturating_add(1);
        let (eps, decay) = (F::from_f64(self.eps), F::from_f64(self.weight_decay));
        fused(
            param,
            grad,
            slot.arrays(),
            #[inline(always)]
            |p, g, [sum]| {
                let g = g + decay * *p;
                *sum += g * g;
                *p -= lr * g / (sum.sqrt() + eps);
            },
        );
        Ok(())
    }

    fn validate(&self) -> Result<()> {
        hyper::not_negative("adagrad", "lr", self.lr)?;
        hyper::not_negative("adagrad", "lr_decay", self.lr_decay)?;
        hyper::not_negative("adagrad", "initial_accumulator_value", self.initial_accumulator_value)?;
        hyper::not_negative("adagrad", "eps", self.eps)?;
        hyper::not_negative("adagrad", "weight_decay", self.weight_decay)
    }

    fn explain(&self, change: &Change) -> Vec<String> {
        let Self { lr, lr_decay, initial_accumulator_value, eps, weight_decay, .. } = *self;
        let (mut lines, g) = change.gradient_with(weight_decay);
        let (before, s) = change.remembered("sum");
        let old = if change.steps <= 1 { initial_accumulator_value } else { before };
        lines.push(format!("s ← s + g² = {} + {}² = {}", number(old), term(g), number(s)));
        let d = format!("{} / (√{} + {})", term(g), number(s), number(eps));
        if lr_decay == 0.0 {
            lines.push(change.along(change.before, lr, ["g / (√s + ε)", &d]));
        } else {
            let (theta, lr, past) = (term(change.before), number(lr), change.steps.saturating_sub(1));
            let rate = format!("{lr} / (1 + {past} · {})", number(lr_decay));
            let formula = "θ ← θ − lr / (1 + (t − 1) · lr_decay) · g / (√s + ε)";
            lines.push(format!("{formula} = {theta} − {rate} · {d} = {}", number(change.after)));
        }
        lines
    }

    rule_methods!();
}
