//! What does not fit is a typed error whose message says what was asked, what is wrong and what would fit.

use gradus_autograd::ndarray::{ArrayD, IxDyn, array};
use gradus_autograd::{Error, Tape, Value, Var, choose, concatenate, gradcheck, stack};

fn of(tape: &Tape<f64>, shape: &[usize]) -> Var<f64> {
    tape.variable(ArrayD::ones(IxDyn(shape)))
}

/// The result is an error of this variant with this message.
macro_rules! refuses {
    ($result:expr, $variant:pat, $message:expr) => {
        let error = Error::from($result.unwrap_err());
        assert!(matches!(error, $variant), "{error:?}");
        assert_eq!(error.to_string(), $message);
    };
}

#[test]
fn axes() {
    let tape = Tape::recording();
    let x = of(&tape, &[2, 3]);
    let message =
        |operation: &str, axis: isize| format!("{operation}: axis {axis} of [2, 3]: axes go from -2 to 2 exclusive");
    refuses!(x.sum_axes(&[2], false), Error::Axis { axis: 2, .. }, message("sum_axes", 2));
    refuses!(x.mean_axes(&[-3], true), Error::Axis { axis: -3, .. }, message("mean_axes", -3));
    refuses!(x.softmax(2), Error::Axis { .. }, message("softmax", 2));
    refuses!(x.log_softmax(2), Error::Axis { .. }, message("log_softmax", 2));
    refuses!(x.logsumexp(&[2], false), Error::Axis { .. }, message("logsumexp", 2));
    refuses!(x.amax(&[5], false), Error::Axis { .. }, message("amax", 5));
    refuses!(x.amin(&[5], false), Error::Axis { .. }, message("amin", 5));
    refuses!(x.max_axis(5, false), Error::Axis { .. }, message("max_axis", 5));
    refuses!(x.min_axis(5, false), Error::Axis { .. }, message("min_axis", 5));
    refuses!(x.variance(&[5], 0, false), Error::Axis { .. }, message("variance", 5));
    refuses!(x.standard_deviation(&[5], 0, false), Error::Axis { .. }, message("standard_deviation", 5));
    refuses!(x.norm(2.0, &[5], false), Error::Axis { .. }, message("norm", 5));
    refuses!(x.prod(&[5], false), Error::Axis { .. }, message("prod", 5));
    refuses!(x.cumsum(isize::MIN), Error::Axis { .. }, message("cumsum", isize::MIN));
    refuses!(x.flatten_from(2), Error::Axis { .. }, message("flatten_from", 2));
    refuses!(x.transpose(0, 2), Error::Axis { .. }, message("transpose", 2));
    refuses!(x.squeeze(2), Error::Axis { .. }, message("squeeze", 2));
    refuses!(x.flip(&[2]), Error::Axis { .. }, message("flip", 2));
    refuses!(x.slice_axis(2, 0..1, 1), Error::Axis { .. }, message("slice", 2));
    refuses!(x.select(2, 0), Error::Axis { .. }, message("select", 2));
    refuses!(x.index_select(2, &[]), Error::Axis { .. }, message("index_select", 2));
    refuses!(x.gather(2, &array![[0]]), Error::Axis { .. }, message("gather", 2));
    refuses!(x.split(2, &[]), Error::Axis { .. }, message("split", 2));
    refuses!(concatenate(2, &[&x]), Error::Axis { .. }, message("concatenate", 2));
    let wider = "axes go from -3 to 3 exclusive";
    refuses!(x.unsqueeze(3), Error::Axis { .. }, format!("unsqueeze: axis 3 of [2, 3, 1]: {wider}"));
    refuses!(stack(-4, &[&x]), Error::Axis { .. }, format!("stack: axis -4 of [2, 3, 1]: {wider}"));
    let vector = of(&tape, &[3]);
    refuses!(vector.tril(0), Error::Axis { .. }, "tril: axis -2 of [3]: axes go from -1 to 1 exclusive");
    refuses!(of(&tape, &[]).softmax(0), Error::Axis { .. }, "softmax: axis 0 of []: a number has no axes");

    refuses!(
        x.sum_axes(&[0, -2], false),
        Error::Axes { .. },
        "sum_axes: axes [0, -2] of [2, 3]: each axis at most once"
    );
    refuses!(x.flip(&[1, 1]), Error::Axes { .. }, "flip: axes [1, 1] of [2, 3]: each axis at most once");
    for axes in [&[0][..], &[0, 0], &[0, 1, 1]] {
        let message = format!("permute: axes {axes:?} of [2, 3]: every axis exactly once");
        refuses!(x.permute(axes), Error::Axes { .. }, message);
    }
}

#[test]
fn shapes() {
    let tape = Tape::recording();
    let x = of(&tape, &[2, 3]);
    let y = of(&tape, &[4, 5]);
    let broadcast = |operation: &str| {
        format!("{operation}: [2, 3] and [4, 5] do not broadcast: axes, counted from the last, must be equal or 1")
    };
    refuses!(x.try_add(&y), Error::Linalg(_), broadcast("add"));
    refuses!(x.try_sub(&y), Error::Linalg(_), broadcast("sub"));
    refuses!(x.try_mul(&y), Error::Linalg(_), broadcast("mul"));
    refuses!(x.try_div(&y), Error::Linalg(_), broadcast("div"));
    refuses!(x.maximum(&y), Error::Linalg(_), broadcast("maximum"));
    refuses!(x.minimum(&y), Error::Linalg(_), broadcast("minimum"));
    refuses!(x.pow_var(&y), Error::Linalg(_), broadcast("pow_var"));
    refuses!(choose(&array![true], &x, &y), Error::Linalg(_), broadcast("choose"));
    refuses!(x.broadcast_to(&[4, 5]), Error::Linalg(_), broadcast("broadcast_to"));
    refuses!(
        x.broadcast_to(&[1, 3]),
        Error::Shapes { .. },
        "broadcast_to: [2, 3] and [1, 3]: only axes of length 1 can be repeated"
    );
    refuses!(
        x.broadcast_to(&[usize::MAX, 2, 3]),
        Error::TooLarge { .. },
        "broadcast_to: a result of shape [18446744073709551615, 2, 3] has more elements than memory can address"
    );
    refuses!(
        x.masked_fill(&array![true, false], 0.0),
        Error::Shapes { .. },
        "masked_fill: [2, 3] and [2]: the mask broadcasts to the array"
    );
    refuses!(x.reshape(&[5]), Error::Reshape { .. }, "reshape: [2, 3] has 6 elements, [5] has 5");
    refuses!(
        x.reshape(&[usize::MAX, 2]),
        Error::Reshape { .. },
        "reshape: [2, 3] has 6 elements, [18446744073709551615, 2] has too many"
    );
    assert!(of(&tape, &[0]).reshape(&[0, usize::MAX, 2]).is_err(), "no array can have that shape");
    refuses!(
        x.squeeze(1),
        Error::Squeeze { axis: 1, .. },
        "squeeze: axis 1 of [2, 3] has length 3; only an axis of length 1 can be left out"
    );
    refuses!(
        x.pad(&[(1, 1)], 0.0),
        Error::Pad { .. },
        "pad: [(1, 1)] for [2, 3]: needs one pair (before, after) for each of the 2 axes"
    );
    refuses!(
        x.pad(&[(usize::MAX, 1), (0, 0)], 0.0),
        Error::TooLarge { operation: "pad", .. },
        "pad: a result of shape [18446744073709551615, 3] has more elements than memory can address"
    );
    refuses!(
        x.split(1, &[2, 2]),
        Error::Split { .. },
        "split: sizes [2, 2] on axis 1 of [2, 3]: they add up to 4, the axis has 3"
    );
    assert!(x.split(1, &[usize::MAX, 4]).is_err(), "the sum of the sizes must not wrap around");
    refuses!(
        concatenate::<f64>(0, &[]),
        Error::Empty { .. },
        "concatenate: no arrays were given; it needs at least one"
    );
    refuses!(stack::<f64>(0, &[]), Error::Empty { .. }, "stack: no arrays were given; it needs at least one");
    refuses!(
        concatenate(0, &[&x, &y]),
        Error::Shapes { .. },
        "concatenate: [2, 3] and [4, 5]: all other axes are of the same length"
    );
    refuses!(stack(0, &[&x, &y]), Error::Shapes { .. }, "stack: [2, 3] and [4, 5]: all shapes are the same");
    let nothing = of(&tape, &[0, 3]);
    let message =
        "amax: axes [0] of [0, 3]: there is no element to choose from; each of these axes needs a length of at least 1";
    refuses!(nothing.amax(&[0], false), Error::NoElements { .. }, message);
    refuses!(nothing.min_axis(0, false), Error::NoElements { .. }, message.replace("amax", "min_axis"));
    assert_eq!(nothing.amax(&[1], false).unwrap().shape(), [0]);
}

#[test]
fn products() {
    let tape = Tape::recording();
    let (x, number) = (of(&tape, &[2, 3]), of(&tape, &[]));
    refuses!(
        x.matmul(&of(&tape, &[4, 3])),
        Error::Linalg(_),
        "matmul: [2, 3] · [4, 3]: inner dimensions differ (3 and 4); transpose the right-hand side?"
    );
    refuses!(x.matmul(&number), Error::Shapes { .. }, "matmul: [2, 3] and []: each operand has at least one axis");
    refuses!(number.matmul(&x), Error::Shapes { .. }, "matmul: [] and [2, 3]: each operand has at least one axis");
    refuses!(
        of(&tape, &[2, 1, 3]).matmul(&of(&tape, &[4, 3, 1])),
        Error::Linalg(_),
        "matmul: [2] and [4] do not broadcast: axes, counted from the last, must be equal or 1"
    );
    refuses!(x.outer(&x), Error::Shapes { .. }, "outer: [2, 3] and [2, 3]: both have one axis");
    refuses!(
        number.affine(&x, None),
        Error::Shapes { .. },
        "affine: [] and [2, 3]: x has at least one axis, the weight two: (out, in)"
    );
    refuses!(
        x.affine(&of(&tape, &[3, 2]), None),
        Error::Shapes { .. },
        "affine: [2, 3] and [3, 2]: the last axis of x is as long as the last axis of the weight"
    );
    refuses!(
        x.affine(&of(&tape, &[4, 3]), Some(&of(&tape, &[3]))),
        Error::Shapes { .. },
        "affine: [4, 3] and [3]: the bias is as long as the first axis of the weight"
    );
}

#[test]
fn indices() {
    let tape = Tape::recording();
    let x = of(&tape, &[2, 3]);
    let message = |operation: &str| format!("{operation}: index 3 on axis 1 of [2, 3]: indices go from 0 to 2");
    refuses!(x.select(1, 3), Error::Index { index: 3, axis: 1, .. }, message("select"));
    refuses!(x.index_select(-1, &[0, 3]), Error::Index { index: 3, axis: 1, .. }, message("index_select"));
    refuses!(x.gather(1, &array![[0], [3]]), Error::Index { index: 3, axis: 1, .. }, message("gather"));
    refuses!(of(&tape, &[0]).select(0, 0), Error::Index { .. }, "select: index 0 on axis 0 of [0]: the axis is empty");
    let expected = "the index has as many axes as the array, none but the axis of the gather longer";
    refuses!(x.gather(1, &array![0]), Error::Shapes { .. }, format!("gather: [2, 3] and [1]: {expected}"));
    refuses!(
        x.gather(1, &array![[0], [0], [0]]),
        Error::Shapes { .. },
        format!("gather: [2, 3] and [3, 1]: {expected}")
    );
    for (start, end, step) in [(2, 1, 1), (0, 4, 1), (0, 3, 0)] {
        let message = format!(
            "slice: {start}..{end} by {step} on axis 1 of [2, 3]: needs start ≤ end ≤ 3 and a step of at least 1"
        );
        refuses!(x.slice_axis(1, start..end, step), Error::Slice { .. }, message);
    }
}

#[test]
fn tapes() {
    let (x, y) = (of(&Tape::recording(), &[2, 2]), of(&Tape::recording(), &[2, 2]));
    let message =
        |operation: &str| format!("{operation}: its operands are on different tapes; put both on the same one");
    refuses!(x.try_add(&y), Error::ForeignVar { .. }, message("add"));
    refuses!(x.try_sub(&y), Error::ForeignVar { .. }, message("sub"));
    refuses!(x.try_mul(&y), Error::ForeignVar { .. }, message("mul"));
    refuses!(x.try_div(&y), Error::ForeignVar { .. }, message("div"));
    refuses!(x.maximum(&y), Error::ForeignVar { .. }, message("maximum"));
    refuses!(x.matmul(&y), Error::ForeignVar { .. }, message("matmul"));
    refuses!(x.outer(&y), Error::ForeignVar { .. }, message("outer"));
    refuses!(x.affine(&y, None), Error::ForeignVar { .. }, message("affine"));
    refuses!(choose(&array![true], &x, &y), Error::ForeignVar { .. }, message("choose"));
    refuses!(concatenate(0, &[&x, &y]), Error::ForeignVar { .. }, message("concatenate"));
    refuses!(stack(0, &[&x, &y]), Error::ForeignVar { .. }, message("stack"));
}

#[test]
#[should_panic(expected = "add: [2] and [3] do not broadcast")]
fn operators_panic_with_the_same_message() {
    let tape = Tape::recording();
    let _ = of(&tape, &[2]) + of(&tape, &[3]);
}

#[test]
fn backward() {
    let tape = Tape::recording();
    let x = of(&tape, &[2]);
    refuses!(
        x.backward(),
        Error::NotScalar { .. },
        "backward: [2] is not a scalar; reduce it with sum or mean, or give a cotangent to backward_with"
    );
    refuses!(
        x.backward_with(array![1.0]),
        Error::Shapes { .. },
        "backward: [2] and [1]: the cotangent has the shape of the variable"
    );
    refuses!(
        tape.input(1.0).backward(),
        Error::NotRecorded,
        "backward: nothing was recorded that leads to this variable; was it computed from a parameter or variable, on a tape that records?"
    );
    refuses!(
        (x.sum() * f64::INFINITY).backward(),
        Error::NonFiniteLoss { cause: None, .. },
        "backward: the loss is inf; record again on a tape with watch_finite to see which operation made it so"
    );
    x.sum().backward().unwrap();
    refuses!(
        x.sum().backward(),
        Error::Spent,
        "backward: this tape has been walked already; record the computation again on a new tape"
    );
}

#[test]
fn a_gradient_that_is_not_finite_names_its_operation_on_a_tape_that_watches() {
    let loss = |tape: Tape<f64>| tape.variable(array![4.0, 0.0]).sqrt().sum();
    assert!(loss(Tape::recording()).backward().is_ok());
    let error = loss(Tape::recording().watch_finite()).backward().unwrap_err();
    assert!(matches!(&error, Error::NonFiniteGradient { operation: "sqrt", input: 0, index, .. } if index == &[1]));
    let message = error.to_string();
    assert!(message.starts_with("backward of sqrt (") && message.contains("errors.rs:"), "{message}");
    assert!(
        message.ends_with("the gradient of input 0 is inf at [1], from the gradient 1 where the operands are 0"),
        "{message}"
    );
}

#[test]
fn numbers_that_come_from_outside_are_named_as_such() {
    let tape = Tape::<f64>::recording().watch_finite();
    let data = tape.input(array![1.0, f64::NAN]);
    let cause = (of(&tape, &[2]) * data).sum().tape().non_finite().unwrap();
    assert_eq!((cause.operation, cause.index), ("input", vec![1]));
}

#[test]
fn a_gradient_check_says_what_is_wrong() {
    let halved = |x: &[Var<f64>]| {
        let y = x[0].value().mapv(|x| x * x);
        Ok::<_, Error>(x[0].tape().record("halved", [&x[0]], y, {
            let x = x[0].value().clone();
            move |dy| [Value::from(dy.into_array() * &**x)]
        }))
    };
    let error = gradcheck(halved, &[array![0.5, 3.0].into_dyn()]).unwrap_err();
    assert!(matches!(&error, Error::Gradcheck { input: 0, index, .. } if index == &[1]), "{error}");
    let fails = |x: &[Var<f64>]| x[0].reshape(&[7]);
    refuses!(
        gradcheck(fails, &[array![0.5].into_dyn()]),
        Error::Function(_),
        "gradcheck: the function failed: reshape: [1] has 1 elements, [7] has 7"
    );
}
