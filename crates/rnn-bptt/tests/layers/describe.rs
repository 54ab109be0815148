//! Recurrent layers in a summary.

use super::rng;
use gradus_nn_layers::{Apply, Linear, Sequential, sequential, summary};
use gradus_rnn_bptt::ndarray::Array3;
use gradus_rnn_bptt::{Gru, Layer, LayerNormGruCell, Lstm, Module, Recurrent, Rnn, Tape};

#[test]
fn one_layer_is_one_row() {
    let rnn: Rnn = Rnn::new(3, 4, &mut rng(1));
    let found = summary(&rnn, &[10, 2, 3]).unwrap();
    let total = &found.total;
    assert_eq!((total.kind.as_str(), total.output.as_slice(), found.rows.len()), ("Rnn", &[10, 2, 4][..], 1));
    assert_eq!((total.parameters, total.trainable), (12 + 16 + 8, 36));
    assert_eq!(total.multiply_adds, Some(10 * 2 * (12 + 16)));
    assert_eq!(total.activation_bytes, 4 * (10 * 2 * 4 + 2 * 4));
    assert!(!total.dry_run);
}

#[test]
fn layers_are_rows_and_directions_are_not() {
    let mut lstm: Lstm<f64> =
        Lstm::new(3, 4, &mut rng(1)).layers(2, &mut rng(1)).bidirectional(&mut rng(1)).batch_first();
    lstm.set_trainable(false, &|name| name.ends_with("l0_reverse"));
    let found = summary(&lstm, &[2, 10, 3]).unwrap();
    let paths: Vec<_> = found.rows.iter().map(|row| row.path.as_str()).collect();
    assert_eq!(paths, ["l0", "l1"]);
    let parameters = |input: usize| 2 * (16 * input + 16 * 4 + 32);
    for (row, input) in found.rows.iter().zip([3, 8]) {
        let of = &row.description;
        assert_eq!((of.output.as_slice(), of.parameters), (&[2, 10, 8][..], parameters(input)));
        assert_eq!(of.multiply_adds, Some(20 * 2 * (16 * input + 16 * 4) as u64));
        // A step's gates and states of two directions, the outputs side by side, the last states.
        assert_eq!(of.activation_bytes, 8 * (20 * (2 * (16 + 8) + 8) + 2 * 2 * 8));
    }
    assert_eq!(found.total.parameters, lstm.count_parameters());
    assert_eq!(found.total.trainable, lstm.count_trainable());
    assert_eq!(found.total.output, [2, 10, 8]);
    assert_eq!(found.total.multiply_adds, Some(20 * 2 * (16 * 3 + 16 * 8 + 2 * 64)));
    let shape = lstm.forward(&Tape::inference().input(Array3::zeros((2, 10, 3)))).unwrap().shape().to_vec();
    assert_eq!(shape, found.total.output);
}

#[test]
fn a_projection_counts_and_peepholes_do_not() {
    let lstm: Lstm = Lstm::new(3, 4, &mut rng(1)).projection(2, &mut rng(1)).peephole(&mut rng(1));
    let found = summary(&lstm, &[5, 1, 3]).unwrap().total;
    assert_eq!(found.output, [5, 1, 2]);
    assert_eq!(found.multiply_adds, Some(5 * (16 * 3 + 16 * 2 + 2 * 4)));
    assert_eq!(found.parameters, 16 * 3 + 16 * 2 + 32 + 8 + 12);
}

#[test]
fn normalizations_are_parameters_without_products() {
    let plain = summary(&Gru::<f32>::new(3, 4, &mut rng(1)).without_bias(), &[5, 2, 3]).unwrap().total;
    let normed = Recurrent::of(LayerNormGruCell::<f32>::new(3, 4, &mut rng(1)));
    let normed = summary(&normed, &[5, 2, 3]).unwrap().total;
    assert_eq!((plain.kind.as_str(), normed.kind.as_str()), ("Gru", "LayerNormGru"));
    assert_eq!(normed.multiply_adds, plain.multiply_adds);
    assert_eq!(normed.parameters - plain.parameters, 2 * (8 + 8 + 4 + 4));
    assert!(normed.activation_bytes > plain.activation_bytes);
}

#[test]
fn a_model_prints_its_recurrent_layers() {
    let last = Apply::new(|x: &gradus_rnn_bptt::Var| Ok(x.select(0, x.shape()[0] - 1)?));
    let model: Sequential = sequential![
        "gru" => Gru::new(8, 16, &mut rng(1)).layers(2, &mut rng(1)),
        "last" => last,
        "out" => Linear::new(16, 4, &mut rng(1)),
    ];
    let found = summary(&model, &[20, 32, 8]).unwrap();
    let paths: Vec<_> = found.rows.iter().map(|row| row.path.as_str()).collect();
    assert_eq!((paths[..2].to_vec(), found.total.output.clone()), (vec!["gru.l0", "gru.l1"], vec![32, 4]));
    assert!(found.to_string().contains("gru.l0: Gru"), "{found}");
    let message = summary(&model, &[20, 32, 9]).unwrap_err().to_string();
    assert!(message.contains("layer `gru`"), "{message}");
    assert!(message.contains("gru: input [20, 32, 9]: the last axis has 9 features; the layer takes 8"), "{message}");
}

#[test]
fn what_does_not_fit_is_said() {
    let rnn: Rnn = Rnn::new(3, 4, &mut rng(1));
    let message = |rnn: &Rnn, shape: &[usize]| rnn.describe(shape).unwrap_err().to_string();
    assert_eq!(message(&rnn, &[10, 3]), "rnn: input [10, 3] has 2 axes; it needs 3 axes, (time, batch, input_size)");
    assert_eq!(message(&rnn, &[0, 2, 3]), "rnn: input [0, 2, 3] has no time steps; a sequence has at least one");
    let batch_first = rnn.clone().batch_first();
    assert_eq!(
        message(&batch_first, &[2, 0, 3]),
        "rnn: input [2, 0, 3] has no time steps; a sequence has at least one"
    );
    assert_eq!(
        message(&batch_first, &[2, 3]),
        "rnn: input [2, 3] has 2 axes; it needs 3 axes, (batch, time, input_size)"
    );
    assert!(message(&rnn.layers(0, &mut rng(1)), &[1, 1, 3]).contains("0 cells"));
    // No shape is too large to be told of.
    let large = batch_first.describe(&[usize::MAX, usize::MAX, 3]).unwrap();
    assert_eq!(large.multiply_adds, Some(u64::MAX));
}
