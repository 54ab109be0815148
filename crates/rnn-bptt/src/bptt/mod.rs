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
//! (The sums over all steps are taken a piece of the sweep at a time, of as many steps as leave `δ` in the cache. `P` need not wait for all
//! steps, but if there are several sequences a step's part is a fair product by itself, and is computed when the step comes by, so that it is
//! still in the cache.) The weights of the step's products are packed once for all steps, and threads share the sequences, which do not wait for
//! one another.
//!
//! `f′` is a function of `hₜ` (see [`Nonlinearity`]), so that the states are all that the forward pass keeps, and `T` steps are
//! one entry of the tape. Time and memory are linear in `T`: one array of states, and one of `δ` during the backward pass.
//!
//! An [LSTM](mod@lstm) and a [GRU](mod@gru) differ in what happens within a step; the rest is as here.
//!
//! What has shrunk below 1e-30 (1e-290 in `f64`) on its way back counts as 0: numbers near the end of the range would be a hundred times
//! slower to compute with.
//!
//! # Sequences of different lengths
//!
//! Shorter sequences of a batch are padded at their ends. Past its end a sequence has output 0 and `δ = 0`, so that the
//! sums above are over its own steps alone, and its last state is the one at its own last step. Read in
//! reverse, it waits in `h₀` until the sweep has come to its end. What stands in the padding is of no consequence.
//!
//! # A mask over time
//!
//! Recurrent dropout reads the state through a mask that is the same at all steps, `aₜ = … + Wₕₕ (m ∘ hₜ₋₁)`. Its factor is met
//! again on the way back, and wherever a state stood beside `Wₕₕ`:
//!
//! ```text
//! ∂L/∂hₜ = dyₜ + m ∘ Wₕₕᵀ δₜ₊₁     ∂L/∂Wₕₕ = Σₜ δₜ (m ∘ hₜ₋₁)ᵀ     ∂L/∂m = Σₜ hₜ₋₁ ∘ Wₕₕᵀ δₜ
//! ```
//!
//! # The files
//!
//! Read `sweep` first: the two sweeps of this page, line by line. It stands on `recurrence` (the product that a step waits for),
//! `projection` (what the input gives to a step), `symbols` (where that is one of a few rows), `bands` (which thread takes which sequences), `pieces` (how far the backward sweep goes at
//! once) and `sums` (the gradients that are sums over steps). `order` says which step comes when. `lstm` and `gru` have a page and a `sweep` of
//! their own on the same ground.
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

mod arrays;
mod bands;
pub mod gru;
mod inputs;
pub mod lstm;
mod order;
mod pieces;
mod projection;
mod recurrence;
mod sums;
mod sweep;
mod symbols;
pub(crate) mod vanishing;
mod weights;

pub use gru::gru;
pub use lstm::lstm;
pub use order::Direction;
pub use weights::Weights;

use crate::cell::check_mask;
use crate::{Error, Nonlinearity, Result, Sweep};
use arrays::gather;
use gradus_autograd::{Real, Value, Var};
use inputs::{inputs, without_padding};
pub(crate) use order::Order;
use sweep::{Saved, forward};
use symbols::Symbols;
pub(crate) use symbols::check_symbols;
use weights::Sizes;

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
/// `x (T, N, I)`, or `(V, I)` with [symbols](Sweep::symbols), `h0 (N, H)` or none for zero, `N` lengths from 1 to `T` or none for `T` all, mask `(N, H)` or none; states `(T, N, H)`,
/// last state `(N, H)`
///
/// # Examples
/// Powers of 2, doubled at each step, and the derivative of the last by the weight, `d w³/dw = 3 w²`:
/// ```
/// use gradus_rnn_bptt::{Nonlinearity, Sweep, Tape, bptt::{self, Weights}, ndarray::array};
/// let tape = Tape::<f64>::recording();
/// let (weight_ih, weight_hh) = (tape.variable(array![[1.0]]), tape.variable(array![[2.0]]));
/// let weights = Weights { weight_ih, weight_hh, bias_ih: None, bias_hh: None };
/// let x = tape.input(array![[[1.0]], [[0.0]], [[0.0]], [[0.0]]]);
/// let (states, last) = bptt::rnn(&x, None, &weights, Nonlinearity::Relu, &Sweep::default())?;
/// assert_eq!(states.value(), &array![[[1.0]], [[2.0]], [[4.0]], [[8.0]]]);
/// let gradients = last.sum().backward()?;
/// assert_eq!(gradients.get(&weights.weight_hh).unwrap(), &array![[12.0]]);
/// # Ok::<(), gradus_rnn_bptt::Error>(())
/// ```
///
/// # Errors
/// [`InputRank`](crate::Error::InputRank), [`InputSize`](crate::Error::InputSize), [`NoSteps`](crate::Error::NoSteps),
/// [`State`](crate::Error::State), [`Weight`](crate::Error::Weight), [`Mask`](crate::Error::Mask),
/// [`Lengths`](crate::Error::Lengths) or [`Length`](crate::Error::Length) if the shapes or lengths do not fit; [`Autograd`](crate::Error::Autograd) if the
/// variables are on different tapes.
#[track_caller]
pub fn rnn<F: Real>(
    x: &Var<F>,
    h0: Option<&Var<F>>,
    weights: &Weights<F>,
    nonlinearity: Nonlinearity,
    how: &Sweep<'_, F>,
) -> Result<(Var<F>, Var<F>)> {
    let operation = "rnn";
    let sizes = Sizes::check(operation, x, h0, weights, how)?;
    check_mask(operation, how.mask, sizes.batch, sizes.hidden)?;
    let symbols = Symbols::of(operation, x, how)?;
    let (inputs, places) = inputs(operation, x, weights, h0, how.mask)?;
    let order = Order::new(operation, sizes.steps, sizes.batch, how.lengths, how.direction)?;
    let Weights { weight_ih, weight_hh, .. } = weights;

    let saved_x = without_padding(x, symbols.as_ref(), &order);
    let [h0, mask] = [h0, how.mask].map(|x| x.map(|x| x.value().clone().into_standard_layout()));
    let input = (&saved_x, symbols.as_ref());
    let states = forward(input, weights, [h0.as_ref(), mask.as_ref()], nonlinearity, &sizes, &order);
    let last = Value::from(gather(&states, |sequence| order.last(sequence)));
    let states = Value::from(states);

    let saved = Saved {
        // Each is kept only for the gradient that it is a factor of.
        x: weight_ih.needs_gradient().then_some(saved_x),
        symbols,
        weight_ih: x.needs_gradient().then(|| weight_ih.value().clone()),
        weight_hh: weight_hh.value().clone(),
        h0: h0.filter(|_| weight_hh.needs_gradient() || how.mask.is_some_and(Var::needs_gradient)),
        mask,
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

/// A mask between the steps is for the unrolled tape.
fn check_no_mask<F: Real>(operation: &'static str, how: &Sweep<'_, F>) -> Result<()> {
    if how.mask.is_some() { Err(Error::NoMask { operation }) } else { Ok(()) }
}

#[cfg(test)]
mod tests;
