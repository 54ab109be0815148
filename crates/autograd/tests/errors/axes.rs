//! Axes and indices that are not there.

use super::of;
use gradus_autograd::ndarray::array;
use gradus_autograd::{Error, Tape, concatenate, stack};
use gradus_testing::refuses;

#[test]
fn axes_out_of_range() {
    let tape = Tape::recording();
    let x = of(&tape, &[2, 3]);
    refuses!(x.sum_axes(&[2], false), Error::Axis { axis: 2, .. }, @"sum_axes: axis 2 of [2, 3]: axes go from -2 to 1");
    refuses!(x.mean_axes(&[-3], true), Error::Axis { axis: -3, .. }, @"mean_axes: axis -3 of [2, 3]: axes go from -2 to 1");
    refuses!(x.prod(&[5], false), Error::Axis { .. }, @"prod: axis 5 of [2, 3]: axes go from -2 to 1");
    refuses!(x.amax(&[5], false), Error::Axis { .. }, @"amax: axis 5 of [2, 3]: axes go from -2 to 1");
    refuses!(x.amin(&[5], false), Error::Axis { .. }, @"amin: axis 5 of [2, 3]: axes go from -2 to 1");
    refuses!(x.variance(&[5], 0, false), Error::Axis { .. }, @"variance: axis 5 of [2, 3]: axes go from -2 to 1");
    refuses!(x.standard_deviation(&[5], 0, false), Error::Axis { .. }, @"standard_deviation: axis 5 of [2, 3]: axes go from -2 to 1");
    refuses!(x.norm(2.0, &[5], false), Error::Axis { .. }, @"norm: axis 5 of [2, 3]: axes go from -2 to 1");
    refuses!(x.norm(f64::INFINITY, &[5], false), Error::Axis { .. }, @"norm: axis 5 of [2, 3]: axes go from -2 to 1");
    refuses!(x.logsumexp(&[2], false), Error::Axis { .. }, @"logsumexp: axis 2 of [2, 3]: axes go from -2 to 1");
    refuses!(x.max_axis(5, false), Error::Axis { .. }, @"max_axis: axis 5 of [2, 3]: axes go from -2 to 1");
    refuses!(x.min_axis(5, false), Error::Axis { .. }, @"min_axis: axis 5 of [2, 3]: axes go from -2 to 1");
    refuses!(x.cumsum(isize::MIN), Error::Axis { .. }, @"cumsum: axis -9223372036854775808 of [2, 3]: axes go from -2 to 1");
    refuses!(x.softmax(2), Error::Axis { .. }, @"softmax: axis 2 of [2, 3]: axes go from -2 to 1");
    refuses!(x.log_softmax(2), Error::Axis { .. }, @"log_softmax: axis 2 of [2, 3]: axes go from -2 to 1");
    refuses!(x.flatten_from(2), Error::Axis { .. }, @"flatten_from: axis 2 of [2, 3]: axes go from -2 to 1");
    refuses!(x.permute(&[0, 2]), Error::Axis { .. }, @"permute: axis 2 of [2, 3]: axes go from -2 to 1");
    refuses!(x.transpose(0, 2), Error::Axis { .. }, @"transpose: axis 2 of [2, 3]: axes go from -2 to 1");
    refuses!(x.squeeze(2), Error::Axis { .. }, @"squeeze: axis 2 of [2, 3]: axes go from -2 to 1");
    refuses!(x.flip(&[2]), Error::Axis { .. }, @"flip: axis 2 of [2, 3]: axes go from -2 to 1");
    refuses!(x.slice_axis(2, 0..1, 1), Error::Axis { .. }, @"slice: axis 2 of [2, 3]: axes go from -2 to 1");
    refuses!(x.select(2, 0), Error::Axis { .. }, @"select: axis 2 of [2, 3]: axes go from -2 to 1");
    refuses!(x.index_select(2, &[]), Error::Axis { .. }, @"index_select: axis 2 of [2, 3]: axes go from -2 to 1");
    refuses!(x.gather(2, &array![[0]]), Error::Axis { .. }, @"gather: axis 2 of [2, 3]: axes go from -2 to 1");
    refuses!(x.split(2, &[]), Error::Axis { .. }, @"split: axis 2 of [2, 3]: axes go from -2 to 1");
    refuses!(concatenate(2, &[&x]), Error::Axis { .. }, @"concatenate: axis 2 of [2, 3]: axes go from -2 to 1");
    // Of the shape that the result will have.
    refuses!(x.unsqueeze(3), Error::Axis { .. }, @"unsqueeze: axis 3 of [2, 3, 1]: axes go from -3 to 2");
    refuses!(stack(-4, &[&x]), Error::Axis { .. }, @"stack: axis -4 of [2, 3, 1]: axes go from -3 to 2");
    let vector = of(&tape, &[3]);
    refuses!(vector.tril(0), Error::Axis { .. }, @"tril: axis -2 of [3]: axes go from -1 to 0");
    refuses!(vector.triu(0), Error::Axis { .. }, @"triu: axis -2 of [3]: axes go from -1 to 0");
    refuses!(of(&tape, &[]).softmax(0), Error::Axis { .. }, @"softmax: axis 0 of []: a number has no axes");
}

#[test]
fn lists_of_axes() {
    let x = of(&Tape::recording(), &[2, 3]);
    refuses!(x.sum_axes(&[0, -2], false), Error::Axes { .. }, @"sum_axes: axes [0, -2] of [2, 3]: each axis may be named at most once");
    refuses!(x.flip(&[1, 1]), Error::Axes { .. }, @"flip: axes [1, 1] of [2, 3]: each axis may be named at most once");
    refuses!(x.permute(&[0]), Error::Axes { .. }, @"permute: axes [0] of [2, 3]: every axis must be named exactly once");
    refuses!(x.permute(&[0, 0]), Error::Axes { .. }, @"permute: axes [0, 0] of [2, 3]: every axis must be named exactly once");
    refuses!(x.permute(&[0, 1, 1]), Error::Axes { .. }, @"permute: axes [0, 1, 1] of [2, 3]: every axis must be named exactly once");
}

#[test]
#[allow(clippy::reversed_empty_ranges)] // one is a mistake to be refused
fn indices() {
    let tape = Tape::recording();
    let x = of(&tape, &[2, 3]);
    refuses!(x.select(1, 3), Error::Index { index: 3, axis: 1, .. }, @"select: index 3 on axis 1 of [2, 3]: indices go from 0 to 2");
    refuses!(x.index_select(-1, &[0, 3]), Error::Index { index: 3, axis: 1, .. }, @"index_select: index 3 on axis 1 of [2, 3]: indices go from 0 to 2");
    refuses!(x.gather(1, &array![[0], [3]]), Error::Index { index: 3, axis: 1, .. }, @"gather: index 3 on axis 1 of [2, 3]: indices go from 0 to 2");
    refuses!(of(&tape, &[0]).select(0, 0), Error::Index { .. }, @"select: index 0 on axis 0 of [0]: the axis is empty");
    refuses!(x.gather(1, &array![0]), Error::Shapes { .. }, @"gather: [2, 3] and [1]: the index must have as many axes as the array, none but the axis of the gather longer");
    refuses!(x.gather(1, &array![[0], [0], [0]]), Error::Shapes { .. }, @"gather: [2, 3] and [3, 1]: the index must have as many axes as the array, none but the axis of the gather longer");
    refuses!(x.slice_axis(1, 2..1, 1), Error::Slice { .. }, @"slice: 2..1 by 1 on axis 1 of [2, 3]: needs start ≤ end ≤ 3 and a step of at least 1");
    refuses!(x.slice_axis(1, 0..4, 1), Error::Slice { .. }, @"slice: 0..4 by 1 on axis 1 of [2, 3]: needs start ≤ end ≤ 3 and a step of at least 1");
    refuses!(x.slice_axis(1, 0..3, 0), Error::Slice { .. }, @"slice: 0..3 by 0 on axis 1 of [2, 3]: needs start ≤ end ≤ 3 and a step of at least 1");
}

#[test]
fn nothing_to_choose_from() {
    let nothing = of(&Tape::recording(), &[0, 3]);
    refuses!(nothing.amax(&[0], false), Error::NoElements { .. }, @"amax: axes [0] of [0, 3]: there is no element to choose from; each of these axes needs a length of at least 1");
    refuses!(nothing.amin(&[0, 1], false), Error::NoElements { .. }, @"amin: axes [0, 1] of [0, 3]: there is no element to choose from; each of these axes needs a length of at least 1");
    refuses!(nothing.max_axis(0, false), Error::NoElements { .. }, @"max_axis: axes [0] of [0, 3]: there is no element to choose from; each of these axes needs a length of at least 1");
    refuses!(nothing.min_axis(0, false), Error::NoElements { .. }, @"min_axis: axes [0] of [0, 3]: there is no element to choose from; each of these axes needs a length of at least 1");
    refuses!(nothing.norm(f64::INFINITY, &[0], false), Error::NoElements { .. }, @"norm: axes [0] of [0, 3]: there is no element to choose from; each of these axes needs a length of at least 1");
    // Of three axes, each of no elements, there are no largest ones; of no axes, none that is missing.
    assert_eq!(nothing.amax(&[1], false).unwrap().shape(), [0]);
}
