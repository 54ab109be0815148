//! Losses for numbers: how far a prediction is from a target of the same shape.

use super::Reduction;
use super::pointwise::pointwise;
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

impl Mse {
    /// The mean.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// What becomes of the elements' losses; the mean by default.
    #[must_use]
    pub fn reduction(mut self, reduction: Reduction) -> Self {
        self.reduction = reduction;
        self
    }

    /// The loss of this prediction.
    ///
    /// # Errors
    /// [`Error::Target`](crate::Error::Target) if the shapes differ, [`Error::EmptyBatch`](crate::Error::EmptyBatch).
    #[track_caller]
    pub fn loss<F: Real>(&self, prediction: &Var<F>, target: &Var<F>) -> Result<Var<F>> {
        let two = F::from_f64(2.0);
        let slope = move |x: F, t: F| (two * (x - t), two * (t - x));
        pointwise("mse", prediction, target, self.reduction, |x, t| (x - t) * (x - t), slope)
    }
}
