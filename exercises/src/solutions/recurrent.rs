//! Chapters 4 and 5: a recurrent cell, forward and through time.

use crate::Answer;
use crate::exercises::e10_rnn_forward::RnnWeights;
use crate::exercises::e11_bptt::RnnGradients;
use gradus::ndarray::{Array1, Array2, Array3, Axis, Zip};

/// A solution of `rnn-forward`.
///
/// # Errors
/// Never.
pub fn rnn_forward(x: &Array3<f64>, h0: &Array2<f64>, weights: &RnnWeights) -> Answer<Array3<f64>> {
    let mut states = Array3::zeros((x.len_of(Axis(0)), h0.nrows(), h0.ncols()));
    let mut h = h0.clone();
    for (x, mut state) in x.outer_iter().zip(states.outer_iter_mut()) {
        let a = x.dot(&weights.weight_ih.t()) + h.dot(&weights.weight_hh.t()) + &weights.bias;
        h = a.mapv(f64::tanh);
        state.assign(&h);
    }
    Ok(states)
}

/// A solution of `bptt`.
///
/// ```text
/// δₜ = (dhₜ + δₜ₊₁ Wₕₕ) ∘ (1 − hₜ²)
/// ```
///
/// # Errors
/// Never.
pub fn bptt(
    x: &Array3<f64>,
    h0: &Array2<f64>,
    weights: &RnnWeights,
    h: &Array3<f64>,
    dh: &Array3<f64>,
) -> Answer<RnnGradients> {
    let mut gradients = RnnGradients {
        dx: Array3::zeros(x.dim()),
        dh0: Array2::zeros(h0.dim()),
        dweight_ih: Array2::zeros(weights.weight_ih.dim()),
        dweight_hh: Array2::zeros(weights.weight_hh.dim()),
        dbias: Array1::zeros(weights.bias.dim()),
    };
    // The gradient by the state of step t, as far as it acts through later steps.
    let mut later = Array2::<f64>::zeros(h0.dim());
    for t in (0..x.len_of(Axis(0))).rev() {
        let mut delta = &dh.index_axis(Axis(0), t) + &later;
        Zip::from(&mut delta).and(h.index_axis(Axis(0), t)).for_each(|delta, h| *delta *= 1.0 - h * h);
        let before = if t == 0 { h0.view() } else { h.index_axis(Axis(0), t - 1) };

        gradients.dx.index_axis_mut(Axis(0), t).assign(&delta.dot(&weights.weight_ih));
        gradients.dweight_ih += &delta.t().dot(&x.index_axis(Axis(0), t));
        gradients.dweight_hh += &delta.t().dot(&before);
        gradients.dbias += &delta.sum_axis(Axis(0));
        later = delta.dot(&weights.weight_hh);
    }
    gradients.dh0 = later;
    Ok(gradients)
}
