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

    /// A setting of a task, a sampler or a search that is out of range.
    #[error("{operation}: {name} = {value}: {expected}")]
    Setting {
        /// What is set up.
        operation: &'static str,
        /// The setting.
        name: &'static str,
        /// Its value.
        value: f64,
        /// What would fit.
        expected: &'static str,
    },

    /// A text of no characters.
    #[error("{operation}: an empty text has no characters; at least two distinct ones would fit")]
    EmptyText {
        /// The operation that was asked for.
        operation: &'static str,
    },

    /// A text of one distinct character.
    #[error(
        "{operation}: the text is {character:?}, {length} times over: with one distinct character there is nothing to be learnt"
    )]
    OneCharacter {
        /// The operation that was asked for.
        operation: &'static str,
        /// The character.
        character: char,
        /// The number of characters of the text.
        length: usize,
    },

    /// A text with too few characters for its batch.
    #[error("{operation}: {length} tokens for a batch of {batch}: each sequence needs an input and a target, so at least {} tokens", batch.saturating_add(1))]
    ShortText {
        /// The operation that was asked for.
        operation: &'static str,
        /// The number of tokens.
        length: usize,
        /// The number of sequences.
        batch: usize,
    },

    /// A character that is not in the vocabulary.
    #[error("{operation}: {character:?} at character {place}: not among the {known} characters of the vocabulary")]
    UnknownCharacter {
        /// The operation that was asked for.
        operation: &'static str,
        /// The character.
        character: char,
        /// How many characters stand before it.
        place: usize,
        /// The number of characters of the vocabulary.
        known: usize,
    },

    /// A number that is no character's.
    #[error(
        "{operation}: token {token} at place {place}: the vocabulary has {known} characters, so tokens lie below {known}"
    )]
    UnknownToken {
        /// The operation that was asked for.
        operation: &'static str,
        /// The number.
        token: usize,
        /// How many tokens stand before it.
        place: usize,
        /// The number of characters of the vocabulary.
        known: usize,
    },

    /// No logits to choose by.
    #[error("{operation}: no logits; there is at least one class to choose")]
    NoLogits {
        /// The operation that was asked for.
        operation: &'static str,
    },

    /// A logit that is infinite or NaN.
    #[error("{operation}: logit {place} is {value}; a distribution needs finite ones")]
    NotFinite {
        /// The operation that was asked for.
        operation: &'static str,
        /// The logit's place.
        place: usize,
        /// Its value.
        value: f64,
    },

    /// Nothing to begin with.
    #[error("{operation}: no token to begin with; the model reads at least one before it says the next")]
    NoPrime {
        /// The operation that was asked for.
        operation: &'static str,
    },

    /// Layers in two directions where the future is not there yet.
    #[error("{operation}: layers in two directions read what comes after; layers in one direction would fit")]
    Causal {
        /// The operation that was asked for.
        operation: &'static str,
    },
}

impl FamilyError for Error {}

impl Error {
    /// A setting that has to be at least this large, `"an integer of at least 1 would fit"`.
    pub(crate) fn at_least(
        least: usize,
        operation: &'static str,
        name: &'static str,
        value: usize,
        expected: &'static str,
    ) -> Result<()> {
        if value >= least { Ok(()) } else { Err(Self::Setting { operation, name, value: value as f64, expected }) }
    }

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
