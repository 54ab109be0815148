//! The gradients of a convolution are the convolutions that their documentation says: here these are performed, word for word.

use super::settings::{Setting, correlate, extent, hold, settings};
use gradus_conv::ndarray::{ArrayD, ArrayViewMutD, Axis, IxDyn, Slice};
use gradus_conv::{Error, Geometry, Tape, bias_gradient, conv, input_gradient, weight_gradient};
use gradus_testing::{Tolerance, close, refuses};

/// The numbers of an array in space, those of some size behind a start, some steps apart.
fn part<'a, const R: usize>(
    array: &'a mut ArrayD<f64>,
    start: [usize; R],
    numbers: [usize; R],
    step: [usize; R],
) -> ArrayViewMutD<'a, f64> {
    let mut view = array.view_mut();
    for axis in 0..R {
        let end = start[axis] + (numbers[axis] - 1) * step[axis] + 1;
        let slice = Slice { start: start[axis] as isize, end: Some(end as isize), step: step[axis] as isize };
        view.slice_axis_inplace(Axis(2 + axis), slice);
    }
    view
}

fn zeros<const R: usize>(first: [usize; 2], size: [usize; R]) -> ArrayD<f64> {
    ArrayD::zeros(IxDyn(&[&first[..], &size[..]].concat()))
}

/// The array with its first two axes exchanged.
fn exchanged(array: ArrayD<f64>) -> ArrayD<f64> {
    let mut array = array;
    array.swap_axes(0, 1);
    array
}

/// The channels of one group, which are on this axis.
fn group(array: &ArrayD<f64>, axis: usize, group: usize, channels: usize) -> ArrayD<f64> {
    array.slice_axis(Axis(axis), Slice::from(group * channels..(group + 1) * channels)).to_owned()
}

fn padded<const R: usize>(s: &Setting<R>) -> [usize; R] {
    std::array::from_fn(|axis| s.geometry.padding[axis].0 + s.size[axis] + s.geometry.padding[axis].1)
}

fn before<const R: usize>(s: &Setting<R>) -> [usize; R] {
    std::array::from_fn(|axis| s.geometry.padding[axis].0)
}

/// Zeros inserted, fully padded, correlated with the flipped kernel whose channels are exchanged, the padding cut off.
fn literal_input_gradient<const R: usize>(s: &Setting<R>, weight: &ArrayD<f64>, dy: &ArrayD<f64>) -> ArrayD<f64> {
    let (spans, out) = (extent(&s.geometry), s.out());
    let inserted: [usize; R] = std::array::from_fn(|axis| {
        let left_over = (padded(s)[axis] - spans[axis]) % s.geometry.stride[axis];
        (out[axis] - 1) * s.geometry.stride[axis] + 1 + left_over
    });
    let full: [usize; R] = std::array::from_fn(|axis| inserted[axis] + 2 * (spans[axis] - 1));
    let mut spread = zeros([s.images, s.groups * s.outputs], full);
    part(&mut spread, spans.map(|span| span - 1), out, s.geometry.stride).assign(dy);

    let mut kernels = zeros([s.groups * s.inputs, s.outputs], s.geometry.kernel_size);
    for g in 0..s.groups {
        let mut flipped = exchanged(group(weight, 0, g, s.outputs));
        (0..R).for_each(|axis| flipped.invert_axis(Axis(2 + axis)));
        kernels.slice_axis_mut(Axis(0), Slice::from(g * s.inputs..(g + 1) * s.inputs)).assign(&flipped);
    }
    let steps_of_1 = Geometry::new(s.geometry.kernel_size).dilation(s.geometry.dilation);
    let mut of_padded = correlate(&spread, &kernels, &steps_of_1, s.groups);
    assert_eq!(of_padded.shape()[2..], padded(s));
    part(&mut of_padded, before(s), s.size, [1; R]).to_owned()
}

/// The padded input correlated with `dy`, images and channels exchanged, stride and dilation exchanged.
fn literal_weight_gradient<const R: usize>(s: &Setting<R>, x: &ArrayD<f64>, dy: &ArrayD<f64>) -> ArrayD<f64> {
    let mut wide = zeros([s.images, s.groups * s.inputs], padded(s));
    part(&mut wide, before(s), s.size, [1; R]).assign(x);
    let exchanged_roles = Geometry::new(s.out()).stride(s.geometry.dilation).dilation(s.geometry.stride);
    let mut dw = ArrayD::zeros(IxDyn(&s.weight_shape()));
    for g in 0..s.groups {
        let (x, dy) = (exchanged(group(&wide, 1, g, s.inputs)), exchanged(group(dy, 1, g, s.outputs)));
        let mut seen = correlate(&x, &dy, &exchanged_roles, 1);
        let first = part(&mut seen, [0; R], s.geometry.kernel_size, [1; R]).to_owned();
        dw.slice_axis_mut(Axis(0), Slice::from(g * s.outputs..(g + 1) * s.outputs)).assign(&exchanged(first));
    }
    dw
}

/// `dy` correlated with ones as large as itself, images and channels exchanged.
fn literal_bias_gradient<const R: usize>(s: &Setting<R>, dy: &ArrayD<f64>) -> ArrayD<f64> {
    let ones = zeros([1, s.images], s.out()) + 1.0;
    let sums = correlate(&exchanged(dy.clone()), &ones, &Geometry::new(s.out()), 1);
    sums.into_shape_with_order(IxDyn(&[s.groups * s.outputs])).expect("one number for each channel")
}

fn are_convolutions<const R: usize>() {
    hold(120, settings::<R>(), |s| {
        let (x, weight, dy) = (s.random(0, &s.x_shape()), s.random(1, &s.weight_shape()), s.random(2, &s.y_shape()));
        let dx = input_gradient(x.shape(), &weight, &dy, &s.geometry, s.groups)?;
        close(&dx, &literal_input_gradient(&s, &weight, &dy), Tolerance::F64, "dx")?;
        let dw = weight_gradient(&x, weight.shape(), &dy, &s.geometry, s.groups)?;
        close(&dw, &literal_weight_gradient(&s, &x, &dy), Tolerance::F64, "dw")?;
        let db = bias_gradient(&dy)?;
        close(&db, &literal_bias_gradient(&s, &dy), Tolerance::F64, "db")?;

        // And they are what the tape computes.
        let tape = Tape::recording();
        let bias = s.random(3, db.shape());
        let operands = [x.clone(), weight.clone(), bias].map(|array| tape.variable(array));
        let y = conv(&operands[0], &operands[1], Some(&operands[2]), &s.geometry, s.groups)?;
        let gradients = y.backward_with(dy.clone())?;
        for (operand, (gradient, name)) in operands.iter().zip([(&dx, "dx"), (&dw, "dw"), (&db, "db")]) {
            close(gradient, &**gradients.get(operand).ok_or("no gradient")?, Tolerance::F64, name)?;
        }
        // In single precision, too.
        let single = |array: &ArrayD<f64>| array.mapv(|x| x as f32);
        let (x, weight, dy) = (single(&x), single(&weight), single(&dy));
        let tolerance = Tolerance::F32.at_scale(1.0);
        close(&input_gradient(x.shape(), &weight, &dy, &s.geometry, s.groups)?, &dx, tolerance, "dx of f32")?;
        close(&weight_gradient(&x, weight.shape(), &dy, &s.geometry, s.groups)?, &dw, tolerance, "dw of f32")?;
        Ok(close(&bias_gradient(&dy)?, &db, tolerance, "db of f32")?)
    });
}

#[test]
fn gradients_are_convolutions_over_one_axis() {
    are_convolutions::<1>();
}

#[test]
fn gradients_are_convolutions_over_two_axes() {
    are_convolutions::<2>();
}

#[test]
fn gradients_are_convolutions_over_three_axes() {
    are_convolutions::<3>();
}

#[test]
fn gradients_of_nothing_are_zero() {
    let array = |shape: &[usize]| ArrayD::<f64>::zeros(IxDyn(shape));
    let none = array(&[0, 2, 3, 3]);
    assert_eq!(bias_gradient(&none).unwrap(), array(&[2]));
    assert_eq!(bias_gradient(&array(&[4, 2, 0])).unwrap(), array(&[2]));
    assert_eq!(bias_gradient(&array(&[4, 0, 3])).unwrap(), array(&[0]));
    let (geometry, weight) = (Geometry::<2>::new(2), array(&[2, 1, 2, 2]));
    assert_eq!(weight_gradient(&array(&[0, 1, 4, 4]), weight.shape(), &none, &geometry, 1).unwrap(), weight);
    assert_eq!(input_gradient(&[0, 1, 4, 4], &weight, &none, &geometry, 1).unwrap(), array(&[0, 1, 4, 4]));
}

#[test]
fn what_does_not_fit_is_refused() {
    let (weight, dy) = (ArrayD::<f64>::zeros(IxDyn(&[2, 1, 3])), ArrayD::<f64>::zeros(IxDyn(&[1, 2, 4])));
    let geometry = Geometry::<1>::new(3).stride(2);
    refuses!(
        input_gradient(&[1, 1, 7], &weight, &dy, &geometry, 1), Error::Parameter { .. },
        @"conv1d: dy [1, 2, 4]: the input [1, 1, 7] and the weight [2, 1, 3] make [1, 2, 3]; that would fit"
    );
    refuses!(
        weight_gradient(&dy, weight.shape(), &dy, &geometry, 1), Error::Channels { .. },
        @"conv1d: input [1, 2, 4], weight [2, 1, 3]: the input has 2 channels, the weight takes groups · 1 = 1 · 1 = 1"
    );
    refuses!(
        weight_gradient(&dy, &[2, usize::MAX / 2, 3], &dy, &geometry, 1), Error::Channels { .. },
        @"conv1d: input [1, 2, 4], weight [2, 9223372036854775807, 3]: the input has 2 channels, the weight takes groups · 9223372036854775807 = 1 · 9223372036854775807 = 9223372036854775807"
    );
    refuses!(
        input_gradient(&[usize::MAX / 2, 1, 7], &weight, &dy, &geometry, 1), Error::TooLarge { .. },
        @"conv1d: input of shape [9223372036854775807, 1, 7]: more than memory can hold"
    );
    refuses!(
        bias_gradient(&ArrayD::<f64>::zeros(IxDyn(&[3]))), Error::Rank { .. },
        @"bias gradient: input [3] has 1 axes; it needs 2, (N, C, …): batch, channels, and 0 in space"
    );
}

/// Most positions are seen by no window: they cost nothing but their zeros.
#[test]
fn a_stride_far_beyond_the_kernel() {
    let geometry = Geometry::<2>::new(2).stride(500).padding(1);
    let (weight, dy) = (ArrayD::from_elem(vec![1, 2, 2, 2], 3.0), ArrayD::from_elem(vec![1, 1, 2, 2], 1.0));
    let dx = input_gradient(&[1, 2, 900, 900], &weight, &dy, &geometry, 1).unwrap();
    let seen = |i: usize| i == 0 || i == 499 || i == 500;
    assert!(dx.indexed_iter().all(|(at, &dx)| dx == if seen(at[2]) && seen(at[3]) { 3.0 } else { 0.0 }));
}
