//! Dropout in recurrent layers: between the layers anew at each step, or with one mask over time.

use super::Recurrent;
use crate::{Cell, Error, Result};
use gradus_autograd::{Real, Tape, Value, Var};
use ndarray::{Array, IntoDimension};
use rand::Rng;

impl<C: Cell> Recurrent<C> {
    /// Dropout between the layers: in training, each number of the outputs of each layer but the last is set to 0 with probability
    /// `p` before the next layer reads it, and the others are divided by `1 − p`. Drawn anew at each step, as in PyTorch.
    ///
    /// ```text
    /// in training:  xₜ⁽ˡ⁾ = hₜ⁽ˡ⁻¹⁾ ∘ mₜ⁽ˡ⁾ / (1 − p)     each mₜ⁽ˡ⁾ᵢ is 0 with probability p, else 1;  l = 2 … L
    /// otherwise:    xₜ⁽ˡ⁾ = hₜ⁽ˡ⁻¹⁾
    /// ```
    ///
    /// The expectation of what is read is what was written. It is training if the tape of the input
    /// [is for training](Tape::is_training), whose random stream the masks are drawn from. A single layer has nothing between
    /// layers, and this changes nothing. The states are left alone: a mask that changed from step to step would wipe out what
    /// they carry over many steps, which is what [`Recurrent::variational_dropout`] avoids.
    ///
    /// The layer's methods return [`Error::Probability`] if `p` is not at least 0 and less than 1.
    ///
    /// # Examples
    /// ```
    /// use gradus_rnn_bptt::{Layer, Rnn, Tape, ndarray::Array3};
    /// use rand::{SeedableRng, rngs::StdRng};
    /// let mut rng = StdRng::seed_from_u64(1);
    /// let rnn: Rnn = Rnn::new(3, 8, &mut rng).layers(2, &mut rng).dropout(0.5);
    /// let run = |tape: &Tape| rnn.forward(&tape.input(Array3::ones((5, 2, 3)))).map(|y| y.value().clone());
    /// assert_ne!(run(&Tape::training(&mut rng))?, run(&Tape::training(&mut rng))?);
    /// assert_eq!(run(&Tape::inference())?, run(&Tape::recording())?);
    /// # Ok::<(), gradus_nn_layers::Error>(())
    /// ```
    ///
    /// # References
    /// W. Zaremba, I. Sutskever, O. Vinyals, *Recurrent neural network regularization*, 2014, <https://arxiv.org/abs/1409.2329>
    #[must_use]
    pub fn dropout(mut self, p: f64) -> Self {
        self.dropout.between = p;
        self
    }

    /// Dropout with one mask over time: in training, each sequence has a mask for the input of each layer and one for the state of
    /// each cell, drawn once and the same at every step.
    ///
    /// ```text
    /// in training:  aₜ = Wᵢₕ (xₜ ∘ mₓ / (1 − p)) + bᵢₕ + Wₕₕ (hₜ₋₁ ∘ mₕ / (1 − p)) + bₕₕ
    /// ```
    ///
    /// Elements of `mₓ` and `mₕ` are 0 with probability `p`, else 1. A state's mask stands in the products alone: what is
    /// carried on and handed out (the cell `c` of an LSTM, say) is not masked, so that a memory is not lost with the number of steps.
    /// All gates read through the same masks, and both directions of a layer the same input.
    ///
    /// It is training if the tape of the input [is for training](Tape::is_training). [`Recurrent::dropout`] may be set beside it.
    ///
    /// The layer's methods return [`Error::Probability`] if `p` is not at least 0 and less than 1.
    ///
    /// # Examples
    /// ```
    /// use gradus_rnn_bptt::{Layer, Rnn, Tape, ndarray::Array3};
    /// use rand::{SeedableRng, rngs::StdRng};
    /// let mut rng = StdRng::seed_from_u64(1);
    /// let rnn: Rnn = Rnn::new(3, 8, &mut rng).variational_dropout(0.25);
    /// let run = |tape: &Tape| rnn.forward(&tape.input(Array3::ones((5, 2, 3)))).map(|y| y.value().clone());
    /// assert_ne!(run(&Tape::training(&mut rng))?, run(&Tape::training(&mut rng))?);
    /// assert_eq!(run(&Tape::inference())?, run(&Tape::recording())?);
    /// # Ok::<(), gradus_nn_layers::Error>(())
    /// ```
    ///
    /// # References
    /// Y. Gal, Z. Ghahramani, *A theoretically grounded application of dropout in recurrent neural networks*, 2016,
    /// <https://arxiv.org/abs/1512.05287>
    #[must_use]
    pub fn variational_dropout(mut self, p: f64) -> Self {
        self.dropout.variational = p;
        self
    }
}

/// The probabilities with which numbers are dropped.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Rates {
    /// Of what is handed from layer to layer.
    between: f64,
    /// Of what each layer and each step reads, for all steps alike.
    variational: f64,
}

impl Rates {
    /// These rates, if they are such.
    pub(super) fn check(self, operation: &'static str) -> Result<Self> {
        for (field, value) in [("dropout", self.between), ("variational_dropout", self.variational)] {
            if !(0.0..1.0).contains(&value) {
                return Err(Error::Probability { operation, field, value });
            }
        }
        Ok(self)
    }

    /// Whether each number of an input is read as it is.
    pub(super) fn reads_all<F: Real>(self, tape: &Tape<F>) -> bool {
        self.variational == 0.0 || !tape.is_training()
    }

    /// What a layer reads of the outputs `(T, N, ·)` of the one before.
    #[track_caller]
    pub(super) fn between_layers<F: Real>(self, x: Var<F>) -> Result<Var<F>> {
        let &[steps, batch, features] = x.shape() else { return Ok(x) };
        times(x, |tape| mask(tape, self.between, (steps, batch, features)))
    }

    /// What a layer reads of its input `(T, N, ·)`, with the same mask at all steps.
    #[track_caller]
    pub(super) fn over_time<F: Real>(self, x: Var<F>) -> Result<Var<F>> {
        let &[_, batch, features] = x.shape() else { return Ok(x) };
        times(x, |tape| mask(tape, self.variational, (1, batch, features)))
    }

    /// What the steps of a layer read its states through.
    pub(super) fn of_state<F: Real>(self, tape: &Tape<F>, batch: usize, features: usize) -> Option<Var<F>> {
        mask(tape, self.variational, (batch, features))
    }
}

#[track_caller]
fn times<F: Real>(x: Var<F>, mask: impl FnOnce(&Tape<F>) -> Option<Var<F>>) -> Result<Var<F>> {
    match mask(x.tape()) {
        Some(mask) => Ok(x.try_mul(&mask)?),
        None => Ok(x),
    }
}

/// Factors that are 0 with probability `p` and else `1/(1 − p)`, on a tape for training; nothing if nothing is dropped.
fn mask<F: Real>(tape: &Tape<F>, p: f64, shape: impl IntoDimension) -> Option<Var<F>> {
    /// 2³², how many values a number of 32 bits can have.
    const VALUES: f64 = 4_294_967_296.0;
    if p == 0.0 {
        return None;
    }
    let (kept, threshold) = (F::from_f64(1.0 / (1.0 - p)), (p * VALUES) as u32);
    let draw = |rng: &mut rand::rngs::StdRng| if rng.next_u32() < threshold { F::zero() } else { kept };
    let factors = tape.random(|rng| Array::from_shape_simple_fn(shape, || draw(rng)))?;
    Some(tape.input(Value::from(factors)))
}
