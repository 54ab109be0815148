//! The loss of a class at each place of each sequence.

use gradus_autograd::{Real, Var};
use gradus_nn_layers::{CrossEntropy, Error, Result};
use ndarray::{ArrayRef, Dimension};

/// Cross-entropy of logits whose classes are the last axis, which is where a recurrent layer's features are: logits
/// `(…, K)`, labels `(…)`.
#[track_caller]
pub(crate) fn cross_entropy<F: Real, D: Dimension>(
    options: &CrossEntropy,
    logits: &Var<F>,
    labels: &ArrayRef<usize, D>,
) -> Result<Var<F>> {
    let (classes, expected) = logits.shape().split_last().map_or((0, &[][..]), |(&classes, rest)| (classes, rest));
    // As many labels in another order would be as many wrong ones.
    if labels.shape() != expected {
        return Err(Error::LabelShape {
            loss: "cross_entropy",
            logits: logits.shape().to_vec(),
            labels: labels.shape().to_vec(),
            expected: expected.to_vec(),
        });
    }
    options.loss(&logits.reshape(&[labels.len(), classes])?, &labels.flatten())
}
