//! Sharpness-aware minimization.

use crate::walk::{put_buffers, with_gradients};
use crate::{ClosureOptimizer, Error, Objective, Optimizer, OptimizerState, Result, hyper};
use gradus_autograd::{Gradients, Real};
use gradus_linalg::elementwise;
use gradus_nn_layers::{Module, Result as LayerResult};
use ndarray::{ArrayD, ArrayRef, IxDyn};

/// SAM: the step of another optimizer, with the gradient of the worst point nearby.
///
/// ```text
/// g = ∇L(θ)
/// e = ρ g / ‖g‖                        the worst point within ρ, to first order
/// e = ρ θ² g / ‖θ g‖                   with adaptive, elementwise: within ρ of each number's own size
/// θ ← one step of the base optimizer from θ, with the gradient ∇L(θ + e)
/// ```
///
/// Norms are Euclidean, of all parameters together; 1e-12 is added to the one that divides.
///
/// | setting | means | default | range |
/// | --- | --- | --- | --- |
/// | `rho` | how far the neighbourhood reaches | | at least 0 |
/// | `adaptive` | measures it in units of each number's size | no | |
///
/// It looks for minima that are flat, which often generalize better; each step costs two evaluations. With `rho` 0 it is
/// the base optimizer. 0.05 is a good first guess, and 0.5 with `adaptive`.
///
/// Values that the forward pass notes for buffers (running means) are those of the evaluation at `θ`; the one at `θ + e` is
/// of a model that nobody keeps. The authors' ASAM adds 0.01 to `|θ|`; that is left out here, as in the widely used PyTorch code.
///
/// SAM remembers nothing from step to step: the state is the base optimizer's. Within a step it holds a copy of the parameters, from
/// which they come back to the bit.
///
/// # Examples
/// ```
/// use gradus_nn_layers::{Parameter, Tape, ndarray::array};
/// use gradus_optim::{ClosureOptimizer, Evaluation, Sam, Sgd};
/// let mut w: Parameter<f64> = array![1.0].into();
/// let mut sam = Sam::new(Sgd::new(0.1), 0.5);
/// sam.step_with(&mut w, |w| Evaluation::of(&Tape::recording().parameter(w).square().sum()))?;
/// assert!((w.value()[[0]] - 0.7).abs() < 1e-9); // the gradient is 2 · 1.5
/// # Ok::<(), gradus_nn_layers::Error>(())
/// ```
///
/// # References
/// - P. Foret, A. Kleiner, H. Mobahi, B. Neyshabur, *Sharpness-aware minimization for efficiently improving
///   generalization*, ICLR 2021, <https://arxiv.org/abs/2010.01412>
/// - J. Kwon, J. Kim, H. Park, I. K. Choi, *ASAM: adaptive sharpness-aware minimization for scale-invariant learning of
///   deep neural networks*, ICML 2021, <https://arxiv.org/abs/2102.11600> (`adaptive`)
#[derive(Debug, Clone)]
pub struct Sam<O, F = f32> {
    base: O,
    rho: f64,
    adaptive: bool,
    /// The parameters as they were, while the model is at the worst point; kept for its memory.
    kept: Vec<ArrayD<F>>,
}

impl<F: Real, O: Optimizer<F>> Sam<O, F> {
    /// SAM around this optimizer, with a neighbourhood of radius `rho`.
    #[must_use]
    pub fn new(base: O, rho: f64) -> Self {
        Self { base, rho, adaptive: false, kept: Vec::new() }
    }

    /// With a neighbourhood measured in units of each number's own size.
    #[must_use]
    pub fn adaptive(self) -> Self {
        Self { adaptive: true, ..self }
    }

    /// The norm that divides. It sees every shape before anything moves.
    fn norm(&self, model: &mut dyn Module<F>, gradients: &Gradients<F>) -> Result<f64> {
        let (mut squares, adaptive) = (0.0, self.adaptive);
        with_gradients(model, gradients, false, &mut |_, parameter, g| {
            let of_each = parameter.value().iter().zip(g.iter()).map(|(p, g)| {
                let length = if adaptive { p.to_f64() * g.to_f64() } else { g.to_f64() };
                length * length
            });
            squares += of_each.sum::<f64>();
            Ok(())
        })?;
        Ok(squares.sqrt())
    }

    /// Goes to the worst point nearby, and keeps where it was.
    fn climb(&mut self, model: &mut dyn Module<F>, gradients: &Gradients<F>, norm: f64) -> Result<()> {
        let (scale, adaptive) = (F::from_f64(self.rho / (norm + 1e-12)), self.adaptive);
        let (kept, mut place) = (&mut self.kept, 0);
        with_gradients(model, gradients, false, &mut |_, parameter, g| {
            match kept.get_mut(place) {
                Some(kept) if kept.shape() == parameter.shape() => kept.assign(&**parameter.value()),
                Some(kept) => *kept = ArrayRef::<F, IxDyn>::to_owned(parameter.value()),
                None => kept.push(ArrayRef::<F, IxDyn>::to_owned(parameter.value())),
            }
            place += 1;
            if adaptive {
                elementwise::update(
                    parameter.value_mut(),
                    g,
                    #[inline(always)]
                    |p, g| p + scale * p * p * g,
                );
            } else {
                elementwise::update(
                    parameter.value_mut(),
                    g,
                    #[inline(always)]
                    |p, g| p + scale * g,
                );
            }
            Ok(())
        })
    }

    /// Goes back.
    fn descend(&self, model: &mut dyn Module<F>, gradients: &Gradients<F>) -> Result<()> {
        let mut kept = self.kept.iter();
        with_gradients(model, gradients, false, &mut |_, parameter, _| {
            parameter.value_mut().assign(kept.next().expect("each was kept on the way up"));
            Ok(())
        })
    }
}

impl<F: Real, O: Optimizer<F>> ClosureOptimizer<F> for Sam<O, F> {
    fn step_on(&mut self, objective: &mut dyn Objective<F>) -> LayerResult<f64> {
        self.validate()?;
        let here = objective.evaluate()?;
        let norm = self.norm(objective.model(), &here.gradients)?;
        if !norm.is_finite() {
            return Err(Error::NonFiniteNorm { operation: "sam", norm }.into());
        }
        self.climb(objective.model(), &here.gradients, norm)?;
        let worst = objective.evaluate();
        self.descend(objective.model(), &here.gradients)?; // also if that failed
        self.base.step(objective.model(), &worst?.gradients)?;
        put_buffers(objective.model(), &here.gradients)?;
        Ok(here.loss)
    }

    fn lr(&self) -> f64 {
        self.base.lr()
    }

    fn set_lr(&mut self, lr: f64) {
        self.base.set_lr(lr);
    }

    fn set_momentum(&mut self, momentum: f64) -> Result<()> {
        self.base.set_momentum(momentum)
    }

    fn validate(&self) -> Result<()> {
        self.base.validate()?;
        hyper::not_negative("sam", "rho", self.rho)
    }

    fn state(&self) -> OptimizerState<F> {
        self.base.state()
    }

    fn restore(&mut self, state: OptimizerState<F>) -> Result<()> {
        self.base.restore(state)
    }
}
