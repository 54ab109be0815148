//! The seam of the crate: what a recurrent layer is made of.

mod gru;
mod layer_norm;
mod lstm;
mod rnn;
mod unroll;

pub use gru::{Gru, GruCell, Reset};
pub(crate) use layer_norm::normalized;
pub use layer_norm::{LayerNormCell, LayerNormGruCell, LayerNormLstmCell, LayerNormRnnCell, Norm, Normalized};
pub use lstm::{Lstm, LstmCell, LstmState};
pub use rnn::RnnCell;

use crate::bptt::Direction;
use crate::{Error, Result, State};
use gradus_autograd::{Error as AutogradError, Real, Tape, Value, Var};
use gradus_nn_layers::Module;
use ndarray::ArrayView2;
use rand::Rng;
use std::fmt::Debug;
pub use unroll::unroll;

/// One step of a recurrent network, and with it a whole [layer](crate::Recurrent).
///
/// A cell of your own needs [`Cell::step`] alone, made of ordinary operations on the tape: [`Cell::sweep`] takes one step after
/// the other and lets the tape differentiate them. The cells of this crate have a sweep of their own, which is one operation
/// with back-propagation through time written out; the unrolled steps are its judge.
///
/// Its parameters are those of its [`Module`]; call them as PyTorch does, `weight_ih`, `weight_hh`, `bias_ih`, `bias_hh`. A layer adds
/// `_l0` and so on to their names.
pub trait Cell: Module<Self::Float> + Clone + Debug + Send + Sync {
    /// The number type.
    type Float: Real;

    /// What is handed from step to step.
    type State: State<Float = Self::Float>;

    /// The name by which errors and explanations speak of a layer of such cells, `"lstm"`.
    const NAME: &'static str;

    /// The number of features of an input.
    fn input_size(&self) -> usize;

    /// The number of features of each array of a state, in the order of [`State::parts`].
    fn state_sizes(&self) -> Vec<usize>;

    /// The number of features of an output.
    fn output_size(&self) -> usize {
        self.state_sizes().first().copied().unwrap_or(0)
    }

    /// The products and sums of one step of one sequence, for a [summary](gradus_nn_layers::summary()) of a model: by default the number of
    /// numbers in the parameters of two axes, each the weights of a product.
    fn multiply_adds(&self) -> u64 {
        let matrices = self.parameters().into_iter().filter(|(_, parameter)| parameter.shape().len() == 2);
        matrices.map(|(_, parameter)| parameter.value().len() as u64).sum()
    }

    /// The numbers that one step of one sequence makes and keeps for the backward pass, for a summary: by default those of the state.
    fn activations(&self) -> usize {
        self.state_sizes().into_iter().sum()
    }

    /// A cell of the same kind for inputs of another size, its parameters drawn anew.
    #[must_use]
    fn alike(&self, input_size: usize, rng: &mut (impl Rng + ?Sized)) -> Self;

    /// The state after one step.
    ///
    /// # Shapes
    /// `x (N, input_size)`, each array of the state `(N, its size)`
    ///
    /// # Errors
    /// If input or state do not fit, or are on different tapes.
    fn step(&self, x: &Var<Self::Float>, state: &Self::State) -> Result<Self::State>;

    /// The state after one step that reads the output `h` of the state before through a mask: recurrent dropout.
    ///
    /// ```text
    /// aₜ = Wᵢₕ xₜ + bᵢₕ + Wₕₕ (m ∘ hₜ₋₁) + bₕₕ
    /// ```
    ///
    /// The mask belongs into the products with weights alone. A cell whose `h` has a further way into the next state (that of a GRU
    /// has) must write this method, as the default masks all that the step reads of `h`.
    ///
    /// # Shapes
    /// as [`Cell::step`]; `mask (N, output_size)`
    ///
    /// # Errors
    /// As [`Cell::step`], and if the mask does not fit.
    fn step_masked(&self, x: &Var<Self::Float>, state: &Self::State, mask: &Var<Self::Float>) -> Result<Self::State> {
        let mut mask = Some(mask);
        let read = state.try_mapped(|part| match mask.take() {
            Some(mask) => part.try_mul(mask),
            None => Ok(part.clone()),
        })?;
        self.step(x, &read)
    }

    /// A state of zeros for `batch` sequences.
    #[must_use]
    fn zero_state(&self, tape: &Tape<Self::Float>, batch: usize) -> Self::State {
        let parts = self.state_sizes().into_iter().map(|size| tape.input(Value::zeros((batch, size)))).collect();
        State::from_parts(parts).expect("a state has as many arrays as sizes")
    }

    /// The outputs of all steps of a sequence, and the state after the last.
    ///
    /// # Shapes
    /// `x (T, N, input_size)` or, with [symbols](Sweep::symbols), `(symbols, input_size)`; states `(N, size)`, outputs `(T, N, output_size)`
    ///
    /// # Errors
    /// As [`Cell::step`], and [`Error::NoSteps`], [`Error::Lengths`], [`Error::Length`] and [`Error::Symbol`].
    fn sweep(
        &self,
        x: &Var<Self::Float>,
        state: Option<&Self::State>,
        how: &Sweep<'_, Self::Float>,
    ) -> Result<(Var<Self::Float>, Self::State)> {
        unroll(self, x, state, how)
    }
}

/// How a layer goes over a batch of sequences.
#[derive(Debug, Clone, Default)]
pub struct Sweep<'a, F: Real = f32> {
    /// From the beginning or from the end.
    pub direction: Direction,
    /// The length of each sequence, of a batch that is padded to the longest at the ends.
    pub lengths: Option<&'a [usize]>,
    /// A factor for the output `h` of the state that a step's products read, `(N, output_size)`, the same at every step:
    /// [recurrent dropout](crate::Recurrent::variational_dropout).
    pub mask: Option<&'a Var<F>>,
    /// The symbol that each step of each sequence reads, `(T, N)`. The input is then a table `(symbols, input_size)` with a row for each symbol,
    /// and a product with it is computed [once for a symbol](crate::Recurrent::forward_symbols) and not at every place.
    pub symbols: Option<ArrayView2<'a, usize>>,
}

/// Whether a mask has a factor for each number of a state `(N, H)`.
pub(crate) fn check_mask<F: Real>(
    operation: &'static str,
    mask: Option<&Var<F>>,
    batch: usize,
    hidden: usize,
) -> Result<()> {
    match mask.map(Var::shape) {
        Some(found) if found != [batch, hidden] => {
            Err(Error::Mask { operation, found: found.to_vec(), expected: vec![batch, hidden] })
        }
        _ => Ok(()),
    }
}

/// The sizes `(T, N)` of an input `(T, N, input_size)`.
pub(crate) fn check_sequence<C: Cell>(cell: &C, shape: &[usize]) -> Result<(usize, usize)> {
    check_input(cell, shape, None)
}

/// The sizes `(T, N)` of what a sweep reads: an input `(T, N, input_size)`, or symbols and a table.
pub(crate) fn check_input<C: Cell>(
    cell: &C,
    shape: &[usize],
    symbols: Option<ArrayView2<'_, usize>>,
) -> Result<(usize, usize)> {
    let operation = C::NAME;
    let (steps, batch, features) = sizes_of_input(operation, shape, symbols)?;
    if features != cell.input_size() {
        let (found, input_size) = (shape.to_vec(), cell.input_size());
        return Err(Error::InputSize { operation, found, input_size });
    }
    Ok((steps, batch))
}

/// The sizes `(T, N, input_size)` of what a sweep reads.
pub(crate) fn sizes_of_input(
    operation: &'static str,
    shape: &[usize],
    symbols: Option<ArrayView2<'_, usize>>,
) -> Result<(usize, usize, usize)> {
    let (steps, batch, features) = match (symbols, shape) {
        (None, &[steps, batch, features]) => (steps, batch, features),
        (Some(symbols), &[_, features]) => (symbols.nrows(), symbols.ncols(), features),
        (symbols, _) => {
            let expected = if symbols.is_some() { "(symbols, input_size)" } else { "(time, batch, input_size)" };
            return Err(Error::InputRank { operation, found: shape.to_vec(), expected });
        }
    };
    if steps == 0 {
        let found = symbols.map_or(shape.to_vec(), |symbols| symbols.shape().to_vec());
        return Err(Error::NoSteps { operation, found });
    }
    Ok((steps, batch, features))
}

/// Whether input and state fit a step of a cell; `axes` says for each array of the state what it is.
#[track_caller]
pub(crate) fn check_step<C: Cell>(
    operation: &'static str,
    cell: &C,
    x: &Var<C::Float>,
    state: &C::State,
    axes: &[&'static str],
) -> Result<()> {
    let &[batch, features] = x.shape() else {
        let (found, expected) = (x.shape().to_vec(), "(batch, input_size)");
        return Err(Error::InputRank { operation, found, expected });
    };
    if features != cell.input_size() {
        let (found, input_size) = (x.shape().to_vec(), cell.input_size());
        return Err(Error::InputSize { operation, found, input_size });
    }
    for ((part, size), axes) in state.parts().into_iter().zip(cell.state_sizes()).zip(axes) {
        if part.shape() != [batch, size] {
            let (found, expected) = (part.shape().to_vec(), vec![batch, size]);
            return Err(Error::State { operation, found, expected, axes });
        }
        if !part.tape().is(x.tape()) {
            return Err(AutogradError::ForeignVar { operation }.into());
        }
    }
    Ok(())
}
