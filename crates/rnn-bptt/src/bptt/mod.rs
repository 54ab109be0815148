//! Back-propagation through time, written out.
//!
//! A recurrent network applies one and the same step again and again. With inputs `x₁ … x_T` and a first state `h₀`,
//!
//! ```text
//! aₜ = Wᵢₕ xₜ + bᵢₕ + Wₕₕ hₜ₋₁ + bₕₕ
//! hₜ = f(aₜ)                               t = 1 … T
//! ```
//!
//! Unrolled, it is a deep feed-forward network of `T` layers that share their weights, and back-propagation through
//! time is nothing but back-propagation through that network. `[f′(a)]` is the diagonal matrix of the derivatives, `∘`
//! the product element by element. Everything below is in terms of
//!
//! ```text
//! δₜ = ∂L/∂aₜ
//! ```
//!
//! # Many-to-one: a loss of the last state
//!
//! Let the loss `L` depend on `h_T` alone: a class for the whole sequence, say. The last step is an ordinary layer:
//!
//! ```text
//! δ_T = ∂L/∂h_T ∘ f′(a_T)
//! ```
//!
//! A state `hₜ` before it has one way to the loss: through `aₜ₊₁ = … + Wₕₕ hₜ + …`. By the chain rule,
//!
//! ```text
//! ∂L/∂hₜ = Wₕₕᵀ δₜ₊₁                                   t = T−1 … 0
//! δₜ     = ∂L/∂hₜ ∘ f′(aₜ)                             t = T−1 … 1
//! ```
//!
//! This is the whole recursion: a network run backwards, with `Wₕₕᵀ` in the place of `Wₕₕ`, and linear. The weights are
//! the same at each step; were they not, `∂L/∂Wₕₕ⁽ᵗ⁾` would be `δₜ hₜ₋₁ᵀ`. As they are, each step's part is added:
//!
//! ```text
//! ∂L/∂Wₕₕ = Σₜ δₜ hₜ₋₁ᵀ      ∂L/∂Wᵢₕ = Σₜ δₜ xₜᵀ      ∂L/∂bₕₕ = ∂L/∂bᵢₕ = Σₜ δₜ
//! ∂L/∂xₜ  = Wᵢₕᵀ δₜ          ∂L/∂h₀  = Wₕₕᵀ δ₁
//! ```
//!
//! Put into itself, the recursion says why long memories are hard to learn: between a state and the loss lies the product
//!
//! ```text
//! ∂h_T/∂hₜ = [f′(a_T)] Wₕₕ · [f′(a_T₋₁)] Wₕₕ ⋯ [f′(aₜ₊₁)] Wₕₕ
//! ```
//!
//! of `T − t` matrices that are much alike. With `|f′| ≤ 1`, as for tanh and ReLU, it vanishes at least as fast as
//! `‖Wₕₕ‖ᵀ⁻ᵗ` where the largest singular value of `Wₕₕ` is below 1, and it may explode where that is above 1.
//!
//! # Many-to-many: a loss of every state
//!
//! Let `L` depend on each `hₜ` also directly: a prediction at every step. `dyₜ` is that direct part, with all other states
//! held fixed. Now a state has two ways to the loss, and their parts are added:
//!
//! ```text
//! ∂L/∂hₜ = dyₜ + Wₕₕᵀ δₜ₊₁         with δ_T₊₁ = 0
//! ```
//!
//! Nothing else changes. Many-to-one is the case in which all `dyₜ` but the last are zero; a state that is handed on (to
//! the next piece of a long sequence, or to a decoder) has its cotangent added to `dy_T`.
//!
//! # In arrays
//!
//! A batch has a sequence in each row, so that a step reads `Aₜ = Xₜ Wᵢₕᵀ + Hₜ₋₁ Wₕₕᵀ + b` and transposes change sides:
//! `dHₜ = dYₜ + dAₜ₊₁ Wₕₕ`. What does not depend on the state before it is done for all steps at once, where it is one
//! large product instead of `T` small ones:
//!
//! | | all steps at once | step after step |
//! | --- | --- | --- |
//! | forward | `P = X Wᵢₕᵀ + bᵢₕ + bₕₕ` | `Hₜ = f(Pₜ + Hₜ₋₁ Wₕₕᵀ)`, in the memory of `Pₜ` |
//! | backward | | `dAₜ = (dYₜ + dAₜ₊₁ Wₕₕ) ∘ f′`, in the memory of `dYₜ` |
//! | | `dWᵢₕ = dAᵀ X`, `dWₕₕ = dAᵀ H₍₋₁₎`, `db = Σ dA`, `dX = dA Wᵢₕ` | |
//!
//! `f′` is a function of `hₜ` (see [`Nonlinearity`]), so that the states are all that the forward pass keeps, and `T` steps are
//! one entry of the tape. Time and memory are linear in `T`: one array of states, and one of `δ` during the backward pass.
//!
//! # References
//! - D. E. Rumelhart, G. E. Hinton, R. J. Williams, *Learning internal representations by error propagation*, 1986
//!   (the unrolled network, section "Recurrent nets").
//! - P. J. Werbos, *Backpropagation through time: what it does and how to do it*, Proceedings of the IEEE 78(10), 1990.
//! - J. L. Elman, *Finding structure in time*, Cognitive Science 14(2), 1990 (the network).
//! - Y. Bengio, P. Simard, P. Frasconi, *Learning long-term dependencies with gradient descent is difficult*, IEEE
//!   Transactions on Neural Networks 5(2), 1994; R. Pascanu, T. Mikolov, Y. Bengio, *On the difficulty of training
//!   recurrent neural networks*, 2013, <https://arxiv.org/abs/1211.5063> (the product of Jacobians).
//! - I. Goodfellow, Y. Bengio, A. Courville, *Deep Learning*, 2016, section 10.2.2.

use crate::{Error, Nonlinearity, Result};
use gradus_autograd::{Error as AutogradError, Real, Slots, Value, Var};
use gradus_linalg::{elementwise, memory};
use ndarray::{Array3, ArrayView1, ArrayView2, ArrayViewD, ArrayViewMut2, ArrayViewMutD, Axis, Ix2, Ix3, Slice};

/// The parameters of a recurrent layer as variables of one tape.
#[derive(Debug, Clone)]
pub struct Weights<F: Real = f32> {
    /// `Wᵢₕ`, `(H, I)`.
    pub weight_ih: Var<F>,
    /// `Wₕₕ`, `(H, H)`.
    pub weight_hh: Var<F>,
    /// `bᵢₕ`, `(H,)`.
    pub bias_ih: Option<Var<F>>,
    /// `bₕₕ`, `(H,)`.
    pub bias_hh: Option<Var<F>>,
}

/// The way in which a layer reads a sequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub enum Direction {
    /// From the first step to the last.
    #[default]
    Forward,
    /// From the last step to the first. The output at `t` still stands at `t`, and the final state is that at the first.
    Reverse,
}

/// One recurrent layer over a whole sequence, as one operation of the tape: the states after every step, and the last.
///
/// ```text
/// hₜ = f(Wᵢₕ xₜ + bᵢₕ + Wₕₕ hₜ₋₁ + bₕₕ)        δₜ = (dyₜ + Wₕₕᵀ δₜ₊₁) ∘ f′(aₜ)
/// ```
///
/// The derivation is on [the module's page](self). The last state is an output by itself, so that a loss of it alone has
/// no array of zeros for all the other steps. Gradients that nobody wants are not computed.
///
/// # Shapes
/// `x (T, N, I)`, `h0 (1, N, H)` or none for zero, states `(T, N, H)`, last state `(1, N, H)`
///
/// # Examples
/// Powers of 2, doubled at each step, and the derivative of the last by the weight, `d w³/dw = 3 w²`:
/// ```
/// use gradus_rnn_bptt::{Nonlinearity, Tape, bptt::{self, Direction, Weights}, ndarray::array};
/// let tape = Tape::<f64>::recording();
/// let (weight_ih, weight_hh) = (tape.variable(array![[1.0]]), tape.variable(array![[2.0]]));
/// let weights = Weights { weight_ih, weight_hh, bias_ih: None, bias_hh: None };
/// let x = tape.input(array![[[1.0]], [[0.0]], [[0.0]], [[0.0]]]);
/// let (states, last) = bptt::rnn(&x, None, &weights, Nonlinearity::Relu, Direction::Forward)?;
/// assert_eq!(states.value(), &array![[[1.0]], [[2.0]], [[4.0]], [[8.0]]]);
/// let gradients = last.sum().backward()?;
/// assert_eq!(gradients.get(&weights.weight_hh).unwrap(), &array![[12.0]]);
/// # Ok::<(), gradus_rnn_bptt::Error>(())
/// ```
///
/// # Errors
/// [`Error::InputRank`], [`Error::InputSize`], [`Error::NoSteps`], [`Error::State`] or [`Error::Weight`] if the shapes do
/// not fit; [`Error::Autograd`] if the variables are on different tapes.
#[track_caller]
pub fn rnn<F: Real>(
    x: &Var<F>,
    h0: Option<&Var<F>>,
    weights: &Weights<F>,
    nonlinearity: Nonlinearity,
    direction: Direction,
) -> Result<(Var<F>, Var<F>)> {
    let operation = "rnn";
    let sizes = Sizes::check(operation, x, h0, weights)?;
    let Weights { weight_ih, weight_hh, bias_ih, bias_hh } = weights;

    let mut inputs = vec![x, weight_ih, weight_hh];
    let mut place = |input: Option<_>| {
        inputs.extend(input);
        input.map(|_| inputs.len() - 1)
    };
    let places = Places { bias_ih: place(bias_ih.as_ref()), bias_hh: place(bias_hh.as_ref()), h0: place(h0) };
    if inputs.iter().any(|input| !input.tape().is(x.tape())) {
        return Err(AutogradError::ForeignVar { operation }.into());
    }

    let saved_x = x.value().clone().into_standard_layout();
    let order = Order { steps: sizes.steps, direction };
    let states = forward(
        Step {
            weight_ih: matrix(weight_ih.value()),
            weight_hh: matrix(weight_hh.value()),
            biases: [bias_ih, bias_hh].map(|bias| bias.as_ref().map(|bias| vector(bias.value()))),
            nonlinearity,
        },
        rows(saved_x.view(), sizes.input),
        h0.map(|h0| state(h0.value())),
        &sizes,
        order,
    );
    let mut last = Value::unspecified((1, sizes.batch, sizes.hidden));
    last.index_axis_mut(Axis(0), 0).assign(&states.index_axis(Axis(0), order.last()));
    let states = Value::from(states);

    let saved = Saved {
        // Each is kept only for the gradient that it is a factor of.
        x: weight_ih.needs_gradient().then_some(saved_x),
        weight_ih: x.needs_gradient().then(|| weight_ih.value().clone()),
        weight_hh: weight_hh.value().clone(),
        h0: h0.filter(|_| weight_hh.needs_gradient()).map(|h0| h0.value().clone()),
        states: states.clone(),
        nonlinearity,
        order,
        places,
    };
    let mut outputs = x.tape().record_many(operation, &inputs, vec![states, last], |cotangents, slots| {
        saved.backward(cotangents, slots);
    });
    let last = outputs.pop().expect("two values were recorded");
    let states = outputs.pop().expect("two values were recorded");
    Ok((states, last))
}

/// The constants of every step, as views.
struct Step<'a, F> {
    weight_ih: ArrayView2<'a, F>,
    weight_hh: ArrayView2<'a, F>,
    biases: [Option<ArrayView1<'a, F>>; 2],
    nonlinearity: Nonlinearity,
}

/// The states after every step, `(T, N, H)`; the rows of `x` are all inputs of step 0, then all of step 1, and so on.
fn forward<F: Real>(
    step: Step<'_, F>,
    x: ArrayView2<'_, F>,
    h0: Option<ArrayView2<'_, F>>,
    sizes: &Sizes,
    order: Order,
) -> Array3<F> {
    let one = F::one();
    // P = X Wᵢₕᵀ + bᵢₕ + bₕₕ for all steps; the biases are there before the product is added to them.
    let mut states = memory::array((sizes.steps, sizes.batch, sizes.hidden));
    let mut beta = F::zero();
    for bias in step.biases.into_iter().flatten() {
        if beta == one {
            states += &bias
        } else {
            states.assign(&bias)
        }
        beta = one;
    }
    let projected = states.view_mut().into_shape_with_order((sizes.steps * sizes.batch, sizes.hidden));
    F::gemm(one, x, step.weight_ih.t(), beta, projected.expect("fresh memory is row-major"));

    // Hₜ = f(Pₜ + Hₜ₋₁ Wₕₕᵀ), from a zero state without the product.
    let mut before = None;
    for t in order.iter() {
        match (before, h0) {
            (Some(before), _) => {
                let (current, before) = two_steps(&mut states, t, before);
                F::gemm(one, before.view(), step.weight_hh.t(), one, current);
            }
            (None, Some(h0)) => F::gemm(one, h0, step.weight_hh.t(), one, states.index_axis_mut(Axis(0), t)),
            (None, None) => {}
        }
        step.nonlinearity.forward(states.index_axis_mut(Axis(0), t));
        before = Some(t);
    }
    states
}

/// What the backward pass needs of the forward pass.
struct Saved<F: Real> {
    x: Option<Value<F>>,
    weight_ih: Option<Value<F>>,
    weight_hh: Value<F>,
    h0: Option<Value<F>>,
    states: Value<F>,
    nonlinearity: Nonlinearity,
    order: Order,
    places: Places,
}

impl<F: Real> Saved<F> {
    /// Back-propagation through time: first the `δ` of every step, last step first, then the gradients that are sums over steps.
    fn backward(self, mut cotangents: Vec<Option<Value<F>>>, slots: &mut Slots<'_, F>) {
        let (one, order) = (F::one(), self.order);
        let d_last = cotangents.pop().flatten();
        let d_states = cotangents.pop().flatten();
        let da = Value::from(self.through_time(d_states, d_last));
        let hidden = self.weight_hh.shape()[0];
        let first = da.index_axis(Axis(0), order.first());
        let first = first.into_dimensionality::<Ix2>().expect("a step is a matrix");
        let da_rows = rows(da.view(), hidden);

        // Σₜ dAₜᵀ Hₜ₋₁: the states, shifted by one step against dA; h₀ stands before the first.
        slots.accumulate(HH, |dw, beta| {
            let mut dw = matrix_mut(dw);
            let (later, earlier) = order.shifted();
            let (later, earlier) = (da.slice_axis(Axis(0), later), self.states.slice_axis(Axis(0), earlier));
            F::gemm(one, rows(later, hidden).t(), rows(earlier, hidden), beta, dw.view_mut());
            if let Some(h0) = &self.h0 {
                F::gemm(one, first.t(), state(h0), one, dw);
            }
        });
        if let Some(x) = &self.x {
            let x = rows(x.view(), x.shape()[2]);
            slots.accumulate(IH, |dw, beta| F::gemm(one, da_rows.t(), x, beta, matrix_mut(dw)));
        }
        let biases = [self.places.bias_ih, self.places.bias_hh].map(|place| place.filter(|&place| slots.needs(place)));
        if biases.iter().any(Option::is_some) {
            let db = Value::from(elementwise::sum_to(&da, &[hidden]));
            biases.into_iter().flatten().for_each(|place| slots.add(place, db.clone()));
        }
        if let Some(weight_ih) = &self.weight_ih {
            slots.accumulate(X, |dx, beta| {
                let dx = dx.into_shape_with_order((da_rows.nrows(), weight_ih.shape()[1]));
                F::gemm(one, da_rows, matrix(weight_ih), beta, dx.expect("gradients are row-major"));
            });
        }
        if let Some(h0) = self.places.h0 {
            slots.accumulate(h0, |mut dh0, beta| {
                let dh0 = matrix_mut(dh0.index_axis_mut(Axis(0), 0).into_dyn());
                F::gemm(one, first, matrix(&self.weight_hh), beta, dh0);
            });
        }
    }

    /// `dAₜ = (dYₜ + dAₜ₊₁ Wₕₕ) ∘ f′(Aₜ)` for every step, in the memory of `dY` if there is one.
    fn through_time(&self, d_states: Option<Value<F>>, d_last: Option<Value<F>>) -> Array3<F> {
        let rank = "the states have three axes";
        let weight_hh = matrix(&self.weight_hh);
        let states = self.states.view().into_dimensionality::<Ix3>().expect(rank);
        // Many-to-one: no step but the last has a dY of its own, and the product overwrites what is there (β = 0).
        let (mut da, beta) = match d_states {
            Some(dy) => (dy.into_standard_layout().into_array().into_dimensionality().expect(rank), F::one()),
            None => (memory::array(states.raw_dim()), F::zero()),
        };
        let mut after = None;
        for t in self.order.iter().rev() {
            match (after, &d_last) {
                (Some(after), _) => {
                    let (current, after) = two_steps(&mut da, t, after);
                    F::gemm(F::one(), after.view(), weight_hh, beta, current);
                }
                (None, Some(d_last)) if beta == F::zero() => da.index_axis_mut(Axis(0), t).assign(&state(d_last)),
                (None, Some(d_last)) => da.index_axis_mut(Axis(0), t).zip_mut_with(&state(d_last), |a, &b| *a += b),
                (None, None) => {}
            }
            self.nonlinearity.backward(da.index_axis_mut(Axis(0), t), states.index_axis(Axis(0), t));
            after = Some(t);
        }
        da
    }
}

/// The order in which the steps are taken.
#[derive(Clone, Copy)]
struct Order {
    steps: usize,
    direction: Direction,
}

impl Order {
    fn iter(self) -> impl DoubleEndedIterator<Item = usize> {
        (0..self.steps).map(move |step| self.time(step))
    }

    /// The time at which a step is taken.
    fn time(self, step: usize) -> usize {
        match self.direction {
            Direction::Forward => step,
            Direction::Reverse => self.steps - 1 - step,
        }
    }

    fn first(self) -> usize {
        self.time(0)
    }

    fn last(self) -> usize {
        self.time(self.steps - 1)
    }

    /// The times of all steps but the first, and the times of the steps before them.
    fn shifted(self) -> (Slice, Slice) {
        let (head, tail) = (Slice::from(..self.steps - 1), Slice::from(1..));
        match self.direction {
            Direction::Forward => (tail, head),
            Direction::Reverse => (head, tail),
        }
    }
}

/// Where the inputs stand in the list that was recorded.
const X: usize = 0;
const IH: usize = 1;
const HH: usize = 2;

/// Where those inputs stand that need not be there.
struct Places {
    bias_ih: Option<usize>,
    bias_hh: Option<usize>,
    h0: Option<usize>,
}

/// The lengths of all axes, once they are known to fit.
struct Sizes {
    steps: usize,
    batch: usize,
    input: usize,
    hidden: usize,
}

impl Sizes {
    fn check<F: Real>(operation: &'static str, x: &Var<F>, h0: Option<&Var<F>>, weights: &Weights<F>) -> Result<Self> {
        let &[steps, batch, input] = x.shape() else {
            let (found, expected) = (x.shape().to_vec(), "(time, batch, input_size)");
            return Err(Error::InputRank { operation, found, expected });
        };
        if steps == 0 {
            return Err(Error::NoSteps { operation, found: x.shape().to_vec() });
        }
        let hidden = weights.weight_hh.shape().last().copied().unwrap_or(0);
        let input_size = weights.weight_ih.shape().last().copied().unwrap_or(0);
        let parameters = [
            ("weight_hh", Some(&weights.weight_hh), vec![hidden, hidden]),
            ("weight_ih", Some(&weights.weight_ih), vec![hidden, input_size]),
            ("bias_ih", weights.bias_ih.as_ref(), vec![hidden]),
            ("bias_hh", weights.bias_hh.as_ref(), vec![hidden]),
        ];
        for (parameter, weight, expected) in parameters {
            if let Some(weight) = weight.filter(|weight| weight.shape() != expected) {
                return Err(Error::Weight { operation, parameter, found: weight.shape().to_vec(), expected });
            }
        }
        if input != input_size {
            return Err(Error::InputSize { operation, found: x.shape().to_vec(), input_size });
        }
        if let Some(h0) = h0.filter(|h0| h0.shape() != [1, batch, hidden]) {
            let (found, expected) = (h0.shape().to_vec(), vec![1, batch, hidden]);
            return Err(Error::State { operation, found, expected, axes: "(1, batch, hidden_size)" });
        }
        Ok(Self { steps, batch, input, hidden })
    }
}

/// Step `t` and one of its neighbours.
fn two_steps<F: Real>(x: &mut Array3<F>, t: usize, neighbour: usize) -> (ArrayViewMut2<'_, F>, ArrayViewMut2<'_, F>) {
    let (earlier, later) = x.view_mut().split_at(Axis(0), t.max(neighbour));
    let earlier = earlier.index_axis_move(Axis(0), t.min(neighbour));
    let later = later.index_axis_move(Axis(0), 0);
    if t < neighbour { (earlier, later) } else { (later, earlier) }
}

/// All steps and sequences as the rows of one matrix.
fn rows<F: Real>(x: ArrayViewD<'_, F>, columns: usize) -> ArrayView2<'_, F> {
    let rows = x.shape()[0] * x.shape()[1];
    x.into_shape_with_order((rows, columns)).expect("whole steps of a row-major array are contiguous")
}

/// A state `(1, N, H)` as a matrix.
fn state<'a, F: Real>(h: &'a Value<F>) -> ArrayView2<'a, F> {
    h.index_axis(Axis(0), 0).into_dimensionality().expect("the shape was checked to have three axes")
}

fn matrix<'a, F: Real>(x: &'a Value<F>) -> ArrayView2<'a, F> {
    x.view().into_dimensionality().expect("the shape was checked to have two axes")
}

fn vector<'a, F: Real>(x: &'a Value<F>) -> ArrayView1<'a, F> {
    x.view().into_dimensionality().expect("the shape was checked to have one axis")
}

fn matrix_mut<F: Real>(x: ArrayViewMutD<'_, F>) -> ArrayViewMut2<'_, F> {
    x.into_dimensionality().expect("the shape was checked to have two axes")
}

#[cfg(test)]
mod tests {
    use super::*;
    use gradus_autograd::Tape;
    use ndarray::array;

    /// One unit, ReLU, `h = x + w h + 1`, on three steps from `h0 = 1` with `w = 2`: states 4, 9, 19 (forward).
    fn one_unit(direction: Direction) -> (Tape<f64>, [Var<f64>; 2], Weights<f64>, Var<f64>, Var<f64>) {
        let tape = Tape::recording();
        let x = tape.variable(array![[[1.0]], [[0.0]], [[0.0]]]);
        let h0 = tape.variable(array![[[1.0]]]);
        let weights = Weights {
            weight_ih: tape.variable(array![[1.0]]),
            weight_hh: tape.variable(array![[2.0]]),
            bias_ih: Some(tape.variable(array![0.25])),
            bias_hh: Some(tape.variable(array![0.75])),
        };
        let (states, last) = rnn(&x, Some(&h0), &weights, Nonlinearity::Relu, direction).unwrap();
        (tape, [x, h0], weights, states, last)
    }

    #[test]
    fn many_to_one_worked_by_hand() {
        let (_tape, [x, h0], w, states, last) = one_unit(Direction::Forward);
        assert_eq!(states.value(), &array![[[4.0]], [[9.0]], [[19.0]]]);
        assert_eq!(last.value(), &array![[[19.0]]]);
        // δ₃ = 1, δ₂ = 2, δ₁ = 4
        let gradients = last.sum().backward().unwrap();
        assert_eq!(gradients.get(&x).unwrap(), &array![[[4.0]], [[2.0]], [[1.0]]]);
        assert_eq!(gradients.get(&h0).unwrap(), &array![[[8.0]]]);
        assert_eq!(gradients.get(&w.weight_hh).unwrap(), &array![[4.0 * 1.0 + 2.0 * 4.0 + 1.0 * 9.0]]);
        assert_eq!(gradients.get(&w.weight_ih).unwrap(), &array![[4.0]]);
        assert_eq!(gradients.get(w.bias_ih.as_ref().unwrap()).unwrap(), &array![7.0]);
        assert_eq!(gradients.get(w.bias_hh.as_ref().unwrap()).unwrap(), &array![7.0]);
    }

    #[test]
    fn many_to_many_worked_by_hand() {
        let (_tape, [x, h0], w, states, last) = one_unit(Direction::Forward);
        // dy = (1, 1, 1) and once more 1 at the last state: δ₃ = 2, δ₂ = 1 + 4, δ₁ = 1 + 10
        let gradients = (states.sum() + last.sum()).backward().unwrap();
        assert_eq!(gradients.get(&x).unwrap(), &array![[[11.0]], [[5.0]], [[2.0]]]);
        assert_eq!(gradients.get(&h0).unwrap(), &array![[[22.0]]]);
        assert_eq!(gradients.get(&w.weight_hh).unwrap(), &array![[11.0 * 1.0 + 5.0 * 4.0 + 2.0 * 9.0]]);
        assert_eq!(gradients.get(&w.weight_ih).unwrap(), &array![[11.0]]);
        assert_eq!(gradients.get(w.bias_hh.as_ref().unwrap()).unwrap(), &array![18.0]);
    }

    #[test]
    fn a_reverse_layer_begins_at_the_end() {
        let (_tape, [x, h0], w, states, last) = one_unit(Direction::Reverse);
        // From the end: 2·1 + 0 + 1 = 3, 2·3 + 0 + 1 = 7, 2·7 + 1 + 1 = 16
        assert_eq!(states.value(), &array![[[16.0]], [[7.0]], [[3.0]]]);
        assert_eq!(last.value(), &array![[[16.0]]]);
        let gradients = last.sum().backward().unwrap();
        assert_eq!(gradients.get(&x).unwrap(), &array![[[1.0]], [[2.0]], [[4.0]]]);
        assert_eq!(gradients.get(&h0).unwrap(), &array![[[8.0]]]);
        assert_eq!(gradients.get(&w.weight_hh).unwrap(), &array![[4.0 * 1.0 + 2.0 * 3.0 + 1.0 * 7.0]]);
    }

    #[test]
    fn a_unit_that_is_off_passes_nothing_on() {
        let tape = Tape::<f64>::recording();
        let x = tape.variable(array![[[3.0]], [[-9.0]], [[1.0]]]);
        let (weight_ih, weight_hh) = (tape.variable(array![[1.0]]), tape.variable(array![[1.0]]));
        let weights = Weights { weight_ih, weight_hh, bias_ih: None, bias_hh: None };
        let (states, last) = rnn(&x, None, &weights, Nonlinearity::Relu, Direction::Forward).unwrap();
        assert_eq!(states.value(), &array![[[3.0]], [[0.0]], [[1.0]]]);
        let gradients = last.sum().backward().unwrap();
        assert_eq!(gradients.get(&x).unwrap(), &array![[[0.0]], [[0.0]], [[1.0]]]);
    }

    #[test]
    fn only_wanted_gradients_are_computed() {
        let tape = Tape::<f64>::recording();
        let x = tape.input(array![[[1.0]], [[2.0]]]);
        let weights = Weights {
            weight_ih: tape.input(array![[1.0]]),
            weight_hh: tape.input(array![[0.5]]),
            bias_ih: None,
            bias_hh: Some(tape.variable(array![0.0])),
        };
        let (states, _) = rnn(&x, None, &weights, Nonlinearity::Relu, Direction::Forward).unwrap();
        let gradients = states.sum().backward().unwrap();
        assert_eq!(gradients.get(weights.bias_hh.as_ref().unwrap()).unwrap(), &array![2.5]);
        assert!(gradients.get(&weights.weight_hh).is_none());
    }
}
