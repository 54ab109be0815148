//! The recurrent layer: cells swept over time, stacked, in one direction or two.

mod describe;
mod dropout;
mod packed;
mod start;
mod symbols;

use crate::bptt::Direction;
use crate::cell::check_sequence;
use crate::{Cell, Error, Nonlinearity, Result, RnnCell, State, Sweep};
use dropout::Rates;
use gradus_autograd::{Real, Tape, Value, Var, concatenate, stack};
use gradus_nn_layers::{Description, Layer, Module, Walk, WalkMut};
use ndarray::{ArrayView2, IxDyn};
use rand::Rng;
pub use start::ForgetGate;

/// Elman network over whole sequences: one or more layers, each a [cell](RnnCell) swept over time.
///
/// ```text
/// hₜ = f(Wᵢₕ xₜ + bᵢₕ + Wₕₕ hₜ₋₁ + bₕₕ)        δₜ = (dyₜ + Wₕₕᵀ δₜ₊₁) ∘ f′(aₜ)
/// ```
///
/// `f` is tanh, or ReLU after [`Recurrent::relu`]. A further layer reads the states of the one before it. Each layer is one
/// operation on the tape, whose backward pass is [back-propagation through time](crate::bptt).
///
/// The layer remembers nothing from one call to the next: [`Recurrent::forward_with`] takes a state and returns one.
/// [`Recurrent::last`] is for many-to-one, [`Layer::forward`] for many-to-many.
///
/// Parameters have PyTorch's names: `weight_ih_l0`, `weight_hh_l0`, `bias_ih_l0`, `bias_hh_l0`, then `…_l0_reverse` in two
/// directions, then `…_l1` and so on.
///
/// # Shapes
/// `T` steps, `N` sequences, `I` input and `H` hidden features, `L` layers, `D` directions (1 or 2)
/// - input: `(T, N, I)`, or `(N, T, I)` after [`Recurrent::batch_first`]
/// - output: `(T, N, D·H)`, or `(N, T, D·H)`
/// - state: `(L·D, N, H)`, the forward direction of a layer before its reverse, whatever the order of the input's axes
///
/// # Examples
/// ```
/// use gradus_rnn_bptt::{Layer, Rnn, Tape, ndarray::Array3};
/// use rand::{SeedableRng, rngs::StdRng};
/// let mut rng = StdRng::seed_from_u64(1);
/// let rnn: Rnn = Rnn::new(3, 8, &mut rng).layers(2, &mut rng).batch_first();
/// let tape = Tape::recording();
/// let x = tape.input(Array3::ones((4, 10, 3)));
/// assert_eq!(rnn.forward(&x)?.shape(), [4, 10, 8]);
/// assert_eq!(rnn.last(&x)?.shape(), [4, 8]);
///
/// // A sequence in two pieces, the state handed on:
/// let (_, state) = rnn.forward_with(&x.slice_axis(1, 0..6, 1)?, None)?;
/// let (_, state) = rnn.forward_with(&x.slice_axis(1, 6..10, 1)?, Some(&state))?;
/// assert_eq!(state.shape(), [2, 4, 8]);
/// assert_eq!(state.select(0, 1)?.value(), rnn.last(&x)?.value());
/// # Ok::<(), gradus_nn_layers::Error>(())
/// ```
///
/// # References
/// J. L. Elman, *Finding structure in time*, Cognitive Science 14(2), 1990; M. Schuster, K. K. Paliwal, *Bidirectional
/// recurrent neural networks*, IEEE Transactions on Signal Processing 45(11), 1997.
pub type Rnn<F = f32> = Recurrent<RnnCell<F>>;

/// Recurrent layers over whole sequences: one or more, each of them [cells](Cell) swept over time, in one direction or two.
///
/// [`Rnn`] is one of these; cells of your own make another.
///
/// The layer remembers nothing from one call to the next: [`Recurrent::forward_with`] takes a state and returns one.
/// [`Recurrent::last`] is for many-to-one, [`Layer::forward`] for many-to-many. Each cell's sweep is one operation on the tape, whose
/// backward pass is [back-propagation through time](crate::bptt).
///
/// Parameters have PyTorch's names: `weight_ih_l0`, `weight_hh_l0`, `bias_ih_l0`, `bias_hh_l0`, then `…_l0_reverse` in two
/// directions, then `…_l1` and so on.
///
/// # Shapes
/// `T` steps, `N` sequences, `I` input and `H` hidden features, `L` layers, `D` directions (1 or 2)
/// - input: `(T, N, I)`, or `(N, T, I)` after [`Recurrent::batch_first`]
/// - output: `(T, N, D·H)`, or `(N, T, D·H)`
/// - each array of a state: `(L·D, N, H)`, the forward direction of a layer before its reverse, whatever the order of the
///   input's axes
///
/// # Examples
/// ```
/// use gradus_rnn_bptt::{Layer, Recurrent, RnnCell, Tape, ndarray::Array3};
/// use rand::{SeedableRng, rngs::StdRng};
/// let mut rng = StdRng::seed_from_u64(1);
/// let cell: RnnCell = RnnCell::new(3, 8, &mut rng);
/// let layers = Recurrent::of(cell).layers(2, &mut rng).bidirectional(&mut rng);
/// assert_eq!(layers.forward(&Tape::inference().input(Array3::ones((10, 4, 3))))?.shape(), [10, 4, 16]);
/// # Ok::<(), gradus_nn_layers::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Recurrent<C> {
    /// The cells, layer after layer; in two directions a layer's forward cell and then its reverse.
    pub cells: Vec<C>,
    bidirectional: bool,
    pub(crate) batch_first: bool,
    dropout: Rates,
}

impl<F: Real> Recurrent<RnnCell<F>> {
    /// One layer with tanh, time before batch. Draws all parameters from `U(−k, k)`, `k = 1/√hidden_size`.
    pub fn new(input_size: usize, hidden_size: usize, rng: &mut (impl Rng + ?Sized)) -> Self {
        Self::of(RnnCell::new(input_size, hidden_size, rng))
    }

    /// ReLU in the place of tanh, in all layers.
    #[must_use]
    pub fn relu(mut self) -> Self {
        self.cells.iter_mut().for_each(|cell| cell.nonlinearity = Nonlinearity::Relu);
        self
    }

    /// Without biases, in all layers.
    #[must_use]
    pub fn without_bias(self) -> Self {
        self.each(RnnCell::without_bias)
    }
}

impl<C: Cell> Recurrent<C> {
    /// One layer of this cell, time before batch.
    #[must_use]
    pub fn of(cell: C) -> Self {
        Self { cells: vec![cell], bidirectional: false, batch_first: false, dropout: Rates::default() }
    }

    /// Input and output with the batch before the time, `(N, T, …)`. The input is copied into the order of time once.
    #[must_use]
    pub fn batch_first(mut self) -> Self {
        self.batch_first = true;
        self
    }

    /// This many layers. Draws the parameters of those that are added.
    #[must_use]
    pub fn layers(self, layers: usize, rng: &mut (impl Rng + ?Sized)) -> Self {
        let bidirectional = self.bidirectional;
        self.arranged(layers, bidirectional, rng)
    }

    /// A second cell in each layer, which reads the sequence from its end; the two outputs stand side by side. Draws the
    /// parameters of the cells that are added, and of those that now have a wider input.
    #[must_use]
    pub fn bidirectional(self, rng: &mut (impl Rng + ?Sized)) -> Self {
        let layers = self.cells.len() / self.directions();
        self.arranged(layers, true, rng)
    }

    /// The cells in another arrangement; those that fit into it stay, others are drawn like the first.
    fn arranged(mut self, layers: usize, bidirectional: bool, rng: &mut (impl Rng + ?Sized)) -> Self {
        let Some(like) = self.cells.first().cloned() else { return self };
        let mut before: Vec<Vec<_>> = self.cells.chunks(self.directions()).map(<[_]>::to_vec).collect();
        before.resize_with(layers, Vec::new);
        self.bidirectional = bidirectional;
        self.cells.clear();
        for (layer, cells) in before.into_iter().enumerate() {
            let width = if layer == 0 { like.input_size() } else { self.directions() * like.output_size() };
            let mut cells = cells.into_iter();
            for _ in 0..self.directions() {
                let kept = cells.next().filter(|cell| cell.input_size() == width);
                self.cells.push(kept.unwrap_or_else(|| like.alike(width, rng)));
            }
        }
        self
    }

    /// A state of zeros for `batch` sequences: what a sequence begins with if none is given.
    #[must_use]
    pub fn zero_state(&self, tape: &Tape<C::Float>, batch: usize) -> C::State {
        let sizes = self.cells.first().map(Cell::state_sizes).unwrap_or_default();
        let zeros = |size| tape.input(Value::zeros(IxDyn(&[self.cells.len(), batch, size])));
        State::from_parts(sizes.into_iter().map(zeros).collect()).expect("a state has as many arrays as sizes")
    }

    /// The output at every step and the state after the last, from this state or from zero.
    ///
    /// A gradient flows through the state into what it came from; [`State::cut`] cuts it off, which truncates
    /// back-propagation at the border between two pieces of a sequence.
    ///
    /// # Errors
    /// [`Error::InputRank`], [`Error::InputSize`], [`Error::NoSteps`] or [`Error::State`] if input or state do not fit,
    /// [`Error::Weight`] or [`Error::Layers`] if the cells do not fit one another, [`Error::Probability`] if a rate of dropout is
    /// none, [`Error::Autograd`] if the variables are on different tapes.
    #[track_caller]
    pub fn forward_with(&self, x: &Var<C::Float>, state: Option<&C::State>) -> Result<(Var<C::Float>, C::State)> {
        self.sweep(x, None, state)
    }

    /// As [`Recurrent::forward_with`], for a batch of sequences of different lengths, in any order, each padded at its end.
    ///
    /// The output is zero past the end of a sequence, its last state is the one at its own last step, and nothing in the
    /// padding, be it NaN, has an influence or a gradient.
    ///
    /// # Examples
    /// ```
    /// use gradus_rnn_bptt::{Rnn, Tape, ndarray::Array3};
    /// use rand::{SeedableRng, rngs::StdRng};
    /// let rnn: Rnn = Rnn::new(3, 8, &mut StdRng::seed_from_u64(1));
    /// let x = Tape::inference().input(Array3::ones((5, 2, 3)));
    /// let (output, h_n) = rnn.forward_padded(&x, &[5, 2], None)?;
    /// let at = |t: usize, sequence: usize| output.select(0, t)?.select(0, sequence);
    /// assert_eq!(h_n.select(0, 0)?.select(0, 1)?.value(), at(1, 1)?.value());
    /// assert!(at(2, 1)?.value().iter().all(|&y| y == 0.0));
    /// # Ok::<(), gradus_rnn_bptt::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Recurrent::forward_with`]; [`Error::Lengths`] if there are not as many lengths as sequences, [`Error::Length`] if one
    /// is 0 or larger than the number of steps.
    #[track_caller]
    pub fn forward_padded(
        &self,
        x: &Var<C::Float>,
        lengths: &[usize],
        state: Option<&C::State>,
    ) -> Result<(Var<C::Float>, C::State)> {
        self.sweep(x, Some(lengths), state)
    }

    /// All layers over a sequence.
    #[track_caller]
    fn sweep(
        &self,
        x: &Var<C::Float>,
        lengths: Option<&[usize]>,
        state: Option<&C::State>,
    ) -> Result<(Var<C::Float>, C::State)> {
        self.check(x.shape())?;
        if !self.batch_first {
            return self.sweep_in_time(x.clone(), None, lengths, state);
        }
        let (output, state) = self.sweep_in_time(x.transpose(0, 1)?, None, lengths, state)?;
        Ok((output.transpose(0, 1)?, state))
    }

    /// The sizes `(T, N)` of an input of this shape. What an error says of it is in the order of axes in which it was given.
    fn check(&self, shape: &[usize]) -> Result<(usize, usize)> {
        let first = self.first()?;
        match (self.batch_first, shape) {
            (false, _) => check_sequence(first, shape),
            (true, &[batch, steps, features]) => {
                check_sequence(first, &[steps, batch, features]).map_err(|error| error.of_input(shape))
            }
            (true, _) => {
                let (found, expected) = (shape.to_vec(), "(batch, time, input_size)");
                Err(Error::InputRank { operation: C::NAME, found, expected })
            }
        }
    }

    /// The first cell, if the cells make up whole layers.
    fn first(&self) -> Result<&C> {
        let (cells, directions) = (self.cells.len(), self.directions());
        let first = self.cells.first().filter(|_| cells % directions == 0);
        first.ok_or(Error::Layers { operation: C::NAME, cells, directions })
    }

    /// Whether a state is one of this layer for so many sequences.
    fn check_state(&self, state: &C::State, batch: usize) -> Result<()> {
        let axes =
            if self.bidirectional { "(2 · layers, batch, hidden_size)" } else { "(layers, batch, hidden_size)" };
        let sizes = self.cells.first().map(Cell::state_sizes).unwrap_or_default();
        for (part, size) in state.parts().into_iter().zip(sizes) {
            let (found, expected) = (part.shape().to_vec(), vec![self.cells.len(), batch, size]);
            if found != expected {
                return Err(Error::State { operation: C::NAME, found, expected, axes });
            }
        }
        Ok(())
    }

    /// All layers over a sequence `(T, N, I)`, or over symbols `(T, N)` of a table, whose shapes have been checked, whatever the order of axes of
    /// the layer's input.
    #[track_caller]
    fn sweep_in_time(
        &self,
        mut sequence: Var<C::Float>,
        mut symbols: Option<ArrayView2<'_, usize>>,
        lengths: Option<&[usize]>,
        state: Option<&C::State>,
    ) -> Result<(Var<C::Float>, C::State)> {
        let shape = symbols.as_ref().map_or(sequence.shape(), |symbols| symbols.shape());
        let (tape, batch) = (sequence.tape().clone(), shape.get(1).copied().unwrap_or(0));
        if let Some(state) = state {
            self.check_state(state, batch)?;
        }
        let dropout = self.dropout.check(C::NAME)?;
        let mut last = Vec::with_capacity(self.cells.len());
        for layer in self.cells.chunks(self.directions()) {
            if !last.is_empty() {
                sequence = dropout.between_layers(sequence)?;
            }
            sequence = dropout.over_time(sequence)?;
            let mut outputs = Vec::with_capacity(layer.len());
            for (cell, direction) in layer.iter().zip([Direction::Forward, Direction::Reverse]) {
                let place = last.len();
                let state = state.map(|state| state.try_mapped(|part| part.select(0, place))).transpose()?;
                let mask = dropout.of_state(&tape, batch, cell.output_size());
                let how = Sweep { direction, lengths, mask: mask.as_ref(), symbols };
                let (output, state) = cell.sweep(&sequence, state.as_ref(), &how)?;
                outputs.push(output);
                last.push(state);
            }
            sequence = side_by_side(outputs)?;
            symbols = None; // the first layer alone reads them
        }
        Ok((sequence, stacked(&last)?))
    }

    /// The last layer's state after the last step, from a zero state: many-to-one. In two directions both final states side by side,
    /// each after the whole sequence.
    ///
    /// The loss then depends on the other steps through this state alone, and the backward pass makes no array of zeros for them.
    ///
    /// # Shapes
    /// output: `(N, D·H)`
    ///
    /// # Errors
    /// As [`Recurrent::forward_with`].
    #[track_caller]
    pub fn last(&self, x: &Var<C::Float>) -> Result<Var<C::Float>> {
        let (_, state) = self.forward_with(x, None)?;
        let cells = self.cells.len();
        let of_layer = cells - self.directions()..cells;
        let states: Result<_, _> = of_layer.map(|place| state.hidden().select(0, place)).collect();
        side_by_side(states?)
    }

    /// The layers with each cell changed.
    pub(crate) fn each(mut self, change: impl FnMut(C) -> C) -> Self {
        self.cells = self.cells.into_iter().map(change).collect();
        self
    }

    /// As [`Recurrent::forward_with`] or [`Recurrent::forward_padded`], with the time before the batch whatever the layer's own order.
    #[track_caller]
    pub(crate) fn forward_in_time(
        &self,
        x: &Var<C::Float>,
        lengths: Option<&[usize]>,
        state: Option<&C::State>,
    ) -> Result<(Var<C::Float>, C::State)> {
        check_sequence(self.first()?, x.shape())?;
        self.sweep_in_time(x.clone(), None, lengths, state)
    }

    /// The numbers of features of an input and of an output.
    pub(crate) fn widths(&self, operation: &'static str) -> Result<(usize, usize)> {
        match self.cells.first() {
            Some(cell) => Ok((cell.input_size(), self.directions() * cell.output_size())),
            None => Err(Error::Layers { operation, cells: 0, directions: self.directions() }),
        }
    }

    /// As [`Recurrent::widths`], of layers that do not read what comes after.
    pub(crate) fn causal(&self, operation: &'static str) -> Result<(usize, usize)> {
        if self.bidirectional { Err(Error::TwoDirections { operation }) } else { self.widths(operation) }
    }

    pub(crate) fn is_bidirectional(&self) -> bool {
        self.bidirectional
    }

    pub(crate) fn directions(&self) -> usize {
        if self.bidirectional { 2 } else { 1 }
    }

    /// The axis of time, of input and output.
    pub(crate) fn time_axis(&self) -> usize {
        usize::from(self.batch_first)
    }

    /// The ending of the names of a cell's parameters.
    pub(crate) fn ending(&self, place: usize) -> String {
        let directions = self.directions();
        format!("l{}{}", place / directions, if place % directions == 1 { "_reverse" } else { "" })
    }
}

/// Arrays side by side on their last axis; one alone as it is.
#[track_caller]
fn side_by_side<F: Real>(mut variables: Vec<Var<F>>) -> Result<Var<F>> {
    if variables.len() == 1 {
        return Ok(variables.remove(0));
    }
    Ok(concatenate(-1, &variables.iter().collect::<Vec<_>>())?)
}

/// The states of all cells as one, on a new first axis.
#[track_caller]
fn stacked<S: State>(states: &[S]) -> Result<S> {
    let of_cells: Vec<_> = states.iter().map(State::parts).collect();
    let arrays = of_cells.first().map_or(0, Vec::len);
    let parts = (0..arrays).map(|array| match &of_cells[..] {
        [alone] => alone[array].unsqueeze(0),
        all => stack(0, &all.iter().map(|parts| parts[array]).collect::<Vec<_>>()),
    });
    Ok(S::from_parts(parts.collect::<Result<_, _>>()?).expect("the states of one cell have as many arrays"))
}

impl<C: Cell> Layer<C::Float> for Recurrent<C> {
    /// The output at every step, from a zero state: many-to-many.
    fn forward(&self, x: &Var<C::Float>) -> gradus_nn_layers::Result<Var<C::Float>> {
        Ok(self.forward_with(x, None)?.0)
    }

    fn kind(&self) -> &'static str {
        describe::kind::<C>()
    }

    fn describe(&self, input: &[usize]) -> gradus_nn_layers::Result<Description> {
        Ok(self.description(input)?)
    }
}

impl<C: Cell> Module<C::Float> for Recurrent<C> {
    fn walk<'module>(&'module self, walk: &mut Walk<'module, '_, C::Float>) {
        for (place, cell) in self.cells.iter().enumerate() {
            let ending = self.ending(place);
            cell.visit(&mut |name, item| walk.named(format_args!("{name}_{ending}"), item));
        }
    }

    fn walk_mut<'module>(&'module mut self, walk: &mut WalkMut<'module, '_, C::Float>) {
        let endings: Vec<_> = (0..self.cells.len()).map(|place| self.ending(place)).collect();
        for (ending, cell) in endings.iter().zip(&mut self.cells) {
            cell.visit_mut(&mut |name, item| walk.named(format_args!("{name}_{ending}"), item));
        }
    }
}

#[cfg(test)]
mod tests;
