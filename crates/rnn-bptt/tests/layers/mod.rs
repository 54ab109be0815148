//! What a recurrent layer is made of beside its cells: dropout, packing, starting values, descriptions.

mod describe;
mod dropout;
mod norm;
mod packed;
mod start;
mod states;

use gradus_nn_layers::{Walk, WalkMut};
use gradus_rnn_bptt::ndarray::{Array3, ArrayD};
use gradus_rnn_bptt::{Cell, Module, Recurrent, Result, State, Tape, Value, Var};
use gradus_testing::{Tolerance, close};
use rand::rngs::StdRng;
use rand::{Rng, RngExt, SeedableRng};

/// 1e-10, of the number itself where that is above 1.
pub(crate) const EXACT: Tolerance = Tolerance { absolute: 1e-10, relative: 1e-10, of_largest: 0.0 };

pub(crate) fn rng(seed: u64) -> StdRng {
    StdRng::seed_from_u64(seed)
}

/// Numbers from −1 to 1.
pub(crate) fn draw(shape: &[usize], rng: &mut impl Rng) -> ArrayD<f64> {
    ArrayD::from_shape_simple_fn(shape, || rng.random_range(-1.0..1.0))
}

/// A cell without the sweep of its own: the judge of layers whose cell has one.
#[derive(Debug, Clone)]
pub(crate) struct Unrolled<C>(pub(crate) C);

impl<C: Cell> Module<C::Float> for Unrolled<C> {
    fn walk<'module>(&'module self, walk: &mut Walk<'module, '_, C::Float>) {
        self.0.walk(walk);
    }
    fn walk_mut<'module>(&'module mut self, walk: &mut WalkMut<'module, '_, C::Float>) {
        self.0.walk_mut(walk);
    }
}

impl<C: Cell> Cell for Unrolled<C> {
    type Float = C::Float;
    type State = C::State;
    const NAME: &'static str = C::NAME;

    fn input_size(&self) -> usize {
        self.0.input_size()
    }
    fn state_sizes(&self) -> Vec<usize> {
        self.0.state_sizes()
    }
    fn alike(&self, input_size: usize, rng: &mut (impl Rng + ?Sized)) -> Self {
        Self(self.0.alike(input_size, rng))
    }
    fn step(&self, x: &Var<C::Float>, state: &C::State) -> Result<C::State> {
        self.0.step(x, state)
    }
    fn step_masked(&self, x: &Var<C::Float>, state: &C::State, mask: &Var<C::Float>) -> Result<C::State> {
        self.0.step_masked(x, state, mask)
    }
}

/// What a pass computes, by name: outputs, last states, and the gradients of everything.
pub(crate) type Found = Vec<(String, ArrayD<f64>)>;

/// Outputs, last states and gradients of a layer for a loss that weighs each number of both by a weight of its own.
pub(crate) fn run<C: Cell<Float = f64>>(
    layer: &Recurrent<C>,
    tape: &Tape<f64>,
    x: &ArrayD<f64>,
    seed: u64,
    forward: impl FnOnce(&Var<f64>, Option<&C::State>) -> Result<(Var<f64>, C::State)>,
) -> Found {
    let mut rng = rng(seed);
    let x = tape.variable(x.clone());
    let state = layer.zero_state(tape, x.shape()[1]);
    let state = state.mapped(|part| tape.variable(draw(part.shape(), &mut rng)));
    let (output, last) = forward(&x, Some(&state)).unwrap();
    let mut weighted = |v: &Var<f64>| (v * tape.input(draw(v.shape(), &mut rng))).sum();
    let mut loss = weighted(&output);
    for part in last.parts() {
        loss = loss + weighted(part);
    }
    let gradients = loss.backward().unwrap();
    let or_zero =
        |g: Option<&Value<f64>>, shape: &[usize]| g.map_or_else(|| ArrayD::zeros(shape), |g| g.clone().into_array());
    let mut found: Found = vec![("output".to_owned(), output.value().clone().into_array())];
    for (place, part) in last.parts().into_iter().enumerate() {
        found.push((format!("last {place}"), part.value().clone().into_array()));
    }
    found.push(("dx".to_owned(), or_zero(gradients.get(&x), x.shape())));
    for (place, part) in state.parts().into_iter().enumerate() {
        found.push((format!("dstate {place}"), or_zero(gradients.get(part), part.shape())));
    }
    for (name, parameter) in layer.parameters() {
        found.push((name, or_zero(gradients.get(parameter), parameter.shape())));
    }
    found
}

/// Whether two passes computed the same.
pub(crate) fn same(got: &Found, expected: &Found, what: &str) {
    assert_eq!(got.len(), expected.len());
    for ((name, got), (other, expected)) in got.iter().zip(expected) {
        assert_eq!(name, other);
        close(got, expected, EXACT, &format!("{what}: {name}")).unwrap();
    }
}

/// The layer with the same parameters and the steps on the tape.
pub(crate) fn unrolled<C: Cell>(layer: &Recurrent<C>, like: &Recurrent<Unrolled<C>>) -> Recurrent<Unrolled<C>> {
    let mut other = like.clone();
    other.cells = layer.cells.iter().cloned().map(Unrolled).collect();
    other
}

/// Numbers of three axes as they come out of a layer.
pub(crate) fn three(x: &Var<f64>) -> Array3<f64> {
    x.value().clone().into_array().into_dimensionality().unwrap()
}
