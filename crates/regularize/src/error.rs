//! What can go wrong in a regularizer.

use gradus_linalg::FamilyError;

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

    /// A penalty on nothing.
    #[error("{operation}: none of the model's trainable parameters was picked; their names are {names:?}")]
    NothingPicked {
        /// The penalty.
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

    /// Nothing to learn from.
    #[error("{operation}: no samples of positive weight: at least one would fit")]
    NoSamples {
        /// The operation.
        operation: &'static str,
    },

    /// Features, targets and weights of different lengths.
    #[error("{operation}: {found} {field} for {rows} samples: there must be one for each")]
    Lengths {
        /// The operation.
        operation: &'static str,
        /// What differs from the samples in number.
        field: &'static str,
        /// The number of samples.
        rows: usize,
        /// The number of what differs.
        found: usize,
    },

    /// A number that is NaN or infinite where nothing can be learnt from one.
    #[error(
        "{operation}: {field} {value} at {position:?}: must be finite; fill in what is missing, or leave the row out"
    )]
    NotFinite {
        /// The operation.
        operation: &'static str,
        /// What the number is.
        field: &'static str,
        /// Its value.
        value: f64,
        /// Where it stands.
        position: Vec<usize>,
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

    /// A row that there is not.
    #[error("{operation}: row {row}: there are {rows} rows, counted from 0")]
    Row {
        /// The operation.
        operation: &'static str,
        /// The row that was asked for.
        row: usize,
        /// The number of rows.
        rows: usize,
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
