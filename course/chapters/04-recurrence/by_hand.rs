//! The three cells, one step each, as their formulas stand.

use crate::Outcome;
use gradus::ndarray::{Array2, Array3, Ix1, Ix2, s};
use gradus::nn_layers::Parameter;
use gradus::rnn_bptt::{GruCell, LstmCell, RnnCell};

pub(crate) fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

pub(crate) fn matrix(parameter: &Parameter<f64>) -> Outcome<Array2<f64>> {
    Ok(parameter.value().mapv(|w| w).into_dimensionality::<Ix2>()?)
}

/// `v W ᵀ + b` for each row `v`.
pub(crate) fn affine(v: &Array2<f64>, weight: &Parameter<f64>, bias: Option<&Parameter<f64>>) -> Outcome<Array2<f64>> {
    let bias = bias.ok_or("a cell without bias")?.value().mapv(|b| b).into_dimensionality::<Ix1>()?;
    Ok(v.dot(&matrix(weight)?.t()) + bias)
}

/// `h′ = tanh(Wᵢₕ x + bᵢₕ + Wₕₕ h + bₕₕ)`.
pub(crate) fn rnn_step(cell: &RnnCell<f64>, x: &Array2<f64>, h: &Array2<f64>) -> Outcome<Array2<f64>> {
    let a = affine(x, &cell.weight_ih, cell.bias_ih.as_ref())? + affine(h, &cell.weight_hh, cell.bias_hh.as_ref())?;
    Ok(a.mapv(f64::tanh))
}

/// What an LSTM computes in one step: gates, candidate, memory and output.
#[derive(Clone)]
pub(crate) struct LstmStep {
    pub(crate) i: Array2<f64>,
    pub(crate) f: Array2<f64>,
    pub(crate) o: Array2<f64>,
    pub(crate) c: Array2<f64>,
    pub(crate) h: Array2<f64>,
}

impl LstmStep {
    pub(crate) fn start(sequences: usize, units: usize) -> Self {
        let zeros = Array2::zeros((sequences, units));
        Self { i: zeros.clone(), f: zeros.clone(), o: zeros.clone(), c: zeros.clone(), h: zeros }
    }

    /// ```text
    /// i, f, o = σ(W x + U h + b), each with weights of its own       g = tanh(W x + U h + b)
    /// c′ = f ∘ c + i ∘ g                                             h′ = o ∘ tanh(c′)
    /// ```
    pub(crate) fn next(&self, cell: &LstmCell<f64>, x: &Array2<f64>) -> Outcome<Self> {
        let a = affine(x, &cell.weight_ih, cell.bias_ih.as_ref())?
            + affine(&self.h, &cell.weight_hh, cell.bias_hh.as_ref())?;
        let units = self.h.ncols();
        let part = |k: usize| a.slice(s![.., k * units..(k + 1) * units]);
        let (i, f) = (part(0).mapv(sigmoid), part(1).mapv(sigmoid));
        let (g, o) = (part(2).mapv(f64::tanh), part(3).mapv(sigmoid));
        let c = &f * &self.c + &i * &g;
        let h = &o * &c.mapv(f64::tanh);
        Ok(Self { i, f, o, c, h })
    }

    /// All steps of a sequence `(T, N, features)`.
    pub(crate) fn all(cell: &LstmCell<f64>, x: &Array3<f64>) -> Outcome<Vec<Self>> {
        let mut steps = vec![Self::start(x.dim().1, cell.hidden_size())];
        for x in x.outer_iter() {
            steps.push(steps[steps.len() - 1].next(cell, &x.to_owned())?);
        }
        Ok(steps)
    }
}

/// ```text
/// r, z = σ(W x + b + U h + d)      n = tanh(W x + b + r ∘ (U h + d))      h′ = (1 − z) ∘ n + z ∘ h
/// ```
pub(crate) fn gru_step(cell: &GruCell<f64>, x: &Array2<f64>, h: &Array2<f64>) -> Outcome<Array2<f64>> {
    let of_x = affine(x, &cell.weight_ih, cell.bias_ih.as_ref())?;
    let of_h = affine(h, &cell.weight_hh, cell.bias_hh.as_ref())?;
    let units = h.ncols();
    let [rx, zx, nx] = [0, 1, 2].map(|k| of_x.slice(s![.., k * units..(k + 1) * units]));
    let [rh, zh, nh] = [0, 1, 2].map(|k| of_h.slice(s![.., k * units..(k + 1) * units]));
    let (r, z) = ((&rx + &rh).mapv(sigmoid), (&zx + &zh).mapv(sigmoid));
    let n = (&nx + &(&r * &nh)).mapv(f64::tanh);
    Ok(&n + &z * &(h - &n))
}
