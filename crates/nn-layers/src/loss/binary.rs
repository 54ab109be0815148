//! Losses for two classes: yes or no, for each element.

use super::pointwise::pointwise;
use super::{Reduction, reduction_option};
use crate::Result;
use gradus_autograd::{Real, Var};
use ndarray::{Array, ArrayD, Dimension};

/// Binary cross-entropy between the sigmoid of logits and a target from 0 to 1.
///
/// ```text
/// ℓ = w [ (1 − t) x + (1 + (p − 1) t) s(−x) ],   s(−x) = ln(1 + e⁻ˣ) = max(−x, 0) + ln(1 + e^(−|x|))
/// dx = w [ (1 − t) − (1 + (p − 1) t) σ(−x) ] · dℓ           without weights: (σ(x) − t) · dℓ
/// ```
///
/// In one formula with the sigmoid, as here, no logit is too large: the exponential is never of a positive number.
/// `w` weights the elements and `p` the positive ones among them.
///
/// # Shapes
/// Logits and target have the same shape, to which the weights broadcast.
///
/// # Examples
/// ```
/// use gradus_nn_layers::{BceWithLogits, Reduction, Tape, ndarray::array};
/// let tape = Tape::<f32>::recording();
/// let (x, t) = (tape.variable(array![1e4, -1e4]), tape.input(array![1.0, 1.0]));
/// let loss = BceWithLogits::new().reduction(Reduction::None).loss(&x, &t)?;
/// assert_eq!(loss.value(), &array![0.0, 1e4]);
/// # Ok::<(), gradus_nn_layers::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
pub struct BceWithLogits {
    reduction: Reduction,
    weight: Option<ArrayD<f64>>,
    pos_weight: Option<ArrayD<f64>>,
}

reduction_option!(BceWithLogits);

impl BceWithLogits {
    /// The mean, without weights.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The elements' weights `w`, which broadcast to the logits. The mean is still over the number of elements.
    #[must_use]
    pub fn weight<D: Dimension>(mut self, weight: Array<f64, D>) -> Self {
        self.weight = Some(weight.into_dyn());
        self
    }

    /// The weights `p` of positive targets, which broadcast to the logits: above 1, a miss costs more than a false alarm.
    #[must_use]
    pub fn pos_weight<D: Dimension>(mut self, weight: Array<f64, D>) -> Self {
        self.pos_weight = Some(weight.into_dyn());
        self
    }

    /// The loss of these logits.
    ///
    /// # Errors
    /// [`Error::Target`](crate::Error::Target) if the shapes differ, [`Error::EmptyBatch`](crate::Error::EmptyBatch), [`Error::Source`](crate::Error::Source) if a weight does not broadcast.
    #[track_caller]
    pub fn loss<F: Real>(&self, logits: &Var<F>, target: &Var<F>) -> Result<Var<F>> {
        let one = F::one();
        let weight = std::rc::Rc::new(spread::<F>("bce_with_logits", self.weight.as_ref(), logits.shape())?);
        let pos_weight = std::rc::Rc::new(spread::<F>("bce_with_logits", self.pos_weight.as_ref(), logits.shape())?);
        let (w, p) = (weight.clone(), pos_weight.clone());
        let loss = move |i, x: F, t: F| at(&w, i) * ((one - t) * x + (one + (at(&p, i) - one) * t) * softplus(-x));
        let slope = move |i, x: F, t: F| {
            let (w, p) = (at(&weight, i), at(&pos_weight, i));
            let dx = (one - t) - (one + (p - one) * t) * (-x).sigmoid();
            let dt = (p - one) * softplus(-x) - x;
            (w * dx, w * dt)
        };
        pointwise("bce_with_logits", logits, target, self.reduction, loss, slope)
    }
}

/// Binary cross-entropy between probabilities and a target from 0 to 1.
///
/// ```text
/// ℓ = w (− t ln x − (1 − t) ln(1 − x))        dx = w (x − t) / (x (1 − x)) · dℓ
/// ```
///
/// `w` weights the elements. As in PyTorch, a logarithm is taken to be at least −100, and `x (1 − x)` at least 10⁻¹². Prefer [`BceWithLogits`]:
/// a probability that has been rounded to 1 tells no more how sure the model was.
///
/// # Shapes
/// Prediction and target have the same shape, to which the weights broadcast. A prediction outside 0 to 1 gives NaN.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Bce {
    reduction: Reduction,
    weight: Option<ArrayD<f64>>,
}

reduction_option!(Bce);

impl Bce {
    /// The mean, without weights.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The elements' weights `w`, which broadcast to the prediction. The mean is still over the number of elements.
    #[must_use]
    pub fn weight<D: Dimension>(mut self, weight: Array<f64, D>) -> Self {
        self.weight = Some(weight.into_dyn());
        self
    }

    /// The loss of these probabilities.
    ///
    /// # Errors
    /// [`Error::Target`](crate::Error::Target) if the shapes differ, [`Error::EmptyBatch`](crate::Error::EmptyBatch), [`Error::Source`](crate::Error::Source) if the weights do not broadcast.
    #[track_caller]
    pub fn loss<F: Real>(&self, probabilities: &Var<F>, target: &Var<F>) -> Result<Var<F>> {
        let (one, least, smallest) = (F::one(), F::from_f64(-100.0), F::from_f64(1e-12));
        let ln = move |x: F| x.ln().maximum(least);
        let weight = std::rc::Rc::new(spread::<F>("bce", self.weight.as_ref(), probabilities.shape())?);
        let own = weight.clone();
        let loss = move |i, x: F, t: F| at(&own, i) * (-t * ln(x) - (one - t) * ln(one - x));
        let slope = move |i, x: F, t: F| {
            let w = at(&weight, i);
            (w * (x - t) / (x * (one - x)).maximum(smallest), w * (ln(one - x) - ln(x)))
        };
        pointwise("bce", probabilities, target, self.reduction, loss, slope)
    }
}

/// Hinge loss of scores for targets of −1 and 1: that of the support vector machine.
///
/// ```text
/// ℓ = max(0, 1 − t x)        dx = −t · dℓ where t x < 1, else 0
/// ```
///
/// # Shapes
/// Scores and target have the same shape.
///
/// # References
/// C. Cortes, V. Vapnik, *Support-vector networks*, 1995.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Hinge {
    reduction: Reduction,
    squared: bool,
}

reduction_option!(Hinge);

impl Hinge {
    /// The mean.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The square of the loss, which is smooth at the margin.
    #[must_use]
    pub fn squared(mut self) -> Self {
        self.squared = true;
        self
    }

    /// The loss of these scores.
    ///
    /// # Errors
    /// [`Error::Target`](crate::Error::Target) if the shapes differ, [`Error::EmptyBatch`](crate::Error::EmptyBatch).
    #[track_caller]
    pub fn loss<F: Real>(&self, scores: &Var<F>, target: &Var<F>) -> Result<Var<F>> {
        let (squared, two) = (self.squared, F::from_f64(2.0));
        let short = |x: F, t: F| (F::one() - t * x).maximum(F::zero());
        let loss = move |_, x: F, t: F| if squared { short(x, t) * short(x, t) } else { short(x, t) };
        let slope = move |_, x: F, t: F| {
            let slope = match short(x, t) {
                s if squared => two * s,
                s if s > F::zero() => F::one(),
                s => s, // 0, or NaN
            };
            (-t * slope, -x * slope)
        };
        pointwise("hinge", scores, target, self.reduction, loss, slope)
    }
}

/// `ln(1 + eˣ)` without overflow.
fn softplus<F: Real>(x: F) -> F {
    x.maximum(F::zero()) + (-x.abs()).exp().ln_1p()
}

/// A weight, or 1 without weights.
#[inline(always)]
fn at<F: Real>(weights: &Option<Vec<F>>, i: usize) -> F {
    weights.as_ref().map_or(F::one(), |weights| weights[i])
}

/// Weights repeated to this shape, in row-major order.
fn spread<F: Real>(operation: &'static str, weights: Option<&ArrayD<f64>>, shape: &[usize]) -> Result<Option<Vec<F>>> {
    let Some(weights) = weights else { return Ok(None) };
    let Some(full) = weights.broadcast(shape) else {
        let (left, right) = (shape.to_vec(), weights.shape().to_vec());
        return Err(gradus_linalg::Error::Broadcast { operation, left, right }.into());
    };
    Ok(Some(full.iter().map(|&w| F::from_f64(w)).collect()))
}
