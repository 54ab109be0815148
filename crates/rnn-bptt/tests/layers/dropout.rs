//! Dropout: what it drops, what it keeps, and that both ways of a sweep read through the same mask.

use super::{EXACT, Unrolled, draw, rng, run, same, three, unrolled};
use gradus_autograd::Gradients;
use gradus_rnn_bptt::bptt::{self, Direction, Weights};
use gradus_rnn_bptt::ndarray::{Array2, Array3, ArrayD, Axis};
use gradus_rnn_bptt::{
    Cell, Gru, GruCell, Layer, Lstm, LstmCell, LstmState, Recurrent, Rnn, RnnCell, Sweep, Tape, Var, unroll,
};
use gradus_testing::{assert_close, close};
use proptest::prelude::*;

/// ReLU of the input alone, or of the state alone, as it is: what the layer reads is what it returns.
fn transparent(features: usize, layers: usize, of_state: bool) -> Rnn<f64> {
    let mut rnn: Rnn<f64> = Rnn::new(features, features, &mut rng(1)).layers(layers, &mut rng(2)).relu().without_bias();
    let weight = |there| if there { Array2::<f64>::eye(features) } else { Array2::zeros((features, features)) };
    for cell in &mut rnn.cells {
        (cell.weight_ih, cell.weight_hh) = (weight(!of_state).into(), weight(of_state).into());
    }
    rnn
}

fn training(seed: u64) -> Tape<f64> {
    Tape::training(&mut rng(seed))
}

#[test]
fn between_layers_each_number_is_dropped_or_made_up_for() {
    let (p, x) = (0.2, Array3::from_elem((50, 20, 30), 3.0));
    let output = |layers, tape: &Tape<f64>| {
        three(&transparent(30, layers, false).dropout(p).forward(&tape.input(x.clone())).unwrap())
    };
    let dropped = output(2, &training(1));
    assert!(dropped.iter().all(|&y| y == 0.0 || (y - 3.75).abs() < 1e-15));
    // 30,000 numbers: the share is right to 0.0023 (one deviation), the mean to 0.009.
    let share = dropped.iter().filter(|&&y| y == 0.0).count() as f64 / 30_000.0;
    assert!((share - p).abs() < 0.012, "{share}");
    assert!((dropped.mean().unwrap() - 3.0).abs() < 0.045);
    // Anew at each step, each sequence and each feature.
    for axis in 0..3 {
        assert_ne!(dropped.index_axis(Axis(axis), 0), dropped.index_axis(Axis(axis), 1));
    }
    // The last layer's output is left alone, and so is everything outside of training.
    assert_eq!(output(1, &training(1)), x);
    assert_eq!(output(2, &Tape::recording()), x);
    assert_eq!(output(2, &Tape::inference()), x);
    assert_eq!(output(2, &training(7)), output(2, &training(7)));
    // Three layers drop twice.
    let twice = output(3, &training(1)).iter().filter(|&&y| y == 0.0).count() as f64 / 30_000.0;
    assert!((twice - 0.36).abs() < 0.015, "{twice}");
}

#[test]
fn a_variational_mask_is_the_same_at_all_steps() {
    let (p, ones) = (0.2, Array3::from_elem((6, 40, 50), 1.0));
    let layer = |of_state| transparent(50, 1, of_state).variational_dropout(p);
    let read = three(&layer(false).forward(&training(1).input(ones.clone())).unwrap());
    assert!(read.outer_iter().all(|step| step == read.index_axis(Axis(0), 0)));
    assert!(read.iter().all(|&y| y == 0.0 || (y - 1.25).abs() < 1e-15));
    assert_ne!(read.index_axis(Axis(1), 0), read.index_axis(Axis(1), 1));
    // 2,000 numbers: the share is right to 0.009.
    let share = read.iter().filter(|&&y| y == 0.0).count() as f64 / 12_000.0;
    assert!((share - p).abs() < 0.045, "{share}");

    // The state goes through the same mask again and again: (m / (1 − p))ᵗ.
    let tape = training(1);
    let (states, _) =
        layer(true).forward_with(&tape.input(ones), Some(&tape.input(Array3::ones((1, 40, 50))))).unwrap();
    let states = three(&states);
    let mask = states.index_axis(Axis(0), 0).to_owned();
    for (t, states) in states.outer_iter().enumerate() {
        assert_close(&states, &mask.mapv(|m| m.powi(t as i32 + 1)), EXACT, "states");
    }
    // What is read of the input and of the state has masks of its own.
    assert_ne!(mask.mapv(|m| m > 0.0), read.index_axis(Axis(0), 0).mapv(|m| m > 0.0));
}

#[test]
fn what_is_no_rate_is_said() {
    let rnn: Rnn = Rnn::new(2, 3, &mut rng(1));
    let x = Tape::inference().input(Array3::ones((4, 1, 2)));
    let message = |rnn: Rnn| rnn.forward(&x).unwrap_err().to_string();
    assert_eq!(message(rnn.clone().dropout(1.0)), "rnn: dropout 1: must be at least 0 and less than 1");
    assert_eq!(message(rnn.clone().dropout(f64::NAN)), "rnn: dropout NaN: must be at least 0 and less than 1");
    assert_eq!(
        message(rnn.clone().variational_dropout(-0.5)),
        "rnn: variational_dropout -0.5: must be at least 0 and less than 1"
    );
    assert!(rnn.dropout(0.0).variational_dropout(0.0).forward(&x).is_ok());
}

#[test]
fn a_mask_that_does_not_fit_is_said() {
    let cell: RnnCell<f64> = RnnCell::new(2, 3, &mut rng(1));
    let tape = Tape::recording();
    let x = tape.input(Array3::ones((4, 5, 2)));
    let expected = "a factor for each number of the state, (batch, hidden_size) = [5, 3], would fit";
    for shape in [&[5, 2][..], &[1, 3], &[3]] {
        let mask = tape.input(ArrayD::ones(shape));
        let how = Sweep { mask: Some(&mask), ..Sweep::default() };
        let message = format!("rnn: mask {shape:?}: {expected}");
        assert_eq!(cell.sweep(&x, None, &how).unwrap_err().to_string(), message);
        assert_eq!(unroll(&cell, &x, None, &how).unwrap_err().to_string(), message);
    }
    let foreign = Tape::recording().input(Array2::ones((5, 3)));
    let how = Sweep { mask: Some(&foreign), ..Sweep::default() };
    assert!(cell.sweep(&x, None, &how).unwrap_err().to_string().contains("different tapes"));
    assert!(unroll(&cell, &x, None, &how).unwrap_err().to_string().contains("different tapes"));
}

/// One unit by hand: `h = x + 2 (m h) + 1`, ReLU, `m = 1/2`, from `h₀ = 1`.
#[test]
fn a_mask_worked_by_hand() {
    use gradus_rnn_bptt::ndarray::array;
    let tape = Tape::recording();
    let x = tape.variable(array![[[1.0]], [[0.0]], [[0.0]]]);
    let (h0, mask) = (tape.variable(array![[1.0]]), tape.variable(array![[0.5]]));
    let weights = Weights {
        weight_ih: tape.variable(array![[1.0]]),
        weight_hh: tape.variable(array![[2.0]]),
        bias_ih: Some(tape.variable(array![0.25])),
        bias_hh: Some(tape.variable(array![0.75])),
    };
    let how = Sweep { mask: Some(&mask), ..Sweep::default() };
    let (states, last) = bptt::rnn(&x, Some(&h0), &weights, gradus_rnn_bptt::Nonlinearity::Relu, &how).unwrap();
    assert_eq!(states.value(), &array![[[3.0]], [[4.0]], [[5.0]]]);
    // δ = 1 at every step, as m w = 1.
    let gradients = last.sum().backward().unwrap();
    assert_eq!(gradients.get(&x).unwrap(), &array![[[1.0]], [[1.0]], [[1.0]]]);
    assert_eq!(gradients.get(&h0).unwrap(), &array![[1.0]]);
    assert_eq!(gradients.get(&weights.weight_hh).unwrap(), &array![[0.5 * (1.0 + 3.0 + 4.0)]]);
    assert_eq!(gradients.get(&mask).unwrap(), &array![[2.0 * (1.0 + 3.0 + 4.0)]]);
}

/// Outputs and gradients of a masked sweep.
fn masked<C: Cell<Float = f64, State = Var<f64>>>(
    cell: &C,
    [x, h0, mask, dy, dh]: [&ArrayD<f64>; 5],
    (state, reverse, lengths): (bool, bool, Option<&[usize]>),
) -> Vec<ArrayD<f64>> {
    let tape = Tape::recording();
    let [x, h0, mask] = [x, h0, mask].map(|x| tape.variable(x.clone()));
    let direction = if reverse { Direction::Reverse } else { Direction::Forward };
    let how = Sweep { direction, lengths, mask: Some(&mask), ..Sweep::default() };
    let (states, last) = cell.sweep(&x, state.then_some(&h0), &how).unwrap();
    let loss = (&states * tape.input(dy.clone())).sum() + (&last * tape.input(dh.clone())).sum();
    let gradients: Gradients<f64> = loss.backward().unwrap();
    let gradient = |g: Option<&gradus_rnn_bptt::Value<f64>>, shape: &[usize]| {
        g.map_or_else(|| ArrayD::zeros(shape), |g| g.clone().into_array())
    };
    let mut found = vec![states.value().clone().into_array(), last.value().clone().into_array()];
    found.extend([&x, &h0, &mask].map(|v| gradient(gradients.get(v), v.shape())));
    found.extend(cell.parameters().into_iter().map(|(_, p)| gradient(gradients.get(p), p.shape())));
    found
}

proptest! {
    #[test]
    fn a_masked_sweep_equals_its_steps(
        (steps, batch, input, hidden) in (1..=12_usize, 1..=4_usize, 1..=3_usize, 1..=5_usize),
        (state, reverse, padded, relu) in any::<(bool, bool, bool, bool)>(),
        lengths in prop::collection::vec(any::<prop::sample::Index>(), 4),
        seed: u64,
    ) {
        let mut rng = rng(seed);
        let mut cell = RnnCell::<f64>::new(input, hidden, &mut rng);
        if relu {
            cell = cell.relu();
        }
        let lengths: Vec<usize> = lengths[..batch].iter().map(|length| 1 + length.index(steps)).collect();
        let mut draw = |shape: &[usize]| draw(shape, &mut rng);
        let [mut x, h0, mask] = [draw(&[steps, batch, input]), draw(&[batch, hidden]), draw(&[batch, hidden])];
        let [dy, dh] = [draw(&[steps, batch, hidden]), draw(&[batch, hidden])];
        if padded {
            for (n, &length) in lengths.iter().enumerate() {
                x.index_axis_mut(Axis(1), n).slice_axis_mut(Axis(0), (length..).into()).fill(f64::NAN);
            }
        }
        let (data, how) = ([&x, &h0, &mask, &dy, &dh], (state, reverse, padded.then_some(&lengths[..])));
        let (got, expected) = (masked(&cell, data, how), masked(&Unrolled(cell.clone()), data, how));
        // The clone in the judge has parameters of its own, in the same order.
        for (place, (got, expected)) in got.iter().zip(&expected).enumerate() {
            close(got, expected, EXACT, &format!("array {place}")).map_err(TestCaseError::fail)?;
        }
    }
}

proptest! {
    #![proptest_config(gradus_testing::proptest_cases(32))]

    /// Both draw the same masks from the tape's stream, and the steps on the tape are the judge of the whole.
    #[test]
    fn layers_with_dropout_equal_their_steps(
        sizes in (3..=8_usize, 1..=3_usize, 1..=5_usize, 1..=3_usize),
        two_directions: bool,
        rates in (0.0..0.9, prop_oneof![Just(0.0), 0.0..0.9]),
        seed: u64,
    ) {
        let hidden = sizes.2;
        equals_steps(RnnCell::new(3, hidden, &mut rng(seed)), sizes, two_directions, rates, seed);
        equals_steps(LstmCell::new(3, hidden, &mut rng(seed)), sizes, two_directions, rates, seed);
        equals_steps(GruCell::new(3, hidden, &mut rng(seed)), sizes, two_directions, rates, seed);
    }
}

fn equals_steps<C: Cell<Float = f64>>(
    cell: C,
    (steps, batch, _, layers): (usize, usize, usize, usize),
    two_directions: bool,
    (p, variational): (f64, f64),
    seed: u64,
) {
    let mut layer = Recurrent::of(cell.clone()).layers(layers, &mut rng(seed));
    let mut judge = Recurrent::of(Unrolled(cell)).layers(layers, &mut rng(seed));
    if two_directions {
        (layer, judge) = (layer.bidirectional(&mut rng(seed)), judge.bidirectional(&mut rng(seed)));
    }
    let layer = layer.dropout(p).variational_dropout(variational);
    let judge = unrolled(&layer, &judge.dropout(p).variational_dropout(variational));
    let x = draw(&[steps, batch, 3], &mut rng(!seed));
    let lengths: Vec<usize> = (0..batch).map(|n| 1 + (seed as usize % 1000 + 5 * n) % steps).collect();
    let got = run(&layer, &training(seed), &x, seed, |x, h| layer.forward_padded(x, &lengths, h));
    let expected = run(&judge, &training(seed), &x, seed, |x, h| judge.forward_padded(x, &lengths, h));
    same(&got, &expected, C::NAME);
}

/// Gates that keep the whole state keep it under a mask, too: neither is it wiped out nor does it grow by `1/(1 − p)` a step.
#[test]
fn what_is_kept_is_not_masked() {
    let gate = |cell: &mut GruCell<f64>| cell.bias_ih.as_mut().unwrap().value_mut().fill(1000.0);
    let mut gru: Gru<f64> = Gru::new(2, 6, &mut rng(1)).variational_dropout(0.5);
    gru.cells.iter_mut().for_each(gate);
    let mut lstm: Lstm<f64> = Lstm::new(2, 6, &mut rng(1)).variational_dropout(0.5);
    let biases = lstm.cells[0].bias_ih.as_mut().unwrap().value_mut();
    biases.iter_mut().enumerate().for_each(|(i, b)| *b = if i / 6 == 0 { -1000.0 } else { 1000.0 });
    let tape = training(3);
    let (x, h) = (tape.input(Array3::ones((30, 4, 2))), tape.input(Array3::from_elem((1, 4, 6), 0.25)));
    assert_eq!(gru.forward_with(&x, Some(&h)).unwrap().1.value(), h.value());
    let state = LstmState { h: h.clone(), c: h.clone() };
    assert_eq!(lstm.forward_with(&x, Some(&state)).unwrap().1.c.value(), h.value());
}

/// The mean of many draws is the pass without dropout, where everything is linear.
#[test]
fn the_expectation_is_kept() {
    let mut rnn = transparent(4, 2, false).dropout(0.4);
    let weight = Array2::from_shape_fn((4, 4), |(i, j)| 0.1 + (i as f64 * 0.3 + j as f64 * 0.7) % 1.0);
    rnn.cells.iter_mut().for_each(|cell| cell.weight_ih = weight.clone().into());
    let x = Array3::from_shape_fn((3, 2, 4), |(t, n, i)| 0.5 + (t + 2 * n + 3 * i) as f64 / 10.0);
    let exact = three(&rnn.forward(&Tape::inference().input(x.clone())).unwrap());
    let (mut draws, mut sum) = (rng(5), Array3::<f64>::zeros((3, 2, 4)));
    for _ in 0..4000 {
        sum += &three(&rnn.forward(&Tape::training(&mut draws).input(x.clone())).unwrap());
    }
    // A number's deviation is below its mean: one of 4,000 draws' mean below 1.6 %, of which five times is allowed.
    for (mean, exact) in (sum / 4000.0).iter().zip(&exact) {
        assert!((mean / exact - 1.0).abs() < 0.08, "{mean} {exact}");
    }
}
