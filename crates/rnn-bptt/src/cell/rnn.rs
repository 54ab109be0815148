//! One step of an Elman network, made of ordinary operations on the tape.

use super::{Cell, Norm, Normalized, Sweep, check_input, check_step, normalized};
use crate::bptt::{self, Weights};
use crate::{Nonlinearity, Result};
use gradus_autograd::{Real, Tape, Var};
use gradus_nn_layers::{LayerNorm, Module, Parameter, init};
use rand::Rng;

/// One step of an Elman network: a new state from an input and the state before it.
///
/// ```text
/// h′ = f(x Wᵢₕᵀ + bᵢₕ + h Wₕₕᵀ + bₕₕ)
/// ```
///
/// Each step is a handful of entries on the tape, which differentiates them by itself. Use the cell where something happens
/// between the steps; where nothing does, [`Rnn`](crate::Rnn) computes the same faster.
///
/// # Examples
/// ```
/// use gradus_rnn_bptt::{Cell, RnnCell, Tape, ndarray::Array2};
/// use rand::{SeedableRng, rngs::StdRng};
/// let cell: RnnCell = RnnCell::new(3, 5, &mut StdRng::seed_from_u64(1));
/// let tape = Tape::recording();
/// let mut h = cell.zero_state(&tape, 2);
/// for _ in 0..7 {
///     h = cell.step(&tape.input(Array2::ones((2, 3))), &h)?;
/// }
/// assert_eq!(h.shape(), [2, 5]);
/// # Ok::<(), gradus_rnn_bptt::Error>(())
/// ```
///
/// # References
/// J. L. Elman, *Finding structure in time*, Cognitive Science 14(2), 1990.
#[derive(Debug, Clone, Module)]
pub struct RnnCell<F: Real = f32> {
    /// Weights `Wᵢₕ` from input to state, `(hidden_size, input_size)`.
    pub weight_ih: Parameter<F>,
    /// Weights `Wₕₕ` from state to state, `(hidden_size, hidden_size)`.
    pub weight_hh: Parameter<F>,
    /// Bias `bᵢₕ`, `(hidden_size,)`.
    pub bias_ih: Option<Parameter<F>>,
    /// Bias `bₕₕ`, `(hidden_size,)`. Beside `bᵢₕ` it adds nothing; it is here because weights from elsewhere have it.
    pub bias_hh: Option<Parameter<F>>,
    /// The function `f`.
    #[module(skip)]
    pub nonlinearity: Nonlinearity,
}

impl<F: Real> RnnCell<F> {
    /// Draws weights and biases from `U(−k, k)`, `k = 1/√hidden_size`; the nonlinearity is tanh.
    pub fn new(input_size: usize, hidden_size: usize, rng: &mut (impl Rng + ?Sized)) -> Self {
        let k = init::inverse_sqrt(hidden_size);
        Self {
            weight_ih: init::uniform((hidden_size, input_size), k, rng).into(),
            weight_hh: init::uniform((hidden_size, hidden_size), k, rng).into(),
            bias_ih: Some(init::uniform(hidden_size, k, rng).into()),
            bias_hh: Some(init::uniform(hidden_size, k, rng).into()),
            nonlinearity: Nonlinearity::Tanh,
        }
    }

    /// ReLU in the place of tanh.
    #[must_use]
    pub fn relu(mut self) -> Self {
        self.nonlinearity = Nonlinearity::Relu;
        self
    }

    /// Without the two biases.
    #[must_use]
    pub fn without_bias(mut self) -> Self {
        (self.bias_ih, self.bias_hh) = (None, None);
        self
    }

    /// The parameters on a tape, as [`bptt::rnn`](crate::bptt::rnn) takes them.
    #[track_caller]
    #[must_use]
    pub fn weights(&self, tape: &Tape<F>) -> Weights<F> {
        Weights::on(tape, [&self.weight_ih, &self.weight_hh], [&self.bias_ih, &self.bias_hh])
    }
}

impl<F: Real> Cell for RnnCell<F> {
    type Float = F;
    type State = Var<F>;
    const NAME: &'static str = "rnn";

    fn input_size(&self) -> usize {
        self.weight_ih.shape().last().copied().unwrap_or(0)
    }

    fn state_sizes(&self) -> Vec<usize> {
        vec![self.weight_hh.shape().last().copied().unwrap_or(0)]
    }

    fn alike(&self, input_size: usize, rng: &mut (impl Rng + ?Sized)) -> Self {
        let cell = Self { nonlinearity: self.nonlinearity, ..Self::new(input_size, self.output_size(), rng) };
        if self.bias_ih.is_some() { cell } else { cell.without_bias() }
    }

    #[track_caller]
    fn step(&self, x: &Var<F>, h: &Var<F>) -> Result<Var<F>> {
        self.step_normalized(x, h, h, &[])
    }

    /// One operation of the tape, [`bptt::rnn`].
    #[track_caller]
    fn sweep(&self, x: &Var<F>, h0: Option<&Var<F>>, how: &Sweep<'_, F>) -> Result<(Var<F>, Var<F>)> {
        check_input(self, x.shape(), how.symbols)?;
        bptt::rnn(x, h0, &self.weights(x.tape()), self.nonlinearity, how)
    }
}

/// The sum of both products is normalized: `h′ = f(LN(Wᵢₕ x + Wₕₕ h))`.
impl<F: Real> Normalized for RnnCell<F> {
    const LAYER_NORM: &'static str = "layer_norm_rnn";

    fn norms(&self) -> Vec<Norm> {
        vec![Norm { weight: "norm_weight", bias: "norm_bias", features: self.output_size() }]
    }

    #[track_caller]
    fn step_normalized(&self, x: &Var<F>, read: &Var<F>, h: &Var<F>, norms: &[LayerNorm<F>]) -> Result<Var<F>> {
        check_step("rnn_cell", self, x, h, &["(batch, hidden_size)"])?;
        let w = self.weights(x.tape());
        let from_input = x.affine(&w.weight_ih, w.bias_ih.as_ref())?;
        let from_state = read.affine(&w.weight_hh, w.bias_hh.as_ref())?;
        Ok(self.nonlinearity.apply(&normalized(norms, 0, &from_input.try_add(&from_state)?)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::unroll;
    use ndarray::{Array1, Array2, Array3, array};
    use rand::{SeedableRng, rngs::StdRng};

    fn cell() -> RnnCell<f64> {
        RnnCell::new(2, 3, &mut StdRng::seed_from_u64(1))
    }

    #[test]
    fn a_step_worked_by_hand() {
        let mut cell = cell().relu();
        cell.weight_ih = array![[1.0, 2.0], [0.0, -1.0], [3.0, 0.0]].into();
        cell.weight_hh = array![[0.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, -1.0]].into();
        cell.bias_ih = Some(array![0.5, 0.0, 0.0].into());
        cell.bias_hh = Some(array![0.0, 0.0, 0.25].into());
        let tape = Tape::recording();
        let (x, h) = (tape.input(array![[1.0, 2.0]]), tape.input(array![[4.0, 5.0, 6.0]]));
        // W_ih x = (5, -2, 3), W_hh h = (5, 4, -6), biases (0.5, 0, 0.25)
        assert_eq!(cell.step(&x, &h).unwrap().value(), &array![[10.5, 2.0, 0.0]]);
        let cell = cell.without_bias();
        assert_eq!(cell.step(&x, &h).unwrap().value(), &array![[10.0, 2.0, 0.0]]);
    }

    #[test]
    fn weights_are_drawn_within_the_bound() {
        let cell = RnnCell::<f64>::new(50, 100, &mut StdRng::seed_from_u64(1));
        for (name, parameter) in cell.parameters() {
            let largest = parameter.value().iter().fold(0.0, |m: f64, x| m.max(x.abs()));
            assert!(largest <= 0.1 && largest > 0.09, "{name}: {largest}");
        }
        assert_eq!(RnnCell::<f64>::new(2, 0, &mut StdRng::seed_from_u64(1)).count_parameters(), 0);
    }

    #[test]
    fn what_does_not_fit_is_said() {
        let (cell, tape) = (cell(), Tape::recording());
        let h = tape.input(Array2::zeros((4, 3)));
        let message = |x: Var<f64>, h: &Var<f64>| cell.step(&x, h).unwrap_err().to_string();
        assert_eq!(
            message(tape.input(Array1::zeros(2)), &h),
            "rnn_cell: input [2] has 1 axes; it needs 2 axes, (batch, input_size)"
        );
        assert_eq!(
            message(tape.input(Array2::zeros((4, 3))), &h),
            "rnn_cell: input [4, 3]: the last axis has 3 features; the layer takes 2"
        );
        assert_eq!(
            message(tape.input(Array2::zeros((5, 2))), &h),
            "rnn_cell: state [4, 3]: this layer and input need (batch, hidden_size) = [5, 3]"
        );
        assert!(message(Tape::recording().input(Array2::zeros((4, 2))), &h).contains("different tapes"));
        let empty = unroll(&cell, &tape.input(Array3::zeros((0, 4, 2))), None, &Sweep::default()).unwrap_err();
        assert_eq!(empty.to_string(), "rnn: input [0, 4, 2] has no time steps; a sequence has at least one");
    }
}
