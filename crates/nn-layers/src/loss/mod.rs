//! Losses: how far a prediction is from what it should be.
//!
//! Each is a method of [`Var`] through [`Losses`], which returns the mean over the batch; and a struct with its options
//! (reduction, class weights …) and a method `loss`.

mod binary;
mod classes;
mod cross_entropy;
mod dice;
mod divergence;
mod focal;
mod lanes;
mod likelihood;
mod pointwise;
mod ranking;
mod regression;

pub use binary::{Bce, BceWithLogits, Hinge};
pub use classes::{MultiMargin, Nll};
pub use cross_entropy::CrossEntropy;
pub use dice::Dice;
pub use divergence::KlDivergence;
pub use focal::{BinaryFocal, Focal};
pub use likelihood::{GaussianNll, PoissonNll};
pub use ranking::{CosineEmbedding, MarginRanking, TripletMargin};
pub use regression::{Huber, L1, Mse, SmoothL1};

use crate::{Error, Result};
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

/// The option that every loss has.
macro_rules! reduction_option {
    ($type:ident) => {
        impl $type {
            /// What becomes of the single losses; the mean by default.
            #[must_use]
            pub fn reduction(mut self, reduction: Reduction) -> Self {
                self.reduction = reduction;
                self
            }
        }
    };
}
use reduction_option;

/// The options of losses whose targets are class numbers.
macro_rules! class_options {
    ($type:ident) => {
        impl $type {
            /// A weight for each class, at least 0; 1 by default.
            #[must_use]
            pub fn weight(mut self, weight: impl Into<Vec<f64>>) -> Self {
                self.weight = Some(weight.into());
                self
            }

            /// The label of samples that do not count, which need not be a class: `usize::MAX` for padding, say. None by
            /// default.
            #[must_use]
            pub fn ignore_index(mut self, label: usize) -> Self {
                self.ignore_index = Some(label);
                self
            }
        }
    };
}
use class_options;

/// A hyper-parameter that has to be above 0.
fn positive(operation: &'static str, name: &'static str, value: f64) -> Result<f64> {
    if value > 0.0 && value.is_finite() {
        return Ok(value);
    }
    Err(Error::HyperParameter { operation, name, value, expected: "a finite number above 0 would fit" })
}

/// A hyper-parameter that has to be at least 0.
fn not_negative(operation: &'static str, name: &'static str, value: f64) -> Result<f64> {
    if value >= 0.0 && value.is_finite() {
        return Ok(value);
    }
    Err(Error::HyperParameter { operation, name, value, expected: "a finite number of at least 0 would fit" })
}

/// A hyper-parameter that may be any number.
fn finite(operation: &'static str, name: &'static str, value: f64) -> Result<f64> {
    if value.is_finite() {
        return Ok(value);
    }
    Err(Error::HyperParameter { operation, name, value, expected: "a finite number would fit" })
}

/// Losses that an operation of the tape has left as they are, reduced.
#[track_caller]
fn reduce<F: Real>(losses: Var<F>, reduction: Reduction) -> Var<F> {
    match reduction {
        Reduction::None => losses,
        Reduction::Mean => losses.mean(),
        Reduction::Sum => losses.sum(),
    }
}

/// The commonest losses as methods of a prediction.
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

    /// Mean absolute error: see [`L1`].
    ///
    /// # Errors
    /// As [`L1::loss`].
    fn l1(&self, target: &Var<F>) -> Result<Var<F>>;

    /// Mean of Huber's loss: see [`Huber`].
    ///
    /// # Errors
    /// As [`Huber::loss`].
    fn huber(&self, target: &Var<F>, delta: f64) -> Result<Var<F>>;

    /// Mean binary cross-entropy between the sigmoid of these logits and the target: see [`BceWithLogits`].
    ///
    /// # Errors
    /// As [`BceWithLogits::loss`].
    fn bce_with_logits(&self, target: &Var<F>) -> Result<Var<F>>;

    /// Mean negative log-likelihood of the labels under these log-probabilities: see [`Nll`].
    ///
    /// # Errors
    /// As [`Nll::loss`].
    fn nll<D: Dimension>(&self, labels: &ArrayRef<usize, D>) -> Result<Var<F>>;
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

    #[track_caller]
    fn l1(&self, target: &Var<F>) -> Result<Var<F>> {
        L1::new().loss(self, target)
    }

    #[track_caller]
    fn huber(&self, target: &Var<F>, delta: f64) -> Result<Var<F>> {
        Huber::new(delta).loss(self, target)
    }

    #[track_caller]
    fn bce_with_logits(&self, target: &Var<F>) -> Result<Var<F>> {
        BceWithLogits::new().loss(self, target)
    }

    #[track_caller]
    fn nll<D: Dimension>(&self, labels: &ArrayRef<usize, D>) -> Result<Var<F>> {
        Nll::new().loss(self, labels)
    }
}
