//! Shapes that do not fit.

use super::of;
use gradus_autograd::ndarray::array;
use gradus_autograd::{Error, Jet, Tape, choose, concatenate, fused, stack};
use gradus_testing::refuses;

#[test]
fn shapes_that_do_not_broadcast() {
    let tape = Tape::recording();
    let (x, y) = (of(&tape, &[2, 3]), of(&tape, &[4, 5]));
    refuses!(x.try_add(&y), Error::Linalg(_), @"add: [2, 3] and [4, 5] do not broadcast: axes, counted from the last, must be equal or 1");
    refuses!(x.try_sub(&y), Error::Linalg(_), @"sub: [2, 3] and [4, 5] do not broadcast: axes, counted from the last, must be equal or 1");
    refuses!(x.try_mul(&y), Error::Linalg(_), @"mul: [2, 3] and [4, 5] do not broadcast: axes, counted from the last, must be equal or 1");
    refuses!(x.try_div(&y), Error::Linalg(_), @"div: [2, 3] and [4, 5] do not broadcast: axes, counted from the last, must be equal or 1");
    refuses!(x.maximum(&y), Error::Linalg(_), @"maximum: [2, 3] and [4, 5] do not broadcast: axes, counted from the last, must be equal or 1");
    refuses!(x.minimum(&y), Error::Linalg(_), @"minimum: [2, 3] and [4, 5] do not broadcast: axes, counted from the last, must be equal or 1");
    refuses!(x.pow_var(&y), Error::Linalg(_), @"pow_var: [2, 3] and [4, 5] do not broadcast: axes, counted from the last, must be equal or 1");
    refuses!(fused([&x, &y], |[x, y]| x + y), Error::Linalg(_), @"fused: [2, 3] and [4, 5] do not broadcast: axes, counted from the last, must be equal or 1");
    refuses!(choose(&array![true], &x, &y), Error::Linalg(_), @"choose: [2, 3] and [4, 5] do not broadcast: axes, counted from the last, must be equal or 1");
    refuses!(choose(&array![[true, true]], &x, &x), Error::Linalg(_), @"choose: [1, 2] and [2, 3] do not broadcast: axes, counted from the last, must be equal or 1");
    refuses!(x.broadcast_to(&[4, 5]), Error::Linalg(_), @"broadcast_to: [2, 3] and [4, 5] do not broadcast: axes, counted from the last, must be equal or 1");
    refuses!(x.broadcast_to(&[1, 3]), Error::Shapes { .. }, @"broadcast_to: [2, 3] and [1, 3]: only axes of length 1 can be repeated");
    refuses!(x.masked_fill(&array![true, false], 0.0), Error::Shapes { .. }, @"masked_fill: [2, 3] and [2]: the mask must broadcast to the array");
}

#[test]
#[should_panic(expected = "add: [2] and [3] do not broadcast")]
fn operators_panic_with_the_same_message() {
    let tape = Tape::recording();
    let _ = of(&tape, &[2]) + of(&tape, &[3]);
}

#[test]
fn products() {
    let tape = Tape::recording();
    let (x, number) = (of(&tape, &[2, 3]), of(&tape, &[]));
    refuses!(x.matmul(&of(&tape, &[4, 3])), Error::Linalg(_), @"matmul: [2, 3] · [4, 3]: inner dimensions differ (3 and 4); transpose the right-hand side?");
    refuses!(x.matmul(&of(&tape, &[2, 5])), Error::Linalg(_), @"matmul: [2, 3] · [2, 5]: inner dimensions differ (3 and 2); transpose the left-hand side?");
    refuses!(x.matmul(&of(&tape, &[4])), Error::Linalg(_), @"matmul: [2, 3] · [4]: inner dimensions differ (3 and 4)");
    refuses!(x.matmul(&number), Error::Shapes { .. }, @"matmul: [2, 3] and []: each operand must have at least one axis");
    refuses!(number.matmul(&x), Error::Shapes { .. }, @"matmul: [] and [2, 3]: each operand must have at least one axis");
    refuses!(of(&tape, &[2, 1, 3]).matmul(&of(&tape, &[4, 3, 1])), Error::Linalg(_), @"matmul: [2, 1, 3] · [4, 3, 1]: the axes before the last two do not broadcast: counted from the last, they must be equal or 1");
    refuses!(x.outer(&x), Error::Shapes { .. }, @"outer: [2, 3] and [2, 3]: each operand must have one axis");
    refuses!(number.affine(&x, None), Error::Shapes { .. }, @"affine: [] and [2, 3]: x must have at least one axis, the weight two: (out, in)");
    refuses!(x.affine(&of(&tape, &[3, 2]), None), Error::Shapes { .. }, @"affine: [2, 3] and [3, 2]: the last axis of x must be as long as the last axis of the weight");
    refuses!(x.affine(&of(&tape, &[4, 3]), Some(&of(&tape, &[3]))), Error::Shapes { .. }, @"affine: [4, 3] and [3]: the bias must be as long as the first axis of the weight");
}

#[test]
fn other_shapes() {
    let tape = Tape::recording();
    let x = of(&tape, &[2, 3]);
    refuses!(x.reshape(&[5]), Error::Reshape { .. }, @"reshape: [2, 3] has 6 elements, [5] has 5; the numbers must be equal");
    refuses!(x.reshape(&[usize::MAX, 2]), Error::TooLarge { .. }, @"reshape: a result of shape [18446744073709551615, 2] has more elements than memory can address");
    refuses!(of(&tape, &[0]).reshape(&[0, usize::MAX, 2]), Error::TooLarge { .. }, @"reshape: a result of shape [0, 18446744073709551615, 2] has more elements than memory can address");
    refuses!(x.squeeze(1), Error::Squeeze { axis: 1, .. }, @"squeeze: axis 1 of [2, 3] has length 3; only an axis of length 1 can be left out");
    refuses!(x.pad(&[(1, 1)], 0.0), Error::Pad { .. }, @"pad: [(1, 1)] for [2, 3]: needs one pair (before, after) for each of the 2 axes");
    refuses!(x.pad(&[(usize::MAX, 1), (0, 0)], 0.0), Error::TooLarge { .. }, @"pad: a result of shape [18446744073709551615, 3] has more elements than memory can address");
    refuses!(x.broadcast_to(&[usize::MAX, 2, 3]), Error::TooLarge { .. }, @"broadcast_to: a result of shape [18446744073709551615, 2, 3] has more elements than memory can address");
}

#[test]
fn parts() {
    let tape = Tape::recording();
    let (x, y) = (of(&tape, &[2, 3]), of(&tape, &[4, 5]));
    refuses!(x.split(1, &[2, 2]), Error::Split { .. }, @"split: sizes [2, 2] on axis 1 of [2, 3]: they add up to 4; must add up to 3");
    refuses!(x.split(1, &[usize::MAX, 4]), Error::Split { .. }, @"split: sizes [18446744073709551615, 4] on axis 1 of [2, 3]: they add up to 18446744073709551619; must add up to 3");
    refuses!(concatenate::<f64>(0, &[]), Error::Empty { .. }, @"concatenate: no arrays were given; it needs at least one");
    refuses!(stack::<f64>(0, &[]), Error::Empty { .. }, @"stack: no arrays were given; it needs at least one");
    refuses!(fused([], |[]: [Jet<f64, 0>; 0]| Jet::constant(1.0)), Error::Empty { .. }, @"fused: no arrays were given; it needs at least one");
    refuses!(concatenate(0, &[&x, &y]), Error::Shapes { .. }, @"concatenate: [2, 3] and [4, 5]: all other axes must be of the same length");
    refuses!(stack(0, &[&x, &y]), Error::Shapes { .. }, @"stack: [2, 3] and [4, 5]: all shapes must be the same");
}
