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

    /// A layer inside a cell failed.
    #[error(transparent)]
    Layer(#[from] gradus_nn_layers::Error),

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

    /// A symbol that the table has no row for.
    #[error(
        "{operation}: symbol {symbol} at time {time} of sequence {sequence}: the table has {known} rows, so symbols lie below {known}"
    )]
    Symbol {
        /// The operation that was asked for.
        operation: &'static str,
        /// The number.
        symbol: usize,
        /// The step that reads it.
        time: usize,
        /// The sequence that it is in.
        sequence: usize,
        /// The number of rows of the table.
        known: usize,
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
    #[error(
        "{operation}: state {found:?}: this layer and input need {axes} = {expected:?}{}",
        state_hint(found, expected)
    )]
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

    /// Lengths that grow where the longest sequence has to be the first.
    #[error(
        "{operation}: sequence {sequence} of length {length} after one of length {before}: lengths must not grow; pack_padded takes any order"
    )]
    Unsorted {
        /// The operation that was asked for.
        operation: &'static str,
        /// The sequence's place in the batch, from 0.
        sequence: usize,
        /// Its length.
        length: usize,
        /// The length of the one before it.
        before: usize,
    },

    /// Batch sizes of packed sequences that are none, or not those of the data.
    #[error(
        "{operation}: batch sizes {batch_sizes:?} for {rows} rows and {sequences} sequences: they begin with the number of sequences, at least 1, never grow, stay above 0, and add up to the number of rows"
    )]
    BatchSizes {
        /// The operation that was asked for.
        operation: &'static str,
        /// The number of sequences at each step.
        batch_sizes: Vec<usize>,
        /// The number of rows of data.
        rows: usize,
        /// The number of sequences.
        sequences: usize,
    },

    /// An order of packed sequences that is none.
    #[error("{operation}: sorted indices {sorted_indices:?}: each number from 0 to {} stands there once", sorted_indices.len().saturating_sub(1))]
    SortedIndices {
        /// The operation that was asked for.
        operation: &'static str,
        /// The indices.
        sorted_indices: Vec<usize>,
    },

    /// A bias to be set of cells without biases.
    #[error("{operation}: the cells of this {layer} have no bias to set; a layer with biases would fit")]
    NoBias {
        /// The operation that was asked for.
        operation: &'static str,
        /// The kind of layer.
        layer: &'static str,
    },

    /// A value for parameters to start from that is out of range.
    #[error("{operation}: {name} = {value}: {expected}")]
    StartValue {
        /// The initialization.
        operation: &'static str,
        /// What was set.
        name: &'static str,
        /// Its value.
        value: f64,
        /// What would fit.
        expected: &'static str,
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

    /// A truncation that leaves no step.
    #[error(
        "tbptt: k1 = {k1}, k2 = {k2}: a backward pass comes every k1 steps and goes through the last k2; each is at least 1"
    )]
    Truncation {
        /// The steps from one backward pass to the next.
        k1: usize,
        /// The steps that a backward pass goes through.
        k2: usize,
    },

    /// A number of segments that a sequence cannot be cut into.
    #[error(
        "checkpointed: {segments} segments of an input {found:?} of {steps} steps: from 1 to {steps} would fit; about {} take least memory",
        steps.isqrt().max(1)
    )]
    Segments {
        /// The number of segments.
        segments: usize,
        /// The shape of the input.
        found: Vec<usize>,
        /// Its steps.
        steps: usize,
    },

    /// Layers in two directions where what comes after is not there yet.
    #[error("{operation}: layers in two directions read what comes after, too; layers in one direction would fit")]
    TwoDirections {
        /// The operation that was asked for.
        operation: &'static str,
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

    /// A bound on the gradients' norm that is none.
    #[error(
        "clip_log: max_norm = {max_norm}: the bound is above 0; without end it clips nothing and writes down all the same"
    )]
    ClipBound {
        /// The bound.
        max_norm: f64,
    },

    /// Gradients without a finite norm.
    #[error("clip_log: the gradients' norm is {norm} at step {step}; they are left as they were")]
    ClipNorm {
        /// The norm.
        norm: f64,
        /// The step, counted from 1.
        step: u64,
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

/// What to do about a state that has another shape for a reason that can be guessed.
fn state_hint(found: &[usize], expected: &[usize]) -> String {
    match *expected {
        [1, ref one @ ..] if one.len() == 2 && found == one => {
            "; unsqueeze(0) gives it the first axis, of layers and directions (L·D, N, H)".to_owned()
        }
        [cells, ref one @ ..] if one.len() == 2 && found == one => {
            format!("; there is one for each of {cells} layers and directions, stacked on the first axis (L·D, N, H)")
        }
        [cells, batch, size] if found == [batch, cells, size] => {
            "; a state is (L·D, N, H) with the batch in the middle, batch-first layers included: transpose(0, 1)"
                .to_owned()
        }
        _ => String::new(),
    }
}

/// What the recurrent layers return.
pub type Result<T, E = Error> = std::result::Result<T, E>;
