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

/// Of a long sweep both weights' gradients come from one product if both are wanted, each from its own if not.
#[test]
fn gradients_computed_together_are_those_computed_apart() {
    const STEPS: usize = 64;
    const BATCH: usize = 32;
    let numbers = |shape: &[usize], seed: f64| {
        let len: usize = shape.iter().product();
        let numbers = (0..len).map(|i| 0.3 * (seed + 0.7 * i as f64).sin()).collect::<Vec<_>>();
        Value::from(ndarray::ArrayD::from_shape_vec(shape, numbers).unwrap())
    };
    let lengths: Vec<_> = (0..BATCH).map(|sequence| STEPS - sequence).collect();
    let gradients = |gates: usize, hidden: usize, direction, wanted: [bool; 2]| {
        let tape = Tape::<f64>::recording();
        let weight = |wanted, value| if wanted { tape.variable(value) } else { tape.input(value) };
        let weights = Weights {
            weight_ih: weight(wanted[0], numbers(&[gates * hidden, 2], 0.1)),
            weight_hh: weight(wanted[1], numbers(&[gates * hidden, hidden], 0.2)),
            bias_ih: None,
            bias_hh: None,
        };
        let x = tape.input(numbers(&[STEPS, BATCH, 2], 0.3));
        let [h, c] = [0.4, 0.5].map(|seed| tape.input(numbers(&[BATCH, hidden], seed)));
        let how = Sweep { direction, lengths: Some(&lengths), ..Sweep::default() };
        let states = match gates {
            1 => rnn(&x, Some(&h), &weights, Nonlinearity::Tanh, &how).unwrap().0,
            3 => gru(&x, Some(&h), &weights, crate::Reset::After, &how).unwrap().0,
            _ => lstm(&x, Some(&crate::LstmState { h, c }), &weights, &how).unwrap().0,
        };
        let gradients = states.square().sum().backward().unwrap();
        [&weights.weight_ih, &weights.weight_hh].map(|weight| gradients.get(weight).cloned())
    };
    // As many hidden features as make 2¹⁹ numbers of δ.
    for (gates, hidden, direction) in
        [(1, 256, Direction::Forward), (3, 64, Direction::Reverse), (4, 64, Direction::Forward)]
    {
        let together = gradients(gates, hidden, direction, [true, true]);
        let apart = [[true, false], [false, true]].map(|wanted| gradients(gates, hidden, direction, wanted));
        for (i, together) in together.iter().enumerate() {
            let (together, apart) = (together.as_ref().unwrap(), apart[i][i].as_ref().unwrap());
            let largest = apart.view().iter().fold(1.0, |m: f64, x| m.max(x.abs()));
            let same = together.view().iter().zip(apart.view().iter()).all(|(a, b)| (a - b).abs() < 1e-12 * largest);
            assert!(same, "{gates} {direction:?}");
        }
    }
}
