//! Chapters 1 and 7: gradient descent and Adam.

use super::{Draw, largest};
use crate::Answer;
use crate::exercises::e13_adam::{AdamSettings, AdamState};
use crate::grader::{Checked, Grading, Input, compare};
use gradus::ndarray::{Array1, array};
use gradus::optim::{self, Optimizer};

/// Grades `gradient-step`.
///
/// # Errors
/// What is wrong first.
pub fn gradient_step(
    grading: &mut Grading<'_>,
    answer: impl Fn(&mut Array1<f64>, &Array1<f64>, f64) -> Answer<()>,
) -> Checked {
    let mut draw = Draw::new(4);
    let mut inputs = vec![
        (array![1.0], array![2.0], 0.5),
        (array![1.0, -1.0], array![2.0, 4.0], 0.25),
        (Array1::zeros(3), Array1::zeros(3), 0.1),
        (array![1.0, 2.0, 3.0], array![1.0, 1.0, 1.0], 0.0),
        (array![1e100, -1e-100], array![1e100, 1e-100], 1e-3),
    ];
    inputs.extend([1, 3, 7, 31].map(|n| (draw.array(n), draw.array(n) * 10.0, draw.number(0.0, 1.0))));
    for (theta, grad, lr) in inputs {
        let mut expected = theta.clone();
        optim::Sgd::new(lr).update("theta", expected.view_mut().into_dyn(), grad.view().into_dyn())?;

        let input = Input::new().array("theta", &theta).array("grad", &grad).value("lr", lr);
        let mut found = theta.clone();
        let step = || answer(&mut found, &grad, lr).map(|()| found);
        grading.input(&input, step, |found| compare("theta", &found, &expected, 0.0))?;
    }
    Ok(())
}

/// Grades `adam`: several steps, in which its state is handed from each to the next.
///
/// # Errors
/// What is wrong first.
pub fn adam(
    grading: &mut Grading<'_>,
    answer: impl Fn(&mut Array1<f64>, &mut AdamState, &Array1<f64>, &AdamSettings) -> Answer<()>,
) -> Checked {
    let mut draw = Draw::new(12);
    let usual = AdamSettings { lr: 0.1, beta1: 0.9, beta2: 0.999, eps: 1e-8 };
    // Each size has its scale of gradients.
    for (size, scale, settings) in [
        (1, 1.0, AdamSettings { beta1: 0.5, beta2: 0.75, eps: 0.5, ..usual }),
        (1, 0.0, usual),
        (3, 1.0, usual),
        (7, 1e-9, usual),
        (5, 1e50, usual),
        (31, 1.0, AdamSettings { lr: 1e-3, beta1: 0.0, beta2: 0.9, eps: 1e-3 }),
        (3, 1.0, AdamSettings { beta1: 0.8, beta2: 0.0, ..usual }),
    ] {
        let mut library = optim::Adam::new(settings.lr).betas(settings.beta1, settings.beta2).eps(settings.eps);
        let mut expected: Array1<f64> = draw.array(size);
        let mut theta = expected.clone();
        let mut state = AdamState { t: 0, m: Array1::zeros(size), v: Array1::zeros(size) };
        for step in 0..5 {
            // The first can be checked by hand; a gradient of 0 goes on with what is remembered.
            let grad: Array1<f64> = match step {
                0 if size == 1 => array![scale],
                3 => Array1::zeros(size),
                _ => draw.array(size) * scale,
            };
            library.update("theta", expected.view_mut().into_dyn(), grad.view().into_dyn())?;

            let input = Input::new().array("theta", &theta).array("grad", &grad).value("settings", settings);
            let input = input.value("t", state.t).array("m", &state.m).array("v", &state.v);
            let (mut new, mut new_state) = (theta.clone(), state.clone());
            let update = || answer(&mut new, &mut new_state, &grad, &settings).map(|()| (new, new_state));
            grading.input(&input, update, |(new, new_state)| {
                compare("theta", &new, &expected, largest(&expected))?;
                (theta, state) = (new, new_state);
                Ok(())
            })?;
        }
    }
    Ok(())
}
