//! What the regularizers and their kin promise.

mod ablation;
mod augment;
mod averages;
mod calibration;
mod dropout;
mod noise;
mod torch;
mod weights;

use gradus_autograd::Tape;
use gradus_nn_layers::Linear;
use rand::SeedableRng;
use rand::rngs::StdRng;

fn rng(seed: u64) -> StdRng {
    StdRng::seed_from_u64(seed)
}

fn training(seed: u64) -> Tape<f64> {
    Tape::training(&mut rng(seed))
}

fn linear(inputs: usize, outputs: usize, seed: u64) -> Linear<f64> {
    Linear::new(inputs, outputs, &mut rng(seed))
}
