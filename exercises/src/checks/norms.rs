//! Chapter 1: norms and linear regression.

use super::{Draw, gradient, largest};
use crate::Answer;
use crate::grader::{Checked, Grading, Input, compare};
use gradus::autograd::Tape;
use gradus::linalg;
use gradus::ndarray::{Array1, Array2, Axis, arr0, array};
use gradus::nn_layers::Losses;

/// Grades `l2-norm`.
///
/// # Errors
/// What is wrong first.
pub fn l2_norm(grading: &mut Grading<'_>, answer: impl Fn(&Array1<f64>) -> Answer<f64>) -> Checked {
    let mut draw = Draw::new(1);
    let mut inputs = vec![array![3.0, -4.0], array![-2.0], array![0.0], array![1.0, 2.0, 2.0], Array1::zeros(5)];
    inputs.extend([array![3e100, 4e100], array![3e-100, -4e-100], array![1e60, 1e-60]]);
    inputs.extend([1, 3, 7, 33, 101].map(|n| draw.array(n)));
    for x in inputs {
        let expected = linalg::l2_norm(&x);
        let input = Input::new().array("x", &x);
        grading.input(&input, || answer(&x), |norm| compare("norm", &arr0(norm), &arr0(expected), 0.0))?;
    }
    Ok(())
}

/// Grades `lp-norm`.
///
/// # Errors
/// What is wrong first.
pub fn lp_norm(grading: &mut Grading<'_>, answer: impl Fn(&Array1<f64>, f64) -> Answer<f64>) -> Checked {
    let mut draw = Draw::new(2);
    let mut inputs = vec![
        (array![3.0, -4.0], 1.0),
        (array![3.0, -4.0], 2.0),
        (array![3.0, -4.0], f64::INFINITY),
        (array![1.0, -1.0], 3.0),
    ];
    for p in [1.0, 1.5, 2.0, 3.0, 17.0, f64::INFINITY] {
        inputs.extend([array![-0.7], array![0.0], Array1::zeros(3), array![0.0, -2.0, 0.0]].map(|x| (x, p)));
        inputs.extend([1, 5, 31].map(|n| (draw.array(n), p)));
        inputs.extend([array![1e200, -1e200], array![3e-200, 4e-200, -5e-200]].map(|x| (x, p)));
    }
    for _ in 0..5 {
        let (size, p) = (1 + draw.index(20), draw.number(1.0, 9.0));
        inputs.push((draw.array(size), p));
    }
    for (x, p) in inputs {
        let expected = linalg::lp_norm(&x, p)?;
        let input = Input::new().array("x", &x).value("p", p);
        grading.input(&input, || answer(&x, p), |norm| compare("norm", &arr0(norm), &arr0(expected), 0.0))?;
    }
    Ok(())
}

/// Grades `regression-gradient`.
///
/// # Errors
/// What is wrong first.
pub fn regression_gradient(
    grading: &mut Grading<'_>,
    answer: impl Fn(&Array2<f64>, &Array1<f64>, &Array1<f64>, f64) -> Answer<(Array1<f64>, f64)>,
) -> Checked {
    let mut draw = Draw::new(3);
    let mut inputs = vec![
        (array![[2.0]], array![1.0], array![3.0], 0.0),
        (array![[1.0], [2.0]], array![1.0, 0.0], array![1.0], 1.0),
        (array![[1.0, 0.0], [0.0, 2.0], [1.0, 1.0]], array![0.0, 1.0, -1.0], array![1.0, -1.0], 0.5),
        (Array2::zeros((3, 2)), Array1::zeros(3), Array1::zeros(2), 0.0),
        // A perfect fit: no residual, no gradient.
        (array![[1.0], [3.0], [-2.0]], array![3.0, 7.0, -3.0], array![2.0], 1.0),
    ];
    for (samples, features, scale) in
        [(1, 1, 1.0), (1, 3, 1.0), (5, 1, 1.0), (7, 3, 1.0), (31, 9, 1.0), (3, 5, 1e100), (5, 3, 1e-100)]
    {
        let x = draw.array((samples, features)) * scale;
        inputs.push((x, draw.array(samples) * scale, draw.array(features), draw.number(-1.0, 1.0) * scale));
    }
    for (x, y, w, b) in inputs {
        let tape = Tape::recording();
        let (weight, bias) = (tape.variable(w.clone().insert_axis(Axis(0))), tape.variable(array![b]));
        let target = tape.input(y.clone()).reshape(&[y.len(), 1])?;
        let output = tape.input(x.clone()).affine(&weight, Some(&bias))?;
        let residual = largest(&(x.dot(&w) + b - &y));
        let gradients = output.mse(&target)?.backward()?;
        let dw = gradient(&gradients, &weight)?.clone().into_array().into_shape_with_order(w.len())?;
        let db = gradient(&gradients, &bias)?.clone().into_array().into_shape_with_order(())?;

        let input = Input::new().array("x", &x).array("y", &y).array("w", &w).value("b", b);
        let compare_both = |(found_dw, found_db): (Array1<f64>, f64)| {
            compare("dw", &found_dw, &dw, largest(&x) * residual)?;
            compare("db", &arr0(found_db), &db, residual)
        };
        grading.input(&input, || answer(&x, &y, &w, b), compare_both)?;
    }
    Ok(())
}
