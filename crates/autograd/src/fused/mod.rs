//! A chain of operations on elements in one pass over memory.
//!
//! `y = tanh(a) · σ(b) + exp(−a²)`, operation by operation, writes and reads an array for each of its signs. Here the chain
//! is a closure over numbers that carry their slopes along (`jet`); the loop around it (`pass`) reads each input once, and
//! writes the result and one slope for each input that wants a gradient.

mod jet;
mod pass;

pub use jet::Jet;

use crate::ops::sum_to;
use crate::tape::same_tape;
use crate::{Error, Result, Value, Var};
use gradus_linalg::Real;
use gradus_linalg::elementwise::{self, broadcast_shape};
use ndarray::{Dimension, IxDyn};
use pass::Piece;
use std::array::from_fn;

/// Computes a function of numbers element by element, with broadcasting, as one entry of the tape.
///
/// ```text
/// y = f(a, b, …)        da = Σ dy · ∂f/∂a, db = Σ dy · ∂f/∂b, … over the axes along which a, b, … were repeated
/// ```
///
/// However long the chain in `f`, memory is read and written once forward and once backward. The function computes with
/// [`Jet`]s, which carry the slopes along: one slope is kept for each input that wants a gradient, and nothing of the steps
/// between. It is compiled into a loop over vectors; write `#[inline(always)]` before a closure of more than a few
/// operations. Long arrays are divided among the threads of the current rayon pool.
///
/// Where only the sum of the results is wanted, [`fused_sum`] does not even write them.
///
/// # Errors
/// If the shapes do not broadcast, or the operands are on different tapes; [`Error::Empty`] without inputs.
///
/// # Examples
/// ```
/// use gradus_autograd::{Tape, fused, ndarray::array};
/// let tape = Tape::recording();
/// let (x, y) = (tape.variable(array![0.5, 1.0]), tape.variable(2.0));
/// let z = fused([&x, &y], #[inline(always)] |[x, y]| x.tanh() * y + (-x.square()).exp())?;
/// assert_eq!(tape.len(), 3); // two variables and one operation
/// let gradients = z.sum().backward()?;
/// assert_eq!(gradients.get(&y).unwrap()[[]], 0.5f64.tanh() + 1f64.tanh());
/// # Ok::<(), gradus_autograd::Error>(())
/// ```
#[track_caller]
pub fn fused<F: Real, const N: usize>(
    inputs: [&Var<F>; N],
    f: impl Fn([Jet<F, N>; N]) -> Jet<F, N> + Sync + 'static,
) -> Result<Var<F>> {
    let mut chain = Chain::new("fused", inputs)?;
    let mut y = Value::unspecified(&chain.shape[..]);
    pass::run(chain.piece(y.as_slice_mut()), &f);
    Ok(chain.tape(inputs)?.record_into("fused", inputs, y, move |dy, slots| {
        let dy = dy.into_standard_layout();
        for (input, slope) in chain.slopes.into_iter().enumerate() {
            if let Some(mut dx) = slope {
                elementwise::update(&mut dx, &dy, |slope, dy| dy * slope);
                slots.add(input, sum_to(dx, chain.from[input].slice()));
            }
        }
    }))
}

/// The sum of [`fused`] over all elements, as one entry of the tape: a loss of your own in one pass over memory.
///
/// ```text
/// y = Σ f(a, b, …)        da = dy · Σ ∂f/∂a, db = dy · Σ ∂f/∂b, … over the axes along which a, b, … were repeated
/// ```
///
/// The results of `f` are added up where they are made, in the fixed tree of [`Var::sum`]: the sum has the same bits as
/// `fused(…)?.sum()`, for any number of threads. The way back only hands out the slopes, multiplied by `dy` where that is
/// not 1. The mean is this divided by the number of elements.
///
/// # Errors
/// As [`fused`].
///
/// # Examples
/// The loss `ln cosh(x − t)`, smooth where the absolute difference has a kink:
/// ```
/// use gradus_autograd::{Tape, fused_sum, ndarray::array};
/// let tape = Tape::recording();
/// let (x, target) = (tape.variable(array![1.0_f64, -2.0]), tape.input(array![1.0, 1.0]));
/// let loss = fused_sum([&x, &target], |[x, t]| (((x - t).exp() + (t - x).exp()) / 2.0).ln())?;
/// let gradients = loss.backward()?;
/// let dx = gradients.get(&x).expect("the loss depends on it");
/// assert!(dx[0] == 0.0 && (dx[1] - (-3.0f64).tanh()).abs() < 1e-15);
/// # Ok::<(), gradus_autograd::Error>(())
/// ```
#[track_caller]
pub fn fused_sum<F: Real, const N: usize>(
    inputs: [&Var<F>; N],
    f: impl Fn([Jet<F, N>; N]) -> Jet<F, N> + Sync + 'static,
) -> Result<Var<F>> {
    let mut chain = Chain::new("fused_sum", inputs)?;
    let y = Value::scalar(pass::run(chain.piece(None), &f));
    Ok(chain.tape(inputs)?.record_into("fused_sum", inputs, y, move |dy, slots| {
        let dy = dy.first().copied().unwrap_or_else(F::zero);
        for (input, slope) in chain.slopes.into_iter().enumerate() {
            if let Some(mut dx) = slope {
                if dy != F::one() {
                    elementwise::map_in_place(&mut dx, |slope| dy * slope);
                }
                slots.add(input, sum_to(dx, chain.from[input].slice()));
            }
        }
    }))
}

/// A chain's inputs in the shape that they broadcast to, and memory for the slopes that are wanted.
struct Chain<F: Real, const N: usize> {
    operation: &'static str,
    shape: Vec<usize>,
    /// The shapes as given.
    from: [IxDyn; N],
    inputs: [Option<Value<F>>; N],
    slopes: [Option<Value<F>>; N],
}

impl<F: Real, const N: usize> Chain<F, N> {
    fn new(operation: &'static str, inputs: [&Var<F>; N]) -> Result<Self> {
        let Some((first, others)) = inputs.split_first() else { return Err(Error::Empty { operation }) };
        let mut shape = first.shape().to_vec();
        for other in others {
            same_tape(operation, first, other)?;
            shape = broadcast_shape(operation, &shape, other.shape())?;
        }
        let slopes = inputs.map(|x| x.needs_gradient().then(|| Value::unspecified(&shape[..])));
        let repeated = inputs.map(|x| Some(repeated(x.value(), &shape)));
        let from = inputs.map(|x| x.value().raw_dim());
        Ok(Self { operation, shape, from, inputs: repeated, slopes })
    }

    /// All of the arrays, with `y` to write to.
    fn piece<'a>(&'a mut self, y: Option<&'a mut [F]>) -> Piece<'a, F, N> {
        let inputs = &self.inputs;
        Piece {
            len: self.shape.iter().product(),
            x: from_fn(|k| inputs[k].as_ref().and_then(|x| x.as_slice()).unwrap_or(&[])),
            y,
            slopes: self.slopes.each_mut().map(|slope| slope.as_mut().and_then(|slope| slope.as_slice_mut())),
        }
    }

    /// The tape, once the inputs are no longer needed.
    fn tape<'a>(&mut self, inputs: [&'a Var<F>; N]) -> Result<&'a crate::Tape<F>> {
        self.inputs = from_fn(|_| None);
        inputs.first().map(|x| x.tape()).ok_or(Error::Empty { operation: self.operation })
    }
}

/// The value in the shape that it broadcasts to, row-major; copied only if it is not so already.
fn repeated<F: Real>(x: &Value<F>, shape: &[usize]) -> Value<F> {
    if x.shape() == shape {
        return x.clone().into_standard_layout();
    }
    let mut full = Value::unspecified(shape);
    full.assign(&**x);
    full
}
