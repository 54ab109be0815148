//! Layer normalization inside cells, against the paper's formulas in plain loops and central differences.

use super::{EXACT, draw, rng, run};
use gradus_nn_layers::LayerNorm;
use gradus_rnn_bptt::ndarray::{Array1, Array2, Array3, ArrayD, Axis};
use gradus_rnn_bptt::{
    Cell, GruCell, LayerNormCell, LayerNormGruCell, LayerNormLstmCell, LayerNormRnnCell, LstmCell, LstmState, Module,
    Normalized, Recurrent, Reset, RnnCell, State, Tape,
};
use gradus_testing::assert_close;

/// A sequence's sums, normalized by plain arithmetic.
fn by_hand(norm: &LayerNorm<f64>, sums: &[f64]) -> Vec<f64> {
    let n = sums.len() as f64;
    let mean = sums.iter().sum::<f64>() / n;
    let variance = sums.iter().map(|a| (a - mean).powi(2)).sum::<f64>() / n;
    let [scale, shift] = [&norm.weight, &norm.bias].map(|p| p.as_ref().unwrap().value());
    sums.iter().enumerate().map(|(i, a)| scale[[i]] * (a - mean) / (variance + norm.eps).sqrt() + shift[[i]]).collect()
}

/// `W x` for one sequence.
fn product(weight: &gradus_nn_layers::Parameter<f64>, x: &[f64]) -> Vec<f64> {
    let row = |i: usize| x.iter().enumerate().map(|(j, x)| weight.value()[[i, j]] * x).sum();
    (0..weight.shape()[0]).map(row).collect()
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// The cell with scales and shifts that are not 1 and 0.
fn unsettled<C: Normalized<Float = f64>>(mut cell: LayerNormCell<C>, seed: u64) -> LayerNormCell<C> {
    let mut rng = rng(seed);
    cell.map_parameters(&mut |name, parameter| {
        if name.starts_with("norm") {
            let drawn = draw(parameter.shape(), &mut rng);
            parameter.value_mut().zip_mut_with(&drawn, |p, d| *p += 0.7 * d);
        }
    });
    cell
}

fn sequence(seed: u64) -> (Vec<f64>, Vec<f64>, Vec<f64>) {
    let mut rng = rng(seed);
    let mut draw = |n: usize| draw(&[n], &mut rng).into_raw_vec_and_offset().0;
    (draw(3), draw(4), draw(4))
}

fn row(x: &[f64]) -> Array2<f64> {
    Array1::from(x.to_vec()).insert_axis(Axis(0))
}

#[test]
fn an_rnn_step_is_the_papers() {
    let (x, h, _) = sequence(1);
    let cell = unsettled(LayerNormRnnCell::new(3, 4, &mut rng(2)), 3);
    let tape = Tape::recording();
    let got = cell.step(&tape.input(row(&x)), &tape.input(row(&h))).unwrap();
    let sums = product(&cell.cell.weight_ih, &x).into_iter().zip(product(&cell.cell.weight_hh, &h));
    let sums: Vec<f64> = sums.map(|(a, b)| a + b).collect();
    let expected: Vec<f64> = by_hand(&cell.norms[0], &sums).into_iter().map(f64::tanh).collect();
    assert_close(&**got.value(), &row(&expected), EXACT, "h");
}

#[test]
fn an_lstm_step_is_the_papers() {
    let (x, h, c) = sequence(4);
    let cell = unsettled(LayerNormLstmCell::new(3, 4, &mut rng(5)), 6);
    let tape = Tape::recording();
    let state = LstmState { h: tape.input(row(&h)), c: tape.input(row(&c)) };
    let got = cell.step(&tape.input(row(&x)), &state).unwrap();
    let from_input = by_hand(&cell.norms[0], &product(&cell.cell.weight_ih, &x));
    let from_state = by_hand(&cell.norms[1], &product(&cell.cell.weight_hh, &h));
    let sum = |gate: usize, unit: usize| from_input[4 * gate + unit] + from_state[4 * gate + unit];
    let memory: Vec<f64> = (0..4).map(|k| sigmoid(sum(1, k)) * c[k] + sigmoid(sum(0, k)) * sum(2, k).tanh()).collect();
    let shown = by_hand(&cell.norms[2], &memory);
    let output: Vec<f64> = (0..4).map(|k| sigmoid(sum(3, k)) * shown[k].tanh()).collect();
    assert_close(&**got.c.value(), &row(&memory), EXACT, "c");
    assert_close(&**got.h.value(), &row(&output), EXACT, "h");
}

#[test]
fn a_gru_step_is_the_papers() {
    let (x, h, _) = sequence(7);
    for reset in [Reset::After, Reset::Before] {
        let mut cell = unsettled(LayerNormGruCell::new(3, 4, &mut rng(8)), 9);
        cell.cell.reset = reset;
        let tape = Tape::recording();
        let got = cell.step(&tape.input(row(&x)), &tape.input(row(&h))).unwrap();
        let (inputs, states) = (product(&cell.cell.weight_ih, &x), product(&cell.cell.weight_hh, &h));
        let (gates_in, gates_state) = (by_hand(&cell.norms[0], &inputs[..8]), by_hand(&cell.norms[1], &states[..8]));
        let gate = |i: usize| sigmoid(gates_in[i] + gates_state[i]);
        let reset_state: Vec<f64> = (0..4).map(|k| gate(k) * h[k]).collect();
        let seen: Vec<f64> = match reset {
            Reset::Before => by_hand(&cell.norms[3], &product(&cell.cell.weight_hh, &reset_state)[8..]),
            _ => by_hand(&cell.norms[3], &states[8..]).into_iter().enumerate().map(|(k, a)| gate(k) * a).collect(),
        };
        let candidate = by_hand(&cell.norms[2], &inputs[8..]);
        let expected: Vec<f64> =
            (0..4).map(|k| (1.0 - gate(4 + k)) * (candidate[k] + seen[k]).tanh() + gate(4 + k) * h[k]).collect();
        assert_close(&**got.value(), &row(&expected), EXACT, "h");
    }
}

/// The loss of a layer as a number, for differences; the gradients come from `run`.
fn gradients_are_those_of_differences<C: Normalized<Float = f64>>(cell: LayerNormCell<C>) {
    let mut layer = Recurrent::of(unsettled(cell, 1)).layers(2, &mut rng(2));
    let x = draw(&[4, 2, 3], &mut rng(3));
    let loss = |layer: &Recurrent<LayerNormCell<C>>| -> f64 {
        let (tape, mut rng) = (Tape::recording(), rng(5));
        let state = layer.zero_state(&tape, 2);
        let state = state.mapped(|part| tape.variable(draw(part.shape(), &mut rng)));
        let (output, last) = layer.forward_with(&tape.variable(x.clone()), Some(&state)).unwrap();
        let mut loss = (output.value().view().into_owned() * draw(output.shape(), &mut rng)).sum();
        for part in last.parts() {
            loss += (part.value().view().into_owned() * draw(part.shape(), &mut rng)).sum();
        }
        loss
    };
    let found = run(&layer, &Tape::recording(), &x, 5, |x, h| layer.forward_with(x, h));
    let names: Vec<String> = layer.parameters().into_iter().map(|(name, _)| name).collect();
    for name in names {
        let gradient: &ArrayD<f64> = &found.iter().find(|(found, _)| *found == name).unwrap().1;
        for place in [0, gradient.len() / 2, gradient.len() - 1] {
            let mut loss_at = |change: f64| {
                layer.visit_mut(&mut |found, item| {
                    if let gradus_nn_layers::ItemMut::Parameter(p) = item
                        && found == name
                    {
                        *p.value_mut().iter_mut().nth(place).unwrap() += change;
                    }
                });
                loss(&layer)
            };
            let step = 1e-5;
            let (above, below) = (loss_at(step), loss_at(-2.0 * step));
            loss_at(step);
            let (difference, gradient) = ((above - below) / (2.0 * step), *gradient.iter().nth(place).unwrap());
            let close = (difference - gradient).abs() < 1e-7 * gradient.abs().max(1.0);
            assert!(close, "{} {name}[{place}]: {gradient}, by differences {difference}", C::LAYER_NORM);
        }
    }
}

#[test]
fn gradients_through_time_are_those_of_differences() {
    gradients_are_those_of_differences(LayerNormRnnCell::new(3, 4, &mut rng(1)));
    let lstm = LstmCell::new(3, 4, &mut rng(2)).peephole(&mut rng(3)).projection(2, &mut rng(4));
    gradients_are_those_of_differences(LayerNormCell::of(lstm));
    gradients_are_those_of_differences(LayerNormGruCell::new(3, 4, &mut rng(5)));
}

/// What the name promises: the size of the weights has no influence.
#[test]
fn the_size_of_the_weights_does_not_count() {
    fn outputs<C: Normalized<Float = f64>>(cell: LayerNormCell<C>, factor: f64) -> ArrayD<f64> {
        let mut layer = Recurrent::of(unsettled(cell, 1));
        layer.cells[0].map_parameters(&mut |name, weight| {
            if name.starts_with("weight") {
                weight.value_mut().map_inplace(|w| *w *= factor);
            }
        });
        layer.cells[0].norms.iter_mut().for_each(|norm| norm.eps = 1e-30);
        let x = draw(&[5, 2, 3], &mut rng(3));
        let (output, _) = layer.forward_with(&Tape::inference().input(x), None).unwrap();
        output.value().clone().into_array()
    }
    let of = |factor| {
        [
            outputs(LayerNormRnnCell::new(3, 4, &mut rng(2)), factor),
            outputs(LayerNormLstmCell::new(3, 4, &mut rng(2)), factor),
            outputs(LayerNormGruCell::new(3, 4, &mut rng(2)), factor),
        ]
    };
    for (large, small) in of(1000.0).iter().zip(&of(1.0)) {
        assert_close(large, small, EXACT, "outputs");
    }
}

#[test]
fn names_are_the_cells_and_those_of_the_norms() {
    fn names<C: Cell<Float = f64>>(cell: C) -> Vec<String> {
        let layer = Recurrent::of(cell).layers(2, &mut rng(1));
        let mut mutable = layer.clone();
        let names: Vec<String> = layer.parameters().into_iter().map(|(name, _)| name).collect();
        let mut again = Vec::new();
        mutable.visit_mut(&mut |name, _| again.push(name.to_owned()));
        assert_eq!(names, again);
        let (first, second) = names.split_at(names.len() / 2);
        let of_second: Vec<String> = first.iter().map(|name| name.replace("_l0", "_l1")).collect();
        assert_eq!(second, of_second);
        first.iter().map(|name| name.trim_end_matches("_l0").to_owned()).collect()
    }
    assert_eq!(names(LayerNormRnnCell::new(3, 4, &mut rng(1))), ["weight_ih", "weight_hh", "norm_weight", "norm_bias"]);
    let sums = ["weight_ih", "weight_hh", "norm_ih_weight", "norm_ih_bias", "norm_hh_weight", "norm_hh_bias"];
    assert_eq!(
        names(LayerNormLstmCell::new(3, 4, &mut rng(1))),
        [&sums[..], &["norm_c_weight", "norm_c_bias"]].concat()
    );
    assert_eq!(
        names(LayerNormGruCell::new(3, 4, &mut rng(1))),
        [&sums[..], &["norm_in_weight", "norm_in_bias", "norm_hn_weight", "norm_hn_bias"]].concat()
    );
    let mut cell = LayerNormCell::of(GruCell::<f64>::new(3, 4, &mut rng(1)).reset_before());
    cell.norms[1].eps = 0.25;
    let other = cell.alike(7, &mut rng(2));
    assert_eq!((other.cell.reset, other.norms[1].eps, other.parameters().len()), (Reset::Before, 0.25, 12));
    assert_eq!((other.input_size(), other.output_size(), cell.count_parameters()), (7, 4, 12 * 7 + 24 + 2 * 24));
}

#[test]
fn what_does_not_fit_is_said() {
    let mut cell: LayerNormLstmCell = LayerNormLstmCell::new(3, 4, &mut rng(1));
    let tape = Tape::recording();
    let x = tape.input(Array3::zeros((5, 2, 7)));
    let message =
        |cell: &LayerNormLstmCell, x| Recurrent::of(cell.clone()).forward_with(x, None).unwrap_err().to_string();
    assert_eq!(message(&cell, &x), "layer_norm_lstm: input [5, 2, 7]: the last axis has 7 features; the layer takes 3");
    cell.norms[0] = LayerNorm::new(9);
    let message = message(&cell, &tape.input(Array3::zeros((5, 2, 3))));
    assert!(message.starts_with("layer_norm: input [2, 16]"), "{message}");
}

/// Rows of equal sums have no variance: the result is the shift, and the gradient is a number.
#[test]
fn equal_sums_are_no_trouble() {
    let mut cell = LayerNormCell::of(RnnCell::<f64>::new(2, 3, &mut rng(1)));
    cell.map_parameters(&mut |_, parameter| parameter.value_mut().fill(0.5));
    let layer = Recurrent::of(cell);
    let found = run(&layer, &Tape::recording(), &ArrayD::zeros(vec![4, 2, 2]), 1, |x, _| layer.forward_with(x, None));
    let output = &found[0].1;
    assert_close(output, &ArrayD::from_elem(vec![4, 2, 3], 0.5_f64.tanh()), EXACT, "output");
    assert!(found.iter().all(|(_, array)| array.iter().all(|x| x.is_finite())));
}

#[test]
fn no_sequences_and_no_features_are_fine() {
    for (batch, input, hidden) in [(0, 2, 3), (2, 0, 3), (2, 2, 0), (1, 1, 1)] {
        fn shapes<C: Cell<Float = f64>>(cell: C, batch: usize, input: usize, hidden: usize) {
            let layer = Recurrent::of(cell).layers(2, &mut rng(1)).dropout(0.5).variational_dropout(0.5);
            let tape = Tape::training(&mut rng(2));
            let found = run(&layer, &tape, &ArrayD::ones(vec![3, batch, input]), 1, |x, h| layer.forward_with(x, h));
            assert_eq!(found[0].1.shape(), [3, batch, hidden]);
            assert!(found.iter().all(|(_, array)| array.iter().all(|x| x.is_finite())));
        }
        shapes(LayerNormRnnCell::new(input, hidden, &mut rng(1)), batch, input, hidden);
        shapes(LayerNormLstmCell::new(input, hidden, &mut rng(1)), batch, input, hidden);
        shapes(LayerNormGruCell::new(input, hidden, &mut rng(1)), batch, input, hidden);
    }
}
