//! Laws of recurrent layers: back-propagation through time, written out, against three judges.

#![allow(clippy::unwrap_used)] // a test fails by panicking

use gradus_autograd::{Gradients, gradcheck};
use gradus_rnn_bptt::bptt::{self, Direction, Weights};
use gradus_rnn_bptt::ndarray::{Array1, Array2, Array3, ArrayD, Axis, s};
use gradus_rnn_bptt::{Cell, Layer, Module, Nonlinearity, Rnn, RnnCell, Sweep, Tape, Value, Var};
use gradus_testing::{Tolerance, close};
use proptest::prelude::*;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// 1e-10, of the number itself where that is above 1.
const EXACT: Tolerance = Tolerance { absolute: 1e-10, relative: 1e-10, of_largest: 0.0 };

/// A layer and data for it, drawn from a seed.
#[derive(Debug, Clone)]
struct Setting {
    steps: usize,
    batch: usize,
    input: usize,
    hidden: usize,
    layers: usize,
    two_directions: bool,
    relu: bool,
    bias: bool,
    state: bool,
    seed: u64,
}

fn settings() -> impl Strategy<Value = Setting> {
    let steps = prop_oneof![1 => 1..=2_usize, 9 => 3..=32_usize];
    let sizes = (steps, 1..=4_usize, 1..=4_usize, 1..=6_usize, 1..=3_usize);
    let flags = (any::<bool>(), any::<bool>(), prop::bool::weighted(0.8), prop::bool::weighted(0.8), any::<u64>());
    (sizes, flags).prop_map(|((steps, batch, input, hidden, layers), (two_directions, relu, bias, state, seed))| {
        Setting { steps, batch, input, hidden, layers, two_directions, relu, bias, state, seed }
    })
}

/// Settings of a single layer in one direction.
fn plain_settings() -> impl Strategy<Value = Setting> {
    settings().prop_map(|setting| Setting { layers: 1, two_directions: false, ..setting })
}

impl Setting {
    fn rng(&self) -> StdRng {
        StdRng::seed_from_u64(self.seed)
    }

    fn rnn(&self) -> Rnn<f64> {
        let mut rng = self.rng();
        let mut rnn = Rnn::new(self.input, self.hidden, &mut rng).layers(self.layers, &mut rng);
        if self.two_directions {
            rnn = rnn.bidirectional(&mut rng);
        }
        if self.relu {
            rnn = rnn.relu();
        }
        if self.bias { rnn } else { rnn.without_bias() }
    }

    fn directions(&self) -> usize {
        1 + usize::from(self.two_directions)
    }

    /// Input, state, and the weights of the outputs and of the last states in the loss.
    fn data(&self) -> [Array3<f64>; 4] {
        let mut rng = StdRng::seed_from_u64(!self.seed);
        let mut draw = |shape| Array3::from_shape_simple_fn(shape, || rng.random_range(-1.0..1.0));
        let state = (self.layers * self.directions(), self.batch, self.hidden);
        [
            draw((self.steps, self.batch, self.input)),
            draw(state),
            draw((self.steps, self.batch, self.hidden * self.directions())),
            draw(state),
        ]
    }
}

/// Which states the loss depends on.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Loss {
    Last,
    Every,
    Both,
}

const LOSSES: [Loss; 3] = [Loss::Last, Loss::Every, Loss::Both];

fn loss_of(loss: Loss, output: &Var<f64>, h_n: &Var<f64>, [dy, dh]: [&Array3<f64>; 2]) -> Var<f64> {
    let weighted = |x: &Var<f64>, weights: &Array3<f64>| (x * x.tape().input(weights.clone())).sum();
    match loss {
        Loss::Last => weighted(h_n, dh),
        Loss::Every => weighted(output, dy),
        Loss::Both => weighted(output, dy) + weighted(h_n, dh),
    }
}

/// What a pass computes, by name.
type Found = Vec<(String, ArrayD<f64>)>;

fn collect(
    rnn: &Rnn<f64>,
    outputs: [&Var<f64>; 2],
    inputs: [(&str, Option<&Var<f64>>); 2],
    gradients: &Gradients<f64>,
) -> Found {
    let mut found: Found = vec![
        ("output".into(), outputs[0].value().clone().into_array()),
        ("h_n".into(), outputs[1].value().clone().into_array()),
    ];
    let gradient =
        |g: Option<&Value<f64>>, shape: &[usize]| g.map_or_else(|| ArrayD::zeros(shape), |g| g.clone().into_array());
    for (name, input) in inputs {
        if let Some(input) = input {
            found.push((name.into(), gradient(gradients.get(input), input.shape())));
        }
    }
    for (name, parameter) in rnn.parameters() {
        found.push((name, gradient(gradients.get(parameter), parameter.shape())));
    }
    found
}

fn written_out(setting: &Setting, rnn: &Rnn<f64>, loss: Loss) -> Found {
    let [x, h0, dy, dh] = setting.data();
    let tape = Tape::recording();
    let x = tape.variable(x);
    let h0 = setting.state.then(|| tape.variable(h0));
    let (output, h_n) = rnn.forward_with(&x, h0.as_ref()).unwrap();
    let gradients = loss_of(loss, &output, &h_n, [&dy, &dh]).backward().unwrap();
    collect(rnn, [&output, &h_n], [("x", Some(&x)), ("h0", h0.as_ref())], &gradients)
}

/// The same with every step on the tape.
fn unrolled(setting: &Setting, rnn: &Rnn<f64>, loss: Loss) -> Found {
    let [x, h0, dy, dh] = setting.data();
    let tape = Tape::recording();
    let x = tape.variable(x);
    let h0 = setting.state.then(|| tape.variable(h0));
    let mut sequence: Vec<Var<f64>> = (0..setting.steps).map(|t| x.select(0, t).unwrap()).collect();
    let mut last = Vec::new();
    for layer in rnn.cells.chunks(setting.directions()) {
        let mut outputs: Vec<Vec<Var<f64>>> = Vec::new();
        for (direction, cell) in layer.iter().enumerate() {
            let h0 = h0.as_ref().map(|h0| h0.select(0, last.len()).unwrap());
            let mut read = sequence.clone();
            if direction == 1 {
                read.reverse();
            }
            let mut h = h0.unwrap_or_else(|| cell.zero_state(&tape, setting.batch));
            let step = |x: &Var<f64>| {
                h = cell.step(x, &h).unwrap();
                h.clone()
            };
            let mut states: Vec<_> = read.iter().map(step).collect();
            last.push(states.last().unwrap().clone());
            if direction == 1 {
                states.reverse();
            }
            outputs.push(states);
        }
        sequence = (0..setting.steps)
            .map(|t| gradus_autograd::concatenate(1, &outputs.iter().map(|o| &o[t]).collect::<Vec<_>>()).unwrap())
            .collect();
    }
    let stack = |states: &[Var<f64>]| gradus_autograd::stack(0, &states.iter().collect::<Vec<_>>()).unwrap();
    let (output, h_n) = (stack(&sequence), stack(&last));
    let gradients = loss_of(loss, &output, &h_n, [&dy, &dh]).backward().unwrap();
    collect(rnn, [&output, &h_n], [("x", Some(&x)), ("h0", h0.as_ref())], &gradients)
}

/// The formulas of the module's page for one layer in one direction: plain loops over single numbers.
fn by_hand(setting: &Setting, rnn: &Rnn<f64>, loss: Loss) -> Found {
    let Setting { steps, batch, input, hidden, .. } = *setting;
    let [x, h0, dy, dh] = setting.data();
    let cell: &RnnCell<f64> = &rnn.cells[0];
    let (w_ih, w_hh) = (cell.weight_ih.value(), cell.weight_hh.value());
    let bias = |i: usize| [&cell.bias_ih, &cell.bias_hh].into_iter().flatten().map(|b| b.value()[[i]]).sum::<f64>();
    let before = |h: &Array3<f64>, t: usize, n: usize, j: usize| match t {
        0 if setting.state => h0[[0, n, j]],
        0 => 0.0,
        _ => h[[t - 1, n, j]],
    };
    let mut h = Array3::<f64>::zeros((steps, batch, hidden));
    for t in 0..steps {
        for n in 0..batch {
            for i in 0..hidden {
                let mut a = bias(i);
                (0..input).for_each(|k| a += w_ih[[i, k]] * x[[t, n, k]]);
                (0..hidden).for_each(|j| a += w_hh[[i, j]] * before(&h, t, n, j));
                h[[t, n, i]] = if setting.relu { a.max(0.0) } else { a.tanh() };
            }
        }
    }
    let mut dx = Array3::<f64>::zeros((steps, batch, input));
    let mut dh0 = Array3::<f64>::zeros((1, batch, hidden));
    let (mut dw_ih, mut dw_hh) = (Array2::<f64>::zeros((hidden, input)), Array2::<f64>::zeros((hidden, hidden)));
    let mut db = Array1::<f64>::zeros(hidden);
    for n in 0..batch {
        let mut delta = vec![0.0; hidden]; // δ of the step after
        for t in (0..steps).rev() {
            let mut now = vec![0.0; hidden];
            for i in 0..hidden {
                let mut total: f64 = (0..hidden).map(|j| w_hh[[j, i]] * delta[j]).sum();
                if loss != Loss::Last {
                    total += dy[[t, n, i]];
                }
                if loss != Loss::Every && t == steps - 1 {
                    total += dh[[0, n, i]];
                }
                let y = h[[t, n, i]];
                now[i] = total * if setting.relu { f64::from(u8::from(y > 0.0)) } else { 1.0 - y * y };
            }
            for i in 0..hidden {
                db[i] += now[i];
                for k in 0..input {
                    dw_ih[[i, k]] += now[i] * x[[t, n, k]];
                    dx[[t, n, k]] += w_ih[[i, k]] * now[i];
                }
                for j in 0..hidden {
                    dw_hh[[i, j]] += now[i] * before(&h, t, n, j);
                }
            }
            delta = now;
        }
        for j in 0..hidden {
            dh0[[0, n, j]] = (0..hidden).map(|i| w_hh[[i, j]] * delta[i]).sum();
        }
    }
    let last = h.slice(s![steps - 1.., .., ..]).to_owned();
    let mut found =
        vec![("output".to_owned(), h.into_dyn()), ("h_n".into(), last.into_dyn()), ("x".into(), dx.into_dyn())];
    if setting.state {
        found.push(("h0".into(), dh0.into_dyn()));
    }
    found.extend([("weight_ih_l0".into(), dw_ih.into_dyn()), ("weight_hh_l0".into(), dw_hh.into_dyn())]);
    if setting.bias {
        found.extend([("bias_ih_l0".into(), db.clone().into_dyn()), ("bias_hh_l0".into(), db.into_dyn())]);
    }
    found
}

fn same(got: &Found, expected: &Found, what: &str) -> Result<(), TestCaseError> {
    let names = |found: &Found| found.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
    prop_assert_eq!(names(got), names(expected));
    for ((name, got), (_, expected)) in got.iter().zip(expected) {
        close(got, expected, EXACT, &format!("{what}: {name}")).map_err(TestCaseError::fail)?;
    }
    Ok(())
}

proptest! {
    #[test]
    fn written_out_equals_the_unrolled_tape(setting in settings()) {
        let rnn = setting.rnn();
        for loss in LOSSES {
            same(&written_out(&setting, &rnn, loss), &unrolled(&setting, &rnn, loss), &format!("{loss:?}"))?;
        }
    }

    #[test]
    fn written_out_equals_the_formulas_in_plain_loops(setting in plain_settings()) {
        let rnn = setting.rnn();
        for loss in LOSSES {
            same(&written_out(&setting, &rnn, loss), &by_hand(&setting, &rnn, loss), &format!("{loss:?}"))?;
        }
    }

    #[test]
    fn batch_first_is_the_same_with_two_axes_swapped(setting in settings()) {
        let (rnn, [x, h0, dy, dh]) = (setting.rnn(), setting.data());
        let time_first = written_out(&setting, &rnn, Loss::Both);
        let rnn = rnn.batch_first();
        let swapped = |x: Array3<f64>| x.permuted_axes([1, 0, 2]).as_standard_layout().into_owned();
        let tape = Tape::recording();
        let x = tape.variable(swapped(x));
        let h0 = setting.state.then(|| tape.variable(h0));
        let (output, h_n) = rnn.forward_with(&x, h0.as_ref()).unwrap();
        let gradients = loss_of(Loss::Both, &output, &h_n, [&swapped(dy), &dh]).backward().unwrap();
        // The parameters of `rnn` are those that were bound: the gradients are looked up by them.
        let mut found = collect(&rnn, [&output, &h_n], [("x", Some(&x)), ("h0", h0.as_ref())], &gradients);
        for (name, array) in &mut found {
            if name == "output" || name == "x" {
                array.swap_axes(0, 1);
            }
        }
        same(&found, &time_first, "batch first")?;
    }

    #[test]
    fn a_sequence_in_two_pieces_is_the_whole(setting in settings(), cut in 1..32_usize) {
        let setting = Setting { two_directions: false, ..setting };
        prop_assume!(setting.steps > 1);
        let cut = 1 + cut % (setting.steps - 1);
        let (rnn, [x, h0, dy, dh]) = (setting.rnn(), setting.data());
        let tape = Tape::recording();
        let x = tape.variable(x);
        let h0 = setting.state.then(|| tape.variable(h0));
        let (first, state) = rnn.forward_with(&x.slice_axis(0, 0..cut, 1).unwrap(), h0.as_ref()).unwrap();
        let rest = x.slice_axis(0, cut..setting.steps, 1).unwrap();
        let (second, h_n) = rnn.forward_with(&rest, Some(&state)).unwrap();
        let output = gradus_autograd::concatenate(0, &[&first, &second]).unwrap();
        let gradients = loss_of(Loss::Both, &output, &h_n, [&dy, &dh]).backward().unwrap();
        let found = collect(&rnn, [&output, &h_n], [("x", Some(&x)), ("h0", h0.as_ref())], &gradients);
        same(&found, &written_out(&setting, &rnn, Loss::Both), "two pieces")?;
    }

    #[test]
    fn a_zero_state_is_no_state(setting in settings()) {
        let (rnn, [x, h0, ..]) = (setting.rnn(), setting.data());
        let tape = Tape::inference();
        let x = tape.input(x);
        let (output, h_n) = rnn.forward_with(&x, None).unwrap();
        let (same_output, same_h_n) = rnn.forward_with(&x, Some(&tape.input(Array3::zeros(h0.raw_dim())))).unwrap();
        prop_assert_eq!(output.value(), same_output.value());
        prop_assert_eq!(h_n.value(), same_h_n.value());
        let forward = rnn.forward(&x).unwrap();
        prop_assert_eq!(output.value(), forward.value());
        // Many-to-one: the last layer's final states, side by side.
        let last = rnn.last(&x).unwrap();
        let cells = rnn.cells.len();
        for direction in 0..setting.directions() {
            let columns = direction * setting.hidden..(direction + 1) * setting.hidden;
            let part = last.value().slice_axis(Axis(1), columns.into()).into_owned();
            let place = cells - setting.directions() + direction;
            prop_assert_eq!(part.view(), h_n.value().index_axis(Axis(0), place));
        }
    }

    #[test]
    fn sequences_of_a_batch_do_not_touch(setting in settings(), which in 0..4_usize) {
        let (rnn, [x, h0, ..]) = (setting.rnn(), setting.data());
        let which = which % setting.batch;
        let tape = Tape::inference();
        let run = |x: Array3<f64>, h0: Array3<f64>| {
            rnn.forward_with(&tape.input(x), Some(&tape.input(h0))).unwrap().0.value().clone().into_array()
        };
        let alone = run(
            x.slice(s![.., which..=which, ..]).to_owned(),
            h0.slice(s![.., which..=which, ..]).to_owned(),
        );
        let together = run(x, h0);
        let part = together.slice_axis(Axis(1), (which..which + 1).into()).into_owned();
        close(&part, &alone, EXACT, "alone").map_err(TestCaseError::fail)?;
    }
}

proptest! {
    #[test]
    fn padded_equals_each_sequence_alone(setting in settings(), lengths in prop::collection::vec(any::<prop::sample::Index>(), 4)) {
        let lengths: Vec<usize> =
            lengths[..setting.batch].iter().map(|length| 1 + length.index(setting.steps)).collect();
        let (rnn, [mut x, h0, dy, dh]) = (setting.rnn(), setting.data());
        for (n, &length) in lengths.iter().enumerate() {
            x.slice_mut(s![length.., n, ..]).fill(f64::NAN);
        }
        for loss in LOSSES {
            let tape = Tape::recording();
            let padded = tape.variable(x.clone());
            let state = tape.variable(h0.clone());
            let given = setting.state.then_some(&state);
            let (output, h_n) = rnn.forward_padded(&padded, &lengths, given).unwrap();
            let gradients = loss_of(loss, &output, &h_n, [&dy, &dh]).backward().unwrap();
            let together = collect(&rnn, [&output, &h_n], [("x", Some(&padded)), ("h0", given)], &gradients);

            // Each alone: its part of every array, and its share of the parameters' gradients.
            let mut alone: Found = together.iter().map(|(name, a)| (name.clone(), ArrayD::zeros(a.raw_dim()))).collect();
            for (n, &length) in lengths.iter().enumerate() {
                let own = |x: &Array3<f64>, steps: usize| x.slice(s![..steps, n..=n, ..]).to_owned();
                let tape = Tape::recording();
                let x = tape.variable(own(&x, length));
                let h0 = tape.variable(own(&h0, h0.dim().0));
                let given = setting.state.then_some(&h0);
                let (output, h_n) = rnn.forward_with(&x, given).unwrap();
                let weights = [&own(&dy, length), &own(&dh, dh.dim().0)];
                let gradients = loss_of(loss, &output, &h_n, weights).backward().unwrap();
                let found = collect(&rnn, [&output, &h_n], [("x", Some(&x)), ("h0", given)], &gradients);
                for ((name, sum), (_, part)) in alone.iter_mut().zip(found) {
                    if ["output", "h_n", "x", "h0"].contains(&name.as_str()) {
                        let steps = part.shape()[0];
                        sum.slice_mut(s![..steps, n..=n, ..]).assign(&part);
                    } else {
                        *sum += &part;
                    }
                }
            }
            same(&together, &alone, &format!("{loss:?}"))?;
        }
    }

    #[test]
    fn full_lengths_are_no_lengths(setting in settings()) {
        let (rnn, [x, ..]) = (setting.rnn(), setting.data());
        let x = Tape::inference().input(x);
        let (output, h_n) = rnn.forward_with(&x, None).unwrap();
        let (padded, padded_h_n) = rnn.forward_padded(&x, &vec![setting.steps; setting.batch], None).unwrap();
        prop_assert_eq!(output.value(), padded.value());
        prop_assert_eq!(h_n.value(), padded_h_n.value());
    }
}

proptest! {
    #![proptest_config(gradus_testing::proptest_cases(24))]

    #[test]
    fn gradients_are_those_of_differences(
        (steps, batch, input, hidden) in (3..=6_usize, 1..=3_usize, 1..=3_usize, 1..=3_usize),
        reverse: bool,
        seed: u64,
    ) {
        let mut rng = StdRng::seed_from_u64(seed);
        let mut draw = |shape: &[usize]| ArrayD::from_shape_simple_fn(shape, || rng.random_range(-1.0..1.0));
        let inputs = [
            draw(&[steps, batch, input]),
            draw(&[batch, hidden]),
            draw(&[hidden, input]),
            draw(&[hidden, hidden]),
            draw(&[hidden]),
            draw(&[hidden]),
        ];
        let direction = if reverse { Direction::Reverse } else { Direction::Forward };
        let run = |v: &[Var<f64>]| {
            let weights = Weights {
                weight_ih: v[2].clone(),
                weight_hh: v[3].clone(),
                bias_ih: Some(v[4].clone()),
                bias_hh: Some(v[5].clone()),
            };
            bptt::rnn(&v[0], Some(&v[1]), &weights, Nonlinearity::Tanh, &Sweep { direction, ..Sweep::default() })
        };
        gradcheck(|v: &[Var<f64>]| run(v).map(|(states, _)| states), &inputs).map_err(|e| TestCaseError::fail(e.to_string()))?;
        gradcheck(|v: &[Var<f64>]| run(v).map(|(_, last)| last), &inputs).map_err(|e| TestCaseError::fail(e.to_string()))?;
    }
}

/// The same layer used twice on one tape: gradients add up, and the second accumulates into the first's memory.
#[test]
fn a_layer_used_twice_has_the_sum_of_gradients() {
    let setting = Setting {
        steps: 5,
        batch: 3,
        input: 2,
        hidden: 4,
        layers: 1,
        two_directions: false,
        relu: false,
        bias: true,
        state: true,
        seed: 3,
    };
    let (rnn, [x, h0, dy, dh]) = (setting.rnn(), setting.data());
    let once = written_out(&setting, &rnn, Loss::Both);
    let tape = Tape::recording();
    let (x, h0) = (tape.variable(x), tape.variable(h0));
    let loss = || {
        let (output, h_n) = rnn.forward_with(&x, Some(&h0)).unwrap();
        loss_of(Loss::Both, &output, &h_n, [&dy, &dh])
    };
    let gradients = (loss() + loss()).backward().unwrap();
    for (name, parameter) in rnn.parameters() {
        let expected = &once.iter().find(|(found, _)| *found == name).unwrap().1 * 2.0;
        gradus_testing::assert_close(&**gradients.get(parameter).unwrap(), &expected, EXACT, &name);
    }
    for (name, input) in [("x", &x), ("h0", &h0)] {
        let expected = &once.iter().find(|(found, _)| found == name).unwrap().1 * 2.0;
        gradus_testing::assert_close(&**gradients.get(input).unwrap(), &expected, EXACT, name);
    }
}
