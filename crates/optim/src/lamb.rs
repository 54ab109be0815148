//! LAMB.

use crate::rule::{momentum_is, rule_methods, setter};
use crate::see::{Change, number, term};
use crate::{Optimizer, OptimizerState, Result, State, fused, hyper};
use gradus_linalg::Real;
use gradus_linalg::simd::vectorized;
use ndarray::{ArrayD, ArrayViewD, ArrayViewMutD};

/// LAMB: Adam's direction, with a step as long for each array as the array itself.
///
/// ```text
/// m ← β₁ m + (1 − β₁) g                m̂ = m / (1 − β₁ᵗ)
/// v ← β₂ v + (1 − β₂) g²               v̂ = v / (1 − β₂ᵗ)
/// u = m̂ / (√v̂ + ε) + λ θ               (weight_decay λ)
/// r = ‖θ‖ / ‖u‖                        1 if one of the norms is 0
/// θ ← θ − lr · r · u
/// ```
///
/// with `t` = 1 at the first step; norms are Euclidean, of each parameter array by itself.
///
/// | setting | means | default | range |
/// | --- | --- | --- | --- |
/// | `lr` | length of a step, in units of the array's own norm | | at least 0 |
/// | `betas` | shares of the two moments that are kept | 0.9, 0.999 | at least 0, less than 1 |
/// | `eps` | keeps the division from exploding | 1e-6 | at least 0 |
/// | `weight_decay` | share of the parameters in the direction of the step | 0 | at least 0 |
///
/// It is made for large batches, whose few and long steps would tear some layers apart and hardly move others: here each
/// layer turns by the same angle. Decay is part of the direction and is scaled by the ratio with it, neither a penalty
/// nor quite decoupled.
///
/// PyTorch has no LAMB. The paper leaves a bound `φ(‖θ‖)` of the norm open; it is `‖θ‖` here, as in optax and the paper's
/// experiments, where some implementations cut it at 10. Biases start at 0 and small scales would be held near
/// their start: many leave both out of the ratio, which is what [`Groups`](crate::Groups) with
/// [`AdamW`](crate::AdamW) for them does.
///
/// The state takes twice the memory of the parameters. The step reads it twice: the norms must be known before anything
/// moves.
///
/// # Examples
/// ```
/// use gradus_nn_layers::{Parameter, Tape, ndarray::array};
/// use gradus_optim::{Lamb, Optimizer};
/// let mut w: Parameter<f64> = array![3.0, -4.0].into();
/// let loss = Tape::recording().parameter(&w).square().sum();
/// Lamb::new(0.1).step(&mut w, &loss.backward()?)?;
/// // Adam's direction is (1, −1); the step is 0.1 · ‖w‖ = 0.5 long.
/// let side = 0.5 / 2.0_f64.sqrt();
/// assert!((w.value()[[0]] - 3.0 + side).abs() < 1e-6 && (w.value()[[1]] + 4.0 - side).abs() < 1e-6);
/// # Ok::<(), gradus_nn_layers::Error>(())
/// ```
///
/// # References
/// Y. You, J. Li, S. Reddi, J. Hseu, S. Kumar et al., *Large batch optimization for deep learning: training BERT in 76
/// minutes*, ICLR 2020, Algorithm 2, <https://arxiv.org/abs/1904.00962>
#[derive(Debug, Clone)]
pub struct Lamb<F = f32> {
    lr: f64,
    beta1: f64,
    beta2: f64,
    eps: f64,
    weight_decay: f64,
    state: State<F>,
}

impl<F: Real> Lamb<F> {
    /// LAMB with this learning rate; a few 1e-3 are usual.
    #[must_use]
    pub fn new(lr: f64) -> Self {
        let state = State::new("lamb", &["exp_avg", "exp_avg_sq"]);
        Self { lr, beta1: 0.9, beta2: 0.999, eps: 1e-6, weight_decay: 0.0, state }
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
        /// With this share of the parameters in the direction of the step.
        weight_decay(weight_decay)
    }
}

impl<F: Real> Optimizer<F> for Lamb<F> {
    fn update(&mut self, name: &str, mut param: ArrayViewMutD<'_, F>, grad: ArrayViewD<'_, F>) -> Result<()> {
        let slot = self.state.at(name, param.shape())?;
        slot.steps = slot.steps.saturating_add(1);
        let t = slot.steps;
        let number = F::from_f64;
        let (b1, take1) = (number(self.beta1), number(1.0 - self.beta1));
        let (b2, take2) = (number(self.beta2), number(1.0 - self.beta2));
        let correct1 = number(1.0 / (1.0 - hyper::power(self.beta1, t)));
        let correct2 = number(1.0 / (1.0 - hyper::power(self.beta2, t)));
        let (eps, decay) = (number(self.eps), number(self.weight_decay));
        let direction = Direction { correct1, correct2, eps, decay };
        let arrays = slot.arrays();
        fused(
            param.view_mut(),
            grad.view(),
            arrays,
            #[inline(always)]
            |_, g, [m, v]| {
                *m = b1 * *m + take1 * g;
                *v = b2 * *v + take2 * g * g;
            },
        );
        let (theta, u) = norms(
            param.view(),
            arrays,
            #[inline(always)]
            |p, m, v| direction.at(p, m, v),
        );
        let ratio = if theta > 0.0 && u > 0.0 { theta / u } else { 1.0 };
        let lr = number(self.lr * ratio);
        fused(
            param,
            grad,
            arrays,
            #[inline(always)]
            |p, _, [m, v]| *p -= lr * direction.at(*p, *m, *v),
        );
        Ok(())
    }

    momentum_is!(beta1);

    fn validate(&self) -> Result<()> {
        hyper::not_negative("lamb", "lr", self.lr)?;
        hyper::below_one("lamb", "beta1", self.beta1)?;
        hyper::below_one("lamb", "beta2", self.beta2)?;
        hyper::not_negative("lamb", "eps", self.eps)?;
        hyper::not_negative("lamb", "weight_decay", self.weight_decay)
    }

    /// The ratio `r` is of norms, which one element does not show: it is what the step has made of `lr · u`.
    fn explain(&self, change: &Change) -> Vec<String> {
        let Self { lr, beta1, beta2, eps, weight_decay, .. } = *self;
        let (mut lines, g) = change.gradient_with(0.0);
        let (line, m) = change.average("exp_avg", ["m", "β₁", "g"], beta1, g);
        lines.push(line);
        let (line, v) = change.average("exp_avg_sq", ["v", "β₂", "g²"], beta2, g);
        lines.push(line);
        let (line, m_hat) = change.corrected(["m", "β₁"], m, beta1);
        lines.push(line);
        let (line, v_hat) = change.corrected(["v", "β₂"], v, beta2);
        lines.push(line);
        let u = m_hat / (v_hat.sqrt() + eps) + weight_decay * change.before;
        let (theta, new) = (term(change.before), term(change.after));
        let quotient = format!("{} / (√{} + {})", term(m_hat), number(v_hat), number(eps));
        if weight_decay == 0.0 {
            lines.push(format!("u = m̂ / (√v̂ + ε) = {quotient} = {}", number(u)));
        } else {
            let decay = format!("{} · {theta}", number(weight_decay));
            lines.push(format!("u = m̂ / (√v̂ + ε) + λ θ = {quotient} + {decay} = {}", number(u)));
        }
        let r = (change.before - change.after) / (lr * u);
        let r = if lr * u == 0.0 {
            "r".to_owned() // any
        } else {
            let moved = format!("({theta} − {new}) / ({} · {})", number(lr), term(u));
            lines.push(format!("r = ‖θ‖ / ‖u‖, here (θ before − θ after) / (lr · u) = {moved} = {}", number(r)));
            number(r)
        };
        lines.push(change.along(change.before, lr, ["r · u", &format!("{r} · {}", term(u))]));
        lines
    }

    rule_methods!();
}

/// `u` of the formula.
#[derive(Clone, Copy)]
struct Direction<F> {
    correct1: F,
    correct2: F,
    eps: F,
    decay: F,
}

impl<F: Real> Direction<F> {
    #[inline(always)]
    fn at(self, p: F, m: F, v: F) -> F {
        m * self.correct1 / ((v * self.correct2).sqrt() + self.eps) + self.decay * p
    }
}

/// The norms of the parameter and of the direction, in `f64`: squares of `f32` neither overflow nor vanish there. The
/// order of the sums depends on nothing but the length.
fn norms<F: Real>(param: ArrayViewD<'_, F>, [m, v]: &[ArrayD<F>; 2], u: impl Fn(F, F, F) -> F) -> (f64, f64) {
    const LANES: usize = 8;
    let param = param.as_standard_layout();
    let (param, m, v) = (
        param.as_slice().expect("it was made row-major"),
        m.as_slice().expect("state is row-major"),
        v.as_slice().expect("state is row-major"),
    );
    vectorized(
        #[inline(always)]
        || {
            let mut sums = [[0.0; LANES]; 2];
            for ((param, m), v) in param.chunks(LANES).zip(m.chunks(LANES)).zip(v.chunks(LANES)) {
                for (i, ((&p, &m), &v)) in param.iter().zip(m).zip(v).enumerate() {
                    let (p, u) = (p.to_f64(), u(p, m, v).to_f64());
                    sums[0][i] += p * p;
                    sums[1][i] += u * u;
                }
            }
            let [theta, u] = sums.map(|lanes| lanes.iter().sum::<f64>().sqrt());
            (theta, u)
        },
    )
}
