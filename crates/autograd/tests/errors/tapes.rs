//! Variables of different tapes.

use super::of;
use gradus_autograd::ndarray::array;
use gradus_autograd::{Error, Tape, checkpoint, choose, concatenate, fused, stack};
use gradus_testing::refuses;

#[test]
fn operands_of_different_tapes() {
    let (x, y) = (of(&Tape::recording(), &[2, 2]), of(&Tape::recording(), &[2, 2]));
    refuses!(x.try_add(&y), Error::ForeignVar { .. }, @"add: its operands are on different tapes; put both on the same one");
    refuses!(x.try_sub(&y), Error::ForeignVar { .. }, @"sub: its operands are on different tapes; put both on the same one");
    refuses!(x.try_mul(&y), Error::ForeignVar { .. }, @"mul: its operands are on different tapes; put both on the same one");
    refuses!(x.try_div(&y), Error::ForeignVar { .. }, @"div: its operands are on different tapes; put both on the same one");
    refuses!(x.maximum(&y), Error::ForeignVar { .. }, @"maximum: its operands are on different tapes; put both on the same one");
    refuses!(x.minimum(&y), Error::ForeignVar { .. }, @"minimum: its operands are on different tapes; put both on the same one");
    refuses!(x.pow_var(&y), Error::ForeignVar { .. }, @"pow_var: its operands are on different tapes; put both on the same one");
    refuses!(x.matmul(&y), Error::ForeignVar { .. }, @"matmul: its operands are on different tapes; put both on the same one");
    refuses!(x.outer(&y), Error::ForeignVar { .. }, @"outer: its operands are on different tapes; put both on the same one");
    refuses!(x.affine(&y, None), Error::ForeignVar { .. }, @"affine: its operands are on different tapes; put both on the same one");
    refuses!(x.affine(&x, Some(&y)), Error::ForeignVar { .. }, @"affine: its operands are on different tapes; put both on the same one");
    refuses!(choose(&array![true], &x, &y), Error::ForeignVar { .. }, @"choose: its operands are on different tapes; put both on the same one");
    refuses!(concatenate(0, &[&x, &y]), Error::ForeignVar { .. }, @"concatenate: its operands are on different tapes; put both on the same one");
    refuses!(stack(0, &[&x, &y]), Error::ForeignVar { .. }, @"stack: its operands are on different tapes; put both on the same one");
    refuses!(fused([&x, &y], |[x, y]| x * y), Error::ForeignVar { .. }, @"fused: its operands are on different tapes; put both on the same one");
    refuses!(checkpoint(&[&x, &y], |x| x[0].try_add(&x[1])), Error::ForeignVar { .. }, @"checkpoint: its operands are on different tapes; put both on the same one");
}

/// What cannot return an error leaves it to `backward`.
#[test]
fn a_recorded_operation_with_an_operand_of_another_tape() {
    let (tape, y) = (Tape::recording(), of(&Tape::recording(), &[]));
    let x = of(&tape, &[]);
    let z = tape.record("own", [&x, &y], x.value().clone(), |dy| [dy.clone(), dy]);
    refuses!(z.backward(), Error::ForeignVar { operation: "own" }, @"own: its operands are on different tapes; put both on the same one");
}
