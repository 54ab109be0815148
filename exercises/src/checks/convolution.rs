//! Chapter 3: convolution.

use super::{Draw, gradient, largest};
use crate::Answer;
use crate::grader::{Checked, Fault, Grading, Input, compare};
use gradus::autograd::{Tape, Var};
use gradus::conv::{Geometry, conv};
use gradus::ndarray::Array4;

/// Inputs and weights.
fn inputs(draw: &mut Draw) -> Vec<(Array4<f64>, Array4<f64>)> {
    let counted = |shape| {
        let mut next = 0.0;
        Array4::from_shape_simple_fn(shape, || {
            next += 1.0;
            next
        })
    };
    let mut inputs = vec![
        (counted((1, 1, 1, 1)) * 2.0, counted((1, 1, 1, 1)) * 3.0),
        (counted((1, 1, 1, 3)), counted((1, 1, 1, 2))),
        (counted((1, 1, 3, 1)), counted((1, 1, 2, 1))),
        (counted((1, 1, 3, 3)), counted((1, 1, 2, 2))),
        (Array4::zeros((1, 2, 3, 3)), Array4::zeros((3, 2, 1, 1))),
    ];
    // Samples, channels and outputs alone, a kernel as large as the input, odd sizes of everything.
    for (x, weight, scale) in [
        ((3, 1, 2, 2), (1, 1, 1, 1), 1.0),
        ((1, 3, 2, 3), (1, 3, 2, 1), 1.0),
        ((1, 1, 3, 2), (3, 1, 1, 2), 1.0),
        ((2, 2, 3, 5), (3, 2, 3, 5), 1.0),
        ((2, 3, 5, 4), (2, 3, 3, 2), 1.0),
        ((3, 2, 4, 7), (5, 2, 1, 3), 1.0),
        ((1, 2, 5, 3), (3, 2, 2, 3), 1e100),
        ((1, 2, 3, 5), (3, 2, 3, 1), 1e-100),
    ] {
        inputs.push((draw.array(x) * scale, draw.array(weight)));
    }
    inputs
}

/// The convolution on a tape: input, weight, result.
fn on_tape(x: &Array4<f64>, weight: &Array4<f64>) -> Result<[Var<f64>; 3], Fault> {
    let (_, _, rows, columns) = weight.dim();
    let tape = Tape::recording();
    let [x, weight] = [x, weight].map(|x| tape.variable(x.clone()));
    let y = conv(&x, &weight, None, &Geometry::<2>::new((rows, columns)), 1)?;
    Ok([x, weight, y])
}

/// Grades `convolution`.
///
/// # Errors
/// What is wrong first.
pub fn convolution(
    grading: &mut Grading<'_>,
    answer: impl Fn(&Array4<f64>, &Array4<f64>) -> Answer<Array4<f64>>,
) -> Checked {
    for (x, weight) in inputs(&mut Draw::new(8)) {
        let [.., y] = on_tape(&x, &weight)?;
        let terms = largest(&x) * largest(&weight);
        let input = Input::new().array("x", &x).array("weight", &weight);
        grading.input(&input, || answer(&x, &weight), |found| compare("y", &found, y.value(), terms))?;
    }
    Ok(())
}

/// Grades `convolution-backward`.
///
/// # Errors
/// What is wrong first.
pub fn convolution_backward(
    grading: &mut Grading<'_>,
    answer: impl Fn(&Array4<f64>, &Array4<f64>, &Array4<f64>) -> Answer<(Array4<f64>, Array4<f64>)>,
) -> Checked {
    let mut draw = Draw::new(9);
    for (at, (x, weight)) in inputs(&mut draw).into_iter().enumerate() {
        let [x_on_tape, weight_on_tape, y] = on_tape(&x, &weight)?;
        let (samples, _, rows, columns) = x.dim();
        let (outputs, _, kernel_rows, kernel_columns) = weight.dim();
        let shape = (samples, outputs, rows + 1 - kernel_rows, columns + 1 - kernel_columns);
        // Ones first, so that one can check by hand.
        let dy = if at < 4 { Array4::ones(shape) } else { draw.array(shape) };
        let gradients = y.backward_with(dy.clone())?;
        let (dx, dw) = (gradient(&gradients, &x_on_tape)?, gradient(&gradients, &weight_on_tape)?);

        let input = Input::new().array("x", &x).array("weight", &weight).array("dy", &dy);
        let compare_both = |found: (Array4<f64>, Array4<f64>)| {
            compare("dx", &found.0, dx, largest(&dy) * largest(&weight))?;
            compare("dW", &found.1, dw, largest(&dy) * largest(&x))
        };
        grading.input(&input, || answer(&x, &weight, &dy), compare_both)?;
    }
    Ok(())
}
