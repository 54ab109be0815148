//! A recurrent language model.

use super::{Generate, Sampler};
use crate::text::Vocabulary;
use crate::{Cell, Error, Recurrent, State, each_place};
use gradus_autograd::{Tape, Var};
use gradus_nn_layers::{CrossEntropy, Embedding, Layer, Linear, Module, Result};
use ndarray::{Array2, ArrayRef2};
use rand::Rng;

/// A language model of characters: a vector for each, recurrent layers of any [cell](Cell), and a score for each next one.
///
/// ```text
/// xₜ = E[cₜ]        hₜ = recurrent(xₜ, hₜ₋₁)        logitsₜ = W hₜ + b,  P(cₜ₊₁ | c₁ … cₜ) = softmax(logitsₜ)
/// ```
///
/// Train it on the pieces of [`Streams`](crate::text::Streams), the state carried from piece to piece and
/// [cut](State::cut) off from the gradient.
///
/// # Shapes
/// tokens and targets `(T, N)`, logits `(T, N, vocabulary)`
///
/// # Examples
/// ```
/// use gradus_rnn_bptt::{Recurrent, RnnCell, State, Tape, Var, text::{Streams, Vocabulary}};
/// use gradus_rnn_bptt::generate::{CharModel, Sampler};
/// use rand::{SeedableRng, rngs::StdRng};
/// let text = "the quick brown fox jumps over the lazy dog. ";
/// let vocabulary = Vocabulary::of(text)?;
/// let streams = Streams::new(&vocabulary.encode(text)?, 2, 8)?;
/// let mut rng = StdRng::seed_from_u64(1);
/// let recurrent = Recurrent::of(RnnCell::<f32>::new(16, 32, &mut rng));
/// let model = CharModel::new(vocabulary.len(), recurrent, &mut rng)?;
///
/// let mut state: Option<Var> = None;
/// for piece in streams.iter() {
///     let tape = Tape::recording();
///     let before = state.as_ref().map(|state| state.carry(&tape));
///     let (loss, after) = model.loss(&tape, &piece.inputs, &piece.targets, before.as_ref())?;
///     let gradients = loss.backward()?; // and an optimizer's step
///     state = Some(after);
/// }
///
/// let characters = model.sample(&vocabulary, "the ", Sampler::new(0.8).top_k(5), rng)?;
/// let text: String = characters.take(20).collect::<Result<_, _>>()?;
/// assert_eq!(text.chars().count(), 20);
/// # Ok::<(), gradus_nn_layers::Error>(())
/// ```
///
/// # References
/// I. Sutskever, J. Martens, G. Hinton, *Generating text with recurrent neural networks*, ICML 2011; A. Graves,
/// [*Generating sequences with recurrent neural networks*](https://arxiv.org/abs/1308.0850), 2013.
#[derive(Debug, Clone, Module)]
#[module(float = C::Float)]
pub struct CharModel<C: Cell> {
    /// The vectors `E`, `(vocabulary, input_size)`.
    pub embedding: Embedding<C::Float>,
    /// The recurrent layers, time before batch.
    pub recurrent: Recurrent<C>,
    /// The scores, `W (vocabulary, hidden_size)` and `b`.
    pub head: Linear<C::Float>,
}

impl<C: Cell> CharModel<C> {
    /// A model around these layers. Draws embedding and head as their constructors do.
    ///
    /// # Errors
    /// [`Error::TwoDirections`] for layers that read from the end: they would see what they are to predict; [`Error::Layers`]
    /// for none.
    pub fn new(vocabulary: usize, recurrent: Recurrent<C>, rng: &mut (impl Rng + ?Sized)) -> Result<Self> {
        let (input, output) = recurrent.causal("char model")?;
        let embedding = Embedding::new(vocabulary, input, rng);
        Ok(Self { embedding, recurrent, head: Linear::new(output, vocabulary, rng) })
    }

    /// The logits of the next character at every place, and the state after the last.
    ///
    /// # Errors
    /// [`gradus_nn_layers::Error::Index`] for a token that the vocabulary does not have; [`Error::State`] for a state
    /// that does not fit.
    #[track_caller]
    pub fn forward(
        &self,
        tape: &Tape<C::Float>,
        tokens: &ArrayRef2<usize>,
        state: Option<&C::State>,
    ) -> Result<(Var<C::Float>, C::State)> {
        let (h, state) = self.recurrent.symbols_in_time(tape, &self.embedding, tokens, None, state)?;
        Ok((self.head.forward(&h)?, state))
    }

    /// The mean cross-entropy in nats, and the state after the last character.
    ///
    /// # Errors
    /// As [`CharModel::forward`], and if there is not one target for each token.
    #[track_caller]
    pub fn loss(
        &self,
        tape: &Tape<C::Float>,
        tokens: &ArrayRef2<usize>,
        targets: &ArrayRef2<usize>,
        state: Option<&C::State>,
    ) -> Result<(Var<C::Float>, C::State)> {
        let (logits, state) = self.forward(tape, tokens, state)?;
        Ok((each_place::cross_entropy(&CrossEntropy::new(), &logits, targets)?, state))
    }

    /// One step for [`Generate`] and [`beam_search`](super::beam_search): the logits after one more token, and the
    /// state with it.
    ///
    /// # Errors
    /// As [`CharModel::forward`].
    pub fn step(&self, token: usize, state: Option<&C::State>) -> Result<(Vec<C::Float>, C::State)> {
        let tape = Tape::inference();
        let state = state.map(|state| state.carry(&tape));
        let (logits, state) = self.forward(&tape, &Array2::from_elem((1, 1), token), state.as_ref())?;
        Ok((logits.value().iter().copied().collect(), state))
    }

    /// Characters that follow on these, drawn one after the other without an end.
    ///
    /// # Errors
    /// [`Error::UnknownCharacter`] for one in the prime that training never saw; [`Error::NoPrime`] if there is none;
    /// [`Error::Setting`].
    pub fn sample<'a, R: Rng + 'a>(
        &'a self,
        vocabulary: &'a Vocabulary,
        prime: &str,
        sampler: Sampler,
        rng: R,
    ) -> Result<impl Iterator<Item = Result<char>> + 'a> {
        let step = |token, state: Option<C::State>| self.step(token, state.as_ref());
        let tokens = Generate::new(&vocabulary.encode(prime)?, sampler, rng, step)?;
        Ok(tokens.map(|token| {
            let token = token?;
            let (operation, known) = ("sample", vocabulary.len());
            let character = vocabulary.characters().get(token).copied();
            Ok(character.ok_or(Error::UnknownToken { operation, token, place: 0, known })?)
        }))
    }
}
