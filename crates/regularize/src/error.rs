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
