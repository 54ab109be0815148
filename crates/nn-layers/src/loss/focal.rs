//! Focal losses: cross-entropies that look away from what is right already.

use super::lanes::Lanes;
use super::pointwise::pointwise;
use super::{Reduction, class_options, not_negative, reduction_option};
use crate::{Error, Result};
use gradus_autograd::{Real, Var};
use gradus_linalg::{rows, simd};
use ndarray::{ArrayRef, Dimension};

/// Focal loss of logits for one class out of several.
///
/// ```text
/// ℓ = − w_y (1 − p_y)^γ ln p_y,    p = softmax(x)
/// dxₖ = w_y (q^γ − γ q^(γ−1) p_y ln p_y) (pₖ − [k = y]) · dℓ,    q = 1 − p_y
/// ```
///
/// Where thousands of easy samples stand against a few hard ones, as the background of an image against what is in it, the
/// easy ones' small losses add up to more than the hard ones'. The factor takes them out: with γ = 2 a sample with p = 0.9
/// counts a hundredth. With γ = 0 it is [`CrossEntropy`](crate::CrossEntropy). `q` is the sum of the other probabilities, not a difference from
/// 1, and has its digits also where p is nearly 1.
///
/// The mean is over the labels that are not ignored, whatever their weights.
///
/// # Shapes
/// logits `(N, K)`, labels `(N)`; or logits `(N, K, …)`, labels `(N, …)`; or logits `(K)` and one label of no axes
///
/// # Examples
/// ```
/// use gradus_nn_layers::{Focal, Tape, ndarray::array};
/// let tape = Tape::<f64>::recording();
/// let loss = Focal::new().loss(&tape.variable(array![[0.0, 0.0]]), &array![1])?;
/// assert_eq!(loss.item(), Some(0.25 * 2_f64.ln()));
/// # Ok::<(), gradus_nn_layers::Error>(())
/// ```
///
/// # References
/// T.-Y. Lin et al., *Focal loss for dense object detection*, 2017, <https://arxiv.org/abs/1708.02002>
#[derive(Debug, Clone, PartialEq)]
pub struct Focal {
    reduction: Reduction,
    gamma: f64,
    weight: Option<Vec<f64>>,
    ignore_index: Option<usize>,
}

reduction_option!(Focal);
class_options!(Focal);

impl Default for Focal {
    fn default() -> Self {
        Self { reduction: Reduction::default(), gamma: 2.0, weight: None, ignore_index: None }
    }
}

impl Focal {
    /// The mean with γ = 2, without weights or an ignored label.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The exponent γ, at least 0; 2 by default.
    #[must_use]
    pub fn gamma(mut self, gamma: f64) -> Self {
        self.gamma = gamma;
        self
    }

    /// The loss of these logits for these labels.
    ///
    /// # Errors
    /// As [`CrossEntropy::loss`](crate::CrossEntropy::loss).
    #[track_caller]
    pub fn loss<F: Real, D: Dimension>(&self, logits: &Var<F>, labels: &ArrayRef<usize, D>) -> Result<Var<F>> {
        let lanes = Lanes::new("focal", logits.shape())?;
        let gamma = F::from_f64(not_negative("focal", "gamma", self.gamma)?);
        let labels = lanes.labels(labels, self.ignore_index)?;
        let weights = lanes.weights::<F>(self.weight.as_deref())?;
        let scale = match self.reduction {
            Reduction::Mean => lanes.one_over_weights(&labels, None)?,
            _ => F::one(),
        };
        Ok(lanes.record(logits, self.reduction, scale, |lane, x, dx| {
            let Some(label) = labels[lane] else {
                dx.fill(F::zero());
                return F::zero();
            };
            let max = rows::max(x);
            simd::vectorized(
                #[inline(always)]
                || dx.iter_mut().zip(x).for_each(|(e, &x)| *e = (x - max).exp()),
            );
            let own = std::mem::replace(&mut dx[label], F::zero());
            let others = rows::sum(dx);
            let total = own + others;
            let (p, q) = (own / total, others / total);
            let surprise = if x[label] == max { others.ln_1p() } else { total.ln() - (x[label] - max) };
            let weight = weights.as_ref().map_or(F::one(), |weights| weights[label]);
            let (power, slope) = power(q, gamma);
            let factor = weight * scale * (power + slope * p * surprise);
            let share = factor / total;
            simd::vectorized(
                #[inline(always)]
                || dx.iter_mut().for_each(|e| *e *= share),
            );
            dx[label] = -factor * q;
            weight * power * surprise
        }))
    }
}

/// Focal loss between the sigmoid of logits and a target from 0 to 1.
///
/// ```text
/// ℓ = αₜ q^γ ce,    ce = binary cross-entropy of x and t,  p = σ(x)
/// q = p (1 − t) + (1 − p) t,    αₜ = α t + (1 − α) (1 − t)
/// dx = αₜ (q^γ (p − t) + γ q^(γ−1) p (1 − p) (1 − 2t) ce) · dℓ
/// ```
///
/// For a target of 0 or 1, `q` is the probability of being wrong; see [`Focal`] for what its power does.
///
/// # Shapes
/// Logits and target have the same shape.
///
/// # Examples
/// ```
/// use gradus_nn_layers::{BinaryFocal, Tape, ndarray::array};
/// let tape = Tape::<f64>::recording();
/// let (x, t) = (tape.variable(array![0.0]), tape.input(array![1.0]));
/// assert_eq!(BinaryFocal::new().loss(&x, &t)?.item(), Some(0.25 * 0.25 * 2_f64.ln()));
/// # Ok::<(), gradus_nn_layers::Error>(())
/// ```
///
/// # References
/// As [`Focal`]; the defaults are those of the paper and of torchvision's `sigmoid_focal_loss`.
#[derive(Debug, Clone, PartialEq)]
pub struct BinaryFocal {
    reduction: Reduction,
    gamma: f64,
    alpha: Option<f64>,
}

reduction_option!(BinaryFocal);

impl Default for BinaryFocal {
    fn default() -> Self {
        Self { reduction: Reduction::default(), gamma: 2.0, alpha: Some(0.25) }
    }
}

impl BinaryFocal {
    /// The mean with γ = 2 and α = 0.25.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The exponent γ, at least 0; 2 by default.
    #[must_use]
    pub fn gamma(mut self, gamma: f64) -> Self {
        self.gamma = gamma;
        self
    }

    /// The weight α of positive targets, from 0 to 1, against 1 − α of negative ones; none for no weights.
    #[must_use]
    pub fn alpha(mut self, alpha: impl Into<Option<f64>>) -> Self {
        self.alpha = alpha.into();
        self
    }

    /// The loss of these logits.
    ///
    /// # Errors
    /// [`Error::Target`] if the shapes differ, [`Error::EmptyBatch`], [`Error::HyperParameter`].
    #[track_caller]
    pub fn loss<F: Real>(&self, logits: &Var<F>, target: &Var<F>) -> Result<Var<F>> {
        const NAME: &str = "binary_focal";
        let gamma = F::from_f64(not_negative(NAME, "gamma", self.gamma)?);
        let (constant, rise) = match self.alpha {
            None => (1.0, 0.0),
            Some(alpha) if (0.0..=1.0).contains(&alpha) => (1.0 - alpha, 2.0 * alpha - 1.0),
            Some(value) => {
                let (name, expected) = ("alpha", "a share from 0 to 1 would fit");
                return Err(Error::HyperParameter { operation: NAME, name, value, expected });
            }
        };
        let (constant, rise, one, two) = (F::from_f64(constant), F::from_f64(rise), F::one(), F::from_f64(2.0));
        pointwise(
            NAME,
            logits,
            target,
            self.reduction,
            #[inline(always)]
            move |_, x, t| {
                let Parts { ce, power, .. } = parts(x, t, gamma);
                (constant + rise * t) * power * ce
            },
            #[inline(always)]
            move |_, x, t| {
                let Parts { p, not_p, ce, power, slope } = parts(x, t, gamma);
                let weight = constant + rise * t;
                let wrong = p * (one - t) - not_p * t; // p − t, without a difference from 1
                let dx = weight * (power * wrong + slope * p * not_p * (one - two * t) * ce);
                let dt = rise * power * ce + weight * (slope * (not_p - p) * ce - power * x);
                (dx, dt)
            },
        )
    }
}

/// What a binary focal loss and its slopes are made of.
struct Parts<F> {
    /// `σ(x)`
    p: F,
    /// `1 − σ(x)`
    not_p: F,
    /// The cross-entropy.
    ce: F,
    /// `q^γ`
    power: F,
    /// `γ q^(γ−1)`
    slope: F,
}

#[inline(always)]
fn parts<F: Real>(x: F, t: F, gamma: F) -> Parts<F> {
    let one = F::one();
    let (p, not_p) = (x.sigmoid(), (-x).sigmoid());
    let ce = (one - t) * x + ((-x).maximum(F::zero()) + (-x.abs()).exp().ln_1p());
    let (power, slope) = power(p * (one - t) + not_p * t, gamma);
    Parts { p, not_p, ce, power, slope }
}

/// `q^γ`, and its slope `γ q^(γ−1)`; where the power has vanished, so has what the slope is multiplied by.
#[inline(always)]
fn power<F: Real>(q: F, gamma: F) -> (F, F) {
    let (zero, one) = (F::zero(), F::one());
    if gamma == zero {
        (one, zero)
    } else if q == zero {
        (zero, zero)
    } else {
        let power = q.powf(gamma);
        (power, gamma * power / q)
    }
}
