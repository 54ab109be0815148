//! The gradient's way through time against the tape, differences, closed forms and PyTorch.

mod gates;
mod golden;
mod networks;
mod pictures;
mod refusals;
mod tape;

use gradus_autograd::{Error as AutogradError, Leaf, stack};
use gradus_nn_layers::{Parameter, Result, init};
use gradus_rnn_bptt::flow::{Advice, Figure, GateActivity, Gated, GradientFlow, Verdict};
use gradus_rnn_bptt::ndarray::{Array2, Array3, ArrayD, Axis, IxDyn, array};
use gradus_rnn_bptt::{
    Cell, Error, Gru, GruCell, Lstm, LstmCell, Module, Recurrent, Rnn, RnnCell, State, Tape, Value, Var,
};
use gradus_testing::golden::{Case, check};
use gradus_testing::{Tolerance, assert_close, close, close_scalar};
use rand::rngs::StdRng;
use rand::{Rng, RngExt, SeedableRng};

const EXACT: Tolerance = Tolerance { absolute: 1e-11, relative: 1e-10, of_largest: 0.0 };

fn rng(seed: u64) -> StdRng {
    StdRng::seed_from_u64(seed)
}

fn draw(shape: &[usize], seed: u64) -> ArrayD<f64> {
    let mut rng = rng(seed);
    ArrayD::from_shape_simple_fn(shape, || rng.random_range(-1.0..1.0))
}

/// A cell with a state of two arrays of different sizes.
///
/// ```text
/// m′ = m / 2 + tanh(x Wᵢₕᵀ + h Wₕₕᵀ)        h′ = tanh(m′ Wₘₕᵀ)
/// ```
#[derive(Debug, Clone, Module)]
#[module(float = f64)]
struct Pair {
    weight_ih: Parameter<f64>,
    weight_hh: Parameter<f64>,
    weight_mh: Parameter<f64>,
}

#[derive(Clone)]
struct Two(Vec<Var<f64>>);

impl State for Two {
    type Float = f64;
    fn parts(&self) -> Vec<&Var<f64>> {
        self.0.iter().collect()
    }
    fn from_parts(parts: Vec<Var<f64>>) -> Option<Self> {
        (parts.len() == 2).then_some(Self(parts))
    }
    fn hidden(&self) -> &Var<f64> {
        &self.0[0]
    }
}

impl Pair {
    fn new(input: usize, rng: &mut (impl Rng + ?Sized)) -> Self {
        let mut draw = |shape: (usize, usize)| init::uniform(shape, 0.9, rng).into();
        Self { weight_ih: draw((3, input)), weight_hh: draw((3, 2)), weight_mh: draw((2, 3)) }
    }
}

impl Cell for Pair {
    type Float = f64;
    type State = Two;
    const NAME: &'static str = "pair";
    fn input_size(&self) -> usize {
        self.weight_ih.shape()[1]
    }
    fn state_sizes(&self) -> Vec<usize> {
        vec![2, 3]
    }
    fn alike(&self, input_size: usize, rng: &mut (impl Rng + ?Sized)) -> Self {
        Self::new(input_size, rng)
    }
    fn step(&self, x: &Var<f64>, state: &Two) -> gradus_rnn_bptt::Result<Two> {
        let tape = x.tape();
        let from_input = x.affine(&tape.parameter(&self.weight_ih), None)?;
        let from_state = state.0[0].affine(&tape.parameter(&self.weight_hh), None)?;
        let m = state.0[1].mul_scalar(0.5).try_add(&from_input.try_add(&from_state)?.tanh())?;
        Ok(Two(vec![m.affine(&tape.parameter(&self.weight_mh), None)?.tanh(), m]))
    }
}

/// A loss of every output and of the last state, whose weights are drawn.
fn loss<S: State<Float = f64>>(output: &Var<f64>, last: &S, seed: u64) -> Result<Var<f64>> {
    let tape = output.tape();
    let weighted = |v: &Var<f64>, seed| (v * tape.input(draw(v.shape(), seed))).sum();
    let mut total = weighted(output, seed).square();
    for (i, part) in last.parts().into_iter().enumerate() {
        total = total.try_add(&weighted(part, seed + 1 + i as u64))?;
    }
    Ok(total)
}
