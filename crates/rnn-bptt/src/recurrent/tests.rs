//! Names, arrangements, one entry a layer, and what is refused.

use super::*;
use ndarray::{Array2, Array3, Array4};
use rand::{SeedableRng, rngs::StdRng};

fn rng() -> StdRng {
    StdRng::seed_from_u64(1)
}

#[test]
fn names_and_shapes_are_those_of_a_state_dict() {
    let rnn: Rnn = Rnn::new(3, 4, &mut rng()).bidirectional(&mut rng()).layers(2, &mut rng());
    let found: Vec<_> =
        rnn.parameters().into_iter().map(|(name, parameter)| (name, parameter.shape().to_vec())).collect();
    let mut expected = Vec::new();
    for (ending, width) in [("l0", 3), ("l0_reverse", 3), ("l1", 8), ("l1_reverse", 8)] {
        expected.push((format!("weight_ih_{ending}"), vec![4, width]));
        expected.push((format!("weight_hh_{ending}"), vec![4, 4]));
        expected.push((format!("bias_ih_{ending}"), vec![4]));
        expected.push((format!("bias_hh_{ending}"), vec![4]));
    }
    assert_eq!(found, expected);
    let mut rnn = rnn.without_bias();
    let mut names = Vec::new();
    rnn.visit_mut(&mut |name, _| names.push(name.to_owned()));
    assert_eq!(names.len(), 8);
    assert!(names.iter().zip(rnn.parameters()).all(|(name, (expected, _))| *name == expected));
}

#[test]
fn rearranging_keeps_what_fits() {
    let one: Rnn = Rnn::new(3, 4, &mut rng()).relu().without_bias();
    let two = one.clone().layers(2, &mut rng());
    assert_eq!(two.cells[0].weight_ih.value(), one.cells[0].weight_ih.value());
    assert!(two.cells[1].bias_ih.is_none() && two.cells[1].nonlinearity == Nonlinearity::Relu);
    let wide = two.clone().bidirectional(&mut rng());
    assert_eq!(wide.cells[0].weight_hh.value(), one.cells[0].weight_hh.value());
    assert_eq!(wide.cells[2].weight_ih.shape(), [4, 8]);
    assert_eq!(wide.layers(1, &mut rng()).cells.len(), 2);
}

#[test]
fn one_entry_a_layer_however_long_the_sequence() {
    let rnn: Rnn<f64> = Rnn::new(2, 3, &mut rng());
    let entries = |steps| {
        let tape = Tape::recording();
        let last = rnn.last(&tape.input(Array3::ones((steps, 2, 2)))).unwrap();
        last.sum().backward().unwrap();
        let tape = Tape::recording();
        let _ = rnn.forward_with(&tape.input(Array3::ones((steps, 2, 2))), None).unwrap();
        tape.len()
    };
    // Four parameters, the states, the last state, and the axis of layers that it gets.
    assert_eq!((entries(3), entries(300)), (7, 7));
}

#[test]
fn nothing_is_recorded_where_no_gradient_is_wanted() {
    let rnn: Rnn<f64> = Rnn::new(2, 3, &mut rng()).layers(2, &mut rng());
    let tape = Tape::inference();
    let (output, h_n) = rnn.forward_with(&tape.input(Array3::ones((5, 4, 2))), None).unwrap();
    assert!(tape.is_empty() && !output.needs_gradient() && !h_n.needs_gradient());
    let mut frozen = rnn.clone();
    frozen.set_trainable(false, &|name| name.ends_with("l0"));
    let loss = frozen.last(&Tape::recording().input(Array3::ones((5, 4, 2)))).unwrap().sum();
    let gradients = loss.backward().unwrap();
    assert_eq!(gradients.len(), 4);
    assert!(gradients.get(&frozen.cells[0].weight_hh).is_none());
}

#[test]
fn no_sequences_and_no_features_are_fine() {
    for (batch, input, hidden) in [(0, 2, 3), (2, 0, 3), (2, 2, 0)] {
        let rnn: Rnn = Rnn::new(input, hidden, &mut rng()).layers(2, &mut rng());
        let tape = Tape::recording();
        let x = tape.variable(Array3::ones((4, batch, input)));
        let output = rnn.forward(&x).unwrap();
        assert_eq!(output.shape(), [4, batch, hidden]);
        let gradients = output.sum().backward().unwrap();
        assert_eq!(gradients.get(&x).unwrap().shape(), [4, batch, input]);
    }
}

#[test]
fn what_does_not_fit_is_said() {
    let rnn: Rnn = Rnn::new(3, 4, &mut rng()).layers(2, &mut rng());
    let tape = Tape::recording();
    let x = tape.input(Array3::zeros((5, 2, 3)));
    let with = |rnn: &Rnn, x: &Var, h0: Option<&Var>| rnn.forward_with(x, h0).unwrap_err().to_string();
    let error = |x: &Var, h0: Option<&Var>| with(&rnn, x, h0);
    let state = |shape: (usize, usize, usize)| tape.input(Array3::zeros(shape));
    assert_eq!(
        error(&tape.input(Array2::zeros((5, 3))), None),
        "rnn: input [5, 3] has 2 axes; it needs 3 axes, (time, batch, input_size)"
    );
    assert!(error(&tape.input(Array4::zeros((1, 5, 2, 3))), None).contains("has 4 axes"));
    assert_eq!(error(&state((5, 2, 4)), None), "rnn: input [5, 2, 4]: the last axis has 4 features; the layer takes 3");
    assert_eq!(error(&state((0, 2, 3)), None), "rnn: input [0, 2, 3] has no time steps; a sequence has at least one");
    for wrong in [(1, 2, 4), (2, 5, 4), (2, 2, 3)] {
        assert_eq!(
            error(&x, Some(&state(wrong))),
            format!(
                "rnn: state {:?}: this layer and input need (layers, batch, hidden_size) = [2, 2, 4]",
                [wrong.0, wrong.1, wrong.2]
            )
        );
    }
    let lengths = |lengths: &[usize]| rnn.forward_padded(&x, lengths, None).unwrap_err().to_string();
    assert_eq!(lengths(&[5]), "rnn: 1 lengths for a batch of 2 sequences; each sequence has one");
    assert_eq!(lengths(&[5, 0]), "rnn: sequence 1 has length 0; lengths go from 1 to the input's 5 steps");
    assert_eq!(lengths(&[6, 5]), "rnn: sequence 0 has length 6; lengths go from 1 to the input's 5 steps");
    let foreign = Tape::recording().input(Array3::zeros((2, 2, 4)));
    assert!(error(&x, Some(&foreign)).contains("different tapes"));

    let batch_first = rnn.clone().batch_first();
    assert!(with(&batch_first, &state((2, 0, 3)), None).contains("[2, 0, 3] has no time steps"));
    assert!(with(&batch_first, &tape.input(Array2::zeros((5, 3))), None).contains("(batch, time, input_size)"));
    let two_ways = rnn.clone().bidirectional(&mut rng());
    assert!(with(&two_ways, &x, Some(&state((2, 2, 4)))).contains("(2 · layers, batch, hidden_size) = [4, 2, 4]"));

    let mut broken = rnn.clone();
    broken.cells[1].weight_hh = Array2::zeros((4, 5)).into();
    assert_eq!(with(&broken, &x, None), "rnn: weight_hh [4, 5]: with the other parameters it must be [5, 5]");
    broken.cells[1] = RnnCell::new(7, 4, &mut rng());
    assert!(with(&broken, &x, None).contains("the last axis has 4 features; the layer takes 7"));
    broken.cells[0].bias_hh = Some(Array3::zeros((1, 1, 1)).into());
    assert!(with(&broken, &x, None).contains("bias_hh [1, 1, 1]: with the other parameters it must be [4]"));
    let none = rnn.layers(0, &mut rng());
    assert!(with(&none, &x, None).starts_with("rnn: 0 cells for 1 direction(s)"));
    assert!(none.last(&x).is_err());
}
