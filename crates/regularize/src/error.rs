//! What can go wrong in a regularizer.

use gradus_linalg::{FamilyError, Real};
use ndarray::{ArrayRef, Dimension, IntoDimension};

/// An error of a regularizer; the message names the setting or the place and its value.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A hyper-parameter outside its range.
    #[error("{operation}: {field} {value}: must be {expected}")]
    HyperParameter {
        /// The layer or function.
        operation: &'static str,
        /// The hyper-parameter.
        field: &'static str,
        /// Its value.
        value: f64,
        /// What would fit.
        expected: &'static str,
    },

    /// An input that a layer cannot take.
    #[error("{operation}: input {input:?}: it takes {expected}, with C = {channels} channels on the second axis")]
    InputShape {
        /// The layer.
        operation: &'static str,
        /// The shape of the input.
        input: Vec<usize>,
        /// The axes that would fit.
        expected: &'static str,
        /// The channels that it takes.
        channels: usize,
    },

    /// An input with other axes than fit.
    #[error("{operation}: input {input:?}: it takes {expected}")]
    InputAxes {
        /// The layer or function.
        operation: &'static str,
        /// The shape of the input.
        input: Vec<usize>,
        /// What would fit.
        expected: &'static str,
    },

    /// A layer that is to run with other weights, and notes something about its buffers, which would be lost.
    #[error(
        "{operation}: the layer has the buffer `{buffer}`: it takes layers without buffers; put it around those inside"
    )]
    LayerWithBuffers {
        /// What was put around the layer.
        operation: &'static str,
        /// The buffer.
        buffer: String,
    },

    /// A model whose running statistics a pass in training would leave aside for those of the batch.
    #[error(
        "{operation}: the model has running statistics, `{buffer}`: fold batch normalization into the layers before it"
    )]
    RunningStatistics {
        /// The function.
        operation: &'static str,
        /// The statistics.
        buffer: String,
    },

    /// An average of models that the model at hand is none of.
    #[error(
        "{operation}: the model is another one than was averaged: `{name}` is missing on one side or has another shape"
    )]
    OtherModel {
        /// The average.
        operation: &'static str,
        /// The first parameter or buffer that differs.
        name: String,
    },

    /// An average of nothing.
    #[error("{operation}: nothing has been averaged yet; at least one call of `update` would fit")]
    NothingAveraged {
        /// The average.
        operation: &'static str,
    },

    /// Two things that belong to the same samples, and are of different numbers of them.
    #[error("{operation}: {left:?} and {right:?}: {expected}")]
    Lengths {
        /// The function.
        operation: &'static str,
        /// The shape of the first.
        left: Vec<usize>,
        /// The shape of the second.
        right: Vec<usize>,
        /// What would fit.
        expected: &'static str,
    },

    /// Nothing to compute from.
    #[error("{operation}: no {what}: at least one would fit")]
    Nothing {
        /// The function.
        operation: &'static str,
        /// What there is none of.
        what: &'static str,
    },

    /// A number that is no probability, or that no logit, feature or target can be.
    #[error("{operation}: {what} {value} at {position:?}: must be {expected}")]
    Element {
        /// The function.
        operation: &'static str,
        /// What it is of.
        what: &'static str,
        /// The number.
        value: f64,
        /// Where it stands.
        position: Vec<usize>,
        /// What would fit.
        expected: &'static str,
    },

    /// A batch with less than two values for each channel.
    #[error(
        "{operation}: input {input:?}: {} for each channel, which has no variance; {}",
        match input.iter().product::<usize>() { 0 => "no value", _ => "one value" },
        if *training {
            "a larger batch would fit, or a tape that is not for training"
        } else {
            "a larger batch would fit, or a layer with running statistics"
        }
    )]
    OneValue {
        /// The layer.
        operation: &'static str,
        /// The shape of the input.
        input: Vec<usize>,
        /// Whether the tape is for training.
        training: bool,
    },

    /// A shortcut that cannot be added.
    #[error("{operation}: input {input:?}, shortcut {shortcut:?}: they must have the same shape; project the shortcut")]
    Shortcut {
        /// The operation.
        operation: &'static str,
        /// The shape of the input.
        input: Vec<usize>,
        /// The shape of the shortcut.
        shortcut: Vec<usize>,
    },

    /// A parameter or a buffer that does not fit its layer.
    #[error("{operation}: {parameter} {found:?}: must be {expected:?}")]
    ParameterShape {
        /// The layer or function.
        operation: &'static str,
        /// The parameter or buffer.
        parameter: &'static str,
        /// Its shape.
        found: Vec<usize>,
        /// The shape that would fit.
        expected: Vec<usize>,
    },

    /// A layer to be folded that normalizes by each batch.
    #[error("{operation}: fold_into: the layer has no running statistics to fold; train it with them")]
    NoStatistics {
        /// The layer.
        operation: &'static str,
    },

    /// A penalty, a constraint or noise on nothing.
    #[error("{operation}: none of the model's trainable parameters was picked; their names are {names:?}")]
    NothingPicked {
        /// The penalty, constraint or layer.
        operation: &'static str,
        /// The names there are.
        names: Vec<String>,
    },

    /// A label that is no class.
    #[error("{operation}: label {label} at {position}: classes go from 0 to {}", *classes as isize - 1)]
    Label {
        /// The function.
        operation: &'static str,
        /// The label.
        label: usize,
        /// Where it stands.
        position: usize,
        /// The number of classes.
        classes: usize,
    },

    /// A loss or a metric that is not a number: nothing can be concluded from it.
    #[error("{operation}: {field} {value} at epoch {epoch}: must be a number")]
    NotANumber {
        /// Who was to judge.
        operation: &'static str,
        /// What was to be judged.
        field: &'static str,
        /// Its value.
        value: f64,
        /// The epoch.
        epoch: usize,
    },

    /// The best weights do not fit the model that they are put back into.
    #[error("early stopping: the best weights, of epoch {epoch}, do not fit the model")]
    Restore {
        /// The epoch that the weights are of.
        epoch: usize,
        /// What does not fit.
        source: gradus_nn_layers::Error,
    },

    /// More folds than there is to put into them.
    #[error(
        "{operation}: {folds} folds of {found} {of}: each fold needs at least one; {}",
        if *found < 2 { format!("at least 2 {of} would fit") } else { format!("at most {found} folds would fit") }
    )]
    TooManyFolds {
        /// The kind of split.
        operation: &'static str,
        /// The folds asked for.
        folds: usize,
        /// How many samples or groups there are.
        found: usize,
        /// Samples or groups.
        of: &'static str,
    },

    /// A split with nothing in one of its parts.
    #[error(
        "{operation}: {samples} samples, test_share {test_share}: no sample would be left to {part} on; another share or more samples would fit"
    )]
    EmptyPart {
        /// The kind of split.
        operation: &'static str,
        /// The samples there are.
        samples: usize,
        /// The share to test on.
        test_share: f64,
        /// The part that would be empty: train or test.
        part: &'static str,
    },

    /// A class that a part of a split would lack.
    #[error(
        "{operation}: class {class}, with {samples} samples, would be absent from {part}; more samples of it, or larger or fewer parts, would fit"
    )]
    AbsentClass {
        /// The kind of split.
        operation: &'static str,
        /// The class.
        class: usize,
        /// How many samples of it there are.
        samples: usize,
        /// Where it would be absent.
        part: &'static str,
    },

    /// A series too short for its splits.
    #[error(
        "{operation}: {samples} samples: {folds} tests of {test_size} and a gap of {gap} leave none to train on; more than {} samples would fit",
        folds.saturating_mul(*test_size).saturating_add(*gap)
    )]
    TooShort {
        /// The kind of split.
        operation: &'static str,
        /// The samples there are.
        samples: usize,
        /// The splits asked for.
        folds: usize,
        /// Samples in each test.
        test_size: usize,
        /// Samples between training and test.
        gap: usize,
    },

    /// A learning curve that asks for more than there is.
    #[error("{operation}: size {size}: split {split} has {samples} samples to train on, so it must be at most that")]
    TooFewToTrain {
        /// The function.
        operation: &'static str,
        /// The samples asked for.
        size: usize,
        /// The place of the split.
        split: usize,
        /// The samples in its training part.
        samples: usize,
    },

    /// Validation losses in some epochs alone.
    #[error(
        "{operation}: epoch {epoch} has {} validation loss, unlike those before: all epochs or none of them must have one",
        if *has { "a" } else { "no" }
    )]
    MixedLosses {
        /// Who was to judge.
        operation: &'static str,
        /// The epoch.
        epoch: usize,
        /// Whether it has one.
        has: bool,
    },

    /// Nothing to validate on.
    #[error("{operation}: no splits: at least one would fit")]
    NoSplits {
        /// The function.
        operation: &'static str,
    },

    /// A sample that is not there.
    #[error("{operation}: index {index}: there are {samples} samples, so it must be less than that")]
    IndexOutside {
        /// The function.
        operation: &'static str,
        /// The index.
        index: usize,
        /// The samples there are.
        samples: usize,
    },

    /// A score that is not a finite number: nothing can be averaged with it.
    #[error("{operation}: score {value} of {of} {place}: must be a finite number")]
    Score {
        /// The function.
        operation: &'static str,
        /// What was scored: a split, a resample.
        of: &'static str,
        /// Its number.
        place: usize,
        /// The score.
        value: f64,
    },

    /// Nothing to learn from.
    #[error("{operation}: no samples of positive weight: at least one would fit")]
    NoSamples {
        /// The operation.
        operation: &'static str,
    },

    /// Features, targets and weights of different lengths.
    #[error("{operation}: {found} {field} for {rows} samples: there must be one for each")]
    Count {
        /// The operation.
        operation: &'static str,
        /// What differs from the samples in number.
        field: &'static str,
        /// The number of samples.
        rows: usize,
        /// The number of what differs.
        found: usize,
    },

    /// A weight that cannot be one.
    #[error("{operation}: weight {value} at {position}: must be finite and not negative")]
    Weight {
        /// The operation.
        operation: &'static str,
        /// The weight.
        value: f64,
        /// Where it stands.
        position: usize,
    },

    /// Weights that are all 0.
    #[error("{operation}: every weight is 0: at least one must be positive")]
    NoWeight {
        /// The operation.
        operation: &'static str,
    },

    /// Targets of the other kind.
    #[error("{operation}: the targets are {found}: {expected} would fit")]
    Targets {
        /// The operation.
        operation: &'static str,
        /// The kind of targets there are.
        found: &'static str,
        /// The kind that would fit.
        expected: &'static str,
    },

    /// Samples with another number of features than the model was fitted to.
    #[error("{operation}: {found} features: the model was fitted to {expected}")]
    Features {
        /// The operation.
        operation: &'static str,
        /// The features there are.
        found: usize,
        /// The features that would fit.
        expected: usize,
    },

    /// Predictions of a shape that does not fit.
    #[error(
        "{operation}: predictions {found:?}: they must be {expected:?}, a row for each sample, a column for each output"
    )]
    Outputs {
        /// The operation.
        operation: &'static str,
        /// The shape of the predictions.
        found: Vec<usize>,
        /// The shape that would fit.
        expected: Vec<usize>,
    },

    /// A learner of an ensemble that failed.
    #[error("{operation}: learner {place}: {source}")]
    Learner {
        /// The ensemble.
        operation: &'static str,
        /// Which learner, counted from 0.
        place: usize,
        /// Its error.
        source: Box<gradus_nn_layers::Error>,
    },

    /// A first learner that is no better than to guess, so that there is nothing to boost.
    #[error(
        "{operation}: learner 0 is wrong on the share {error:.3} of the weight, as guessing one of {classes} classes would be: a stronger learner would fit, one that heeds the weights"
    )]
    NoBetterThanChance {
        /// The ensemble.
        operation: &'static str,
        /// The share of the weight on which it is wrong.
        error: f64,
        /// The number of classes.
        classes: usize,
    },

    /// Resamples that all lie on one side of the estimate.
    #[error(
        "{operation}: the estimate {estimate} lies outside all {resamples} resamples, so that its bias has no measure; more resamples or the percentile interval would fit"
    )]
    OneSided {
        /// The interval.
        operation: &'static str,
        /// The metric of the data.
        estimate: f64,
        /// The number of resamples.
        resamples: usize,
    },

    /// Snapshots that do not fit the model that they are put into.
    #[error("snapshots: snapshot {place} does not fit the model: {source}")]
    Snapshot {
        /// Which snapshot, counted from 0.
        place: usize,
        /// What does not fit.
        source: Box<gradus_nn_layers::Error>,
    },
}

impl FamilyError for Error {}

/// What fallible functions of this crate return.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Refuses a value outside its range.
pub(crate) fn hold(
    holds: bool,
    operation: &'static str,
    field: &'static str,
    value: f64,
    expected: &'static str,
) -> Result<()> {
    if holds { Ok(()) } else { Err(Error::HyperParameter { operation, field, value, expected }) }
}

/// Refuses numbers that are NaN or infinite.
pub(crate) fn finite<F: Real, D: Dimension>(
    operation: &'static str,
    what: &'static str,
    x: &ArrayRef<F, D>,
    expected: &'static str,
) -> Result<()> {
    match x.indexed_iter().find(|(_, x)| !x.is_finite()) {
        None => Ok(()),
        Some((position, x)) => {
            let position = position.into_dimension().slice().to_vec();
            Err(Error::Element { operation, what, value: x.to_f64(), position, expected })
        }
    }
}

/// What a feature or a target must be.
pub(crate) const KNOWN: &str = "finite; fill in what is missing, or leave the row out";

/// Refuses less than two folds, and more than there is to put into them.
pub(crate) fn folds(operation: &'static str, k: usize, found: usize, of: &'static str) -> Result<()> {
    hold(k >= 2, operation, "k", k as f64, "at least 2")?;
    if k > found { Err(Error::TooManyFolds { operation, folds: k, found, of }) } else { Ok(()) }
}
