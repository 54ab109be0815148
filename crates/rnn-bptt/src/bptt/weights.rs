//! The parameters of a layer on a tape, and whether they fit.

use crate::{Error, Result};
use gradus_autograd::{Real, Var};

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

/// The lengths of all axes, once they are known to fit.
pub(super) struct Sizes {
    pub(super) steps: usize,
    pub(super) batch: usize,
    pub(super) input: usize,
    pub(super) hidden: usize,
}

impl Sizes {
    pub(super) fn check<F: Real>(
        operation: &'static str,
        x: &Var<F>,
        h0: Option<&Var<F>>,
        weights: &Weights<F>,
    ) -> Result<Self> {
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
        if let Some(h0) = h0.filter(|h0| h0.shape() != [batch, hidden]) {
            let (found, expected) = (h0.shape().to_vec(), vec![batch, hidden]);
            return Err(Error::State { operation, found, expected, axes: "(batch, hidden_size)" });
        }
        Ok(Self { steps, batch, input, hidden })
    }
}
