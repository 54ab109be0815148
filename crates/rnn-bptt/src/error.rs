//! What can go wrong in a recurrent layer.

use gradus_linalg::FamilyError;

/// An error of a recurrent layer or cell; the message names the shapes at hand and what would fit.
///
/// # Examples
/// ```
/// use gradus_rnn_bptt::{Rnn, Tape, ndarray::Array3};
/// use rand::{SeedableRng, rngs::StdRng};
/// let rnn: Rnn = Rnn::new(3, 8, &mut StdRng::seed_from_u64(1));
/// let x = Tape::inference().input(Array3::zeros((5, 2, 4)));
/// assert_eq!(
///     rnn.forward_with(&x, None).unwrap_err().to_string(),
///     "rnn: input [5, 2, 4]: the last axis has 4 features; the layer takes 3"
/// );
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An operation on the tape failed.
    #[error(transparent)]
    Autograd(#[from] gradus_autograd::Error),

    /// An input with too few or too many axes.
    #[error("{operation}: input {found:?} has {} axes; it needs {} axes, {expected}", found.len(), expected.split(',').count())]
    InputRank {
        /// The operation that was asked for.
        operation: &'static str,
        /// The shape of the input.
        found: Vec<usize>,
        /// The axes that it should have.
        expected: &'static str,
    },

    /// An input with another number of features than the layer takes.
    #[error("{operation}: input {found:?}: the last axis has {} features; the layer takes {input_size}", found.last().copied().unwrap_or(0))]
    InputSize {
        /// The operation that was asked for.
        operation: &'static str,
        /// The shape of the input.
        found: Vec<usize>,
        /// The number of features that the layer takes.
        input_size: usize,
    },

    /// A sequence without a single step.
    #[error("{operation}: input {found:?} has no time steps; a sequence has at least one")]
    NoSteps {
        /// The operation that was asked for.
        operation: &'static str,
        /// The shape of the input.
        found: Vec<usize>,
    },

    /// Another number of lengths than of sequences.
    #[error("{operation}: {found} lengths for a batch of {batch} sequences; each sequence has one")]
    Lengths {
        /// The operation that was asked for.
        operation: &'static str,
        /// The number of lengths.
        found: usize,
        /// The number of sequences.
        batch: usize,
    },

    /// A length that the padded batch does not have.
    #[error("{operation}: sequence {sequence} has length {length}; lengths go from 1 to the input's {steps} steps")]
    Length {
        /// The operation that was asked for.
        operation: &'static str,
        /// The sequence's place in the batch, from 0.
        sequence: usize,
        /// Its length.
        length: usize,
        /// The number of steps of the input.
        steps: usize,
    },

    /// A state that does not fit the layer or the input.
    #[error("{operation}: state {found:?}: this layer and input need {axes} = {expected:?}")]
    State {
        /// The operation that was asked for.
        operation: &'static str,
        /// The shape of the state.
        found: Vec<usize>,
        /// The shape that would fit.
        expected: Vec<usize>,
        /// What its axes mean.
        axes: &'static str,
    },

    /// A parameter whose shape does not go with the others'.
    #[error("{operation}: {parameter} {found:?}: with the other parameters it must be {expected:?}")]
    Weight {
        /// The operation that was asked for.
        operation: &'static str,
        /// The parameter, by its name in the cell.
        parameter: &'static str,
        /// Its shape.
        found: Vec<usize>,
        /// The shape that would fit.
        expected: Vec<usize>,
    },

    /// A mask for a sweep that has no place for one.
    #[error("{operation}: the written-out sweep takes no mask; the cell's own sweep takes the steps one by one then")]
    NoMask {
        /// The operation that was asked for.
        operation: &'static str,
    },

    /// A mask of the state that does not fit the layer or the input.
    #[error(
        "{operation}: mask {found:?}: a factor for each number of the state, (batch, hidden_size) = {expected:?}, would fit"
    )]
    Mask {
        /// The operation that was asked for.
        operation: &'static str,
        /// The shape of the mask.
        found: Vec<usize>,
        /// The shape that would fit.
        expected: Vec<usize>,
    },

    /// A rate of dropout that is no probability, or 1, which would drop everything.
    #[error("{operation}: {field} {value}: must be at least 0 and less than 1")]
    Probability {
        /// The operation that was asked for.
        operation: &'static str,
        /// The rate.
        field: &'static str,
        /// Its value.
        value: f64,
    },

    /// Cells that do not make up whole layers.
    #[error(
        "{operation}: {cells} cells for {directions} direction(s): a layer has one cell for each direction, and there is at least one layer"
    )]
    Layers {
        /// The operation that was asked for.
        operation: &'static str,
        /// The number of cells.
        cells: usize,
        /// The number of directions in which sequences are read.
        directions: usize,
    },

    /// A sequence that the batch does not have.
    #[error("{operation}: sequence {sequence} of a batch of {batch}; it must be less than that")]
    FlowSequence {
        /// The operation that was asked for.
        operation: &'static str,
        /// The sequence's place in the batch, from 0.
        sequence: usize,
        /// The number of sequences.
        batch: usize,
    },

    /// A step that the sequence does not have.
    #[error("{operation}: step {step} of a sequence of {steps}; it must be less than that")]
    FlowStep {
        /// The operation that was asked for.
        operation: &'static str,
        /// The step, from 0.
        step: usize,
        /// The number of steps.
        steps: usize,
    },

    /// A unit that the layer does not have.
    #[error("{operation}: unit {unit} of a layer of {hidden}; give at least one, each less than that")]
    FlowUnit {
        /// The operation that was asked for.
        operation: &'static str,
        /// The unit, from 0.
        unit: usize,
        /// The number of units.
        hidden: usize,
    },

    /// A state without features, through which no gradient can flow.
    #[error("{operation}: the cells have a state of 0 features; must have at least one")]
    FlowState {
        /// The operation that was asked for.
        operation: &'static str,
    },
}

impl FamilyError for Error {}

impl Error {
    /// The same of an input as it was given, before its axes were put in order.
    pub(crate) fn of_input(mut self, shape: &[usize]) -> Self {
        if let Self::InputSize { found, .. } | Self::NoSteps { found, .. } = &mut self {
            *found = shape.to_vec();
        }
        self
    }
}

/// What the recurrent layers return.
pub type Result<T, E = Error> = std::result::Result<T, E>;
