//! What a sweep reads: variables of one tape, in the order in which they are recorded.

use super::arrays::fill_padding;
use super::symbols::Symbols;
use super::{Order, Weights};
use gradus_autograd::{Error as AutogradError, Real, Value, Var};
use ndarray::Ix3;

/// Where the inputs stand in the list that is recorded.
pub(super) const X: usize = 0;
pub(super) const IH: usize = 1;
pub(super) const HH: usize = 2;

/// Where those inputs stand that need not be there.
pub(super) struct Places {
    pub(super) bias_ih: Option<usize>,
    pub(super) bias_hh: Option<usize>,
    pub(super) states: Vec<usize>,
    pub(super) mask: Option<usize>,
}

/// The inputs of a layer in the order in which they are recorded, and their places.
pub(super) fn inputs<'a, F: Real>(
    operation: &'static str,
    x: &'a Var<F>,
    weights: &'a Weights<F>,
    states: impl IntoIterator<Item = &'a Var<F>>,
    mask: Option<&'a Var<F>>,
) -> Result<(Vec<&'a Var<F>>, Places), AutogradError> {
    let Weights { weight_ih, weight_hh, bias_ih, bias_hh } = weights;
    let mut inputs = vec![x, weight_ih, weight_hh];
    let mut place = |input: &'a Var<F>| {
        inputs.push(input);
        inputs.len() - 1
    };
    let (bias_ih, bias_hh) = (bias_ih.as_ref().map(&mut place), bias_hh.as_ref().map(&mut place));
    let states = states.into_iter().map(&mut place).collect();
    let places = Places { bias_ih, bias_hh, states, mask: mask.map(place) };
    if inputs.iter().any(|input| !input.tape().is(x.tape())) {
        return Err(AutogradError::ForeignVar { operation });
    }
    Ok((inputs, places))
}

/// The input in row-major order, with zeros in the padding: NaN there times `δ = 0` would be NaN. A table of symbols has no padding.
pub(super) fn without_padding<F: Real>(x: &Var<F>, symbols: Option<&Symbols>, order: &Order) -> Value<F> {
    let x = x.value().clone().into_standard_layout();
    if !order.is_padded() || symbols.is_some() {
        return x;
    }
    let mut x = x.into_array().into_dimensionality::<Ix3>().expect("the rank of x was checked");
    fill_padding(&mut x, order);
    x.into()
}
