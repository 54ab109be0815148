//! Rprop.

use crate::rule::{rule_methods, setter};
use crate::see::{Change, number, term};
use crate::{Optimizer, OptimizerState, Result, State, fused, hyper};
use gradus_linalg::Real;
use ndarray::{ArrayViewD, ArrayViewMutD};

/// Rprop: only the gradient's sign counts; each number has a step size of its own, which grows while the sign stays.
///
/// ```text
///          η⁺   if g and the last g have the same sign
/// s ← s ·  η⁻   if they have opposite signs; g ← 0 then
///          1    if one of them is 0
/// s ← within step_min … step_max
/// θ ← θ − sign(g) · s
/// ```
///
/// with `s = lr` and a last `g` of 0 at the first step.
///
/// | setting | means | default | range |
/// | --- | --- | --- | --- |
/// | `lr` | the first step, for each number | | at least 0 |
/// | `etas` | factors `η⁻`, `η⁺` of the step sizes | 0.5, 1.2 | `0 < η⁻ < 1 < η⁺` |
/// | `step_sizes` | the shortest and the longest step | 1e-6, 50 | at least 0, in this order |
///
/// It is meant for the gradient of the whole data set: a mini-batch's sign changes by chance, and the steps shrink for no
/// reason. For those there is [`RmsProp`](crate::RmsProp).
///
/// After a change of sign the number stays where it is for one step (`g` is forgotten), as in the variant called Rprop−
/// without backtracking, and in PyTorch. The signs are compared, not the product of the gradients as in PyTorch, which
/// is 0 for small ones: so nothing depends on the scale of the loss. The rate is used up with the first step, and a
/// schedule has no effect later, but that at rate 0 nothing moves.
///
/// The state takes twice the memory of the parameters.
///
/// # Examples
/// ```
/// use gradus_nn_layers::{Parameter, Tape, ndarray::array};
/// use gradus_optim::{Optimizer, Rprop};
/// let mut w: Parameter<f64> = array![3.0, -1.0].into();
/// let mut rprop = Rprop::new(0.5);
/// for expected in [[2.5, -0.5], [1.9, 0.1], [1.18, 0.1]] {
///     let loss = Tape::recording().parameter(&w).square().sum();
///     rprop.step(&mut w, &loss.backward()?)?;
///     assert!(w.value().iter().zip(expected).all(|(w, e)| (w - e).abs() < 1e-12));
/// }
/// # Ok::<(), gradus_nn_layers::Error>(())
/// ```
///
/// # References
/// - M. Riedmiller, H. Braun, *A direct adaptive method for faster backpropagation learning: the RPROP algorithm*, IEEE
///   International Conference on Neural Networks, 1993, <https://doi.org/10.1109/ICNN.1993.298623>
/// - C. Igel, M. Hüsken, *Empirical evaluation of the improved Rprop learning algorithms*, Neurocomputing 50, 2003,
///   <https://doi.org/10.1016/S0925-2312(01)00700-7> (the variants)
#[derive(Debug, Clone)]
pub struct Rprop<F = f32> {
    lr: f64,
    eta_minus: f64,
    eta_plus: f64,
    step_min: f64,
    step_max: f64,
    state: State<F>,
}

impl<F: Real> Rprop<F> {
    /// Rprop with this first step; 1e-2 is the usual one.
    #[must_use]
    pub fn new(lr: f64) -> Self {
        let state = State::new("rprop", &["prev", "step_size"]);
        Self { lr, eta_minus: 0.5, eta_plus: 1.2, step_min: 1e-6, step_max: 50.0, state }
    }

    setter! {
        /// With these factors of the step sizes: after a change of the sign, and while it stays.
        etas(eta_minus, eta_plus)
    }

    setter! {
        /// With step sizes held between these.
        step_sizes(step_min, step_max)
    }
}

impl<F: Real> Optimizer<F> for Rprop<F> {
    fn update(&mut self, name: &str, param: ArrayViewMutD<'_, F>, grad: ArrayViewD<'_, F>) -> Result<()> {
        if self.lr == 0.0 {
            return Ok(());
        }
        let slot = self.state.at(name, param.shape())?;
        if slot.steps == 0 {
            let [_, size] = slot.arrays();
            size.fill(F::from_f64(self.lr));
        }
        slot.steps = slot.steps.saturating_add(1);
        let (shorter, longer) = (F::from_f64(self.eta_minus), F::from_f64(self.eta_plus));
        let (least, most) = (F::from_f64(self.step_min), F::from_f64(self.step_max));
        fused(
            param,
            grad,
            slot.arrays(),
            #[inline(always)]
            |p, g, [prev, size]| {
                let agree = hyper::sign(g) * hyper::sign(*prev);
                let (factor, g) = if agree > F::ZERO {
                    (longer, g)
                } else if agree < F::ZERO {
                    (shorter, F::ZERO)
                } else {
                    (F::one(), g)
                };
                *size = (*size * factor).maximum(least).minimum(most);
                *p -= hyper::sign(g) * *size;
                *prev = g;
            },
        );
        Ok(())
    }

    fn validate(&self) -> Result<()> {
        let Self { lr, eta_minus, eta_plus, step_min, step_max, .. } = *self;
        hyper::not_negative("rprop", "lr", lr)?;
        hyper::hold(eta_minus > 0.0 && eta_minus < 1.0, "rprop", "eta_minus", eta_minus, "above 0 and less than 1")?;
        hyper::hold(eta_plus > 1.0 && eta_plus.is_finite(), "rprop", "eta_plus", eta_plus, "finite and above 1")?;
        hyper::not_negative("rprop", "step_max", step_max)?;
        let fits = (0.0..=step_max).contains(&step_min);
        hyper::hold(fits, "rprop", "step_min", step_min, "at least 0 and at most step_max")
    }

    fn explain(&self, change: &Change) -> Vec<String> {
        let Self { lr, eta_minus, eta_plus, step_min, step_max, .. } = *self;
        let (mut lines, mut g) = change.gradient_with(0.0);
        let (theta, new) = (term(change.before), number(change.after));
        if lr == 0.0 {
            lines.push(format!("nothing moves at rate 0: θ = {new}"));
            return lines;
        }
        let ((last, _), (before, s)) = (change.remembered("prev"), change.remembered("step_size"));
        let agree = hyper::sign(g) * hyper::sign(last);
        let (symbol, factor) = if agree > 0.0 {
            ("η⁺", eta_plus)
        } else if agree < 0.0 {
            ("η⁻", eta_minus)
        } else {
            ("1", 1.0)
        };
        let size = if change.steps <= 1 {
            lines.push(format!("s ← lr = {}", number(lr)));
            lr
        } else {
            let size = before * factor;
            lines.push(format!("s ← s · {symbol} = {} · {} = {}", number(before), number(factor), number(size)));
            size
        };
        if size < step_min || size > step_max {
            lines.push(format!("s ← within {} … {} = {}", number(step_min), number(step_max), number(s)));
        }
        if agree < 0.0 {
            lines.push("g ← 0".to_owned());
            g = 0.0;
        }
        lines.push(format!("θ ← θ − sign(g) · s = {theta} − sign({}) · {} = {new}", number(g), number(s)));
        lines
    }

    rule_methods!();
}
