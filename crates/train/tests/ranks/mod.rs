//! One run on several ranks: what is the same as on one, to the bit, and how it ends.

mod endings;
mod law;
mod local;

use super::checkpoints::{bits, samples};
use gradus_autograd::Var;
use gradus_nn_layers::{Layer, Linear, Module, Relu, Result as LayerResult, Sequential};
use gradus_optim::{Adam, AsClosure};
use gradus_regularize::{BatchNorm1d, Dropout};
use gradus_train::{Callback, EpochRecord, Error, History, Source, StepRecord, Trainer};
use local::{Local, on_ranks};
use rand::{SeedableRng, rngs::StdRng};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

fn network() -> Sequential<f64> {
    let mut rng = StdRng::seed_from_u64(5);
    Sequential::new()
        .push(Linear::new(3, 7, &mut rng))
        .push(Relu)
        .push(Dropout::new(0.3))
        .push(Linear::new(7, 2, &mut rng))
}

fn normalized() -> Sequential<f64> {
    let mut rng = StdRng::seed_from_u64(5);
    Sequential::new()
        .push(Linear::new(3, 4, &mut rng))
        .push(BatchNorm1d::new(4))
        .push(Relu)
        .push(Linear::new(4, 2, &mut rng))
}

/// The bits of the parameters alone.
fn weights(model: &dyn Module<f64>) -> Vec<u64> {
    model.parameters().iter().flat_map(|(_, p)| p.value().iter().map(|x| x.to_bits()).collect::<Vec<_>>()).collect()
}

/// What callbacks are told.
#[derive(Debug, PartialEq, Default, Clone)]
struct Told {
    steps: Vec<StepRecord>,
    epochs: Vec<EpochRecord>,
    finished: bool,
}

impl Callback for Told {
    fn step(&mut self, step: &StepRecord) {
        self.steps.push(*step);
    }
    fn epoch(&mut self, epoch: &EpochRecord) {
        self.epochs.push(EpochRecord { seconds: 0.0, ..*epoch });
    }
    fn finish(&mut self) {
        self.finished = true;
    }
}

/// All that a run leaves behind, without the times.
#[derive(Debug, PartialEq)]
struct Outcome {
    model: Vec<u64>,
    history: History,
}

/// 22 samples in batches of 5: a last batch of 2.
const SAMPLES: usize = 22;

fn run<Kind>(
    trainer: &mut Trainer<'_, f64>,
    model: &mut dyn Layer<f64>,
    optimizer: &mut impl AsClosure<f64, Kind>,
    train: &impl Source<f64>,
) -> Result<Outcome, Error> {
    let mut history = trainer.run(model, optimizer, train, &samples(9), &mut StdRng::seed_from_u64(2))?;
    history.epochs.iter_mut().for_each(|epoch| epoch.seconds = 0.0);
    Ok(Outcome { model: bits(model), history })
}

fn plain<'a>(epochs: usize) -> Trainer<'a, f64> {
    Trainer::new(epochs).batch_size(5)
}
