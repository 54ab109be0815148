//! Back-propagation through time of a gated recurrent unit.
//!
//! In the notation of [the module above](super). The upper indices r, z, n name the gates' parts of a sum, a weight or a bias.
//!
//! ```text
//! rₜ = σ(aʳₜ)        aʳₜ = Wʳᵢₕ xₜ + bʳᵢₕ + Wʳₕₕ hₜ₋₁ + bʳₕₕ
//! zₜ = σ(aᶻₜ)        aᶻₜ = Wᶻᵢₕ xₜ + bᶻᵢₕ + Wᶻₕₕ hₜ₋₁ + bᶻₕₕ
//! nₜ = tanh(aⁿₜ)
//! hₜ = (1 − zₜ) ∘ nₜ + zₜ ∘ hₜ₋₁                                   t = 1 … T
//! ```
//!
//! What the candidate sees of the state depends on the [convention](crate::Reset):
//!
//! ```text
//! after     qₜ = Wⁿₕₕ hₜ₋₁ + bⁿₕₕ        aⁿₜ = Wⁿᵢₕ xₜ + bⁿᵢₕ + rₜ ∘ qₜ
//! before    sₜ = rₜ ∘ hₜ₋₁               aⁿₜ = Wⁿᵢₕ xₜ + bⁿᵢₕ + Wⁿₕₕ sₜ + bⁿₕₕ
//! ```
//!
//! # Many-to-one: a loss of the last state
//!
//! Let `L` depend on `h_T` alone, `dhₜ = ∂L/∂hₜ` and `δₜ = ∂L/∂aₜ`, of three parts. The last line of the forward pass gives
//!
//! ```text
//! δⁿₜ = dhₜ ∘ (1 − zₜ) ∘ (1 − nₜ²)
//! δᶻₜ = dhₜ ∘ (hₜ₋₁ − nₜ) ∘ zₜ ∘ (1 − zₜ)
//! ```
//!
//! The reset gate acts through the candidate alone, and there it is a factor:
//!
//! ```text
//! after     δʳₜ = δⁿₜ ∘ qₜ ∘ rₜ ∘ (1 − rₜ)             ∂L/∂qₜ = δⁿₜ ∘ rₜ
//! before    δʳₜ = ∂L/∂sₜ ∘ hₜ₋₁ ∘ rₜ ∘ (1 − rₜ)        ∂L/∂sₜ = Wⁿₕₕᵀ δⁿₜ
//! ```
//!
//! A state has four ways to the next one: by itself through the update gate, through both gates, and through the candidate.
//!
//! ```text
//! after     dhₜ₋₁ = dhₜ ∘ zₜ + Wʳₕₕᵀ δʳₜ + Wᶻₕₕᵀ δᶻₜ + Wⁿₕₕᵀ ∂L/∂qₜ
//! before    dhₜ₋₁ = dhₜ ∘ zₜ + Wʳₕₕᵀ δʳₜ + Wᶻₕₕᵀ δᶻₜ + rₜ ∘ ∂L/∂sₜ
//! ```
//!
//! The first of them is a diagonal matrix of gates, through which a gradient can come from far, as through an LSTM's forget gate.
//! The weights' gradients are sums over the steps:
//!
//! ```text
//! ∂L/∂Wᵢₕ = Σₜ δₜ xₜᵀ      ∂L/∂bᵢₕ = Σₜ δₜ      ∂L/∂xₜ = Wᵢₕᵀ δₜ      ∂L/∂Wʳᶻₕₕ = Σₜ δʳᶻₜ hₜ₋₁ᵀ
//! after     ∂L/∂Wⁿₕₕ = Σₜ ∂L/∂qₜ hₜ₋₁ᵀ      ∂L/∂bⁿₕₕ = Σₜ ∂L/∂qₜ
//! before    ∂L/∂Wⁿₕₕ = Σₜ δⁿₜ sₜᵀ           ∂L/∂bₕₕ = ∂L/∂bᵢₕ
//! ```
//!
//! # Many-to-many: a loss of every state
//!
//! The direct part `dyₜ` of each state is added to `dhₜ`, before the step is gone through.
//!
//! # In arrays
//!
//! With the reset after the product, a step's row of gates has four parts, `n`, `r`, `z` and `q`: the last three are what the state is
//! multiplied for, side by side as in `Wₕₕ`, so that `Hₜ₋₁ Wₕₕᵀ` is one product, added in place. With the reset before, there
//! are three parts, and each step has two products, of which the second waits for the first.
//!
//! | | all steps at once | step after step |
//! | --- | --- | --- |
//! | forward | `A = X Wᵢₕᵀ + b` | `Aₜ += Hₜ₋₁ Wₕₕᵀ`, gates in the memory of `Aₜ`, `Hₜ` |
//! | backward | | `dHₜ = dYₜ + dHₜ₊₁ ∘ Zₜ₊₁ + dAₜ₊₁ Wₕₕ`, `dAₜ` in the memory of the gates |
//! | | `dWᵢₕ`, `dWₕₕ`, `db`, `dX` as for an Elman network | |
//!
//! # References
//! - K. Cho et al., *Learning phrase representations using RNN encoder–decoder for statistical machine translation*, 2014,
//!   <https://arxiv.org/abs/1406.1078> (reset before).
//! - J. Chung, C. Gulcehre, K. Cho, Y. Bengio, *Empirical evaluation of gated recurrent neural networks on sequence modeling*,
//!   2014, <https://arxiv.org/abs/1412.3555>.

mod steps;
mod sweep;

use super::arrays::gather;
use super::inputs::{inputs, without_padding};
use super::symbols::Symbols;
use super::weights::{Sizes, Weights};
use super::{Order, check_no_mask};
use crate::{Reset, Result, Sweep};
use gradus_autograd::{Real, Value, Var};
use sweep::{Saved, forward};

/// One layer of gated recurrent units over a whole sequence, as one operation of the tape: the states after every step, and the last.
///
/// ```text
/// hₜ = (1 − zₜ) ∘ nₜ + zₜ ∘ hₜ₋₁            dhₜ₋₁ = dyₜ₋₁ + dhₜ ∘ zₜ + (what comes through gates and candidate)
/// ```
///
/// All formulas, the derivation and its sources are on [the module's page](self). Gradients that nobody wants are not computed.
///
/// # Shapes
/// `x (T, N, I)`, or `(V, I)` with [symbols](Sweep::symbols), `h0 (N, H)` or none for zero; weights `(3H, I)` and `(3H, H)`, biases `(3H,)`, gates in the order r, z, n; states
/// `(T, N, H)`, last state `(N, H)`
///
/// # Examples
/// An update gate held open by its bias keeps the state:
/// ```
/// use gradus_rnn_bptt::{Reset, Sweep, Tape, bptt::{self, Weights}, ndarray::{Array2, array}};
/// let tape = Tape::<f64>::recording();
/// let weight_ih = tape.variable(Array2::ones((3, 1)));
/// let weight_hh = tape.variable(Array2::ones((3, 1)));
/// let bias_ih = Some(tape.variable(array![0.0, 50.0, 0.0]));
/// let weights = Weights { weight_ih, weight_hh, bias_ih, bias_hh: None };
/// let x = tape.input(array![[[0.5]], [[-0.5]]]);
/// let h0 = tape.variable(array![[0.25]]);
/// let (_, last) = bptt::gru(&x, Some(&h0), &weights, Reset::After, &Sweep::default())?;
/// assert!((last.value()[[0, 0]] - 0.25).abs() < 1e-12);
/// let gradients = last.sum().backward()?;
/// assert!((gradients.get(&h0).unwrap()[[0, 0]] - 1.0).abs() < 1e-12);
/// # Ok::<(), gradus_rnn_bptt::Error>(())
/// ```
///
/// # Errors
/// As [`bptt::rnn`](super::rnn), and [`NoMask`](crate::Error::NoMask) if a mask is given.
#[track_caller]
pub fn gru<F: Real>(
    x: &Var<F>,
    h0: Option<&Var<F>>,
    weights: &Weights<F>,
    reset: Reset,
    how: &Sweep<'_, F>,
) -> Result<(Var<F>, Var<F>)> {
    let operation = "gru";
    check_no_mask(operation, how)?;
    let part = h0.map(|h0| [(h0, "(batch, hidden_size)")]);
    let sizes = Sizes::of_gates(operation, (x, how), part.as_ref().map_or(&[], |part| &part[..]), weights, 3)?;
    let symbols = Symbols::of(operation, x, how)?;
    let (inputs, places) = inputs(operation, x, weights, h0, None)?;
    let order = Order::new(operation, sizes.steps, sizes.batch, how.lengths, how.direction)?;
    let Weights { weight_ih, weight_hh, .. } = weights;

    let x_value = without_padding(x, symbols.as_ref(), &order);
    let h0 = h0.map(|h0| h0.value().clone().into_standard_layout());
    let (gates, seen, states) = forward((&x_value, symbols.as_ref()), weights, h0.as_ref(), reset, &sizes, &order);
    let last = Value::from(gather(&states.view(), |sequence| order.last(sequence)));
    let states = Value::from(states);
    let saved = Saved {
        // Each is kept only for the gradient that it is a factor of.
        x: weight_ih.needs_gradient().then_some(x_value),
        symbols,
        weight_ih: x.needs_gradient().then(|| weight_ih.value().clone()),
        weight_hh: weight_hh.value().clone(),
        h0,
        gates: gates.into(),
        seen: seen.map(Value::from),
        states: states.clone(),
        reset,
        order,
        places,
    };
    let outputs = x.tape().record_many(operation, &inputs, vec![states, last], |cotangents, slots| {
        saved.backward(cotangents, slots);
    });
    let [states, last]: [Var<F>; 2] = outputs.try_into().expect("two values were recorded");
    Ok((states, last))
}
