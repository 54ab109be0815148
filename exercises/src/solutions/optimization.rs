//! Chapters 1 and 7: gradient descent and Adam.

use crate::Answer;
use crate::exercises::e13_adam::{AdamSettings, AdamState};
use gradus::ndarray::{Array1, Zip};

/// A solution of `gradient-step`.
///
/// # Errors
/// Never.
pub fn gradient_step(theta: &mut Array1<f64>, grad: &Array1<f64>, lr: f64) -> Answer<()> {
    theta.scaled_add(-lr, grad);
    Ok(())
}

/// A solution of `adam`.
///
/// # Errors
/// Never.
pub fn adam(theta: &mut Array1<f64>, state: &mut AdamState, grad: &Array1<f64>, settings: &AdamSettings) -> Answer<()> {
    let AdamSettings { lr, beta1, beta2, eps } = *settings;
    state.t += 1;
    let (correct1, correct2) = (1.0 - beta1.powi(state.t), 1.0 - beta2.powi(state.t));
    Zip::from(theta).and(&mut state.m).and(&mut state.v).and(grad).for_each(|theta, m, v, g| {
        *m = beta1 * *m + (1.0 - beta1) * g;
        *v = beta2 * *v + (1.0 - beta2) * g * g;
        *theta -= lr * (*m / correct1) / ((*v / correct2).sqrt() + eps);
    });
    Ok(())
}
