//! RMSprop.

use crate::rule::{rule_methods, setter};
use crate::see::{Change, number, term};
use crate::{Error, Optimizer, OptimizerState, Result, State, fused, hyper};
use gradus_linalg::Real;
use ndarray::{ArrayViewD, ArrayViewMutD};

/// RMSprop: gradients divided by the root of their mean square of late.
///
/// ```text
/// g ← g + λ θ                          (weight_decay λ)
/// v ← α v + (1 − α) g²
/// m ← α m + (1 − α) g                  with centered; m = 0 without
/// d = g / (√(v − m²) + ε)
/// b ← μ b + d                          with momentum μ; b = d without
/// θ ← θ − lr · b
/// ```
///
/// | setting | means | default | range |
/// | --- | --- | --- | --- |
/// | `lr` | about the length of a step, for each number | | at least 0 |
/// | `alpha` | share of the averages that is kept | 0.99 | at least 0, less than 1 |
/// | `eps` | keeps the division from exploding | 1e-8 | at least 0 |
/// | `centered` | divides by the standard deviation in place of the root of the mean square | no | |
/// | `momentum` | share of the velocity that is kept | 0 | at least 0, less than 1 |
/// | `weight_decay` | strength of the penalty `λ/2 · ‖θ‖²` | 0 | at least 0 |
///
/// ε stands outside the root, as in PyTorch; TensorFlow and Graves have it inside. The rate stands outside the velocity
/// here as in [`Sgd`](crate::Sgd), and inside in TensorFlow. `v` starts at 0 and is not corrected for that, so that the
/// first step is `lr / √(1 − α)` long: ten times `lr` by default. [`Adam`](crate::Adam) is this with the correction and
/// momentum of the gradient itself.
///
/// The state takes as much memory as the parameters, and as much again for each of `centered` and `momentum`.
///
/// # Examples
/// ```
/// use gradus_nn_layers::{Parameter, Tape, ndarray::array};
/// use gradus_optim::{Optimizer, RmsProp};
/// let mut w: Parameter<f64> = array![3.0, -1.0].into();
/// let loss = Tape::recording().parameter(&w).square().sum();
/// RmsProp::new(0.01).step(&mut w, &loss.backward()?)?;
/// assert!((w.value()[[0]] - 2.9).abs() < 1e-8 && (w.value()[[1]] + 0.9).abs() < 1e-8);
/// # Ok::<(), gradus_nn_layers::Error>(())
/// ```
///
/// # References
/// - T. Tieleman, G. Hinton, *Lecture 6.5: RMSprop*, Coursera, 2012,
///   <https://www.cs.toronto.edu/~tijmen/csc321/slides/lecture_slides_lec6.pdf>
/// - A. Graves, *Generating sequences with recurrent neural networks*, 2013, §4.2, <https://arxiv.org/abs/1308.0850>
///   (`centered`)
#[derive(Debug, Clone)]
pub struct RmsProp<F = f32> {
    lr: f64,
    alpha: f64,
    eps: f64,
    centered: bool,
    momentum: f64,
    /// Whether there is a velocity: a schedule may take the momentum to 0 and back.
    velocity: bool,
    weight_decay: f64,
    state: State<F>,
}

impl<F: Real> RmsProp<F> {
    /// RMSprop with this learning rate; 1e-2 is PyTorch's, 1e-3 the lecture's.
    #[must_use]
    pub fn new(lr: f64) -> Self {
        let (momentum, weight_decay) = (0.0, 0.0);
        let state = State::new("rmsprop", &[]);
        Self { lr, alpha: 0.99, eps: 1e-8, centered: false, momentum, velocity: false, weight_decay, state }
            .with_arrays()
    }

    setter! {
        /// With this share of the averages kept from step to step.
        alpha(alpha)
    }

    setter! {
        /// With this number beside the root.
        eps(eps)
    }

    /// With the standard deviation of the gradient in place of the root of its mean square.
    #[must_use]
    pub fn centered(self) -> Self {
        Self { centered: true, ..self }.with_arrays()
    }

    /// With momentum: the share of the velocity that is kept from step to step.
    #[must_use]
    pub fn momentum(self, momentum: f64) -> Self {
        Self { momentum, velocity: momentum != 0.0, ..self }.with_arrays()
    }

    setter! {
        /// With the penalty `weight_decay/2 · ‖θ‖²`.
        weight_decay(weight_decay)
    }

    /// With the memory that these settings need.
    fn with_arrays(self) -> Self {
        let names: &[&str] = match (self.centered, self.velocity) {
            (false, false) => &["square_avg"],
            (false, true) => &["square_avg", "momentum_buffer"],
            (true, false) => &["square_avg", "grad_avg"],
            (true, true) => &["square_avg", "grad_avg", "momentum_buffer"],
        };
        Self { state: State::new("rmsprop", names), ..self }
    }
}

impl<F: Real> Optimizer<F> for RmsProp<F> {
    fn update(&mut self, name: &str, param: ArrayViewMutD<'_, F>, grad: ArrayViewD<'_, F>) -> Result<()> {
        let slot = self.state.at(name, param.shape())?;
        slot.steps = slot.steps.saturating_add(1);
        let number = F::from_f64;
        let (lr, momentum, decay) = (number(self.lr), number(self.momentum), number(self.weight_decay));
        let scale = Scale { alpha: number(self.alpha), take: number(1.0 - self.alpha), eps: number(self.eps) };
        match (self.centered, self.velocity) {
            (false, false) => fused(
                param,
                grad,
                slot.arrays(),
                #[inline(always)]
                |p, g, [v]| *p -= lr * scale.plain(g + decay * *p, v),
            ),
            (false, true) => fused(
                param,
                grad,
                slot.arrays(),
                #[inline(always)]
                |p, g, [v, b]| {
                    *b = momentum * *b + scale.plain(g + decay * *p, v);
                    *p -= lr * *b;
                },
            ),
            (true, false) => fused(
                param,
                grad,
                slot.arrays(),
                #[inline(always)]
                |p, g, [v, m]| *p -= lr * scale.centered(g + decay * *p, v, m),
            ),
            (true, true) => fused(
                param,
                grad,
                slot.arrays(),
                #[inline(always)]
                |p, g, [v, m, b]| {
                    *b = momentum * *b + scale.centered(g + decay * *p, v, m);
                    *p -= lr * *b;
                },
            ),
        }
        Ok(())
    }

    /// If it was made with one.
    fn set_momentum(&mut self, momentum: f64) -> Result<()> {
        if !self.velocity {
            return Err(Error::NoMomentum { momentum });
        }
        self.momentum = momentum;
        Ok(())
    }

    fn validate(&self) -> Result<()> {
        hyper::not_negative("rmsprop", "lr", self.lr)?;
        hyper::below_one("rmsprop", "alpha", self.alpha)?;
        hyper::not_negative("rmsprop", "eps", self.eps)?;
        hyper::below_one("rmsprop", "momentum", self.momentum)?;
        hyper::not_negative("rmsprop", "weight_decay", self.weight_decay)
    }

    fn explain(&self, change: &Change) -> Vec<String> {
        let Self { lr, alpha, eps, centered, momentum, velocity, weight_decay, .. } = *self;
        let (mut lines, g) = change.gradient_with(weight_decay);
        let (line, mut v) = change.average("square_avg", ["v", "α", "g²"], alpha, g);
        lines.push(line);
        let mut root = "√v";
        if centered {
            let (line, m) = change.average("grad_avg", ["m", "α", "g"], alpha, g);
            lines.push(line);
            (v, root) = ((v - m * m).max(0.0), "√(v − m²)");
        }
        let d = g / (v.sqrt() + eps);
        let quotient = format!("{} / (√{} + {})", term(g), number(v), number(eps));
        lines.push(format!("d = g / ({root} + ε) = {quotient} = {}", number(d)));
        let (mut step, mut symbol) = (d, "d");
        if velocity {
            let (before, b) = change.remembered("momentum_buffer");
            let (mu, old, d) = (number(momentum), term(before), term(d));
            lines.push(format!("b ← μ b + d = {mu} · {old} + {d} = {}", number(b)));
            (step, symbol) = (b, "b");
        }
        lines.push(change.along(change.before, lr, [symbol, &term(step)]));
        lines
    }

    rule_methods!();
}

/// How a gradient is scaled.
#[derive(Clone, Copy)]
struct Scale<F> {
    alpha: F,
    take: F,
    eps: F,
}

impl<F: Real> Scale<F> {
    #[inline(always)]
    fn average(self, average: &mut F, x: F) -> F {
        *average = self.alpha * *average + self.take * x;
        *average
    }

    #[inline(always)]
    fn plain(self, g: F, v: &mut F) -> F {
        g / (self.average(v, g * g).sqrt() + self.eps)
    }

    #[inline(always)]
    fn centered(self, g: F, v: &mut F, m: &mut F) -> F {
        let (v, m) = (self.average(v, g * g), self.average(m, g));
        // A variance of nearly 0 may come out below it.
        g / ((v - m * m).maximum(F::ZERO).sqrt() + self.eps)
    }
}
