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
