//! Six small training runs that use what can go wrong when a run stops: random streams, running statistics, schedules, loaders.

use gradus::data::Loader;
use gradus::ndarray::{ArrayD, Ix3};
use gradus::nn_layers::Apply;
use gradus::optim::schedule::CosineAnnealing;
use gradus::optim::{OneEvaluation, Optimizer};
use gradus::prelude::*;
use gradus::regularize::augment::{Shift, Transform};
use gradus::train::{Callback, Error, Every, Result as TrainResult, StepRecord};
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

/// What is trained, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Kind {
    /// A perceptron of two layers, stopped early.
    Mlp,
    /// A perceptron with dropout and batch normalization, from a loader.
    Dropout,
    /// A convolutional network under a schedule.
    Cnn,
    /// A convolutional network on images that are shifted at random, from a loader.
    Augmented,
    /// A recurrent network, its gradients clipped.
    Rnn,
    /// An LSTM by AdamW under a schedule.
    Lstm,
}

impl Kind {
    pub(crate) const ALL: [Self; 6] = [Self::Mlp, Self::Dropout, Self::Cnn, Self::Augmented, Self::Rnn, Self::Lstm];

    /// Whether its batches come from a loader, whose threads may be many.
    pub(crate) fn is_loaded(self) -> bool {
        matches!(self, Self::Dropout | Self::Augmented)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{self:?}").to_lowercase())
    }
}

/// How a run goes; none of it may have an influence on what comes out.
#[derive(Default)]
pub(crate) struct How<'a> {
    pub(crate) workers: usize,
    /// A folder for checkpoints. A run goes on from what is there.
    pub(crate) folder: Option<&'a Path>,
    /// The step after which the run is asked to stop.
    pub(crate) stop_after: Option<u64>,
}

/// What came out, down to the last bit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Of weights and buffers, of what the optimizer remembers, and of the losses and accuracies of all epochs.
    Ended {
        digest: u64,
        steps: u64,
    },
    Stopped,
}

const EPOCHS: usize = 3;
const BATCH: usize = 24;

/// Trains.
pub(crate) fn train(kind: Kind, how: &How<'_>) -> TrainResult<Outcome> {
    let mut rng = StdRng::seed_from_u64(7);
    let (train, test) = Digits::embedded().split_at(300)?;
    let shape: &[usize] = match kind {
        Kind::Mlp | Kind::Dropout => &[64],
        Kind::Cnn | Kind::Augmented => &[1, 8, 8],
        Kind::Rnn | Kind::Lstm => &[8, 8],
    };
    let train = train.reshape_inputs(shape)?;
    let test = test.split_at(100)?.0.reshape_inputs(shape)?;
    let mut model = model(kind, &mut rng);
    let mut optimizer: Box<dyn Optimizer> = match kind {
        Kind::Mlp | Kind::Augmented => Box::new(Adam::new(3e-3)),
        Kind::Dropout | Kind::Cnn => Box::new(Sgd::new(0.05).momentum(0.9)),
        Kind::Rnn | Kind::Lstm => Box::new(AdamW::new(3e-3)),
    };
    let steps = train.len().div_ceil(BATCH) as u64 * EPOCHS as u64;
    let flag = AtomicBool::new(false);
    let mut watch = StopAfter { step: how.stop_after, flag: &flag, seen: 0 };
    let mut trainer = Trainer::new(EPOCHS).batch_size(BATCH);
    match kind {
        Kind::Mlp => trainer = trainer.early_stopping(EarlyStopping::new(1)),
        Kind::Cnn | Kind::Lstm => trainer = trainer.schedule(CosineAnnealing::new(0.02, steps)),
        Kind::Rnn => trainer = trainer.clip_norm(0.5),
        Kind::Dropout | Kind::Augmented => {}
    }
    if let Some(folder) = how.folder {
        trainer = trainer.checkpoint(folder, Every::Epochs(EPOCHS)).resume();
    }
    let mut trainer = trainer.stop_when(&flag).callback(&mut watch);
    let mut by_closure = OneEvaluation(&mut *optimizer);
    let ended = if kind.is_loaded() {
        let loader = Loader::new(train, BATCH)?.shuffled().seed(7).workers(how.workers);
        let loader = if kind == Kind::Augmented { loader.transform(shifted) } else { loader };
        trainer.run(&mut model, &mut by_closure, &loader, &test, &mut rng)
    } else {
        trainer.run(&mut model, &mut by_closure, &train, &test, &mut rng)
    };
    drop(trainer);
    let history = match ended {
        Err(Error::Interrupted { .. }) => return Ok(Outcome::Stopped),
        history => history?,
    };
    let mut hash = DefaultHasher::new();
    model.state_dict().to_bytes()?.hash(&mut hash);
    format!("{:?}", optimizer.state()).hash(&mut hash);
    for epoch in &history.epochs {
        let numbers = [epoch.train_loss, epoch.train_accuracy, epoch.test_loss, epoch.test_accuracy, epoch.lr];
        numbers.map(f64::to_bits).hash(&mut hash);
    }
    Ok(Outcome::Ended { digest: hash.finish(), steps: watch.seen })
}

fn model(kind: Kind, rng: &mut StdRng) -> Sequential {
    match kind {
        Kind::Mlp => Sequential::new().push(Linear::new(64, 32, rng)).push(Relu).push(Linear::new(32, 10, rng)),
        Kind::Dropout => Sequential::new()
            .push(Linear::new(64, 32, rng))
            .push(BatchNorm1d::new(32))
            .push(Relu)
            .push(Dropout::new(0.3))
            .push(Linear::new(32, 10, rng)),
        Kind::Cnn | Kind::Augmented => Sequential::new()
            .push(Conv2d::new(1, 8, 3, rng).padding(1))
            .push(BatchNorm2d::new(8))
            .push(Relu)
            .push(MaxPool2d::new(2))
            .push(Flatten)
            .push(Linear::new(8 * 4 * 4, 10, rng)),
        Kind::Rnn => Sequential::new()
            .push(Rnn::new(8, 24, rng).batch_first())
            .push(Apply::new(|x: &Var| Ok(x.select(1, 7)?)))
            .push(Linear::new(24, 10, rng)),
        Kind::Lstm => Sequential::new()
            .push(Lstm::new(8, 16, rng).layers(2, rng).dropout(0.2).batch_first())
            .push(Apply::new(|x: &Var| Ok(x.select(1, 7)?)))
            .push(Linear::new(16, 10, rng)),
    }
}

/// An image moved by up to a pixel each way.
fn shifted((image, label): (ArrayD<f32>, usize), rng: &mut StdRng) -> gradus::data::Result<(ArrayD<f32>, usize)> {
    let image = image.into_dimensionality::<Ix3>().expect("images have a channel, rows and columns");
    let moved = Shift::new(1, 1).apply(image.view(), rng).expect("a pixel fits into eight");
    Ok((moved.into_dyn(), label))
}

struct StopAfter<'a> {
    step: Option<u64>,
    flag: &'a AtomicBool,
    seen: u64,
}

impl Callback for StopAfter<'_> {
    fn step(&mut self, step: &StepRecord) {
        self.seen = step.step;
        self.flag.store(self.step.is_some_and(|stop| step.step >= stop), Ordering::Relaxed);
    }
}
