//! Back-propagation through time of an LSTM.
//!
//! In the notation of [the module above](super), with the gates' sums in one vector `aₜ` of four parts,
//!
//! ```text
//! aₜ = Wᵢₕ xₜ + bᵢₕ + Wₕₕ hₜ₋₁ + bₕₕ
//! iₜ = σ(aⁱₜ)    fₜ = σ(aᶠₜ)    gₜ = tanh(aᵍₜ)    oₜ = σ(aᵒₜ)
//! cₜ = fₜ ∘ cₜ₋₁ + iₜ ∘ gₜ
//! hₜ = oₜ ∘ tanh(cₜ)                                               t = 1 … T
//! ```
//!
//! Everything below is in terms of `δₜ = ∂L/∂aₜ`, again of four parts, and of the memory's own gradient `dcₜ = ∂L/∂cₜ`.
//!
//! # Many-to-one: a loss of the last state
//!
//! Let `L` depend on `h_T` alone, and `dhₜ = ∂L/∂hₜ`. The memory acts on the loss through `hₜ = oₜ ∘ tanh(cₜ)`, and through the next
//! memory, `cₜ₊₁ = fₜ₊₁ ∘ cₜ + …`; at the last step there is no next one:
//!
//! ```text
//! dc_T = dh_T ∘ o_T ∘ (1 − tanh²(c_T))
//! dcₜ  = dhₜ ∘ oₜ ∘ (1 − tanh²(cₜ)) + dcₜ₊₁ ∘ fₜ₊₁                  t = T−1 … 1
//! ```
//!
//! Each gate acts through one product, whose other factor is what its gradient is multiplied with. With `σ′ = σ (1 − σ)` and
//! `tanh′ = 1 − tanh²`, functions of the results, this is
//!
//! ```text
//! δⁱₜ = dcₜ ∘ gₜ   ∘ iₜ ∘ (1 − iₜ)
//! δᶠₜ = dcₜ ∘ cₜ₋₁ ∘ fₜ ∘ (1 − fₜ)
//! δᵍₜ = dcₜ ∘ iₜ   ∘ (1 − gₜ²)
//! δᵒₜ = dhₜ ∘ tanh(cₜ) ∘ oₜ ∘ (1 − oₜ)
//! ```
//!
//! and the output acts through the gates of the next step, as the state of an Elman network does:
//!
//! ```text
//! dhₜ = Wₕₕᵀ δₜ₊₁                                                  t = T−1 … 0
//! dc₀ = dc₁ ∘ f₁
//! ```
//!
//! So there are two ways back through time. The one through `Wₕₕᵀ` vanishes or explodes as that of any recurrent network. The
//! other, `∂cₜ₊₁/∂cₜ = [fₜ₊₁]`, is a diagonal matrix of gates: where they are open, the gradient arrives as it was sent.
//!
//! The weights' gradients are the sums over steps that they are for an Elman network, with this `δ`:
//!
//! ```text
//! ∂L/∂Wₕₕ = Σₜ δₜ hₜ₋₁ᵀ      ∂L/∂Wᵢₕ = Σₜ δₜ xₜᵀ      ∂L/∂bₕₕ = ∂L/∂bᵢₕ = Σₜ δₜ      ∂L/∂xₜ = Wᵢₕᵀ δₜ
//! ```
//!
//! # Many-to-many: a loss of every state
//!
//! A direct part `dyₜ` of each output is added where the output's gradient comes together, and that of the last memory, if it is handed
//! on, to `dc_T`:
//!
//! ```text
//! dhₜ = dyₜ + Wₕₕᵀ δₜ₊₁         with δ_T₊₁ = 0
//! ```
//!
//! # In arrays
//!
//! | | all steps at once | step after step |
//! | --- | --- | --- |
//! | forward | `A = X Wᵢₕᵀ + bᵢₕ + bₕₕ` | `Aₜ += Hₜ₋₁ Wₕₕᵀ`; then in one pass the gates, in the memory of `Aₜ`, and `Cₜ`, `Hₜ` |
//! | backward | | `dHₜ = dYₜ + dAₜ₊₁ Wₕₕ`; then in one pass `dCₜ` and `dAₜ`, in the memory of the gates |
//! | | `dWᵢₕ = dAᵀ X`, `dWₕₕ = dAᵀ H₍₋₁₎`, `db = Σ dA`, `dX = dA Wᵢₕ` | |
//!
//! The forward pass keeps gates, memories and outputs, six numbers for each unit and step; `tanh(cₜ)` is computed again.
//!
//! Threads share the sequences of a batch; a sequence that is alone they share by its units, step by step (`alone`).
//!
//! # References
//! - S. Hochreiter, J. Schmidhuber, *Long short-term memory*, Neural Computation 9(8), 1997 (where the gradient is cut at the gates);
//!   F. A. Gers, J. Schmidhuber, F. Cummins, *Learning to forget*, Neural Computation 12(10), 2000.
//! - A. Graves, J. Schmidhuber, *Framewise phoneme classification with bidirectional LSTM and other neural network
//!   architectures*, Neural Networks 18, 2005 (the full gradient).
//! - K. Greff et al., *LSTM: a search space odyssey*, 2015, <https://arxiv.org/abs/1503.04069> (the formulas above, with peepholes).

mod alone;
mod sweep;

use super::arrays::gather;
use super::inputs::{inputs, without_padding};
use super::symbols::Symbols;
use super::weights::{Sizes, Weights};
use super::{Order, check_no_mask};
use crate::{LstmState, Result, Sweep};
use gradus_autograd::{Real, Value, Var};
use sweep::{Saved, forward};

/// One LSTM layer over a whole sequence, as one operation of the tape: the output of every step, and the state after the last.
///
/// ```text
/// cₜ = fₜ ∘ cₜ₋₁ + iₜ ∘ gₜ                                    hₜ = oₜ ∘ tanh(cₜ)
/// dcₜ = dhₜ ∘ oₜ ∘ (1 − tanh²(cₜ)) + dcₜ₊₁ ∘ fₜ₊₁             dhₜ = dyₜ + Wₕₕᵀ δₜ₊₁
/// ```
///
/// The formulas of the gates, the derivation and its sources are on [the module's page](self). Gradients that nobody wants are not computed.
///
/// # Shapes
/// `x (T, N, I)`, or `(V, I)` with [symbols](Sweep::symbols), the state's arrays `(N, H)`, or none for zero; weights `(4H, I)` and `(4H, H)`, biases `(4H,)`, gates in the order i,
/// f, g, o; outputs `(T, N, H)`
///
/// # Examples
/// A memory that adds up what it reads, its gates held open by their biases:
/// ```
/// use gradus_rnn_bptt::{Sweep, Tape, bptt::{self, Weights}, ndarray::{Array2, array}};
/// let tape = Tape::<f64>::recording();
/// let weight_ih = tape.variable(array![[0.0], [0.0], [0.01], [0.0]]);
/// let weight_hh = tape.variable(Array2::zeros((4, 1)));
/// let bias_ih = Some(tape.variable(array![50.0, 50.0, 0.0, 50.0]));
/// let weights = Weights { weight_ih, weight_hh, bias_ih, bias_hh: None };
/// let x = tape.input(array![[[3.0]], [[2.0]], [[5.0]]]);
/// let (_, last) = bptt::lstm(&x, None, &weights, &Sweep::default())?;
/// assert!((last.c.value()[[0, 0]] - 0.10).abs() < 1e-4);
/// # Ok::<(), gradus_rnn_bptt::Error>(())
/// ```
///
/// # Errors
/// As [`bptt::rnn`](super::rnn), and [`NoMask`](crate::Error::NoMask) if a mask is given.
#[track_caller]
pub fn lstm<F: Real>(
    x: &Var<F>,
    state: Option<&LstmState<F>>,
    weights: &Weights<F>,
    how: &Sweep<'_, F>,
) -> Result<(Var<F>, LstmState<F>)> {
    let operation = "lstm";
    check_no_mask(operation, how)?;
    let parts = state.map(|state| [(&state.h, "h (batch, hidden_size)"), (&state.c, "c (batch, hidden_size)")]);
    let sizes = Sizes::of_gates(operation, (x, how), parts.as_ref().map_or(&[], |parts| &parts[..]), weights, 4)?;
    let symbols = Symbols::of(operation, x, how)?;
    let (inputs, places) = inputs(operation, x, weights, parts.into_iter().flatten().map(|(part, _)| part), None)?;
    let order = Order::new(operation, sizes.steps, sizes.batch, how.lengths, how.direction)?;
    let Weights { weight_ih, weight_hh, .. } = weights;

    let x_value = without_padding(x, symbols.as_ref(), &order);
    let [h0, c0] = [state.map(|state| &state.h), state.map(|state| &state.c)]
        .map(|part| part.map(|part| part.value().clone().into_standard_layout()));
    let (gates, c, h) = forward((&x_value, symbols.as_ref()), weights, (h0.as_ref(), c0.as_ref()), &sizes, &order);
    let (last_h, last_c) = (gather(&h.view(), |n| order.last(n)), gather(&c.view(), |n| order.last(n)));
    let h = Value::from(h);
    let saved = Saved {
        // Each is kept only for the gradient that it is a factor of.
        x: weight_ih.needs_gradient().then_some(x_value),
        symbols,
        weight_ih: x.needs_gradient().then(|| weight_ih.value().clone()),
        weight_hh: weight_hh.value().clone(),
        h0: h0.filter(|_| weight_hh.needs_gradient()),
        c0,
        gates: gates.into(),
        c: c.into(),
        h: h.clone(),
        order,
        places,
    };
    let values = vec![h, last_h.into(), last_c.into()];
    let outputs = x.tape().record_many(operation, &inputs, values, |cotangents, slots| {
        saved.backward(cotangents, slots);
    });
    let [outputs, h, c]: [Var<F>; 3] = outputs.try_into().expect("three values were recorded");
    Ok((outputs, LstmState { h, c }))
}
