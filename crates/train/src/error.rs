//! What can go wrong while training.

use crate::CheckpointError;
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

    /// A metric that is not defined for what it was given.
    #[error("{metric}: {reason}")]
    Metric {
        /// The metric.
        metric: &'static str,
        /// What is wrong, and what would fit.
        reason: String,
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

    /// A checkpoint's file or folder could not be read or written.
    #[error("checkpoint: {operation} {}: {source}", path.display())]
    CheckpointIo {
        /// What was to be done.
        operation: &'static str,
        /// The file or the folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },

    /// A file is no whole checkpoint, or not one of this model's numbers.
    #[error("checkpoint: {}: {source}", path.display())]
    Checkpoint {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: CheckpointError,
    },

    /// Another run writes its checkpoints into this folder.
    #[error(
        "checkpoint: {} is in use by another run{}; each run needs a folder of its own",
        folder.display(),
        process.map_or_else(String::new, |process| format!(" (process {process})"))
    )]
    FolderLocked {
        /// The folder.
        folder: PathBuf,
        /// The process of the other run, if it is known.
        process: Option<u32>,
    },

    /// A folder for a new run has checkpoints already.
    #[error(
        "checkpoint: {} has checkpoints already, the last of step {step}; resume() goes on from it, another folder begins anew",
        folder.display()
    )]
    FolderTaken {
        /// The folder.
        folder: PathBuf,
        /// The step of the newest.
        step: u64,
    },

    /// There are checkpoints, and none is whole.
    #[error(
        "checkpoint: none of the {files} checkpoints in {} can be read; the newest: {newest}; another folder begins anew",
        folder.display()
    )]
    NoGoodCheckpoint {
        /// The folder.
        folder: PathBuf,
        /// How many there are.
        files: usize,
        /// What is wrong with the newest.
        newest: Box<Error>,
    },

    /// A checkpoint is of a run with other data or settings.
    #[error("checkpoint: {}: its {what} is {saved}, and now it is {now}; a run resumes with what it began with", path.display())]
    OtherRun {
        /// The file.
        path: PathBuf,
        /// What differs.
        what: &'static str,
        /// As it was saved.
        saved: String,
        /// As it is now.
        now: String,
    },

    /// A checkpoint does not fit the model or the optimizer, which are as they were.
    #[error("checkpoint: {}: it does not fit this run: {source}", path.display())]
    Resume {
        /// The file.
        path: PathBuf,
        /// Why.
        source: Box<Error>,
    },

    /// The handler of Ctrl-C could not be set.
    #[error("Ctrl-C: {reason}; a program has one handler, and with another it sets a flag of its own for stop_when()")]
    CtrlC {
        /// What the system said.
        reason: String,
    },

    /// The flag of [`Trainer::stop_when`](crate::Trainer::stop_when) was set.
    #[error(
        "training: stopped on request in epoch {epoch}, after step {step}; {}",
        checkpoint.as_ref().map_or_else(
            || "nothing is saved, as the trainer has no checkpoint folder".to_owned(),
            |path| format!("all is saved in {}: run again with resume() to go on", path.display())
        )
    )]
    Interrupted {
        /// The epoch that is being trained, from 1.
        epoch: usize,
        /// The steps done, counted over all epochs.
        step: u64,
        /// The checkpoint to go on from.
        checkpoint: Option<PathBuf>,
    },

    /// Another rank of the run has failed, and all end with it. If it was in a step, the model has been put back to the last weights
    /// that had a finite loss.
    #[error(
        "ranks: rank {rank} has failed, and all end with it: {reason}{}",
        kept.as_ref().map_or_else(String::new, |kept| format!("; the weights are those of {kept}"))
    )]
    OtherRank {
        /// The first rank that has failed.
        rank: usize,
        /// What it says.
        reason: String,
        /// Which weights the model has now, if they were put back.
        kept: Option<String>,
    },

    /// There is not one training sample for every rank.
    #[error("ranks: {samples} training samples for {ranks} ranks; each needs at least one: at most {samples} ranks")]
    FewerSamplesThanRanks {
        /// The number of training samples.
        samples: usize,
        /// The number of ranks.
        ranks: usize,
    },

    /// An error of what connects the ranks: one that cannot be reached, say.
    #[error(transparent)]
    Ranks(Box<dyn std::error::Error + Send + Sync>),

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
