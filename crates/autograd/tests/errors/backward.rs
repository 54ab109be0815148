//! Gradients that cannot be.

use super::of;
use gradus_autograd::ndarray::array;
use gradus_autograd::{Error, Tape, Value, checkpoint, explain};
use gradus_testing::refuses;
use std::cell::Cell;

#[test]
fn of_what_is_no_number() {
    let tape = Tape::recording();
    let x = of(&tape, &[2]);
    refuses!(x.backward(), Error::NotScalar { .. }, @"backward: [2] is not a scalar; reduce it with sum or mean, or give a cotangent to backward_with");
    refuses!(of(&tape, &[0]).backward(), Error::NotScalar { .. }, @"backward: [0] is not a scalar; reduce it with sum or mean, or give a cotangent to backward_with");
    refuses!(x.backward_with(array![1.0]), Error::Shapes { .. }, @"backward: [2] and [1]: the cotangent must have the shape of the variable");
}

#[test]
fn of_what_was_not_recorded() {
    refuses!(Tape::recording().input(1.0).backward(), Error::NotRecorded, @"backward: nothing was recorded that leads to this variable; was it computed from a parameter or variable, on a tape that records?");
    refuses!(Tape::inference().variable(1.0).square().backward(), Error::NotRecorded, @"backward: nothing was recorded that leads to this variable; was it computed from a parameter or variable, on a tape that records?");
    refuses!(explain(&Tape::recording().input(1.0)), Error::NotRecorded, @"backward: nothing was recorded that leads to this variable; was it computed from a parameter or variable, on a tape that records?");
}

#[test]
fn twice() {
    let x = of(&Tape::recording(), &[2]);
    let loss = x.sum();
    loss.backward().unwrap();
    refuses!(loss.backward(), Error::Spent, @"backward: this tape has been walked already; record the computation again on a new tape");
    refuses!(x.sum().backward(), Error::Spent, @"backward: this tape has been walked already; record the computation again on a new tape");
    refuses!(loss.backward_steps(), Error::Spent, @"backward: this tape has been walked already; record the computation again on a new tape");
    refuses!(loss.explain(), Error::Spent, @"backward: this tape has been walked already; record the computation again on a new tape");
}

/// Values follow IEEE 754; the loss is looked at on any tape, on one that watches every step.
#[test]
fn of_numbers_that_are_not_finite() {
    let watched = || Tape::<f64>::recording().watch_finite();
    refuses!((of(&Tape::recording(), &[2]).sum() * f64::INFINITY).backward(), Error::NonFiniteLoss { cause: None, .. }, @"backward: the loss is inf; record again on a tape with watch_finite to see which operation made it so");
    let x = watched().variable(array![[3.0, 1.0], [-1.0, 2.0]]);
    refuses!(x.ln().sum().backward(), Error::NonFiniteLoss { cause: Some(_), .. }, @"backward: the loss is NaN; ln (here) produced NaN at [1, 0] of [2, 2], from -1");
    let tape = watched();
    let (x, y) = (tape.variable(array![1.0, 0.0]), tape.variable(array![4.0, 0.0]));
    refuses!((y / x).sum().backward(), Error::NonFiniteLoss { cause: Some(_), .. }, @"backward: the loss is NaN; div (here) produced NaN at [1] of [2], from 0 and 0");
    let x = watched().variable(array![1.0, 800.0]);
    refuses!(x.exp().sum().backward(), Error::NonFiniteLoss { cause: Some(_), .. }, @"backward: the loss is inf; exp (here) produced inf at [1] of [2], from 800");
    refuses!(watched().variable(array![1.0, f64::NAN]).sum().backward(), Error::NonFiniteLoss { .. }, @"backward: the loss is NaN; variable (here) produced NaN at [1] of [2]");

    let root = |tape: Tape<f64>| tape.variable(array![4.0, 0.0]).sqrt().sum();
    assert!(root(Tape::recording()).backward().is_ok());
    refuses!(root(watched()).backward(), Error::NonFiniteGradient { operation: "sqrt", input: 0, .. }, @"backward of sqrt (here): the gradient of input 0 is inf at [1], from the gradient 1 where the operands are 0");
}

#[test]
fn by_a_rule_or_a_hook_that_is_wrong() {
    let tape = Tape::recording();
    let x = of(&tape, &[2]);
    let y = tape.record("own", [&x], x.value().clone(), |_| [Value::scalar(1.0)]);
    refuses!(y.sum().backward(), Error::GradientShape { operation: "own", .. }, @"backward of own (here): the gradient of input 0 has shape [], the input [2]; must be the same");
    let y = of(&Tape::recording(), &[2]).square();
    y.map_gradient(|_| Value::scalar(1.0));
    refuses!(y.sum().backward(), Error::HookShape { operation: "square", .. }, @"backward: a hook on the result of square (here) returned a gradient of shape []; it must keep the shape [2]");
}

#[test]
fn through_a_block_that_does_not_run_again() {
    let x = of(&Tape::recording(), &[2]);
    let runs = Cell::new(0);
    let second = move || runs.replace(1) == 1;
    let y = checkpoint(&[&x], move |x| x[0].reshape(if second() { &[7] } else { &[1, 2] }));
    refuses!(y.unwrap().sum().backward(), Error::Checkpoint { .. }, @"backward of checkpoint (here): the block failed when it ran again: reshape: [2] has 2 elements, [7] has 7; the numbers must be equal");
    let x = of(&Tape::recording(), &[2]);
    let runs = Cell::new(0);
    let second = move || runs.replace(1) == 1;
    let y = checkpoint(&[&x], move |x| x[0].reshape(if second() { &[2, 1] } else { &[1, 2] }));
    refuses!(y.unwrap().sum().backward(), Error::CheckpointShape { .. }, @"backward of checkpoint (here): the block gave [1, 2] in the forward pass and [2, 1] when it ran again; it must depend on its inputs, its parameters and the tape's random numbers alone");
}

#[test]
fn numbers_that_come_from_outside_are_named_as_such() {
    let tape = Tape::<f64>::recording().watch_finite();
    let data = tape.input(array![1.0, f64::NAN]);
    let cause = (of(&tape, &[2]) * data).sum().tape().non_finite().unwrap();
    assert_eq!((cause.operation, cause.index), ("input", vec![1]));
}
