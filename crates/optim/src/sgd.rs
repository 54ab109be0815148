//! Stochastic gradient descent, with momentum.

use crate::rule::{momentum_is, rule_methods, setter};
use crate::see::{Change, number, term};
use crate::{Error, Optimizer, OptimizerState, Result, State, fused, hyper};
use gradus_linalg::Real;
use ndarray::{ArrayViewD, ArrayViewMutD};

/// Stochastic gradient descent: a step against the gradient, with momentum if you like.
///
/// ```text
/// g ← g + λ θ                   (weight_decay λ)
/// v ← μ v + (1 − τ) g           (momentum μ, dampening τ; v = g at the first step)
/// d = g + μ v  with nesterov,   v  with plain momentum,   g  without momentum
/// θ ← θ − lr · d
/// ```
///
/// | setting | means | default | range |
/// | --- | --- | --- | --- |
/// | `lr` | length of a step | | at least 0 |
/// | `momentum` | share of the velocity that is kept | 0 | at least 0, less than 1 |
/// | `dampening` | share of the gradient that does not enter the velocity | 0 | 0 to 1 |
/// | `nesterov` | looks one step ahead | no | needs momentum, and no dampening |
/// | `weight_decay` | strength of the penalty `λ/2 · ‖θ‖²` | 0 | at least 0 |
///
/// The learning rate stands outside the velocity, as in PyTorch: after a change of `lr`, past gradients count with the
/// new one. Polyak's and Sutskever's form, `v ← μ v − lr · g`, `θ ← θ + v`, keeps it inside; while `lr` does not
/// change the two walk the same path.
///
/// # Both forms of Nesterov
/// Nesterov's method first goes where the velocity will carry it, and takes the gradient there. Written as Sutskever et
/// al. do, with parameters `φ` and a velocity `u` that has the rate inside:
///
/// ```text
/// u ← μ u − lr · ∇L(φ + μ u)
/// φ ← φ + u
/// ```
///
/// That needs the gradient at a point where the model is not. The second form, of Bengio et al. and of PyTorch, walks
/// on the points at which gradients are taken, `θ = φ + μ u`, with `v = −u / lr`:
///
/// ```text
/// v ← μ v + ∇L(θ)
/// θ ← θ − lr · (∇L(θ) + μ v)
/// ```
///
/// Put one into the other: the new `φ + μ u` is `φ_old + (1 + μ) u = (θ_old − μ u_old) + (1 + μ)(μ u_old − lr g)`, which
/// is `θ_old − lr (g + μ v)`. So both are one walk while `lr` and `μ` stay; the model holds the points ahead, and `φ` is
/// `θ + μ lr v`. This is the form here. Near the minimum the velocity dies out and the two points meet.
///
/// `weight_decay` is the penalty `λ/2 · ‖θ‖²` of the loss, through its gradient. Under plain descent that is the same as to
/// shrink the parameters by `1 − lr · λ` at each step; with momentum it is not.
///
/// # Examples
/// ```
/// use gradus_nn_layers::{Parameter, Tape, ndarray::array};
/// use gradus_optim::{Optimizer, Sgd};
/// let mut w: Parameter = array![4.0, -4.0].into();
/// let mut sgd = Sgd::new(0.1).momentum(0.5).nesterov();
/// for _ in 0..60 {
///     let loss = Tape::recording().parameter(&w).square().sum();
///     sgd.step(&mut w, &loss.backward()?)?;
/// }
/// assert!(w.value().iter().all(|w| w.abs() < 1e-5));
/// # Ok::<(), gradus_nn_layers::Error>(())
/// ```
///
/// # References
/// - H. Robbins, S. Monro, *A stochastic approximation method*, Annals of Mathematical Statistics 22, 1951
/// - B. T. Polyak, *Some methods of speeding up the convergence of iteration methods*, USSR Computational Mathematics and
///   Mathematical Physics 4(5), 1964 (momentum)
/// - Y. Nesterov, *A method for solving a convex programming problem with convergence rate O(1/k²)*, Soviet Mathematics
///   Doklady 27, 1983
/// - I. Sutskever, J. Martens, G. Dahl, G. Hinton, *On the importance of initialization and momentum in deep learning*,
///   ICML 2013, <https://proceedings.mlr.press/v28/sutskever13.html> (the first form)
/// - Y. Bengio, N. Boulanger-Lewandowski, R. Pascanu, *Advances in optimizing recurrent networks*, ICASSP 2013, §3.5,
///   <https://arxiv.org/abs/1212.0901> (the second form)
#[derive(Debug, Clone)]
pub struct Sgd<F = f32> {
    lr: f64,
    momentum: f64,
    dampening: f64,
    nesterov: bool,
    weight_decay: f64,
    state: State<F>,
}

impl<F: Real> Sgd<F> {
    /// Plain descent with this learning rate.
    #[must_use]
    pub fn new(lr: f64) -> Self {
        let state = State::new("sgd", &["momentum_buffer"]);
        Self { lr, momentum: 0.0, dampening: 0.0, nesterov: false, weight_decay: 0.0, state }
    }

    setter! {
        /// With momentum: the share of the velocity that is kept from step to step.
        momentum(momentum)
    }

    setter! {
        /// With a share of the gradient kept out of the velocity.
        dampening(dampening)
    }

    /// With Nesterov's look ahead.
    #[must_use]
    pub fn nesterov(self) -> Self {
        Self { nesterov: true, ..self }
    }

    setter! {
        /// With the penalty `weight_decay/2 · ‖θ‖²`.
        weight_decay(weight_decay)
    }
}

impl<F: Real> Optimizer<F> for Sgd<F> {
    fn update(&mut self, name: &str, param: ArrayViewMutD<'_, F>, grad: ArrayViewD<'_, F>) -> Result<()> {
        let (lr, momentum, decay) = (F::from_f64(self.lr), F::from_f64(self.momentum), F::from_f64(self.weight_decay));
        if self.momentum == 0.0 {
            fused(param, grad, &mut [], |p, g, []| *p -= lr * (g + decay * *p));
            return Ok(());
        }
        let slot = self.state.at(name, param.shape())?;
        let enters = F::from_f64(if slot.steps == 0 { 1.0 } else { 1.0 - self.dampening });
        slot.steps = slot.steps.saturating_add(1);
        if self.nesterov {
            fused(param, grad, slot.arrays(), |p, g, [v]| {
                let g = g + decay * *p;
                *v = momentum * *v + enters * g;
                *p -= lr * (g + momentum * *v);
            });
        } else {
            fused(param, grad, slot.arrays(), |p, g, [v]| {
                let g = g + decay * *p;
                *v = momentum * *v + enters * g;
                *p -= lr * *v;
            });
        }
        Ok(())
    }

    momentum_is!(momentum);

    fn validate(&self) -> Result<()> {
        let Self { lr, momentum, dampening, nesterov, weight_decay, .. } = *self;
        hyper::not_negative("sgd", "lr", lr)?;
        hyper::below_one("sgd", "momentum", momentum)?;
        hyper::up_to_one("sgd", "dampening", dampening)?;
        hyper::not_negative("sgd", "weight_decay", weight_decay)?;
        if nesterov && (momentum == 0.0 || dampening != 0.0) {
            return Err(Error::Nesterov { momentum, dampening });
        }
        Ok(())
    }

    fn explain(&self, change: &Change) -> Vec<String> {
        let Self { lr, momentum, dampening, nesterov, weight_decay, .. } = *self;
        let (mut lines, g) = change.gradient_with(weight_decay);
        let (mut d, mut direction) = (g, "g");
        if momentum > 0.0 {
            let (before, v) = change.remembered("momentum_buffer");
            if change.steps <= 1 {
                lines.push(format!("v ← g = {}", number(v)));
            } else if dampening == 0.0 {
                let (mu, old, g) = (number(momentum), term(before), term(g));
                lines.push(format!("v ← μ v + g = {mu} · {old} + {g} = {}", number(v)));
            } else {
                let (mu, old, g) = (number(momentum), term(before), term(g));
                let enters = number(1.0 - dampening);
                lines.push(format!("v ← μ v + (1 − τ) g = {mu} · {old} + {enters} · {g} = {}", number(v)));
            }
            (d, direction) = (v, "v");
            if nesterov {
                (d, direction) = (g + momentum * v, "d");
                let (g, mu, v) = (term(g), number(momentum), term(v));
                lines.push(format!("d = g + μ v = {g} + {mu} · {v} = {}", number(d)));
            }
        }
        let (old, lr, new) = (term(change.before), number(lr), number(change.after));
        lines.push(format!("θ ← θ − lr · {direction} = {old} − {lr} · {} = {new}", term(d)));
        lines
    }

    rule_methods!();
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::arr1;

    /// The parameter after each of three steps with gradients 1, 1, 2, from θ = 1 with lr = 0.1.
    fn path(mut sgd: Sgd<f64>) -> [f64; 3] {
        let mut p = arr1(&[1.0]).into_dyn();
        [1.0, 1.0, 2.0].map(|g| {
            sgd.update("p", p.view_mut(), arr1(&[g]).into_dyn().view()).unwrap();
            p[[0]]
        })
    }

    fn assert_path(sgd: Sgd<f64>, expected: [f64; 3]) {
        let got = path(sgd);
        assert!(got.iter().zip(expected).all(|(g, e)| (g - e).abs() < 1e-12), "{got:?}, expected {expected:?}");
    }

    #[test]
    fn by_hand() {
        assert_path(Sgd::new(0.1), [0.9, 0.8, 0.6]);
        // v: 1, 1.5, 2.75
        assert_path(Sgd::new(0.1).momentum(0.5), [0.9, 0.75, 0.475]);
        // d = g + v/2: 1.5, 1.75, 3.375
        assert_path(Sgd::new(0.1).momentum(0.5).nesterov(), [0.85, 0.675, 0.3375]);
        // v: 1 (the first gradient enters whole), 0.75, 0.875
        assert_path(Sgd::new(0.1).momentum(0.5).dampening(0.75), [0.9, 0.825, 0.7375]);
        // g + θ: 2, 1.8, 2.62
        assert_path(Sgd::new(0.1).weight_decay(1.0), [0.8, 0.62, 0.358]);
    }
}
