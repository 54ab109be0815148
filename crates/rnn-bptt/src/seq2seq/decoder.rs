//! The network that writes: one step, and a whole target in training.

use super::scheduled::probability;
use super::{Attend, Encoded};
use crate::{Cell, Error, Recurrent, State, each_place};
use gradus_autograd::{Real, Value, Var, concatenate, stack};
use gradus_nn_layers::{CrossEntropy, Embedding, Layer, Linear, Module, Result};
use ndarray::{Array1, ArrayRef2, Axis};
use rand::{Rng, RngExt};

/// A target sequence, written token after token, each with a look at the whole source.
///
/// ```text
/// sᵤ = recurrent([E[yᵤ₋₁], cᵤ₋₁], sᵤ₋₁)                     what was written and looked at before
/// aᵤ = softmax over t of score(sᵤ, mₜ),  cᵤ = Σₜ aᵤₜ mₜ      where to look now
/// h̃ᵤ = tanh(W_c [cᵤ, sᵤ]),  logitsᵤ = W h̃ᵤ + b              what to write
/// ```
///
/// The order is Luong's: the new state asks. The context of the step before is an input, as in both papers, so that the
/// decoder knows where it was. It begins with the encoder's state and a context of zeros.
///
/// # Shapes
/// `T` steps of the source, `U` of the target, `N` sequences: targets `(U, N)`, logits `(U, N, vocabulary)`, weights
/// `(U, N, T)`
///
/// # References
/// As the [module](super).
#[derive(Debug, Clone, Module)]
#[module(float = C::Float)]
pub struct Decoder<C: Cell, A: Attend<C::Float>> {
    /// The vectors `E`, `(vocabulary, embedding_dim)`.
    pub embedding: Embedding<C::Float>,
    /// The layers, in one direction, for inputs of `embedding_dim + memory_size` features.
    pub recurrent: Recurrent<C>,
    /// The scores.
    pub attention: A,
    /// `W_c`, `(hidden_size, memory_size + hidden_size)`.
    pub combine: Linear<C::Float>,
    /// `W (vocabulary, hidden_size)` and `b`.
    pub head: Linear<C::Float>,
}

/// Where a decoder stands between two tokens.
#[derive(Debug, Clone)]
pub struct DecoderState<S: State> {
    /// The state of the layers, each array `(layers, N, size)`.
    pub state: S,
    /// What was looked at last, `(N, memory_size)`.
    pub context: Var<S::Float>,
    /// The attention's [keys](Attend::keys), the same at every step.
    pub keys: Var<S::Float>,
}

/// What a decoder says after one more token.
#[derive(Debug, Clone)]
pub struct DecoderStep<S: State> {
    /// The logits of the next token, `(N, vocabulary)`.
    pub logits: Var<S::Float>,
    /// Where it looked, `(N, T)`.
    pub weights: Var<S::Float>,
    /// Where it stands now.
    pub after: DecoderState<S>,
}

/// What a decoder says of a target.
#[derive(Debug, Clone)]
pub struct Decoded<F: Real = f32> {
    /// The logits of each token, `(U, N, vocabulary)`.
    pub logits: Var<F>,
    /// Where the decoder looked when it wrote it, `(U, N, T)`: not negative, and of sum 1 over the source.
    pub weights: Var<F>,
}

impl<F: Real> Decoded<F> {
    /// The mean cross-entropy in nats, without the places whose target is the padding token, if there is one.
    ///
    /// # Errors
    /// As [`CrossEntropy::loss`].
    #[track_caller]
    pub fn loss(&self, targets: &ArrayRef2<usize>, padding: Option<usize>) -> Result<Var<F>> {
        let options = padding.map_or_else(CrossEntropy::new, |token| CrossEntropy::new().ignore_index(token));
        each_place::cross_entropy(&options, &self.logits, targets)
    }
}

impl<C: Cell, A: Attend<C::Float>> Decoder<C, A> {
    /// A decoder of these layers for a memory of so many features. Draws the rest as its parts' constructors do.
    ///
    /// # Errors
    /// [`Error::TwoDirections`] for layers in two directions, [`Error::Layers`] for none, [`Error::Setting`] if their input
    /// leaves no room for a token beside the memory.
    pub fn new(
        vocabulary: usize,
        recurrent: Recurrent<C>,
        attention: A,
        memory_size: usize,
        rng: &mut (impl Rng + ?Sized),
    ) -> Result<Self> {
        let operation = "decoder";
        let (input, hidden) = recurrent.causal(operation)?;
        let expected = "the layers read a token's features beside the memory's, so more than the memory has";
        Error::at_least(memory_size.saturating_add(1), operation, "input_size", input, expected)?;
        Ok(Self {
            embedding: Embedding::new(vocabulary, input - memory_size, rng),
            recurrent,
            attention,
            combine: Linear::without_bias(memory_size + hidden, hidden, rng),
            head: Linear::new(hidden, vocabulary, rng),
        })
    }

    /// Where it begins.
    ///
    /// # Errors
    /// [`Error::InputRank`] for a memory that is none; if it does not fit the attention.
    #[track_caller]
    pub fn start(&self, encoded: &Encoded<C::State>) -> Result<DecoderState<C::State>> {
        let &[_, sequences, size] = encoded.memory.shape() else {
            let (found, expected) = (encoded.memory.shape().to_vec(), "(time, batch, memory_size)");
            return Err(Error::InputRank { operation: "decoder", found, expected }.into());
        };
        let context = encoded.memory.tape().input(Value::zeros((sequences, size)));
        Ok(DecoderState { state: encoded.state.clone(), context, keys: self.attention.keys(&encoded.memory)? })
    }

    /// Reads one token of each sequence, and says the next.
    ///
    /// # Errors
    /// [`gradus_nn_layers::Error::Index`] for a token that the vocabulary does not have; if the parts do not fit one
    /// another.
    #[track_caller]
    pub fn step(
        &self,
        tokens: &[usize],
        before: &DecoderState<C::State>,
        encoded: &Encoded<C::State>,
    ) -> Result<DecoderStep<C::State>> {
        let memory = &encoded.memory;
        let token = self.embedding.forward(memory.tape(), &Array1::from(tokens.to_vec()))?;
        let x = concatenate(-1, &[&token, &before.context])?.unsqueeze(0)?;
        let (s, state) = self.recurrent.forward_in_time(&x, None, Some(&before.state))?;
        let s = s.select(0, 0)?;
        let mut scores = self.attention.scores(&s, &before.keys)?;
        if let Some(padding) = &encoded.padding {
            scores = scores.masked_fill(padding, f64::NEG_INFINITY)?;
        }
        let weights = scores.softmax(0)?;
        let context = memory.try_mul(&weights.unsqueeze(-1)?)?.sum_axes(&[0], false)?;
        let combined = self.combine.forward(&concatenate(-1, &[&context, &s])?)?.tanh();
        let after = DecoderState { state, context, keys: before.keys.clone() };
        Ok(DecoderStep { logits: self.head.forward(&combined)?, weights: weights.transpose(0, 1)?, after })
    }

    /// The logits of a whole target. The first token that is read is `start`; after it, with probability `teacher` the
    /// true token before, else the one that the decoder itself holds likeliest. The coin is thrown for each token of
    /// each sequence.
    ///
    /// A `teacher` of 1 is teacher forcing, 0 is a decoder left to itself;
    /// [`ScheduledSampling`](super::ScheduledSampling) says what lies between. No gradient flows through the choice of
    /// a token.
    ///
    /// # Errors
    /// [`Error::Setting`] for a `teacher` that is no probability and a target of no tokens; as [`Decoder::step`].
    #[track_caller]
    pub fn forward(
        &self,
        encoded: &Encoded<C::State>,
        start: usize,
        targets: &ArrayRef2<usize>,
        teacher: f64,
        rng: &mut (impl Rng + ?Sized),
    ) -> Result<Decoded<C::Float>> {
        probability("decoder", "teacher", teacher)?;
        Error::at_least(1, "decoder", "targets", targets.nrows(), "a target has at least 1 token")?;
        let mut state = self.start(encoded)?;
        let mut read = vec![start; targets.ncols()];
        let (mut logits, mut weights) = (Vec::new(), Vec::new());
        for truth in targets.rows() {
            let step = self.step(&read, &state, encoded)?;
            let own = likeliest(&step.logits);
            let forced = |(&truth, own)| if rng.random_bool(teacher) { truth } else { own };
            read = truth.iter().zip(own).map(forced).collect();
            logits.push(step.logits);
            weights.push(step.weights);
            state = step.after;
        }
        let stacked = |steps: &[Var<C::Float>]| stack(0, &steps.iter().collect::<Vec<_>>());
        Ok(Decoded { logits: stacked(&logits)?, weights: stacked(&weights)? })
    }
}

/// Of each row the place of the largest logit; of equal ones, the first.
pub(super) fn likeliest<F: Real>(logits: &Var<F>) -> Vec<usize> {
    let best = |row: ndarray::ArrayView1<'_, F>| {
        let mut best = 0;
        for (class, x) in row.iter().enumerate() {
            if *x > row[best] {
                best = class;
            }
        }
        best
    };
    let classes = Axis(logits.shape().len() - 1);
    logits
        .value()
        .lanes(classes)
        .into_iter()
        .map(|row| best(row.into_dimensionality().expect("a lane has one axis")))
        .collect()
}
