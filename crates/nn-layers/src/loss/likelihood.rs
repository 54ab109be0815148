//! Negative log-likelihoods of numbers: how unlikely a target is under the distribution that a model predicts.

use super::pointwise::pointwise;
use super::{Reduction, not_negative, positive, reduction_option};
use crate::{Error, Result};
use gradus_autograd::{Jet, Real, Var, fused, fused_sum};
use ndarray::Dimension;
use std::f64::consts::TAU;

/// Negative log-likelihood of a normal distribution whose mean and variance the model predicts.
///
/// ```text
/// ℓ = ½ (ln v + (x − t)² / v),  v = max(variance, ε)        and with `full` ½ ln 2π more
/// dx = (x − t) / v · dℓ,  dt = −dx,  dv = ½ (1/v − (x − t)² / v²) · dℓ
/// ```
///
/// As in PyTorch the bound ε is no part of the gradient: a variance below it is pushed up as one at it.
///
/// # Shapes
/// Prediction and target have the same shape `(…, D)`. The variance has it too, or is one for each row, `(…, 1)` or `(…)`.
///
/// # Examples
/// ```
/// use gradus_nn_layers::{GaussianNll, Tape, ndarray::array};
/// let tape = Tape::<f64>::recording();
/// let (x, t, v) = (tape.variable(array![3.0]), tape.input(array![1.0]), tape.variable(array![1.0]));
/// let loss = GaussianNll::new().loss(&x, &t, &v)?;
/// assert_eq!(loss.item(), Some(2.0));
/// let gradients = loss.backward()?;
/// assert_eq!(gradients.get(&v).unwrap(), &array![-1.5]); // ½ (1 − 4)
/// # Ok::<(), gradus_nn_layers::Error>(())
/// ```
///
/// # References
/// D. A. Nix, A. S. Weigend, *Estimating the mean and variance of the target probability distribution*, 1994
#[derive(Debug, Clone, PartialEq)]
pub struct GaussianNll {
    reduction: Reduction,
    full: bool,
    eps: f64,
}

reduction_option!(GaussianNll);

impl Default for GaussianNll {
    fn default() -> Self {
        Self { reduction: Reduction::default(), full: false, eps: 1e-6 }
    }
}

impl GaussianNll {
    /// The mean, without the constant.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// With the constant `½ ln 2π`, which makes it a likelihood and changes no gradient.
    #[must_use]
    pub fn full(mut self) -> Self {
        self.full = true;
        self
    }

    /// What a variance is taken to be at least, above 0; 10⁻⁶ by default.
    #[must_use]
    pub fn eps(mut self, eps: f64) -> Self {
        self.eps = eps;
        self
    }

    /// The loss of these means and variances.
    ///
    /// # Errors
    /// [`Error::Target`] if the shapes of prediction and target differ, [`Error::Shapes`] if the variance's does not fit
    /// them, [`Error::TargetValue`] for a variance below 0, [`Error::EmptyBatch`], [`Error::HyperParameter`].
    #[track_caller]
    pub fn loss<F: Real>(&self, prediction: &Var<F>, target: &Var<F>, variance: &Var<F>) -> Result<Var<F>> {
        const NAME: &str = "gaussian_nll";
        let eps = F::from_f64(positive(NAME, "eps", self.eps)?);
        let shape = prediction.shape();
        if shape != target.shape() {
            let (prediction, target) = (shape.to_vec(), target.shape().to_vec());
            return Err(Error::Target { loss: NAME, prediction, target });
        }
        if prediction.value().is_empty() {
            return Err(Error::EmptyBatch { loss: NAME, shape: shape.to_vec() });
        }
        let rows = &shape[..shape.len().saturating_sub(1)];
        let column = [rows, &[1]].concat();
        let variance = match variance.shape() {
            own if own == shape || own == column => variance,
            own if own == rows => &variance.unsqueeze(-1)?,
            own => {
                let (left, right) = (shape.to_vec(), own.to_vec());
                let expected =
                    "the second, the variance's, should be the first, the prediction's, or that without the last axis";
                return Err(Error::Shapes { layer: NAME, left, right, expected });
            }
        };
        if let Some((position, v)) = variance.value().indexed_iter().find(|(_, v)| **v < F::zero()) {
            let (position, value) = (position.slice().to_vec(), v.to_f64());
            let (what, expected) = ("variance", "it should be at least 0");
            return Err(Error::TargetValue { loss: NAME, what, value, position, expected });
        }
        let constant = F::from_f64(if self.full { 0.5 * TAU.ln() } else { 0.0 });
        let inputs = [prediction, target, variance];
        if self.reduction == Reduction::None {
            return Ok(fused(
                inputs,
                #[inline(always)]
                move |jets| gaussian(jets, eps, constant),
            )?);
        }
        let sum = fused_sum(
            inputs,
            #[inline(always)]
            move |jets| gaussian(jets, eps, constant),
        )?;
        let count = F::from_f64(prediction.value().len() as f64);
        Ok(if self.reduction == Reduction::Mean { sum * (F::one() / count) } else { sum })
    }
}

/// One number's likelihood with its slopes. The bound of the variance is put in as if it were the variance.
#[inline(always)]
fn gaussian<F: Real>([x, t, v]: [Jet<F, 3>; 3], eps: F, constant: F) -> Jet<F, 3> {
    let v = Jet { value: v.value.maximum(eps), slopes: v.slopes };
    (v.ln() + (x - t).square() / v) * F::from_f64(0.5) + constant
}

/// Negative log-likelihood of a Poisson distribution whose mean, or its logarithm, the model predicts: for targets that
/// count something.
///
/// ```text
/// x = ln mean:   ℓ = eˣ − t x                  dx = (eˣ − t) · dℓ
/// x = mean:      ℓ = x − t ln(x + ε)           dx = (1 − t / (x + ε)) · dℓ
/// and with `full`, where t > 1, Stirling's formula for ln t!:   t ln t − t + ½ ln 2πt
/// ```
///
/// # Shapes
/// Prediction and target have the same shape.
///
/// # Examples
/// ```
/// use gradus_nn_layers::{PoissonNll, Tape, ndarray::array};
/// let tape = Tape::<f64>::recording();
/// let (x, t) = (tape.variable(array![0.0]), tape.input(array![3.0]));
/// let loss = PoissonNll::new().loss(&x, &t)?;
/// assert_eq!(loss.item(), Some(1.0));
/// assert_eq!(loss.backward()?.get(&x).unwrap(), &array![-2.0]);
/// # Ok::<(), gradus_nn_layers::Error>(())
/// ```
///
/// # References
/// P. McCullagh, J. A. Nelder, *Generalized Linear Models*, 2nd ed., 1989, chapter 6
#[derive(Debug, Clone, PartialEq)]
pub struct PoissonNll {
    reduction: Reduction,
    log_input: bool,
    full: bool,
    eps: f64,
}

reduction_option!(PoissonNll);

impl Default for PoissonNll {
    fn default() -> Self {
        Self { reduction: Reduction::default(), log_input: true, full: false, eps: 1e-8 }
    }
}

impl PoissonNll {
    /// The mean, for a prediction that is the logarithm of the distribution's mean.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The prediction is the distribution's mean itself.
    #[must_use]
    pub fn plain_input(mut self) -> Self {
        self.log_input = false;
        self
    }

    /// With Stirling's formula for the logarithm of the factorial, which makes it nearly a likelihood and changes no gradient of
    /// the prediction.
    #[must_use]
    pub fn full(mut self) -> Self {
        self.full = true;
        self
    }

    /// What is added to a plain input before its logarithm is taken, at least 0; 10⁻⁸ by default.
    #[must_use]
    pub fn eps(mut self, eps: f64) -> Self {
        self.eps = eps;
        self
    }

    /// The loss of this prediction.
    ///
    /// # Errors
    /// [`Error::Target`] if the shapes differ, [`Error::EmptyBatch`], [`Error::HyperParameter`].
    #[track_caller]
    pub fn loss<F: Real>(&self, prediction: &Var<F>, target: &Var<F>) -> Result<Var<F>> {
        const NAME: &str = "poisson_nll";
        let (one, half, tau) = (F::one(), F::from_f64(0.5), F::from_f64(TAU));
        let eps = F::from_f64(not_negative(NAME, "eps", self.eps)?);
        let (log_input, full) = (self.log_input, self.full);
        pointwise(
            NAME,
            prediction,
            target,
            self.reduction,
            #[inline(always)]
            move |_, x, t| {
                let loss = if log_input { x.exp() - t * x } else { x - t * (x + eps).ln() };
                if full && t > one { loss + (t * t.ln() - t + half * (tau * t).ln()) } else { loss }
            },
            #[inline(always)]
            move |_, x, t| {
                let (dx, dt) = if log_input { (x.exp() - t, -x) } else { (one - t / (x + eps), -(x + eps).ln()) };
                (dx, if full && t > one { dt + t.ln() + half / t } else { dt })
            },
        )
    }
}
