//! Losses for numbers: how far a prediction is from a target of the same shape.

use super::pointwise::pointwise;
use super::{Reduction, positive, reduction_option};
use crate::Result;
use gradus_autograd::{Real, Var};

/// Mean squared error.
///
/// ```text
/// ℓ = (x − t)²        dx = 2 (x − t) · dℓ,  dt = −dx
/// ```
///
/// # Shapes
/// Prediction and target have the same shape: a target of `(N)` for a prediction of `(N, 1)` is an error, not a
/// broadcast to `(N, N)`.
///
/// # Examples
/// ```
/// use gradus_nn_layers::{Mse, Reduction, Tape, ndarray::array};
/// let tape = Tape::<f32>::recording();
/// let (x, t) = (tape.variable(array![1.0, 4.0]), tape.input(array![0.0, 2.0]));
/// assert_eq!(Mse::new().loss(&x, &t)?.item(), Some(2.5));
/// assert_eq!(Mse::new().reduction(Reduction::Sum).loss(&x, &t)?.item(), Some(5.0));
/// # Ok::<(), gradus_nn_layers::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Mse {
    reduction: Reduction,
}

reduction_option!(Mse);

impl Mse {
    /// The mean.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The loss of this prediction.
    ///
    /// # Errors
    /// [`Error::Target`](crate::Error::Target) if the shapes differ, [`Error::EmptyBatch`](crate::Error::EmptyBatch).
    #[track_caller]
    pub fn loss<F: Real>(&self, prediction: &Var<F>, target: &Var<F>) -> Result<Var<F>> {
        let two = F::from_f64(2.0);
        let slope = move |_, x: F, t: F| (two * (x - t), two * (t - x));
        pointwise("mse", prediction, target, self.reduction, |_, x, t| (x - t) * (x - t), slope)
    }
}

/// Mean absolute error.
///
/// ```text
/// ℓ = |x − t|        dx = sign(x − t) · dℓ,  dt = −dx,  sign(0) = 0
/// ```
///
/// # Shapes
/// Prediction and target have the same shape.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct L1 {
    reduction: Reduction,
}

reduction_option!(L1);

impl L1 {
    /// The mean.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The loss of this prediction.
    ///
    /// # Errors
    /// [`Error::Target`](crate::Error::Target) if the shapes differ, [`Error::EmptyBatch`](crate::Error::EmptyBatch).
    #[track_caller]
    pub fn loss<F: Real>(&self, prediction: &Var<F>, target: &Var<F>) -> Result<Var<F>> {
        let slope = |_, x: F, t: F| (sign(x - t), sign(t - x));
        pointwise("l1", prediction, target, self.reduction, |_, x, t| (x - t).abs(), slope)
    }
}

/// Huber's loss: squared near the target, absolute far from it, so that an outlier pulls no harder than `delta`.
///
/// ```text
/// d = x − t
/// ℓ = d²/2  where |d| ≤ δ,  else δ (|d| − δ/2)        dx = d  or  δ sign(d),  times dℓ;  dt = −dx
/// ```
///
/// # Shapes
/// Prediction and target have the same shape.
///
/// # References
/// P. J. Huber, *Robust estimation of a location parameter*, 1964.
#[derive(Debug, Clone, PartialEq)]
pub struct Huber {
    reduction: Reduction,
    delta: f64,
}

reduction_option!(Huber);

impl Huber {
    /// The mean, changing from squared to absolute at a distance of `delta`, which is above 0.
    #[must_use]
    pub fn new(delta: f64) -> Self {
        Self { reduction: Reduction::default(), delta }
    }

    /// The loss of this prediction.
    ///
    /// # Errors
    /// [`Error::Target`](crate::Error::Target) if the shapes differ, [`Error::EmptyBatch`](crate::Error::EmptyBatch),
    /// [`Error::HyperParameter`](crate::Error::HyperParameter).
    #[track_caller]
    pub fn loss<F: Real>(&self, prediction: &Var<F>, target: &Var<F>) -> Result<Var<F>> {
        let (delta, half) = (F::from_f64(positive("huber", "delta", self.delta)?), F::from_f64(0.5));
        let loss = move |_, x: F, t: F| {
            let d = (x - t).abs();
            if d <= delta { half * d * d } else { delta * (d - half * delta) }
        };
        let slope = move |_, x: F, t: F| {
            let d = x - t;
            let dx = if d.abs() <= delta { d } else { delta * sign(d) };
            (dx, -dx)
        };
        pointwise("huber", prediction, target, self.reduction, loss, slope)
    }
}

/// Smooth L1: [`Huber`] divided by its `delta`, here `beta`, so that the slope far from the target is 1 whatever it is.
///
/// ```text
/// d = x − t
/// ℓ = d²/2β  where |d| < β,  else |d| − β/2        dx = d/β  or  sign(d),  times dℓ;  dt = −dx
/// ```
///
/// # Shapes
/// Prediction and target have the same shape.
///
/// # References
/// R. Girshick, *Fast R-CNN*, 2015, equation 3, <https://arxiv.org/abs/1504.08083>
#[derive(Debug, Clone, PartialEq)]
pub struct SmoothL1 {
    reduction: Reduction,
    beta: f64,
}

reduction_option!(SmoothL1);

impl SmoothL1 {
    /// The mean, changing from squared to absolute at a distance of `beta`, which is above 0.
    #[must_use]
    pub fn new(beta: f64) -> Self {
        Self { reduction: Reduction::default(), beta }
    }

    /// The loss of this prediction.
    ///
    /// # Errors
    /// [`Error::Target`](crate::Error::Target) if the shapes differ, [`Error::EmptyBatch`](crate::Error::EmptyBatch),
    /// [`Error::HyperParameter`](crate::Error::HyperParameter).
    #[track_caller]
    pub fn loss<F: Real>(&self, prediction: &Var<F>, target: &Var<F>) -> Result<Var<F>> {
        let (beta, half) = (F::from_f64(positive("smooth_l1", "beta", self.beta)?), F::from_f64(0.5));
        let loss = move |_, x: F, t: F| {
            let d = (x - t).abs();
            if d < beta { half * d * d / beta } else { d - half * beta }
        };
        let slope = move |_, x: F, t: F| {
            let d = x - t;
            let dx = if d.abs() < beta { d / beta } else { sign(d) };
            (dx, -dx)
        };
        pointwise("smooth_l1", prediction, target, self.reduction, loss, slope)
    }
}

/// 1, −1, or 0 at 0; NaN stays.
fn sign<F: Real>(x: F) -> F {
    if x > F::zero() {
        F::one()
    } else if x < F::zero() {
        -F::one()
    } else {
        x
    }
}
