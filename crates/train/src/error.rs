//! What can go wrong while training.

use gradus_autograd::NonFinite;
use gradus_linalg::FamilyError;
use std::path::PathBuf;

/// An error of training; the message names the step, the value at fault and what would fit.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The loss was NaN or infinite. The model has been put back to the last weights that had a finite loss.
    #[error(
        "training: epoch {epoch}, step {step}: the loss is {loss}{}; the weights are those of {kept}; a smaller learning rate may help",
        cause.as_ref().map_or_else(String::new, |cause| format!(": {cause}"))
    )]
    NonFiniteLoss {
        /// The epoch, from 1.
        epoch: usize,
        /// The step, from 1, counted over all epochs.
        step: u64,
        /// The loss.
        loss: f64,
        /// The first operation whose result was not finite.
        cause: Option<Box<NonFinite>>,
        /// Which weights the model has now.
        kept: String,
    },

    /// A gradient was NaN or infinite although the loss was not. The weights have not been touched by it.
    #[error(
        "training: epoch {epoch}, step {step}: the gradient of {parameter} is not finite although the loss is {loss}{}; the weights are those of {kept}",
        cause.as_ref().map_or_else(String::new, |cause| format!(": {cause}"))
    )]
    NonFiniteGradient {
        /// The epoch, from 1.
        epoch: usize,
        /// The step, from 1, counted over all epochs.
        step: u64,
        /// The loss.
        loss: f64,
        /// The first parameter with such a gradient.
        parameter: String,
        /// The first operation whose gradient was not finite.
        cause: Option<Box<gradus_autograd::Error>>,
        /// Which weights the model has now.
        kept: String,
    },

    /// The model's output is no table of one row a sample and one column a class.
    #[error(
        "evaluate: the model's output has shape {found:?}; for {samples} samples of {classes} classes it must be [{samples}, {classes}]"
    )]
    Logits {
        /// The shape of the output.
        found: Vec<usize>,
        /// The number of samples.
        samples: usize,
        /// The number of classes.
        classes: usize,
    },

    /// A data set without samples.
    #[error("{operation}: the {set} set has no samples")]
    NoSamples {
        /// What was to be done.
        operation: &'static str,
        /// Which set.
        set: &'static str,
    },

    /// A setting outside its range.
    #[error("training: {setting} is {value}: {expected}")]
    Setting {
        /// The setting.
        setting: &'static str,
        /// Its value.
        value: String,
        /// What would fit.
        expected: &'static str,
    },

    /// A file of the report could not be written.
    #[error("report: {}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },

    /// A picture of the report could not be drawn.
    #[error("report: {picture} could not be drawn: {reason}")]
    Picture {
        /// Which picture.
        picture: String,
        /// Why.
        reason: String,
    },

    /// An error of the data.
    #[error(transparent)]
    Data(#[from] gradus_data::Error),

    /// An error of the optimizer.
    #[error(transparent)]
    Optim(#[from] gradus_optim::Error),

    /// An error of early stopping.
    #[error(transparent)]
    Regularize(#[from] gradus_regularize::Error),

    /// An error of the model or the loss.
    #[error(transparent)]
    Model(#[from] gradus_nn_layers::Error),

    /// An error of the tape.
    #[error(transparent)]
    Autograd(#[from] gradus_autograd::Error),
}

impl FamilyError for Error {}

/// What training returns.
pub type Result<T, E = Error> = std::result::Result<T, E>;
