//! A recurrent layer over symbols.

use super::Recurrent;
use crate::Cell;
use crate::cell::check_sequence;
use gradus_autograd::{Tape, Var};
use gradus_nn_layers::Embedding;
use ndarray::ArrayRef2;

impl<C: Cell> Recurrent<C> {
    /// As [`Recurrent::forward_padded`], for sequences of symbols of which an embedding has a row each: characters, words, classes.
    ///
    /// ```text
    /// aₜ = Wᵢₕ E[sₜ] + bᵢₕ + Wₕₕ hₜ₋₁ + bₕₕ            Wᵢₕ E[s] is the same wherever s stands
    /// ```
    ///
    /// The result is that of the embedding and this layer one after the other, up to rounding. But where the table has fewer rows than there are
    /// places, the first layer's products with its input have a row for each symbol in the place of one for each place, forward and backward, and
    /// the embedded sequence itself is never made. A step of a language model over 65 characters, 2,048 places at once, takes
    /// a seventh less time so.
    ///
    /// # Shapes
    /// symbols `(T, N)`, or `(N, T)` after [`Recurrent::batch_first`]; output and state as of [`Recurrent::forward_with`]
    ///
    /// # Examples
    /// ```
    /// use gradus_rnn_bptt::{Gru, Tape, ndarray::array};
    /// use gradus_nn_layers::Embedding;
    /// use rand::{SeedableRng, rngs::StdRng};
    /// let mut rng = StdRng::seed_from_u64(1);
    /// let (letters, gru): (Embedding, Gru) = (Embedding::new(3, 4, &mut rng), Gru::new(4, 8, &mut rng));
    /// let symbols = array![[0, 1], [2, 2], [1, 0], [1, 1]];
    /// let tape = Tape::inference();
    /// let (output, _) = gru.forward_symbols(&tape, &letters, &symbols, None, None)?;
    /// let (embedded, _) = gru.forward_with(&letters.forward(&tape, &symbols)?, None)?;
    /// assert_eq!(output.shape(), [4, 2, 8]);
    /// assert!(output.value().iter().zip(embedded.value().iter()).all(|(a, b)| (a - b).abs() < 1e-6));
    /// # Ok::<(), gradus_nn_layers::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Recurrent::forward_padded`], and [`gradus_nn_layers::Error::Index`] for a symbol that the embedding has no row for.
    #[track_caller]
    pub fn forward_symbols(
        &self,
        tape: &Tape<C::Float>,
        embedding: &Embedding<C::Float>,
        symbols: &ArrayRef2<usize>,
        lengths: Option<&[usize]>,
        state: Option<&C::State>,
    ) -> gradus_nn_layers::Result<(Var<C::Float>, C::State)> {
        if !self.batch_first {
            return self.symbols_in_time(tape, embedding, symbols, lengths, state);
        }
        embedding.check(symbols)?; // here, where a wrong one still has its place
        let (output, state) = self.symbols_in_time(tape, embedding, &symbols.t(), lengths, state)?;
        Ok((output.transpose(0, 1)?, state))
    }

    /// As [`Recurrent::forward_symbols`], with the time before the batch whatever the layer's own order.
    #[track_caller]
    pub(crate) fn symbols_in_time(
        &self,
        tape: &Tape<C::Float>,
        embedding: &Embedding<C::Float>,
        symbols: &ArrayRef2<usize>,
        lengths: Option<&[usize]>,
        state: Option<&C::State>,
    ) -> gradus_nn_layers::Result<(Var<C::Float>, C::State)> {
        /// Features from which a product costs more than looking its result up.
        const FEATURES: usize = 8;
        let &[known, features] = embedding.weight.shape() else {
            return Ok(self.forward_in_time(&embedding.forward(tape, symbols)?, lengths, state)?);
        };
        let repeats = symbols.len() >= 2 * known && features >= FEATURES;
        // A row for padding gets no gradient, and the masks of dropout are not those of symbols.
        if !repeats || embedding.padding_idx.is_some() || !self.dropout.reads_all(tape) {
            return Ok(self.forward_in_time(&embedding.forward(tape, symbols)?, lengths, state)?);
        }
        embedding.check(symbols)?;
        let (steps, batch) = symbols.dim();
        check_sequence(self.first()?, &[steps, batch, features])?;
        Ok(self.sweep_in_time(tape.parameter(&embedding.weight), Some(symbols.view()), lengths, state)?)
    }
}
