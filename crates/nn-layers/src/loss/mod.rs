//! Losses: how far a prediction is from what it should be.
//!
//! Each is a method of [`Var`] through [`Losses`], which returns the mean over the batch; and a struct with its options
//! (reduction, class weights …) and a method `loss`.

mod cross_entropy;
mod lanes;
mod pointwise;
mod regression;

pub use cross_entropy::CrossEntropy;
pub use regression::Mse;

use crate::Result;
use gradus_autograd::{Real, Var};
use ndarray::{ArrayRef, Dimension};

/// What becomes of the losses of the single samples.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Reduction {
    /// They stay as they are.
    None,
    /// Their mean; for classes with weights, the mean weighted by them.
    #[default]
    Mean,
    /// Their sum.
    Sum,
}

/// The losses as methods of a prediction.
///
/// # Examples
/// ```
/// use gradus_nn_layers::{Losses, Tape, ndarray::array};
/// let tape = Tape::<f64>::recording();
/// let logits = tape.variable(array![[0.0, 0.0], [0.0, 0.0]]);
/// let loss = logits.cross_entropy(&array![0, 1])?;
/// assert_eq!(loss.item(), Some(2_f64.ln()));
/// let gradients = loss.backward()?;
/// assert_eq!(gradients.get(&logits).unwrap(), &array![[-0.25, 0.25], [0.25, -0.25]]); // (softmax − one-hot) / 2
/// # Ok::<(), gradus_nn_layers::Error>(())
/// ```
pub trait Losses<F: Real> {
    /// Mean cross-entropy between the softmax of these logits and the labels: see [`CrossEntropy`] for its formula and
    /// for its options.
    ///
    /// # Shapes
    /// logits `(N, K)`, labels `(N)`; or logits `(N, K, …)`, labels `(N, …)`; or logits `(K)` and one label of no axes
    ///
    /// # Errors
    /// As [`CrossEntropy::loss`].
    fn cross_entropy<D: Dimension>(&self, labels: &ArrayRef<usize, D>) -> Result<Var<F>>;

    /// Mean cross-entropy with a distribution over the classes as each sample's target.
    ///
    /// # Shapes
    /// logits and target `(N, K)`, `(N, K, …)` or `(K)`
    ///
    /// # Errors
    /// As [`CrossEntropy::loss_soft`].
    fn cross_entropy_soft<D: Dimension>(&self, target: &ArrayRef<F, D>) -> Result<Var<F>>;

    /// Mean squared error: see [`Mse`].
    ///
    /// # Errors
    /// As [`Mse::loss`].
    fn mse(&self, target: &Var<F>) -> Result<Var<F>>;
}

impl<F: Real> Losses<F> for Var<F> {
    #[track_caller]
    fn cross_entropy<D: Dimension>(&self, labels: &ArrayRef<usize, D>) -> Result<Var<F>> {
        CrossEntropy::new().loss(self, labels)
    }

    #[track_caller]
    fn cross_entropy_soft<D: Dimension>(&self, target: &ArrayRef<F, D>) -> Result<Var<F>> {
        CrossEntropy::new().loss_soft(self, target)
    }

    #[track_caller]
    fn mse(&self, target: &Var<F>) -> Result<Var<F>> {
        Mse::new().loss(self, target)
    }
}
