//! The parameters of a layer on a tape, and whether they fit.

use crate::cell::sizes_of_input;
use crate::{Error, Result, Sweep};
use gradus_autograd::{Real, Tape, Var};
use gradus_nn_layers::Parameter;

/// The parameters of a recurrent layer as variables of one tape. An Elman network has one gate, a GRU `G = 3` and an LSTM 4, below
/// one another in PyTorch's order.
#[derive(Debug, Clone)]
pub struct Weights<F: Real = f32> {
    /// `Wᵢₕ`, `(G·H, I)`.
    pub weight_ih: Var<F>,
    /// `Wₕₕ`, `(G·H, H)`.
    pub weight_hh: Var<F>,
    /// `bᵢₕ`, `(G·H,)`.
    pub bias_ih: Option<Var<F>>,
    /// `bₕₕ`, `(G·H,)`.
    pub bias_hh: Option<Var<F>>,
}

impl<F: Real> Weights<F> {
    /// The parameters of a cell on this tape: weights and biases, of the input and of the state.
    #[track_caller]
    pub(crate) fn on(tape: &Tape<F>, weights: [&Parameter<F>; 2], biases: [&Option<Parameter<F>>; 2]) -> Self {
        let [weight_ih, weight_hh] = weights.map(|weight| tape.parameter(weight));
        let [bias_ih, bias_hh] = biases.map(|bias| bias.as_ref().map(|bias| tape.parameter(bias)));
        Self { weight_ih, weight_hh, bias_ih, bias_hh }
    }
}

/// The lengths of all axes, once they are known to fit.
pub(super) struct Sizes {
    pub(super) steps: usize,
    pub(super) batch: usize,
    pub(super) hidden: usize,
}

impl Sizes {
    pub(super) fn check<F: Real>(
        operation: &'static str,
        x: &Var<F>,
        h0: Option<&Var<F>>,
        weights: &Weights<F>,
        how: &Sweep<'_, F>,
    ) -> Result<Self> {
        let part = h0.map(|h0| [(h0, "(batch, hidden_size)")]);
        Self::of_gates(operation, (x, how), part.as_ref().map_or(&[], |part| &part[..]), weights, 1)
    }

    /// As [`Sizes::check`], for parameters of so many gates and for a state of several arrays, each with what its axes mean.
    pub(super) fn of_gates<F: Real>(
        operation: &'static str,
        (x, how): (&Var<F>, &Sweep<'_, F>),
        state: &[(&Var<F>, &'static str)],
        weights: &Weights<F>,
        gates: usize,
    ) -> Result<Self> {
        let (steps, batch, input) = sizes_of_input(operation, x.shape(), how.symbols)?;
        let hidden = weights.weight_hh.shape().last().copied().unwrap_or(0);
        let input_size = weights.weight_ih.shape().last().copied().unwrap_or(0);
        let parameters = [
            ("weight_hh", Some(&weights.weight_hh), vec![gates * hidden, hidden]),
            ("weight_ih", Some(&weights.weight_ih), vec![gates * hidden, input_size]),
            ("bias_ih", weights.bias_ih.as_ref(), vec![gates * hidden]),
            ("bias_hh", weights.bias_hh.as_ref(), vec![gates * hidden]),
        ];
        for (parameter, weight, expected) in parameters {
            if let Some(weight) = weight.filter(|weight| weight.shape() != expected) {
                return Err(Error::Weight { operation, parameter, found: weight.shape().to_vec(), expected });
            }
        }
        if input != input_size {
            return Err(Error::InputSize { operation, found: x.shape().to_vec(), input_size });
        }
        if let Some((part, axes)) = state.iter().find(|(part, _)| part.shape() != [batch, hidden]) {
            let (found, expected) = (part.shape().to_vec(), vec![batch, hidden]);
            return Err(Error::State { operation, found, expected, axes });
        }
        Ok(Self { steps, batch, hidden })
    }
}
