//! Sequences short enough to work out by hand.

use super::*;
use gradus_autograd::Tape;
use ndarray::array;

/// One unit, ReLU, `h = x + w h + 1`, on three steps from `h0 = 1` with `w = 2`: input, first state, states, last state.
fn one_unit(direction: Direction) -> ([Var<f64>; 4], Weights<f64>) {
    let tape = Tape::recording();
    let x = tape.variable(array![[[1.0]], [[0.0]], [[0.0]]]);
    let h0 = tape.variable(array![[1.0]]);
    let weights = Weights {
        weight_ih: tape.variable(array![[1.0]]),
        weight_hh: tape.variable(array![[2.0]]),
        bias_ih: Some(tape.variable(array![0.25])),
        bias_hh: Some(tape.variable(array![0.75])),
    };
    let (states, last) =
        rnn(&x, Some(&h0), &weights, Nonlinearity::Relu, &Sweep { direction, ..Sweep::default() }).unwrap();
    ([x, h0, states, last], weights)
}

#[test]
fn many_to_one_worked_by_hand() {
    let ([x, h0, states, last], w) = one_unit(Direction::Forward);
    assert_eq!(states.value(), &array![[[4.0]], [[9.0]], [[19.0]]]);
    assert_eq!(last.value(), &array![[19.0]]);
    // δ₃ = 1, δ₂ = 2, δ₁ = 4
    let gradients = last.sum().backward().unwrap();
    assert_eq!(gradients.get(&x).unwrap(), &array![[[4.0]], [[2.0]], [[1.0]]]);
    assert_eq!(gradients.get(&h0).unwrap(), &array![[8.0]]);
    assert_eq!(gradients.get(&w.weight_hh).unwrap(), &array![[4.0 * 1.0 + 2.0 * 4.0 + 1.0 * 9.0]]);
    assert_eq!(gradients.get(&w.weight_ih).unwrap(), &array![[4.0]]);
    assert_eq!(gradients.get(w.bias_ih.as_ref().unwrap()).unwrap(), &array![7.0]);
    assert_eq!(gradients.get(w.bias_hh.as_ref().unwrap()).unwrap(), &array![7.0]);
}

#[test]
fn many_to_many_worked_by_hand() {
    let ([x, h0, states, last], w) = one_unit(Direction::Forward);
    // dy = (1, 1, 1) and once more 1 at the last state: δ₃ = 2, δ₂ = 1 + 4, δ₁ = 1 + 10
    let gradients = (states.sum() + last.sum()).backward().unwrap();
    assert_eq!(gradients.get(&x).unwrap(), &array![[[11.0]], [[5.0]], [[2.0]]]);
    assert_eq!(gradients.get(&h0).unwrap(), &array![[22.0]]);
    assert_eq!(gradients.get(&w.weight_hh).unwrap(), &array![[11.0 * 1.0 + 5.0 * 4.0 + 2.0 * 9.0]]);
    assert_eq!(gradients.get(&w.weight_ih).unwrap(), &array![[11.0]]);
    assert_eq!(gradients.get(w.bias_hh.as_ref().unwrap()).unwrap(), &array![18.0]);
}

#[test]
fn a_reverse_layer_begins_at_the_end() {
    let ([x, h0, states, last], w) = one_unit(Direction::Reverse);
    // From the end: 2·1 + 0 + 1 = 3, 2·3 + 0 + 1 = 7, 2·7 + 1 + 1 = 16
    assert_eq!(states.value(), &array![[[16.0]], [[7.0]], [[3.0]]]);
    assert_eq!(last.value(), &array![[16.0]]);
    let gradients = last.sum().backward().unwrap();
    assert_eq!(gradients.get(&x).unwrap(), &array![[[1.0]], [[2.0]], [[4.0]]]);
    assert_eq!(gradients.get(&h0).unwrap(), &array![[8.0]]);
    assert_eq!(gradients.get(&w.weight_hh).unwrap(), &array![[4.0 * 1.0 + 2.0 * 3.0 + 1.0 * 7.0]]);
}

#[test]
fn a_unit_that_is_off_passes_nothing_on() {
    let tape = Tape::<f64>::recording();
    let x = tape.variable(array![[[3.0]], [[-9.0]], [[1.0]]]);
    let (weight_ih, weight_hh) = (tape.variable(array![[1.0]]), tape.variable(array![[1.0]]));
    let weights = Weights { weight_ih, weight_hh, bias_ih: None, bias_hh: None };
    let (states, last) = rnn(&x, None, &weights, Nonlinearity::Relu, &Sweep::default()).unwrap();
    assert_eq!(states.value(), &array![[[3.0]], [[0.0]], [[1.0]]]);
    let gradients = last.sum().backward().unwrap();
    assert_eq!(gradients.get(&x).unwrap(), &array![[[0.0]], [[0.0]], [[1.0]]]);
}

#[test]
fn only_wanted_gradients_are_computed() {
    let tape = Tape::<f64>::recording();
    let x = tape.input(array![[[1.0]], [[2.0]]]);
    let weights = Weights {
        weight_ih: tape.input(array![[1.0]]),
        weight_hh: tape.input(array![[0.5]]),
        bias_ih: None,
        bias_hh: Some(tape.variable(array![0.0])),
    };
    let (states, _) = rnn(&x, None, &weights, Nonlinearity::Relu, &Sweep::default()).unwrap();
    let gradients = states.sum().backward().unwrap();
    assert_eq!(gradients.get(weights.bias_hh.as_ref().unwrap()).unwrap(), &array![2.5]);
    assert!(gradients.get(&weights.weight_hh).is_none());
}

/// A sweep of so many rows goes back in two pieces. Each half of it by itself is one: chained by their states, they are the whole.
#[test]
fn pieces_are_the_whole() {
    const STEPS: usize = 64;
    const BATCH: usize = 32;
    let numbers = |shape: &[usize], seed: f64| {
        let len: usize = shape.iter().product();
        let numbers = (0..len).map(|i| 0.3 * (seed + 0.7 * i as f64).sin()).collect::<Vec<_>>();
        Value::from(ndarray::ArrayD::from_shape_vec(shape, numbers).unwrap())
    };
    let gradients = |gates: usize, hidden: usize, direction, reset, halves: &[std::ops::Range<usize>]| {
        let tape = Tape::<f64>::recording();
        let weights = Weights {
            weight_ih: tape.variable(numbers(&[gates * hidden, 2], 0.1)),
            weight_hh: tape.variable(numbers(&[gates * hidden, hidden], 0.2)),
            bias_ih: Some(tape.variable(numbers(&[gates * hidden], 0.6))),
            bias_hh: Some(tape.variable(numbers(&[gates * hidden], 0.7))),
        };
        let x = tape.variable(numbers(&[STEPS, BATCH, 2], 0.3));
        let first = [0.4, 0.5].map(|seed| tape.variable(numbers(&[BATCH, hidden], seed)));
        // The plain network reads its state through a mask.
        let mask = tape.variable(numbers(&[BATCH, hidden], 0.8));
        let how = Sweep { direction, mask: (gates == 1).then_some(&mask), ..Sweep::default() };
        let mut loss = tape.input(ndarray::arr0(0.0));
        let [mut h, mut c] = first.clone();
        for times in halves {
            let x = x.slice_axis(0, times.clone(), 1).unwrap();
            let states;
            (states, h, c) = match gates {
                1 => rnn(&x, Some(&h), &weights, Nonlinearity::Tanh, &how).map(|(y, h)| (y, h, c)).unwrap(),
                3 => gru(&x, Some(&h), &weights, reset, &how).map(|(y, h)| (y, h, c)).unwrap(),
                _ => {
                    let (y, state) = lstm(&x, Some(&crate::LstmState { h, c }), &weights, &how).unwrap();
                    (y, state.h, state.c)
                }
            };
            loss = loss + states.square().sum();
        }
        let gradients = loss.backward().unwrap();
        let Weights { weight_ih, weight_hh, bias_ih, bias_hh } = weights;
        let wanted = [Some(weight_ih), Some(weight_hh), bias_ih, bias_hh, Some(x), Some(first[0].clone())];
        let mut found = wanted.map(|wanted| gradients.get(&wanted.unwrap()).unwrap().clone()).to_vec();
        found.extend(gradients.get(&mask).cloned());
        found
    };
    use crate::Reset;
    for direction in [Direction::Forward, Direction::Reverse] {
        let half = STEPS / 2;
        let halves = match direction {
            Direction::Forward => [0..half, half..STEPS],
            Direction::Reverse => [half..STEPS, 0..half],
        };
        for (gates, hidden, reset) in
            [(1, 128, Reset::After), (3, 32, Reset::After), (3, 43, Reset::Before), (4, 64, Reset::After)]
        {
            let whole = gradients(gates, hidden, direction, reset, std::slice::from_ref(&(0..STEPS)));
            let chained = gradients(gates, hidden, direction, reset, &halves);
            assert_eq!((whole.len(), chained.len()), if gates == 1 { (7, 7) } else { (6, 6) });
            for (place, (whole, chained)) in whole.iter().zip(&chained).enumerate() {
                let largest = chained.view().iter().fold(1.0, |m: f64, x| m.max(x.abs()));
                let same = whole.view().iter().zip(chained.view().iter()).all(|(a, b)| (a - b).abs() < 1e-12 * largest);
                assert!(same, "{gates} gates, {direction:?}, {reset:?}, gradient {place}");
            }
        }
    }
}
