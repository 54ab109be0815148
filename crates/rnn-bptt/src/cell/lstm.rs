//! One step of an LSTM, made of ordinary operations on the tape.

use super::{Cell, Norm, Normalized, Sweep, check_input, check_step, normalized, unroll};
use crate::bptt::{self, Weights};
use crate::{Recurrent, Result, State};
use gradus_autograd::{Real, Tape, Var};
use gradus_nn_layers::{LayerNorm, Module, Parameter, init};
use rand::Rng;

/// Long short-term memory over whole sequences: one or more layers, each an [`LstmCell`] swept over time.
///
/// All that is said of [`Recurrent`] holds; a state is an [`LstmState`], of which each array is `(L·D, N, size)`.
///
/// # Examples
/// ```
/// use gradus_rnn_bptt::{Layer, Lstm, Tape, ndarray::Array3};
/// use rand::{SeedableRng, rngs::StdRng};
/// let mut rng = StdRng::seed_from_u64(1);
/// let lstm: Lstm = Lstm::new(3, 8, &mut rng).layers(2, &mut rng);
/// let x = Tape::inference().input(Array3::ones((10, 4, 3)));
/// assert_eq!(lstm.forward(&x)?.shape(), [10, 4, 8]);
/// let (_, state) = lstm.forward_with(&x, None)?;
/// assert_eq!((state.h.shape(), state.c.shape()), (&[2, 4, 8][..], &[2, 4, 8][..]));
/// # Ok::<(), gradus_nn_layers::Error>(())
/// ```
///
/// # References
/// Those of [`LstmCell`].
pub type Lstm<F = f32> = Recurrent<LstmCell<F>>;

/// The state of an LSTM.
#[derive(Debug, Clone)]
pub struct LstmState<F: Real = f32> {
    /// The output `h`, `(N, hidden_size)`, or `(N, proj_size)` with a projection.
    pub h: Var<F>,
    /// The memory `c`, `(N, hidden_size)`.
    pub c: Var<F>,
}

impl<F: Real> State for LstmState<F> {
    type Float = F;

    fn parts(&self) -> Vec<&Var<F>> {
        vec![&self.h, &self.c]
    }

    fn from_parts(parts: Vec<Var<F>>) -> Option<Self> {
        let [h, c] = parts.try_into().ok()?;
        Some(Self { h, c })
    }

    fn hidden(&self) -> &Var<F> {
        &self.h
    }
}

/// One step of an LSTM: a memory `c` that is added to rather than multiplied anew, and gates that say what is kept,
/// what is added and what is shown.
///
/// ```text
/// i = σ(Wᵢᵢ x + bᵢᵢ + Wₕᵢ h + bₕᵢ)       input gate
/// f = σ(Wᵢf x + bᵢf + Wₕf h + bₕf)       forget gate
/// g = tanh(Wᵢg x + bᵢg + Wₕg h + bₕg)    what might be added
/// o = σ(Wᵢₒ x + bᵢₒ + Wₕₒ h + bₕₒ)       output gate
/// c′ = f ∘ c + i ∘ g
/// h′ = o ∘ tanh(c′)
/// ```
///
/// From `c′` to `c` the derivative is `f`, without a weight matrix and without a squashing function: where the forget gate is open, a
/// gradient comes through many steps as it is.
///
/// The four gates stand below one another in each parameter, in the order i, f, g, o, which is PyTorch's. Two variants
/// can be had, each by itself or both:
/// - [peepholes](LstmCell::peephole): `i` and `f` also see `pᵢ ∘ c` and `p_f ∘ c`, and `o` sees `pₒ ∘ c′`;
/// - a [projection](LstmCell::projection): `h′ = Wₕᵣ (o ∘ tanh(c′))`, a smaller output than the memory, and so fewer weights.
///
/// # Examples
/// ```
/// use gradus_rnn_bptt::{Cell, LstmCell, Tape, ndarray::Array2};
/// use rand::{SeedableRng, rngs::StdRng};
/// let mut rng = StdRng::seed_from_u64(1);
/// let cell: LstmCell = LstmCell::new(3, 5, &mut rng).projection(2, &mut rng);
/// let tape = Tape::recording();
/// let mut state = cell.zero_state(&tape, 4);
/// for _ in 0..7 {
///     state = cell.step(&tape.input(Array2::ones((4, 3))), &state)?;
/// }
/// assert_eq!((state.h.shape(), state.c.shape()), (&[4, 2][..], &[4, 5][..]));
/// # Ok::<(), gradus_rnn_bptt::Error>(())
/// ```
///
/// # References
/// - S. Hochreiter, J. Schmidhuber, *Long short-term memory*, Neural Computation 9(8), 1997,
///   <https://doi.org/10.1162/neco.1997.9.8.1735>.
/// - F. A. Gers, J. Schmidhuber, F. Cummins, *Learning to forget: continual prediction with LSTM*, Neural Computation
///   12(10), 2000, <https://doi.org/10.1162/089976600300015015> (the forget gate).
/// - F. A. Gers, J. Schmidhuber, *Recurrent nets that time and count*, IJCNN 2000,
///   <https://doi.org/10.1109/IJCNN.2000.861302> (peepholes).
/// - H. Sak, A. Senior, F. Beaufays, *Long short-term memory based recurrent neural network architectures for large
///   vocabulary speech recognition*, 2014, <https://arxiv.org/abs/1402.1128> (the projection).
#[derive(Debug, Clone, Module)]
pub struct LstmCell<F: Real = f32> {
    /// Weights from input to gates, `(4 · hidden_size, input_size)`.
    pub weight_ih: Parameter<F>,
    /// Weights from output to gates, `(4 · hidden_size, hidden_size)`, or `(4 · hidden_size, proj_size)` with a projection.
    pub weight_hh: Parameter<F>,
    /// Bias beside `weight_ih`, `(4 · hidden_size,)`.
    pub bias_ih: Option<Parameter<F>>,
    /// Bias beside `weight_hh`, `(4 · hidden_size,)`. Beside the other it adds nothing; it is here because weights from elsewhere have it.
    pub bias_hh: Option<Parameter<F>>,
    /// The projection `Wₕᵣ`, `(proj_size, hidden_size)`.
    pub weight_hr: Option<Parameter<F>>,
    /// The peepholes `pᵢ`, `p_f`, `pₒ`, `(3, hidden_size)`. PyTorch has none.
    pub weight_ch: Option<Parameter<F>>,
}

impl<F: Real> LstmCell<F> {
    /// Draws weights and biases from `U(−k, k)`, `k = 1/√hidden_size`.
    pub fn new(input_size: usize, hidden_size: usize, rng: &mut (impl Rng + ?Sized)) -> Self {
        let k = init::inverse_sqrt(hidden_size);
        Self {
            weight_ih: init::uniform((4 * hidden_size, input_size), k, rng).into(),
            weight_hh: init::uniform((4 * hidden_size, hidden_size), k, rng).into(),
            bias_ih: Some(init::uniform(4 * hidden_size, k, rng).into()),
            bias_hh: Some(init::uniform(4 * hidden_size, k, rng).into()),
            weight_hr: None,
            weight_ch: None,
        }
    }

    /// Without the two biases.
    #[must_use]
    pub fn without_bias(mut self) -> Self {
        (self.bias_ih, self.bias_hh) = (None, None);
        self
    }

    /// With an output of `proj_size` features, a projection of the memory's. Draws `weight_hr`, and `weight_hh` anew in its new shape.
    #[must_use]
    pub fn projection(mut self, proj_size: usize, rng: &mut (impl Rng + ?Sized)) -> Self {
        let hidden_size = self.hidden_size();
        let k = init::inverse_sqrt(hidden_size);
        self.weight_hh = init::uniform((4 * hidden_size, proj_size), k, rng).into();
        self.weight_hr = Some(init::uniform((proj_size, hidden_size), k, rng).into());
        self
    }

    /// With peepholes, drawn like the other weights.
    #[must_use]
    pub fn peephole(mut self, rng: &mut (impl Rng + ?Sized)) -> Self {
        let hidden_size = self.hidden_size();
        self.weight_ch = Some(init::uniform((3, hidden_size), init::inverse_sqrt(hidden_size), rng).into());
        self
    }

    /// The parameters on a tape that [`bptt::lstm`](fn@crate::bptt::lstm) takes: all but projection and peepholes.
    #[track_caller]
    #[must_use]
    pub fn weights(&self, tape: &Tape<F>) -> Weights<F> {
        Weights::on(tape, [&self.weight_ih, &self.weight_hh], [&self.bias_ih, &self.bias_hh])
    }

    /// The number of features of the memory `c`.
    #[must_use]
    pub fn hidden_size(&self) -> usize {
        self.weight_hh.shape().first().copied().unwrap_or(0) / 4
    }
}

impl<F: Real> Cell for LstmCell<F> {
    type Float = F;
    type State = LstmState<F>;
    const NAME: &'static str = "lstm";

    fn input_size(&self) -> usize {
        self.weight_ih.shape().last().copied().unwrap_or(0)
    }

    fn state_sizes(&self) -> Vec<usize> {
        vec![self.weight_hh.shape().last().copied().unwrap_or(0), self.hidden_size()]
    }

    fn alike(&self, input_size: usize, rng: &mut (impl Rng + ?Sized)) -> Self {
        let mut cell = Self::new(input_size, self.hidden_size(), rng);
        if self.bias_ih.is_none() {
            cell = cell.without_bias();
        }
        if self.weight_hr.is_some() {
            cell = cell.projection(self.output_size(), rng);
        }
        if self.weight_ch.is_some() { cell.peephole(rng) } else { cell }
    }

    #[track_caller]
    fn step(&self, x: &Var<F>, state: &LstmState<F>) -> Result<LstmState<F>> {
        self.step_normalized(x, &state.h, state, &[])
    }

    /// One operation of the tape, [`bptt::lstm`](fn@crate::bptt::lstm); with peepholes, a projection or a mask the steps one by one.
    #[track_caller]
    fn sweep(&self, x: &Var<F>, state: Option<&LstmState<F>>, how: &Sweep<'_, F>) -> Result<(Var<F>, LstmState<F>)> {
        if self.weight_hr.is_some() || self.weight_ch.is_some() || how.mask.is_some() {
            return unroll(self, x, state, how);
        }
        check_input(self, x.shape(), how.symbols)?;
        bptt::lstm(x, state, &self.weights(x.tape()), how)
    }

    /// Those of the two products and of the projection; peepholes are elementwise.
    fn multiply_adds(&self) -> u64 {
        let products = [Some(&self.weight_ih), Some(&self.weight_hh), self.weight_hr.as_ref()];
        products.into_iter().flatten().map(|weight| weight.value().len() as u64).sum()
    }

    /// Beside the state four gates.
    fn activations(&self) -> usize {
        4 * self.hidden_size() + self.state_sizes().into_iter().sum::<usize>()
    }
}

/// Both products and the memory that is shown are normalized: `(i, f, g, o)` are functions of `LN(Wᵢ x) + LN(Wₕ h)`, all four
/// gates together, and `h′ = o ∘ tanh(LN(c′))`. The memory itself is carried on as it is.
impl<F: Real> Normalized for LstmCell<F> {
    const LAYER_NORM: &'static str = "layer_norm_lstm";

    fn norms(&self) -> Vec<Norm> {
        let hidden = self.hidden_size();
        vec![
            Norm { weight: "norm_ih_weight", bias: "norm_ih_bias", features: 4 * hidden },
            Norm { weight: "norm_hh_weight", bias: "norm_hh_bias", features: 4 * hidden },
            Norm { weight: "norm_c_weight", bias: "norm_c_bias", features: hidden },
        ]
    }

    #[track_caller]
    fn step_normalized(
        &self,
        x: &Var<F>,
        read: &Var<F>,
        state: &LstmState<F>,
        norms: &[LayerNorm<F>],
    ) -> Result<LstmState<F>> {
        let axes = ["h (batch, output_size)", "c (batch, hidden_size)"];
        check_step("lstm_cell", self, x, state, &axes)?;
        let bind = |parameter: &Parameter<F>| x.tape().parameter(parameter);
        let w = self.weights(x.tape());
        let from_input = normalized(norms, 0, &x.affine(&w.weight_ih, w.bias_ih.as_ref())?)?;
        let from_state = normalized(norms, 1, &read.affine(&w.weight_hh, w.bias_hh.as_ref())?)?;
        let gates = from_input.try_add(&from_state)?.split(-1, &[self.hidden_size(); 4])?;
        let peepholes = self.weight_ch.as_ref().map(bind);
        // A gate's sum, with what it sees of the memory.
        let seeing = |gate: usize, peephole: usize, c: &Var<F>| -> Result<Var<F>> {
            Ok(match &peepholes {
                Some(p) => gates[gate].try_add(&c.try_mul(&p.select(0, peephole)?)?)?,
                None => gates[gate].clone(),
            })
        };

        let (i, f) = (seeing(0, 0, &state.c)?.sigmoid(), seeing(1, 1, &state.c)?.sigmoid());
        let g = gates[2].tanh();
        let c = f.try_mul(&state.c)?.try_add(&i.try_mul(&g)?)?;
        let o = seeing(3, 2, &c)?.sigmoid();
        let h = o.try_mul(&normalized(norms, 2, &c)?.tanh())?;
        let h = match &self.weight_hr {
            Some(weight_hr) => h.affine(&bind(weight_hr), None)?,
            None => h,
        };
        Ok(LstmState { h, c })
    }
}

impl<F: Real> Recurrent<LstmCell<F>> {
    /// One layer, time before batch. Draws all parameters from `U(−k, k)`, `k = 1/√hidden_size`.
    pub fn new(input_size: usize, hidden_size: usize, rng: &mut (impl Rng + ?Sized)) -> Self {
        Self::of(LstmCell::new(input_size, hidden_size, rng))
    }

    /// Without biases, in all layers.
    #[must_use]
    pub fn without_bias(self) -> Self {
        self.each(|cell| cell.without_bias())
    }

    /// With an output of `proj_size` features in all layers, as [`LstmCell::projection`]. Draws the parameters of the cells whose
    /// input is another one now, too.
    #[must_use]
    pub fn projection(self, proj_size: usize, rng: &mut (impl Rng + ?Sized)) -> Self {
        let layers = self.cells.len() / self.directions();
        self.each(|cell| cell.projection(proj_size, rng)).layers(layers, rng)
    }

    /// With peepholes in all layers, as [`LstmCell::peephole`].
    #[must_use]
    pub fn peephole(self, rng: &mut (impl Rng + ?Sized)) -> Self {
        self.each(|cell| cell.peephole(rng))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gradus_autograd::Tape;
    use ndarray::{Array2, array};
    use rand::{SeedableRng, rngs::StdRng};

    fn rng() -> StdRng {
        StdRng::seed_from_u64(1)
    }

    /// One unit whose gates are those of the sums `(i, f, g, o)`, whatever it reads.
    fn gates(sums: [f64; 4]) -> LstmCell<f64> {
        let mut cell = LstmCell::new(1, 1, &mut rng());
        (cell.weight_ih, cell.weight_hh) = (Array2::zeros((4, 1)).into(), Array2::zeros((4, 1)).into());
        (cell.bias_ih, cell.bias_hh) =
            (Some(array![0.0, 0.0, 0.0, 0.0].into()), Some(array![sums[0], sums[1], sums[2], sums[3]].into()));
        cell
    }

    #[test]
    fn each_gate_does_its_own() {
        let tape = Tape::recording();
        let x = tape.input(array![[0.0]]);
        let state = LstmState { h: tape.input(array![[0.25]]), c: tape.input(array![[0.5]]) };
        let run = |cell: &LstmCell<f64>| {
            let after = cell.step(&x, &state).unwrap();
            (after.h.value()[[0, 0]], after.c.value()[[0, 0]])
        };
        // σ(±100) is 1 or next to 0, tanh(100) is 1
        let (on, off) = (100.0, -100.0);
        let is = |got: (f64, f64), h: f64, c: f64| {
            assert!((got.0 - h).abs() < 1e-12 && (got.1 - c).abs() < 1e-12, "{got:?}")
        };
        is(run(&gates([off, on, on, on])), 0.5_f64.tanh(), 0.5);
        is(run(&gates([on, off, on, on])), 1.0_f64.tanh(), 1.0);
        is(run(&gates([on, on, on, on])), 1.5_f64.tanh(), 1.5);
        is(run(&gates([on, on, on, off])), 0.0, 1.5);
        is(run(&gates([on, on, -on, on])), (-0.5_f64).tanh(), -0.5);
        // Peepholes: 400 · 0.5 − 100 opens a gate, and the output gate sees the new memory, −400 · 1.5 + 100.
        let mut cell = gates([off, off, on, on]);
        cell.weight_ch = Some(array![[400.0], [400.0], [-400.0]].into());
        is(run(&cell), 0.0, 1.5);
        let mut cell = gates([on, on, on, on]);
        cell.weight_hr = Some(array![[-2.0]].into());
        is(run(&cell), -2.0 * 1.5_f64.tanh(), 1.5);
    }

    #[test]
    fn alike_is_of_the_same_kind() {
        let cell: LstmCell =
            LstmCell::new(3, 5, &mut rng()).projection(2, &mut rng()).peephole(&mut rng()).without_bias();
        let other = cell.alike(7, &mut rng());
        let shapes = |cell: &LstmCell| -> Vec<_> {
            cell.parameters().into_iter().map(|(name, p)| (name, p.shape().to_vec())).collect()
        };
        let mut expected = shapes(&cell);
        expected[0].1 = vec![20, 7];
        assert_eq!(shapes(&other), expected);
        assert_eq!((cell.state_sizes(), cell.output_size(), cell.hidden_size()), (vec![2, 5], 2, 5));
    }

    #[test]
    fn a_projection_makes_the_next_layer_narrower() {
        let lstm: Lstm = Lstm::new(3, 5, &mut rng()).layers(2, &mut rng()).bidirectional(&mut rng());
        let lstm = lstm.projection(2, &mut rng());
        let widths: Vec<_> = lstm.cells.iter().map(|cell| (cell.input_size(), cell.output_size())).collect();
        assert_eq!(widths, [(3, 2), (3, 2), (4, 2), (4, 2)]);
    }

    #[test]
    fn what_does_not_fit_is_said() {
        let (cell, tape) = (LstmCell::<f64>::new(2, 3, &mut rng()), Tape::recording());
        let array = |columns| tape.input(Array2::zeros((4, columns)));
        let message = |x: usize, h: usize, c: usize| {
            cell.step(&array(x), &LstmState { h: array(h), c: array(c) }).unwrap_err().to_string()
        };
        assert_eq!(message(3, 3, 3), "lstm_cell: input [4, 3]: the last axis has 3 features; the layer takes 2");
        assert_eq!(
            message(2, 4, 3),
            "lstm_cell: state [4, 4]: this layer and input need h (batch, output_size) = [4, 3]"
        );
        assert_eq!(
            message(2, 3, 2),
            "lstm_cell: state [4, 2]: this layer and input need c (batch, hidden_size) = [4, 3]"
        );
        let foreign = LstmState { h: array(3), c: Tape::recording().input(Array2::zeros((4, 3))) };
        assert!(cell.step(&array(2), &foreign).unwrap_err().to_string().contains("different tapes"));
        assert!(LstmState::from_parts(vec![array(1)]).is_none());
    }
}
