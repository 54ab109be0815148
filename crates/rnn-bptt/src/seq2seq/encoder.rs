//! The network that reads.

use crate::{Cell, Recurrent, State};
use gradus_autograd::{Tape, Var};
use gradus_nn_layers::{Embedding, Module, Result};
use ndarray::{Array2, ArrayRef2};
use rand::Rng;

/// A source sequence, read: a vector for each token, and recurrent layers in one direction or two.
///
/// ```text
/// mₜ = recurrent(E[x₁], …, E[x_T])ₜ
/// ```
///
/// # Shapes
/// tokens `(T, N)`, memory `(T, N, memory_size)`
#[derive(Debug, Clone, Module)]
#[module(float = C::Float)]
pub struct Encoder<C: Cell> {
    /// The vectors `E`, `(vocabulary, input_size)`.
    pub embedding: Embedding<C::Float>,
    /// The layers.
    pub recurrent: Recurrent<C>,
}

/// What an encoder has read.
#[derive(Debug, Clone)]
pub struct Encoded<S: State> {
    /// The output at each place of the source, `(T, N, memory_size)`, zeros in the padding.
    pub memory: Var<S::Float>,
    /// What the decoder begins with: the state of each layer at the source's end, or, in two directions, that of the
    /// direction that has ended at the source's beginning, as in Bahdanau's network. Each array `(layers, N, size)`.
    pub state: S,
    /// True where a sequence is over, `(T, N)`; none if all have the same length.
    pub padding: Option<Array2<bool>>,
}

impl<C: Cell> Encoder<C> {
    /// An encoder of these layers. Draws the vectors as [`Embedding::new`] does.
    ///
    /// # Errors
    /// [`Error::Layers`](crate::Error::Layers) for no layers.
    pub fn new(vocabulary: usize, recurrent: Recurrent<C>, rng: &mut (impl Rng + ?Sized)) -> Result<Self> {
        let (input, _) = recurrent.widths("encoder")?;
        Ok(Self { embedding: Embedding::new(vocabulary, input, rng), recurrent })
    }

    /// Reads sequences, each to its own length if lengths are given. What stands in the padding has to be a token, and
    /// has no influence.
    ///
    /// # Errors
    /// [`gradus_nn_layers::Error::Index`] for a token that the vocabulary does not have, and as
    /// [`Recurrent::forward_padded`].
    #[track_caller]
    pub fn forward(
        &self,
        tape: &Tape<C::Float>,
        tokens: &ArrayRef2<usize>,
        lengths: Option<&[usize]>,
    ) -> Result<Encoded<C::State>> {
        let (memory, state) = self.recurrent.symbols_in_time(tape, &self.embedding, tokens, lengths, None)?;
        let state = if self.recurrent.is_bidirectional() {
            let reverse: Vec<usize> = (0..self.recurrent.cells.len()).skip(1).step_by(2).collect();
            state.try_mapped(|part| part.index_select(0, &reverse))?
        } else {
            state
        };
        let padding = lengths.map(|lengths| Array2::from_shape_fn(tokens.dim(), |(t, n)| t >= lengths[n]));
        Ok(Encoded { memory, state, padding })
    }
}
