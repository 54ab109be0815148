//! Adam, and the two moments that it shares with AdamW.

use crate::see::Change;
use crate::{Optimizer, OptimizerState, Result, State, fused, hyper};
use gradus_linalg::Real;
use ndarray::{ArrayViewD, ArrayViewMutD};

/// The settings that Adam and AdamW have in common.
macro_rules! moments_settings {
    ($type:ident, $decay:literal) => {
        impl<F: Real> $type<F> {
            /// With these shares of the first and the second moment kept from step to step.
            #[must_use]
            pub fn betas(mut self, beta1: f64, beta2: f64) -> Self {
                (self.moments.beta1, self.moments.beta2) = (beta1, beta2);
                self
            }

            /// With this number beside the root.
            #[must_use]
            pub fn eps(mut self, eps: f64) -> Self {
                self.moments.eps = eps;
                self
            }

            #[doc = $decay]
            #[must_use]
            pub fn weight_decay(mut self, weight_decay: f64) -> Self {
                self.moments.weight_decay = weight_decay;
                self
            }

            /// With the largest second moment so far in place of the present one.
            #[must_use]
            pub fn amsgrad(self) -> Self {
                Self { moments: self.moments.with_amsgrad() }
            }
        }
    };
}

/// Every method of an optimizer but its update.
macro_rules! optimizer_by_moments {
    () => {
        fn lr(&self) -> f64 {
            self.moments.lr
        }
        fn set_lr(&mut self, lr: f64) {
            self.moments.lr = lr;
        }
        fn set_momentum(&mut self, momentum: f64) -> Result<()> {
            self.moments.beta1 = momentum;
            Ok(())
        }
        fn validate(&self) -> Result<()> {
            self.moments.validate()
        }
        fn explain(&self, change: &Change) -> Vec<String> {
            self.moments.explain(change)
        }
        fn state(&self) -> OptimizerState<F> {
            self.moments.save()
        }
        fn restore(&mut self, state: OptimizerState<F>) -> Result<()> {
            self.moments.restore(state)
        }
    };
}
pub(crate) use {moments_settings, optimizer_by_moments};

/// Adam: steps scaled by running estimates of the gradient's first two moments.
///
/// ```text
/// g ← g + λ θ                          (weight_decay λ)
/// m ← β₁ m + (1 − β₁) g                m̂ = m / (1 − β₁ᵗ)
/// v ← β₂ v + (1 − β₂) g²               v̂ = v / (1 − β₂ᵗ)
/// θ ← θ − lr · m̂ / (√v̂ + ε)
/// ```
///
/// with `t` = 1 at the first step. With `amsgrad`, the largest `v` so far stands in place of `v` in the last line.
///
/// | setting | means | default | range |
/// | --- | --- | --- | --- |
/// | `lr` | about the length of a step, for each number | | at least 0 |
/// | `betas` | shares of the two moments that are kept | 0.9, 0.999 | at least 0, less than 1 |
/// | `eps` | keeps the division from exploding | 1e-8 | at least 0 |
/// | `weight_decay` | strength of the penalty `λ/2 · ‖θ‖²` | 0 | at least 0 |
/// | `amsgrad` | step sizes never grow again | no | |
///
/// ε stands outside the root and beside the corrected `v̂`, as in the paper's Algorithm 1 and in PyTorch. The paper's
/// "efficient" order and TensorFlow's old optimizer have it beside `√v` uncorrected, so that a given ε there acts as a
/// larger one here in the first steps.
///
/// `weight_decay` is a penalty: its gradient goes through the moments and is divided by `√v̂` like any other, so that
/// parameters with large gradients are hardly decayed. For decay that is the same for all, see [`AdamW`](crate::AdamW).
///
/// The state takes twice the memory of the parameters (three times with `amsgrad`); a step reads and writes each
/// number once.
///
/// # Examples
/// ```
/// use gradus_nn_layers::{Parameter, Tape, ndarray::array};
/// use gradus_optim::{Adam, Optimizer};
/// let mut w: Parameter = array![3.0, -1.0].into();
/// let mut adam = Adam::new(0.1).betas(0.9, 0.99);
/// let loss = Tape::recording().parameter(&w).square().sum();
/// adam.step(&mut w, &loss.backward()?)?;
/// // The first step is lr long in every direction, whatever the size of the gradient.
/// assert!((w.value()[[0]] - 2.9).abs() < 1e-6 && (w.value()[[1]] + 0.9).abs() < 1e-6);
/// # Ok::<(), gradus_nn_layers::Error>(())
/// ```
///
/// # References
/// - D. P. Kingma, J. Ba, *Adam: a method for stochastic optimization*, ICLR 2015, <https://arxiv.org/abs/1412.6980>
/// - S. J. Reddi, S. Kale, S. Kumar, *On the convergence of Adam and beyond*, ICLR 2018,
///   <https://arxiv.org/abs/1904.09237> (`amsgrad`; as in PyTorch, the maximum is of `v`, before the correction)
#[derive(Debug, Clone)]
pub struct Adam<F = f32> {
    moments: Moments<F>,
}

impl<F: Real> Adam<F> {
    /// Adam with this learning rate; 1e-3 is the usual one.
    #[must_use]
    pub fn new(lr: f64) -> Self {
        Self { moments: Moments::new("adam", lr, 0.0) }
    }
}

impl<F: Real> Optimizer<F> for Adam<F> {
    fn update(&mut self, name: &str, param: ArrayViewMutD<'_, F>, grad: ArrayViewD<'_, F>) -> Result<()> {
        let penalty = self.moments.weight_decay;
        self.moments.update(name, param, grad, penalty, 1.0)
    }

    optimizer_by_moments!();
}

moments_settings!(Adam, "With the penalty `weight_decay/2 · ‖θ‖²`.");

/// Adam and AdamW but for the place of the decay.
#[derive(Debug, Clone)]
pub(crate) struct Moments<F> {
    pub(crate) rule: &'static str,
    pub(crate) lr: f64,
    pub(crate) beta1: f64,
    pub(crate) beta2: f64,
    pub(crate) eps: f64,
    pub(crate) weight_decay: f64,
    pub(crate) amsgrad: bool,
    pub(crate) state: State<F>,
}

impl<F: Real> Moments<F> {
    pub(crate) fn new(rule: &'static str, lr: f64, weight_decay: f64) -> Self {
        let state = State::new(rule, &["exp_avg", "exp_avg_sq"]);
        Self { rule, lr, beta1: 0.9, beta2: 0.999, eps: 1e-8, weight_decay, amsgrad: false, state }
    }

    pub(crate) fn with_amsgrad(self) -> Self {
        let state = State::new(self.rule, &["exp_avg", "exp_avg_sq", "max_exp_avg_sq"]);
        Self { amsgrad: true, state, ..self }
    }

    /// One step: `penalty · θ` joins the gradient, and θ is multiplied by `shrink` first. A penalty of 0 and a factor
    /// of 1 change no bit, and cost nothing beside the memory traffic.
    pub(crate) fn update(
        &mut self,
        name: &str,
        param: ArrayViewMutD<'_, F>,
        grad: ArrayViewD<'_, F>,
        penalty: f64,
        shrink: f64,
    ) -> Result<()> {
        let slot = self.state.at(name, param.shape())?;
        slot.steps = slot.steps.saturating_add(1);
        let t = i32::try_from(slot.steps).unwrap_or(i32::MAX);
        let number = F::from_f64;
        let (b1, take1) = (number(self.beta1), number(1.0 - self.beta1));
        let (b2, take2) = (number(self.beta2), number(1.0 - self.beta2));
        // The corrections are the same for all elements: they leave the loop.
        let lr = number(self.lr / (1.0 - self.beta1.powi(t)));
        let correct2 = number(1.0 / (1.0 - self.beta2.powi(t)));
        let (eps, penalty, shrink) = (number(self.eps), number(penalty), number(shrink));
        if self.amsgrad {
            fused(param, grad, slot.arrays(), |p, g, [m, v, largest]| {
                let g = g + penalty * *p;
                *m = b1 * *m + take1 * g;
                *v = b2 * *v + take2 * g * g;
                *largest = largest.maximum(*v);
                *p = shrink * *p - lr * *m / ((*largest * correct2).sqrt() + eps);
            });
        } else {
            fused(param, grad, slot.arrays(), |p, g, [m, v]| {
                let g = g + penalty * *p;
                *m = b1 * *m + take1 * g;
                *v = b2 * *v + take2 * g * g;
                *p = shrink * *p - lr * *m / ((*v * correct2).sqrt() + eps);
            });
        }
        Ok(())
    }

    pub(crate) fn validate(&self) -> Result<()> {
        hyper::not_negative(self.rule, "lr", self.lr)?;
        hyper::below_one(self.rule, "beta1", self.beta1)?;
        hyper::below_one(self.rule, "beta2", self.beta2)?;
        hyper::not_negative(self.rule, "eps", self.eps)?;
        hyper::not_negative(self.rule, "weight_decay", self.weight_decay)
    }

    pub(crate) fn save(&self) -> OptimizerState<F> {
        OptimizerState { lr: self.lr, slots: self.state.save() }
    }

    pub(crate) fn restore(&mut self, state: OptimizerState<F>) -> Result<()> {
        self.state.load(state.slots)?;
        self.lr = state.lr;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::arr1;

    #[test]
    fn by_hand() {
        // β₁ = β₂ = 0.5, ε = 0; gradients 1 and 3:
        // t = 1: m = 0.5, v = 0.5; m̂ = 1, v̂ = 1; step 1
        // t = 2: m = 1.75, v = 4.75; m̂ = 7/3, v̂ = 19/3
        let mut adam = Adam::<f64>::new(0.1).betas(0.5, 0.5).eps(0.0);
        let mut p = arr1(&[1.0]).into_dyn();
        adam.update("p", p.view_mut(), arr1(&[1.0]).into_dyn().view()).unwrap();
        assert!((p[[0]] - 0.9).abs() < 1e-12);
        adam.update("p", p.view_mut(), arr1(&[3.0]).into_dyn().view()).unwrap();
        assert!((p[[0]] - (0.9 - 0.1 * (7.0 / 3.0) / (19.0_f64 / 3.0).sqrt())).abs() < 1e-12);
    }

    #[test]
    fn amsgrad_remembers_the_largest_gradient() {
        let path = |mut adam: Adam<f64>| {
            let mut p = arr1(&[0.0]).into_dyn();
            for g in [100.0, 1.0, 1.0, 1.0] {
                adam.update("p", p.view_mut(), arr1(&[g]).into_dyn().view()).unwrap();
            }
            p[[0]]
        };
        let plain = Adam::new(0.1).betas(0.0, 0.5);
        // v: 5000, then half of it and more; the maximum stays at 5000, so the steps after the first are shorter.
        assert!(path(plain.clone().amsgrad()) > path(plain));
    }
}
