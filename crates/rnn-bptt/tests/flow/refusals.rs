//! What is refused, and what is not.

use super::*;

#[test]
fn frozen_parameters_have_no_share_and_single_precision_will_do() {
    let mut rnn = Rnn::<f32>::new(2, 3, &mut rng(1));
    rnn.set_trainable(false, &|name| name.starts_with("bias"));
    let x = Tape::inference().input(Array3::ones((5, 2, 2)));
    let flow = GradientFlow::of(&rnn, &x, None, |y, _| Ok(y.square().mean())).unwrap();
    assert_eq!(flow.lanes[0].shares.len(), 2);
    let tape = Tape::recording();
    let gradients =
        rnn.forward_with(&tape.input(Array3::ones((5, 2, 2))), None).unwrap().0.square().mean().backward().unwrap();
    let found = &flow.lanes[0].shares[1].total;
    let expected = gradients.get_id(rnn.cells[0].weight_hh.id()).unwrap();
    assert!(found.iter().zip(expected.iter()).all(|(a, b)| (a - b).abs() < 1e-6));
}

#[test]
fn what_does_not_fit_is_said() {
    let rnn = Rnn::<f64>::new(2, 3, &mut rng(1));
    let tape = Tape::inference();
    let sum = |y: &Var<f64>, _: &Var<f64>| Ok(y.sum());
    let x = |shape: (usize, usize, usize)| tape.input(Array3::<f64>::ones(shape));
    let message = |rnn: &Rnn<f64>, x: Var<f64>| GradientFlow::of(rnn, &x, None, sum).unwrap_err().to_string();
    assert_eq!(message(&rnn, x((0, 2, 2))), "rnn: input [0, 2, 2] has no time steps; a sequence has at least one");
    assert!(message(&rnn, x((4, 2, 5))).contains("the last axis has 5 features; the layer takes 2"));
    assert_eq!(message(&rnn, x((4, 0, 2))), "gradient_flow: sequence 0 of a batch of 0; it must be less than that");
    assert_eq!(
        message(&Rnn::new(2, 0, &mut rng(1)), x((4, 2, 2))),
        "gradient_flow: the cells have a state of 0 features; must have at least one"
    );
    let wrong = tape.input(Array3::zeros((1, 2, 7)));
    let state = GradientFlow::of(&rnn, &x((4, 2, 2)), Some(&wrong), sum).unwrap_err();
    assert!(matches!(state.source_as::<Error>(), Some(Error::State { .. })), "{state}");

    let flow = GradientFlow::of(&rnn, &x((4, 2, 2)), None, sum).unwrap();
    let lane = &flow.lanes[0];
    assert_eq!(lane.share(4).unwrap_err().to_string(), "share: step 4 of a sequence of 4; it must be less than that");
    let sequence = lane.jacobians(2).unwrap_err();
    assert_eq!(sequence.to_string(), "jacobians: sequence 2 of a batch of 2; it must be less than that");
    assert!(matches!(flow.clone().judged_by(2), Err(Error::FlowSequence { sequence: 2, batch: 2, .. })));
    let every = GradientFlow::of(&rnn, &x((4, 2, 2)), None, |y, _| Ok(y.clone())).unwrap_err();
    assert!(matches!(every.source_as::<AutogradError>(), Some(AutogradError::NotScalar { .. })), "{every}");
    let nan = GradientFlow::of(&rnn, &x((4, 2, 2)), None, |y, _| Ok(y.mul_scalar(f64::NAN).sum())).unwrap_err();
    assert!(matches!(nan.source_as::<AutogradError>(), Some(AutogradError::NonFiniteLoss { .. })), "{nan}");
    // A loss that reads nothing has no gradient, and the product is what it is.
    let none = GradientFlow::of(&rnn, &x((4, 2, 2)), None, |y, _| Ok(y.mul_scalar(0.0).sum())).unwrap();
    assert!(none.lanes[0].norms.iter().all(|&norm| norm == 0.0));
    assert_eq!(none.lanes[0].ln_gains, lane.ln_gains);
}

#[test]
fn dropout_is_left_out() {
    let plain = Rnn::<f64>::new(2, 3, &mut rng(1)).layers(2, &mut rng(2));
    let x = Tape::inference().input(draw(&[5, 2, 2], 3));
    let norms = |rnn: &Rnn<f64>| GradientFlow::of(rnn, &x, None, |y, _| Ok(y.sum())).unwrap().lanes[0].norms.clone();
    assert_eq!(norms(&plain.clone().dropout(0.5)), norms(&plain));
}
