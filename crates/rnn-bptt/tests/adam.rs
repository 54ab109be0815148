//! Enough of an optimizer to see a network learn: optimizers are a later step of the family.

use gradus_autograd::Gradients;
use gradus_rnn_bptt::Module;

/// Adam, with the gradient's norm clipped to 1.
pub(crate) struct Adam {
    rate: f32,
    step: i32,
    moments: Vec<(Vec<f32>, Vec<f32>)>,
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
            let length = parameter.value().len();
            if self.moments.len() == place {
                self.moments.push((vec![0.0; length], vec![0.0; length]));
            }
            let (m, v) = &mut self.moments[place];
            place += 1;
            let Some(gradient) = gradients.get(&*parameter) else { return };
            let gradient = gradient.as_standard_layout();
            let (g, w) = (gradient.as_slice().unwrap(), parameter.value_mut().as_slice_mut().unwrap());
            // By number: tests are built unoptimized, where iterators cost ten times as much.
            let mut i = 0;
            while i < length {
                m[i] = 0.9 * m[i] + 0.1 * g[i];
                v[i] = 0.999 * v[i] + 0.001 * g[i] * g[i];
                w[i] -= self.rate * (m[i] / first) / ((v[i] / second).sqrt() + 1e-8);
                i += 1;
            }
        });
    }
}
