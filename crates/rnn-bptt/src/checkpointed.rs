//! Back-propagation through time in less memory, at the price of a second forward pass.

use crate::state::compact;
use crate::{Cell, Error, Recurrent, Result, State};
use gradus_autograd::{Error as AutogradError, Real, Slots, Tape, Value, Var, concatenate};
use gradus_nn_layers::Module;
use rand::SeedableRng;
use rand::rngs::StdRng;
use std::rc::Rc;

/// Recurrent layers over a sequence in segments, of which only the states at the borders are kept: the backward pass runs each
/// segment again, the last first.
///
/// ```text
/// forward     s₀ → s₁ → … → s_K           K + 1 states kept, nothing of what is between them
/// backward    for k = K … 1: record segment k from s_k₋₁, walk it from dy of its steps and ds_k; ds_k₋₁ is what arrives
/// ```
///
/// Nothing is truncated: the gradients are those of [`Recurrent::forward_with`], to rounding, as sums over the steps are taken
/// segment by segment. The tape holds `K` states, and during the backward pass one segment of `T/K` steps more: `O(√T)` with
/// `K = √T`, where the layer's sweep holds `O(T)`. A sweep costs one more forward pass. Inputs and outputs are `O(T)` as ever; where
/// only the last state is wanted, [`checkpointed_state`] lets the outputs go segment by segment.
///
/// Dropout draws anew for each segment, so that one mask over time is one over a segment, and draws the same again when that is run again. Until `backward` has run, the tape shares the
/// parameters' memory.
///
/// # Shapes
/// As [`Recurrent::forward_with`].
///
/// # Examples
/// ```
/// use gradus_rnn_bptt::{Lstm, Tape, checkpointed, ndarray::Array3};
/// use rand::{SeedableRng, rngs::StdRng};
/// let lstm: Lstm<f64> = Lstm::new(3, 4, &mut StdRng::seed_from_u64(1));
/// let x = Array3::from_shape_fn((64, 2, 3), |(t, n, i)| (t * 7 + n * 5 + i * 3) as f64 % 2.3 - 1.0);
///
/// let tape = Tape::recording();
/// let (output, _) = checkpointed(&lstm, &tape.input(x.clone()), None, 8)?;
/// let found = output.square().sum().backward()?;
///
/// let tape = Tape::recording();
/// let (output, _) = lstm.forward_with(&tape.input(x), None)?;
/// let whole = output.square().sum().backward()?;
/// let weight = &lstm.cells[0].weight_hh;
/// assert!((&**found.get(weight).unwrap() - &**whole.get(weight).unwrap()).iter().all(|d| d.abs() < 1e-12));
/// # Ok::<(), gradus_rnn_bptt::Error>(())
/// ```
///
/// # Errors
/// As [`Recurrent::forward_with`]; [`Error::Segments`] if there are none or more than steps, [`Error::TwoDirections`] if
/// the layers are bidirectional.
///
/// # Panics
/// In `backward`, if a cell of your own fails the second time with what it took the first time.
///
/// # References
/// T. Chen, B. Xu, C. Zhang, C. Guestrin, *Training deep nets with sublinear memory cost*, 2016,
/// <https://arxiv.org/abs/1604.06174>; A. Gruslys, R. Munos, I. Danihelka, M. Lanctot, A. Graves, *Memory-efficient
/// backpropagation through time*, 2016, <https://arxiv.org/abs/1606.03401>
#[track_caller]
pub fn checkpointed<C: Cell + 'static>(
    recurrent: &Recurrent<C>,
    x: &Var<C::Float>,
    state: Option<&C::State>,
    segments: usize,
) -> Result<(Var<C::Float>, C::State)> {
    let mut outputs = Vec::new();
    let state = in_segments(recurrent, x, state, segments, |output| outputs.push(output))?;
    let time = recurrent.time_axis() as isize;
    Ok((concatenate(time, &outputs.iter().collect::<Vec<_>>())?, state))
}

/// As [`checkpointed`], for the state after the last step alone: many-to-one.
///
/// # Examples
/// ```
/// use gradus_rnn_bptt::{Lstm, Tape, checkpointed_state, ndarray::Array3};
/// use rand::{SeedableRng, rngs::StdRng};
/// let lstm: Lstm = Lstm::new(3, 8, &mut StdRng::seed_from_u64(1));
/// let held = |segments: usize| {
///     let tape = Tape::recording();
///     let x = tape.input(Array3::ones((400, 2, 3)));
///     let state = checkpointed_state(&lstm, &x, None, segments).unwrap();
///     drop(state.h.select(0, 0));
///     tape.take_apart().held()
/// };
/// assert!(held(20) <= 20 * 2 * 2 * 8 * 4); // 20 states: h and c of 8 numbers each, in 2 sequences
/// ```
///
/// # Errors
/// As [`checkpointed`].
///
/// # Panics
/// As [`checkpointed`].
#[track_caller]
pub fn checkpointed_state<C: Cell + 'static>(
    recurrent: &Recurrent<C>,
    x: &Var<C::Float>,
    state: Option<&C::State>,
    segments: usize,
) -> Result<C::State> {
    in_segments(recurrent, x, state, segments, drop)
}

/// All segments, one entry of the tape each; `take` gets the outputs of each.
#[track_caller]
fn in_segments<C: Cell + 'static>(
    recurrent: &Recurrent<C>,
    x: &Var<C::Float>,
    state: Option<&C::State>,
    segments: usize,
    mut take: impl FnMut(Var<C::Float>),
) -> Result<C::State> {
    let operation = "checkpointed";
    let (tape, time) = (x.tape(), recurrent.time_axis());
    let steps = match *x.shape() {
        [a, b, _] if [a, b][time] > 0 => [a, b][time],
        // What is wrong with it, the layer knows to say.
        _ => return recurrent.forward_with(x, state).map(|(_, state)| state),
    };
    if recurrent.directions() > 1 {
        return Err(Error::TwoDirections { operation });
    }
    if !(1..=steps).contains(&segments) {
        return Err(Error::Segments { segments, found: x.shape().to_vec(), steps });
    }
    if state.is_some_and(|state| state.parts().iter().any(|part| !part.tape().is(tape))) {
        return Err(AutogradError::ForeignVar { operation }.into());
    }
    // A copy has parameters of its own, in the memory of the layer's: nothing of the layer is borrowed until backward.
    let copy = Rc::new(recurrent.clone());
    let parameters: Vec<_> = recurrent.parameters().iter().map(|(_, parameter)| tape.parameter(*parameter)).collect();
    let mut state = state.cloned();
    for segment in 0..segments {
        let (from, to) = (segment * steps / segments, (segment + 1) * steps / segments);
        let piece = x.slice_axis(time as isize, from..to, 1)?;
        let (output, after) =
            one(&copy, &parameters, &piece, state.as_ref()).map_err(|error| error.of_input(x.shape()))?;
        take(output);
        state = Some(after);
    }
    Ok(state.expect("there is a segment"))
}

/// A segment: its outputs and the state after it.
#[track_caller]
fn one<C: Cell + 'static>(
    copy: &Rc<Recurrent<C>>,
    parameters: &[Var<C::Float>],
    x: &Var<C::Float>,
    state: Option<&C::State>,
) -> Result<(Var<C::Float>, C::State)> {
    let tape = x.tape();
    let seed = tape.random(rand::RngExt::random);
    let again = Again {
        recurrent: Rc::clone(copy),
        x: x.value().clone(),
        state: state.map(|state| state.parts().into_iter().map(|part| part.value().clone()).collect()),
        seed,
    };
    let inner = again.tape(false);
    let (output, after) = {
        let state =
            again.state.as_ref().map(|parts| again.state_of(parts.iter().map(|part| inner.input(part.clone()))));
        copy.forward_with(&inner.input(again.x.clone()), state.as_ref())?
    };
    let mut values = vec![output.value().clone()];
    values.extend(after.parts().into_iter().map(|part| compact(part.value())));
    drop((output, after, inner));

    let inputs: Vec<_> = [x].into_iter().chain(parameters).chain(state.into_iter().flat_map(State::parts)).collect();
    let mut outputs = tape.record_many("checkpointed", &inputs, values, move |cotangents, slots| {
        again.backward(cotangents, slots);
    });
    let output = outputs.remove(0);
    Ok((output, State::from_parts(outputs).expect("a state is made of as many arrays as it consists of")))
}

/// What it takes to run a segment again.
struct Again<C: Cell> {
    recurrent: Rc<Recurrent<C>>,
    x: Value<C::Float>,
    state: Option<Vec<Value<C::Float>>>,
    /// The beginning of its random numbers, in a training pass.
    seed: Option<u64>,
}

impl<C: Cell> Again<C> {
    fn tape(&self, recording: bool) -> Tape<C::Float> {
        match self.seed {
            Some(seed) => Tape::training(&mut StdRng::seed_from_u64(seed)),
            None if recording => Tape::recording(),
            None => Tape::inference(),
        }
    }

    fn state_of(&self, parts: impl Iterator<Item = Var<C::Float>>) -> C::State {
        State::from_parts(parts.collect()).expect("a state is made of as many arrays as it consists of")
    }

    /// Records the segment, walks it back from the cotangents of its outputs and its last state, and forgets it.
    fn backward(self, cotangents: Vec<Option<Value<C::Float>>>, slots: &mut Slots<'_, C::Float>) {
        let tape = self.tape(true);
        let parameters = self.recurrent.parameters();
        let place = |needed: bool, value: &Value<C::Float>| {
            if needed { tape.variable(value.clone()) } else { tape.input(value.clone()) }
        };
        let x = place(slots.needs(0), &self.x);
        let first = 1 + parameters.len();
        let state: Vec<_> =
            self.state.iter().flatten().enumerate().map(|(i, part)| place(slots.needs(first + i), part)).collect();
        let given = self.state.is_some().then(|| self.state_of(state.iter().cloned()));
        let (output, after) =
            self.recurrent.forward_with(&x, given.as_ref()).expect("a layer takes what it took the first time");
        let results: Vec<_> = [&output].into_iter().chain(after.parts()).collect();
        let root = seeded(&tape, &results, cotangents);
        if !root.needs_gradient() {
            return; // results that depend on nothing that wants a gradient
        }
        drop((output, after, given));
        let gradients = root.backward().expect("the rules of a recorded segment fit its values");
        let of_leaves = std::iter::once(gradients.get(&x))
            .chain(parameters.iter().map(|(_, parameter)| gradients.get(*parameter)))
            .chain(state.iter().map(|part| gradients.get(part)));
        for (slot, gradient) in of_leaves.enumerate() {
            if let Some(gradient) = gradient {
                slots.add(slot, gradient.clone());
            }
        }
    }
}

/// A number on the tape, from which the walk back begins with these cotangents.
fn seeded<F: Real>(tape: &Tape<F>, results: &[&Var<F>], cotangents: Vec<Option<Value<F>>>) -> Var<F> {
    let rule = |_, slots: &mut Slots<'_, F>| {
        for (slot, cotangent) in cotangents.into_iter().enumerate() {
            if let Some(cotangent) = cotangent {
                slots.add(slot, cotangent);
            }
        }
    };
    let mut root = tape.record_many("cotangents", results, vec![Value::scalar(F::zero())], rule);
    root.pop().expect("one value was recorded")
}
