//! Real-time recurrent learning: exact gradients without a backward pass through time.

use crate::{Cell, Error, Result, State};
use gradus_autograd::{Gradients, Real, Tape, Value, Var};
use gradus_nn_layers::Error as LayerError;
use ndarray::{Array1, Array2, Array3, ArrayRef, ArrayView, ArrayView1, ArrayViewD, Axis, Dimension, Ix2};

/// Real-time recurrent learning of one cell: how the state depends on every parameter, carried forward from step to step.
///
/// ```text
/// sₜ = f(xₜ, sₜ₋₁, θ)
/// Pₜ = ∂sₜ/∂θ = Jₜ Pₜ₋₁ + ∂f/∂θ,    Jₜ = ∂f/∂sₜ₋₁,    P₀ = 0        for each sequence, (S, P)
/// ∂Lₜ/∂θ = Σ over the sequences  (∂Lₜ/∂sₜ)ᵀ Pₜ
/// ```
///
/// `S` is the number of all features of a state, of `h` and `c` together in an LSTM, `P` that of all parameters. After every step the
/// gradient of a loss of that step is at hand, exact, whatever the number of steps behind it; nothing is stored of these, and
/// nothing is truncated. It costs `N·S·P` numbers and `N·S²·P` multiplications a step, the fourth power of the hidden size: a
/// method for networks of a few units, and the judge of back-propagation through time, with which it has no line in common.
///
/// `Jₜ` and `∂f/∂θ` are made by the tape, row by row, from [`Cell::step`] for one sequence. Updated between steps, parameters
/// make `P` a sum of terms from different weights, as is usual in on-line learning (Williams and Zipser, section 2).
///
/// # Examples
/// ```
/// use gradus_rnn_bptt::{Rnn, RnnCell, Rtrl, Tape, ndarray::{Array2, Array3, Axis}};
/// use rand::{SeedableRng, rngs::StdRng};
/// # fn main() -> gradus_nn_layers::Result<()> {
/// let cell: RnnCell<f64> = RnnCell::new(2, 3, &mut StdRng::seed_from_u64(1));
/// let x = Array3::from_shape_fn((9, 2, 2), |(t, n, i)| (t * 5 + n * 3 + i) as f64 % 1.7 - 0.8);
///
/// let mut rtrl = Rtrl::from_zero(&cell, 2);
/// for x in x.outer_iter() {
///     rtrl.step(&cell, x.to_owned())?;
/// }
/// let forward = rtrl.gradients(&cell, |h| Ok(h.square().sum()))?;
///
/// let rnn = Rnn::of(cell);
/// let back = rnn.last(&Tape::recording().input(x))?.square().sum().backward()?;
/// # let cell = &rnn.cells[0];
/// # // `Rnn::of` took the cell: its parameters are the same.
/// let difference = &**forward.get(&cell.weight_hh).unwrap() - &**back.get(&cell.weight_hh).unwrap();
/// assert!(difference.iter().all(|d| d.abs() < 1e-12));
/// # Ok(())
/// # }
/// ```
///
/// # References
/// R. J. Williams, D. Zipser, *A learning algorithm for continually running fully recurrent neural networks*, Neural
/// Computation 1(2), 1989, <https://doi.org/10.1162/neco.1989.1.2.270>
#[derive(Debug, Clone)]
pub struct Rtrl<C: Cell> {
    /// The arrays of the state, `(N, size)` each.
    state: Vec<Array2<C::Float>>,
    /// `∂s/∂θ` for each sequence, `(N, S, P)`.
    sensitivity: Array3<C::Float>,
    steps: usize,
}

impl<C: Cell> Rtrl<C> {
    /// From a state of zeros for so many sequences.
    #[must_use]
    pub fn from_zero(cell: &C, batch: usize) -> Self {
        let state: Vec<_> = cell.state_sizes().into_iter().map(|size| Array2::zeros((batch, size))).collect();
        let sensitivity = Array3::zeros((batch, width(&state), count(cell)));
        Self { state, sensitivity, steps: 0 }
    }

    /// From this state, which does not depend on the parameters.
    ///
    /// # Errors
    /// [`Error::State`] if an array is not `(batch, its size)`.
    pub fn from_state(cell: &C, state: &C::State) -> Result<Self> {
        let batch = state.hidden().shape().first().copied().unwrap_or(0);
        let mut found = Self::from_zero(cell, batch);
        for (own, given) in found.state.iter_mut().zip(state.parts()) {
            let (shape, expected) = (given.shape().to_vec(), own.shape().to_vec());
            if shape != expected {
                return Err(Error::State { operation: "rtrl", found: shape, expected, axes: "(batch, size)" });
            }
            own.assign(&given.value().view().into_dimensionality::<Ix2>().expect("the shape was compared"));
        }
        Ok(found)
    }

    /// One step: state and sensitivity after the input `x (N, input_size)`. Frozen parameters have a sensitivity of 0.
    ///
    /// # Errors
    /// Those of [`Cell::step`], and [`Error::State`] if the cell or the number of sequences is not that with which it began.
    pub fn step(&mut self, cell: &C, x: impl Into<Value<C::Float>>) -> Result<()> {
        let x = x.into();
        self.check(cell)?;
        if x.ndim() != 2 {
            let (found, expected) = (x.shape().to_vec(), "(batch, input_size)");
            return Err(Error::InputRank { operation: "rtrl", found, expected });
        }
        if let Some(part) = self.state.iter().find(|part| part.nrows() != x.shape()[0]) {
            let (found, expected) = (part.shape().to_vec(), vec![x.shape()[0], part.ncols()]);
            return Err(Error::State { operation: "rtrl", found, expected, axes: "(batch, size)" });
        }
        let forward = Tape::inference();
        let after = cell.step(&forward.input(x.clone()), &self.state(&forward))?;
        let (batch, width, count) = self.sensitivity.dim();
        let mut next = Array3::zeros((batch, width, count));
        for (sequence, mut next) in next.outer_iter_mut().enumerate() {
            let x = Value::from(one_row(&x, sequence).to_owned());
            let before = self.sensitivity.index_axis(Axis(0), sequence);
            for (row, mut next) in next.rows_mut().into_iter().enumerate() {
                let (of_state, of_parameters) = self.slopes(cell, &x, sequence, row)?;
                // A row of J P + ∂f/∂θ.
                next.assign(&(of_state.dot(&before) + of_parameters));
            }
        }
        self.sensitivity = next;
        for (own, part) in self.state.iter_mut().zip(after.parts()) {
            own.assign(&part.value().view().into_dimensionality::<Ix2>().expect("a step's state has two axes"));
        }
        self.steps += 1;
        Ok(())
    }

    /// The slopes of one number of the next state of one sequence, by the state before and by the parameters.
    fn slopes(&self, cell: &C, x: &Value<C::Float>, sequence: usize, row: usize) -> Result<Slopes<C::Float>> {
        let tape = Tape::recording();
        let rows = |part: &Array2<C::Float>| tape.variable(one_row(part, sequence).to_owned());
        let before = C::State::from_parts(self.state.iter().map(rows).collect()).expect("as many arrays as it had");
        let after = cell.step(&tape.input(x.clone()), &before)?;
        // The row is one of a feature of one of the arrays.
        let (mut feature, mut parts) = (row, after.parts().into_iter());
        let part = parts.find(|part| {
            let size = part.value().len();
            feature < size || {
                feature -= size;
                false
            }
        });
        let part = part.expect("there are as many rows as features in all arrays");
        let mut seed = Array2::zeros((1, part.value().len()));
        seed[[0, feature]] = one();
        // A number that depends on nothing has slopes of 0.
        let gradients = if part.needs_gradient() { Some(part.backward_with(seed)?) } else { None };
        let of_state = before.parts().into_iter().map(|part| {
            let gradient = gradients.as_ref().and_then(|gradients| gradients.get(part));
            (part.value().len(), gradient.map(|gradient| gradient.view()))
        });
        let of_parameters = cell.parameters().into_iter().map(|(_, parameter)| {
            let gradient = gradients.as_ref().and_then(|gradients| gradients.get(parameter));
            (parameter.value().len(), gradient.map(|gradient| gradient.view()))
        });
        Ok((flat(of_state), flat(of_parameters)))
    }

    /// The gradients of a loss of the state as it is now, of the cell's parameters and of whatever else the loss was computed from: a
    /// head, say. Those of a loss of several steps are the sum, by `+`, of what this returns after each of them.
    ///
    /// # Errors
    /// Those of the closure and of [`Var::backward`], and [`Error::State`] as in [`Rtrl::step`].
    pub fn gradients(
        &self,
        cell: &C,
        loss: impl FnOnce(&C::State) -> Result<Var<C::Float>, LayerError>,
    ) -> Result<Gradients<C::Float>, LayerError> {
        self.check(cell)?;
        let tape = Tape::recording();
        let rows = |part: &Array2<C::Float>| tape.variable(part.clone());
        let state = C::State::from_parts(self.state.iter().map(rows).collect()).expect("as many arrays as it had");
        let of_loss = loss(&state)?.backward()?;
        // (∂L/∂s)ᵀ P, summed over the sequences.
        let mut slopes = Array1::zeros(count(cell));
        for (sequence, sensitivity) in self.sensitivity.outer_iter().enumerate() {
            let of_state = state.parts().into_iter().map(|part| {
                let gradient = of_loss.get(part).map(|gradient| gradient.index_axis(Axis(0), sequence));
                (part.shape()[1], gradient)
            });
            slopes += &flat(of_state).dot(&sensitivity);
        }
        let of_cell = as_gradients(cell, slopes.view())?;
        Ok(match of_cell {
            Some(of_cell) => of_cell + of_loss,
            None => of_loss,
        })
    }

    /// The state as it is now, as a constant on a tape.
    #[must_use]
    pub fn state(&self, tape: &Tape<C::Float>) -> C::State {
        let parts = self.state.iter().map(|part| tape.input(part.clone())).collect();
        C::State::from_parts(parts).expect("as many arrays as it had")
    }

    /// `∂s/∂θ` of each sequence, `(N, S, P)`: the features of the state's arrays one after the other, and the parameters'
    /// elements in the order of the cell's parameters, as its [`Module`](crate::Module) walks them.
    #[must_use]
    pub fn sensitivity(&self) -> &Array3<C::Float> {
        &self.sensitivity
    }

    /// The number of steps so far.
    #[must_use]
    pub fn steps(&self) -> usize {
        self.steps
    }

    fn check(&self, cell: &C) -> Result<()> {
        let (batch, width, parameters) = self.sensitivity.dim();
        let found = vec![batch, width, parameters];
        let expected = vec![batch, cell.state_sizes().iter().sum(), count(cell)];
        if found == expected {
            return Ok(());
        }
        Err(Error::State { operation: "rtrl", found, expected, axes: "(batch, state, parameters)" })
    }
}

/// The slopes of one number by the state before and by all parameters.
type Slopes<F> = (Array1<F>, Array1<F>);

/// Gradients of a cell by its parameters' identities: those of a number that depends on each as told. None if all are frozen.
fn as_gradients<C: Cell>(cell: &C, slopes: ArrayView1<'_, C::Float>) -> Result<Option<Gradients<C::Float>>> {
    let tape = Tape::recording();
    let parameters: Vec<_> = cell.parameters().into_iter().map(|(_, parameter)| tape.parameter(parameter)).collect();
    let mut from = 0;
    let mut parts = Vec::with_capacity(parameters.len());
    for parameter in &parameters {
        let part = slopes.slice_axis(Axis(0), (from..from + parameter.value().len()).into()).to_owned();
        from += parameter.value().len();
        parts.push(part.into_shape_with_order(parameter.shape()).expect("as many slopes as elements"));
    }
    let inputs: Vec<_> = parameters.iter().collect();
    let one = vec![Value::scalar(one())];
    let root = tape.record_many("rtrl", &inputs, one, |_, slots| {
        parts.into_iter().enumerate().for_each(|(slot, part)| slots.add(slot, part));
    });
    let root = &root[0];
    Ok(if root.needs_gradient() { Some(root.backward()?) } else { None })
}

/// The numbers of several arrays one after the other; zeros for one that is not there.
fn flat<'a, F: Real>(parts: impl Iterator<Item = (usize, Option<ArrayViewD<'a, F>>)>) -> Array1<F> {
    let mut numbers = Vec::new();
    for (len, part) in parts {
        match part {
            Some(part) => numbers.extend(part.iter().copied()),
            None => numbers.resize(numbers.len() + len, F::zero()),
        }
    }
    numbers.into()
}

/// The row of one sequence, still with two axes.
fn one_row<F: Real, D: Dimension>(part: &ArrayRef<F, D>, sequence: usize) -> ArrayView<'_, F, D> {
    part.slice_axis(Axis(0), (sequence..sequence + 1).into())
}

fn one<F: Real>() -> F {
    F::one()
}

/// The features of a state.
fn width<F>(state: &[Array2<F>]) -> usize {
    state.iter().map(Array2::ncols).sum()
}

/// The elements of all parameters.
fn count<C: Cell>(cell: &C) -> usize {
    cell.parameters().iter().map(|(_, parameter)| parameter.value().len()).sum()
}
