//! Enough of an optimizer to see a network learn: optimizers are a later step of the family.

use gradus_autograd::Gradients;
use gradus_rnn_bptt::Module;
use gradus_rnn_bptt::ndarray::{ArrayD, Zip};

/// Adam, with the gradient's norm clipped to 1.
pub(crate) struct Adam {
    rate: f32,
    step: i32,
    moments: Vec<(ArrayD<f32>, ArrayD<f32>)>,
}

impl Adam {
    pub(crate) fn new(rate: f32) -> Self {
        Self { rate, step: 0, moments: Vec::new() }
    }

    pub(crate) fn step(&mut self, model: &mut impl Module, mut gradients: Gradients) {
        self.step += 1;
        let norm = gradients.norm();
        gradients.scale(1.0 / norm.max(1.0));
        let (first, second) = (1.0 - 0.9_f32.powi(self.step), 1.0 - 0.999_f32.powi(self.step));
        let mut place = 0;
        model.map_parameters(&mut |_, parameter| {
            if self.moments.len() == place {
                self.moments.push((ArrayD::zeros(parameter.shape()), ArrayD::zeros(parameter.shape())));
            }
            let (m, v) = &mut self.moments[place];
            place += 1;
            let Some(gradient) = gradients.get(&*parameter).map(|g| g.view()) else { return };
            let rate = self.rate;
            Zip::from(parameter.value_mut()).and(m).and(v).and(gradient).for_each(|w, m, v, &g| {
                *m = 0.9 * *m + 0.1 * g;
                *v = 0.999 * *v + 0.001 * g * g;
                *w -= rate * (*m / first) / ((*v / second).sqrt() + 1e-8);
            });
        });
    }
}
