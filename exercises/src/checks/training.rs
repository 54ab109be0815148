//! Chapter 2: softmax, cross-entropy, a linear layer.

use super::{Draw, gradient, largest};
use crate::Answer;
use crate::grader::{Checked, Grading, Input, compare};
use gradus::autograd::Tape;
use gradus::ndarray::{Array1, Array2, Ix2, array};
use gradus::nn_layers::Losses;

/// Grades `softmax-backward`.
///
/// # Errors
/// What is wrong first.
pub fn softmax_backward(
    grading: &mut Grading<'_>,
    answer: impl Fn(&Array2<f64>, &Array2<f64>) -> Answer<Array2<f64>>,
) -> Checked {
    let mut draw = Draw::new(5);
    let mut inputs = vec![
        (array![[0.0, 0.0]], array![[1.0, 0.0]]),
        (array![[0.7]], array![[2.0]]),
        (array![[0.0, 1.0, 2.0]], array![[1.0, 1.0, 1.0]]),
        (array![[0.0, 1.0], [1.0, -1.0]], array![[1.0, 0.0], [0.0, -2.0]]),
        (Array2::zeros((3, 3)), Array2::zeros((3, 3))),
        // One class takes all: nothing moves any more.
        (array![[800.0, 0.0, -800.0]], array![[1.0, -3.0, 2.0]]),
    ];
    for (rows, classes, scale) in [(1, 3, 1.0), (3, 1, 1.0), (5, 7, 1.0), (2, 31, 3.0), (3, 5, 1e100), (3, 5, 1e-100)] {
        inputs.push((draw.array((rows, classes)) * 3.0, draw.array((rows, classes)) * scale));
    }
    for (x, dy) in inputs {
        let tape = Tape::recording();
        let x = tape.variable(x);
        let softmax = x.softmax(-1)?;
        let y = softmax.value().clone().into_array().into_dimensionality::<Ix2>()?;
        let gradients = softmax.backward_with(dy.clone())?;
        let dx = gradient(&gradients, &x)?;

        let input = Input::new().array("y", &y).array("dy", &dy);
        grading.input(&input, || answer(&y, &dy), |found| compare("dx", &found, dx, largest(&dy)))?;
    }
    Ok(())
}

/// Grades `cross-entropy-gradient`.
///
/// # Errors
/// What is wrong first.
pub fn cross_entropy_gradient(
    grading: &mut Grading<'_>,
    answer: impl Fn(&Array2<f64>, &Array1<usize>) -> Answer<Array2<f64>>,
) -> Checked {
    let mut draw = Draw::new(6);
    let mut inputs = vec![
        (array![[0.0, 0.0]], array![0]),
        (array![[0.3]], array![0]),
        (array![[0.0, 1.0, 2.0]], array![2]),
        (array![[0.0, 1.0], [1.0, -1.0]], array![1, 1]),
        (Array2::zeros((3, 5)), array![4, 0, 2]),
        (array![[1000.0, 0.0, -1000.0]], array![1]),
        (array![[1000.0, 1000.0], [-1000.0, -1001.0]], array![0, 1]),
    ];
    for (rows, classes, scale) in [(1, 3, 1.0), (3, 1, 1.0), (5, 7, 1.0), (3, 31, 5.0), (7, 3, 300.0), (3, 3, 1e-9)] {
        let labels = Array1::from_shape_simple_fn(rows, || draw.index(classes));
        inputs.push((draw.array((rows, classes)) * scale, labels));
    }
    for (logits, labels) in inputs {
        let variable = Tape::recording().variable(logits.clone());
        let gradients = variable.cross_entropy(&labels)?.backward()?;
        let expected = gradient(&gradients, &variable)?;
        let share = 1.0 / labels.len() as f64;

        let input = Input::new().array("logits", &logits).array("labels", &labels);
        let same = |found: Array2<f64>| compare("dlogits", &found, expected, share);
        grading.input(&input, || answer(&logits, &labels), same)?;
    }
    Ok(())
}

/// Grades `linear-backward`.
///
/// # Errors
/// What is wrong first.
pub fn linear_backward(
    grading: &mut Grading<'_>,
    answer: impl Fn(&Array2<f64>, &Array2<f64>, &Array2<f64>) -> Answer<(Array2<f64>, Array2<f64>, Array1<f64>)>,
) -> Checked {
    let mut draw = Draw::new(7);
    let mut inputs = vec![
        (array![[2.0]], array![[3.0]], array![[1.0]]),
        (array![[1.0, 2.0]], array![[3.0, 4.0]], array![[10.0]]),
        (array![[1.0, 2.0], [3.0, 4.0]], array![[0.0, 1.0], [2.0, 0.0]], array![[1.0, 0.0], [0.0, -1.0]]),
        (Array2::zeros((3, 2)), Array2::zeros((5, 2)), Array2::zeros((3, 5))),
    ];
    for (samples, features, outputs, scale) in [
        (1, 1, 1, 1.0),
        (1, 3, 5, 1.0),
        (5, 3, 1, 1.0),
        (3, 3, 3, 1.0),
        (7, 5, 3, 1.0),
        (3, 3, 3, 1e100),
        (5, 1, 7, 1e-100),
    ] {
        let [x, w] = [(samples, features), (outputs, features)].map(|shape| draw.array(shape) * scale);
        inputs.push((x, w, draw.array((samples, outputs))));
    }
    for (x, w, dy) in inputs {
        let tape = Tape::recording();
        let [input, weight] = [&x, &w].map(|x| tape.variable(x.clone()));
        let bias = tape.variable(Array1::zeros(w.nrows()));
        let gradients = input.affine(&weight, Some(&bias))?.backward_with(dy.clone())?;
        let (dx, dw, db) =
            (gradient(&gradients, &input)?, gradient(&gradients, &weight)?, gradient(&gradients, &bias)?);

        let input = Input::new().array("x", &x).array("w", &w).array("dy", &dy);
        let compare_all = |found: (Array2<f64>, Array2<f64>, Array1<f64>)| {
            compare("dx", &found.0, dx, largest(&dy) * largest(&w))?;
            compare("dW", &found.1, dw, largest(&dy) * largest(&x))?;
            compare("db", &found.2, db, largest(&dy))
        };
        grading.input(&input, || answer(&x, &w, &dy), compare_all)?;
    }
    Ok(())
}
