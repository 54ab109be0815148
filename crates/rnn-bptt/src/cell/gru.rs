//! One step of a gated recurrent unit, made of ordinary operations on the tape.

use super::{Cell, Norm, Normalized, Sweep, check_input, check_step, normalized, unroll};
use crate::bptt::{self, Weights};
use crate::{Recurrent, Result};
use gradus_autograd::{Real, Tape, Var};
use gradus_nn_layers::{LayerNorm, Module, Parameter, init};
use rand::Rng;

/// Gated recurrent units over whole sequences: one or more layers, each a [`GruCell`] swept over time.
///
/// All that is said of [`Recurrent`] holds.
///
/// # Examples
/// ```
/// use gradus_rnn_bptt::{Gru, Layer, Tape, ndarray::Array3};
/// use rand::{SeedableRng, rngs::StdRng};
/// let mut rng = StdRng::seed_from_u64(1);
/// let gru: Gru = Gru::new(3, 8, &mut rng).bidirectional(&mut rng);
/// let x = Tape::inference().input(Array3::ones((10, 4, 3)));
/// assert_eq!(gru.forward(&x)?.shape(), [10, 4, 16]);
/// # Ok::<(), gradus_nn_layers::Error>(())
/// ```
///
/// # References
/// Those of [`GruCell`].
pub type Gru<F = f32> = Recurrent<GruCell<F>>;

/// Where the reset gate of a [`GruCell`] stands. The two are different functions; weights of one are of no use in the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
#[non_exhaustive]
pub enum Reset {
    /// After the product, `r ∘ (Wₕₙ h + bₕₙ)`: PyTorch, cuDNN, Keras (`reset_after=True`).
    #[default]
    After,
    /// Before the product, `Wₕₙ (r ∘ h) + bₕₙ`: the papers of Cho and of Chung.
    Before,
}

/// One step of a gated recurrent unit: the new state is a mixture of the old one and of a candidate.
///
/// ```text
/// r = σ(Wᵢᵣ x + bᵢᵣ + Wₕᵣ h + bₕᵣ)              reset gate: what the candidate sees of the state
/// z = σ(Wᵢz x + bᵢz + Wₕz h + bₕz)              update gate: what is kept
/// n = tanh(Wᵢₙ x + bᵢₙ + r ∘ (Wₕₙ h + bₕₙ))     the candidate; Reset::After
/// n = tanh(Wᵢₙ x + bᵢₙ + Wₕₙ (r ∘ h) + bₕₙ)     the candidate; Reset::Before
/// h′ = (1 − z) ∘ n + z ∘ h
/// ```
///
/// The three gates stand below one another in each parameter, in the order r, z, n, which is PyTorch's. In Cho's
/// paper, as here, an update gate of 1 keeps the state; in Chung's it replaces it.
///
/// # Examples
/// ```
/// use gradus_rnn_bptt::{Cell, GruCell, Tape, ndarray::Array2};
/// use rand::{SeedableRng, rngs::StdRng};
/// let cell: GruCell = GruCell::new(3, 5, &mut StdRng::seed_from_u64(1));
/// let tape = Tape::recording();
/// let mut h = cell.zero_state(&tape, 4);
/// for _ in 0..7 {
///     h = cell.step(&tape.input(Array2::ones((4, 3))), &h)?;
/// }
/// assert_eq!(h.shape(), [4, 5]);
/// # Ok::<(), gradus_rnn_bptt::Error>(())
/// ```
///
/// # References
/// - K. Cho et al., *Learning phrase representations using RNN encoder–decoder for statistical machine translation*, 2014,
///   <https://arxiv.org/abs/1406.1078>.
/// - J. Chung, C. Gulcehre, K. Cho, Y. Bengio, *Empirical evaluation of gated recurrent neural networks on sequence modeling*,
///   2014, <https://arxiv.org/abs/1412.3555>.
#[derive(Debug, Clone, Module)]
pub struct GruCell<F: Real = f32> {
    /// Weights from input to gates, `(3 · hidden_size, input_size)`.
    pub weight_ih: Parameter<F>,
    /// Weights from state to gates, `(3 · hidden_size, hidden_size)`.
    pub weight_hh: Parameter<F>,
    /// Bias beside `weight_ih`, `(3 · hidden_size,)`.
    pub bias_ih: Option<Parameter<F>>,
    /// Bias beside `weight_hh`, `(3 · hidden_size,)`. Its last third is within the reset with [`Reset::After`]; all else adds nothing
    /// to the other bias.
    pub bias_hh: Option<Parameter<F>>,
    /// Where the reset gate stands.
    #[module(skip)]
    pub reset: Reset,
}

impl<F: Real> GruCell<F> {
    /// Draws weights and biases from `U(−k, k)`, `k = 1/√hidden_size`; the reset gate stands after the product.
    pub fn new(input_size: usize, hidden_size: usize, rng: &mut (impl Rng + ?Sized)) -> Self {
        let k = init::inverse_sqrt(hidden_size);
        Self {
            weight_ih: init::uniform((3 * hidden_size, input_size), k, rng).into(),
            weight_hh: init::uniform((3 * hidden_size, hidden_size), k, rng).into(),
            bias_ih: Some(init::uniform(3 * hidden_size, k, rng).into()),
            bias_hh: Some(init::uniform(3 * hidden_size, k, rng).into()),
            reset: Reset::After,
        }
    }

    /// With the reset gate before the product.
    #[must_use]
    pub fn reset_before(mut self) -> Self {
        self.reset = Reset::Before;
        self
    }

    /// The parameters on a tape, as [`bptt::gru`](fn@crate::bptt::gru) takes them.
    #[track_caller]
    #[must_use]
    pub fn weights(&self, tape: &Tape<F>) -> Weights<F> {
        Weights::on(tape, [&self.weight_ih, &self.weight_hh], [&self.bias_ih, &self.bias_hh])
    }

    /// Without the two biases.
    #[must_use]
    pub fn without_bias(mut self) -> Self {
        (self.bias_ih, self.bias_hh) = (None, None);
        self
    }
}

impl<F: Real> Cell for GruCell<F> {
    type Float = F;
    type State = Var<F>;
    const NAME: &'static str = "gru";

    fn input_size(&self) -> usize {
        self.weight_ih.shape().last().copied().unwrap_or(0)
    }

    fn state_sizes(&self) -> Vec<usize> {
        vec![self.weight_hh.shape().last().copied().unwrap_or(0)]
    }

    fn alike(&self, input_size: usize, rng: &mut (impl Rng + ?Sized)) -> Self {
        let cell = Self { reset: self.reset, ..Self::new(input_size, self.output_size(), rng) };
        if self.bias_ih.is_some() { cell } else { cell.without_bias() }
    }

    #[track_caller]
    fn step(&self, x: &Var<F>, h: &Var<F>) -> Result<Var<F>> {
        self.step_normalized(x, h, h, &[])
    }

    /// What is kept of the state, `z ∘ h`, is not masked: it would be scaled anew at each step.
    #[track_caller]
    fn step_masked(&self, x: &Var<F>, h: &Var<F>, mask: &Var<F>) -> Result<Var<F>> {
        self.step_normalized(x, &h.try_mul(mask)?, h, &[])
    }

    /// One operation of the tape, [`bptt::gru`](fn@crate::bptt::gru); with a mask the steps one by one.
    #[track_caller]
    fn sweep(&self, x: &Var<F>, h0: Option<&Var<F>>, how: &Sweep<'_, F>) -> Result<(Var<F>, Var<F>)> {
        if how.mask.is_some() {
            return unroll(self, x, h0, how);
        }
        check_input(self, x.shape(), how.symbols)?;
        bptt::gru(x, h0, &self.weights(x.tape()), self.reset, how)
    }

    /// Beside the state three gates, and what the candidate sees of the state.
    fn activations(&self) -> usize {
        5 * self.output_size()
    }
}

/// Both products are normalized, those of the two gates together and those of the candidate by themselves:
/// `(r, z) = σ(LN(Wᵢ x) + LN(Wₕ h))`, `n = tanh(LN(Wᵢₙ x) + r ∘ LN(Wₕₙ h))`, or `LN(Wₕₙ (r ∘ h))` with [`Reset::Before`].
impl<F: Real> Normalized for GruCell<F> {
    const LAYER_NORM: &'static str = "layer_norm_gru";

    fn norms(&self) -> Vec<Norm> {
        let hidden = self.output_size();
        vec![
            Norm { weight: "norm_ih_weight", bias: "norm_ih_bias", features: 2 * hidden },
            Norm { weight: "norm_hh_weight", bias: "norm_hh_bias", features: 2 * hidden },
            Norm { weight: "norm_in_weight", bias: "norm_in_bias", features: hidden },
            Norm { weight: "norm_hn_weight", bias: "norm_hn_bias", features: hidden },
        ]
    }

    #[track_caller]
    fn step_normalized(&self, x: &Var<F>, read: &Var<F>, h: &Var<F>, norms: &[LayerNorm<F>]) -> Result<Var<F>> {
        check_step("gru_cell", self, x, h, &["(batch, hidden_size)"])?;
        let hidden = self.output_size();
        let sizes = [2 * hidden, hidden]; // r and z, then n
        let Weights { weight_ih, weight_hh, bias_ih, bias_hh } = self.weights(x.tape());
        let from_input = x.affine(&weight_ih, bias_ih.as_ref())?.split(-1, &sizes)?;
        let gates = |from_state: &Var<F>| -> Result<Vec<Var<F>>> {
            let sums = normalized(norms, 0, &from_input[0])?.try_add(&normalized(norms, 1, from_state)?)?;
            Ok(sums.sigmoid().split(-1, &[hidden; 2])?)
        };
        let (gates, seen) = match self.reset {
            Reset::After => {
                let from_state = read.affine(&weight_hh, bias_hh.as_ref())?.split(-1, &sizes)?;
                let gates = gates(&from_state[0])?;
                let seen = gates[0].try_mul(&normalized(norms, 3, &from_state[1])?)?;
                (gates, seen)
            }
            Reset::Before => {
                let weight_hh = weight_hh.split(0, &sizes)?;
                let bias_hh = bias_hh.map(|bias| bias.split(0, &sizes)).transpose()?;
                let bias = |part: usize| bias_hh.as_ref().map(|parts| &parts[part]);
                let gates = gates(&read.affine(&weight_hh[0], bias(0))?)?;
                let seen = gates[0].try_mul(read)?.affine(&weight_hh[1], bias(1))?;
                (gates, normalized(norms, 3, &seen)?)
            }
        };
        let n = normalized(norms, 2, &from_input[1])?.try_add(&seen)?.tanh();
        // n + z ∘ (h − n)
        Ok(n.try_add(&gates[1].try_mul(&h.try_sub(&n)?)?)?)
    }
}

impl<F: Real> Recurrent<GruCell<F>> {
    /// One layer, time before batch. Draws all parameters from `U(−k, k)`, `k = 1/√hidden_size`.
    pub fn new(input_size: usize, hidden_size: usize, rng: &mut (impl Rng + ?Sized)) -> Self {
        Self::of(GruCell::new(input_size, hidden_size, rng))
    }

    /// With the reset gate before the product, in all layers.
    #[must_use]
    pub fn reset_before(self) -> Self {
        self.each(GruCell::reset_before)
    }

    /// Without biases, in all layers.
    #[must_use]
    pub fn without_bias(self) -> Self {
        self.each(GruCell::without_bias)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gradus_autograd::Tape;
    use ndarray::{Array2, array};
    use rand::{SeedableRng, rngs::StdRng};

    /// One unit with the sums `(r, z)`, whose candidate is `tanh(x + …)` with the weight 2 and the bias 3 of the state.
    fn gates(r: f64, z: f64) -> GruCell<f64> {
        let mut cell = GruCell::new(1, 1, &mut StdRng::seed_from_u64(1));
        cell.weight_ih = array![[0.0], [0.0], [1.0]].into();
        cell.weight_hh = array![[0.0], [0.0], [2.0]].into();
        (cell.bias_ih, cell.bias_hh) = (Some(array![r, z, 0.0].into()), Some(array![0.0, 0.0, 3.0].into()));
        cell
    }

    #[test]
    fn each_gate_does_its_own() {
        let tape = Tape::recording();
        let (x, h) = (tape.input(array![[0.25]]), tape.input(array![[0.5]]));
        let run = |cell: &GruCell<f64>| cell.step(&x, &h).unwrap().value()[[0, 0]];
        let is = |got: f64, expected: f64| assert!((got - expected).abs() < 1e-12, "{got} for {expected}");
        // σ(±100) is 1 or next to 0: an update gate of 1 keeps the state.
        let (on, off) = (100.0, -100.0);
        is(run(&gates(on, on)), 0.5);
        is(run(&gates(on, off)), (0.25 + 2.0 * 0.5 + 3.0_f64).tanh());
        is(run(&gates(on, 0.0)), 0.5 * (0.25 + 2.0 * 0.5 + 3.0_f64).tanh() + 0.5 * 0.5);
        // The bias of the state is within the reset, or it is not.
        is(run(&gates(off, off)), 0.25_f64.tanh());
        is(run(&gates(off, off).reset_before()), (0.25_f64 + 3.0).tanh());
        is(run(&gates(0.0, off)), (0.25_f64 + 0.5 * (2.0 * 0.5 + 3.0)).tanh());
        is(run(&gates(0.0, off).reset_before()), (0.25_f64 + 2.0 * (0.5 * 0.5) + 3.0).tanh());
        is(run(&gates(0.0, off).reset_before().without_bias()), 0.5 * (0.25_f64 + 2.0 * (0.5 * 0.5)).tanh() + 0.25);
    }

    #[test]
    fn alike_is_of_the_same_kind() {
        let mut rng = StdRng::seed_from_u64(1);
        let cell: GruCell = GruCell::new(3, 5, &mut rng).reset_before().without_bias();
        let other = cell.alike(7, &mut rng);
        assert_eq!(
            (other.reset, other.bias_ih.is_none(), other.weight_ih.shape()),
            (Reset::Before, true, &[15, 7][..])
        );
        let gru = Gru::<f32>::new(3, 5, &mut rng).layers(2, &mut rng).reset_before().without_bias();
        assert!(gru.cells.iter().all(|cell| cell.reset == Reset::Before && cell.parameters().len() == 2));
    }

    #[test]
    fn what_does_not_fit_is_said() {
        let (cell, tape) = (GruCell::<f64>::new(2, 3, &mut StdRng::seed_from_u64(1)), Tape::recording());
        let array = |columns| tape.input(Array2::zeros((4, columns)));
        let message = |x: usize, h: usize| cell.step(&array(x), &array(h)).unwrap_err().to_string();
        assert_eq!(message(3, 3), "gru_cell: input [4, 3]: the last axis has 3 features; the layer takes 2");
        assert_eq!(message(2, 2), "gru_cell: state [4, 2]: this layer and input need (batch, hidden_size) = [4, 3]");
        let foreign = Tape::recording().input(Array2::zeros((4, 3)));
        assert!(cell.step(&array(2), &foreign).unwrap_err().to_string().contains("different tapes"));
    }
}
