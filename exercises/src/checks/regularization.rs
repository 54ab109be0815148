//! Chapter 8: dropout.

use super::{Draw, gradient};
use crate::Answer;
use crate::grader::{Checked, Fault, Grading, Input, compare};
use gradus::autograd::Tape;
use gradus::ndarray::{Array1, array};
use gradus::nn_layers::Layer;
use gradus::rand::SeedableRng;
use gradus::rand::rngs::StdRng;
use gradus::regularize::Dropout;

/// Grades `dropout`.
///
/// # Errors
/// What is wrong first.
pub fn dropout(
    grading: &mut Grading<'_>,
    answer: impl Fn(&Array1<f64>, &Array1<f64>, &Array1<bool>, f64, bool) -> Answer<(Array1<f64>, Array1<f64>)>,
) -> Checked {
    let mut draw = Draw::new(13);
    let mut inputs = vec![
        (array![1.0, 2.0, 3.0, 4.0, 5.0, 6.0], Array1::ones(6), 0.5),
        (array![2.0], array![1.0], 0.5),
        (array![1.0, -1.0, 2.0], array![1.0, 2.0, 3.0], 0.0),
        (Array1::zeros(5), Array1::zeros(5), 0.25),
        (Array1::from_elem(6, f64::INFINITY), Array1::from_elem(6, -2.0), 0.5),
    ];
    for (size, p) in [(1, 0.1), (3, 0.25), (7, 0.5), (31, 0.75), (101, 0.9)] {
        inputs.push((draw.array(size), draw.array(size), p));
    }
    for (seed, (x, dy, p)) in inputs.into_iter().enumerate() {
        for training in [true, false] {
            // From the same seed comes the same mask: ones show what it keeps.
            let keep = on_tape(&Array1::ones(x.len()), &dy, p, true, seed)?.0.mapv(|y| y != 0.0);
            let (y, dx) = on_tape(&x, &dy, p, training, seed)?;

            let input = Input::new().array("x", &x).array("dy", &dy).array("keep", &keep);
            let input = input.value("p", p).value("training", training);
            let compare_both = |found: (Array1<f64>, Array1<f64>)| {
                compare("y", &found.0, &y, 0.0)?;
                compare("dx", &found.1, &dx, 0.0)
            };
            grading.input(&input, || answer(&x, &dy, &keep, p, training), compare_both)?;
        }
    }
    Ok(())
}

/// The library's layer: its output, and the gradient by its input.
fn on_tape(
    x: &Array1<f64>,
    dy: &Array1<f64>,
    p: f64,
    training: bool,
    seed: usize,
) -> Result<(Array1<f64>, Array1<f64>), Fault> {
    let tape = if training { Tape::training(&mut StdRng::seed_from_u64(seed as u64)) } else { Tape::recording() };
    let x = tape.variable(x.clone());
    let y = Dropout::new(p).forward(&x)?;
    let gradients = y.backward_with(dy.clone())?;
    let dx = gradient(&gradients, &x)?.clone().into_array();
    Ok((y.value().clone().into_array().into_dimensionality()?, dx.into_dimensionality()?))
}
