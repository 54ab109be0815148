//! Runs that stop, crash and meet failing disks, and go on.

mod faults;
mod file;
mod kill;
mod resume;

use gradus_data::Labelled;
use gradus_nn_layers::{Linear, Module, Relu, Sequential};
use gradus_optim::schedule::OneCycle;
use gradus_optim::{Adam, Optimizer};
use gradus_regularize::{BatchNorm1d, Dropout, EarlyStopping};
use gradus_train::{Callback, Checkpoint, EpochRecord, Error, StepRecord, Trainer};
use ndarray::Array2;
use rand::{SeedableRng, rngs::StdRng};
use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// A folder that is removed again.
pub(crate) struct Temporary(pub(crate) PathBuf);

impl Temporary {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let name = format!("gradus-train-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        let _ = std::fs::remove_dir_all(&path);
        Self(path)
    }

    fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(&self.0).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Samples of three numbers in two classes that no line separates.
pub(crate) fn samples(n: usize) -> Labelled<f64> {
    let number = |(i, j): (usize, usize)| ((i * 3 + j) as f64 * 0.618).fract() - 0.5 + 0.4 * (i % 2) as f64;
    Labelled::new(Array2::from_shape_fn((n, 3), number), (0..n).map(|i| i % 2).collect::<Vec<_>>(), 2).unwrap()
}

/// With all that a model can have beside weights: running statistics and random numbers.
fn network(seed: u64) -> Sequential<f64> {
    let mut rng = StdRng::seed_from_u64(seed);
    Sequential::new()
        .push(Linear::new(3, 4, &mut rng))
        .push(BatchNorm1d::new(4))
        .push(Relu)
        .push(Dropout::new(0.3))
        .push(Linear::new(4, 2, &mut rng))
}

/// The bits of all arrays of a model.
pub(crate) fn bits(model: &dyn Module<f64>) -> Vec<u64> {
    model.state_dict().iter().flat_map(|(_, array)| array.iter().map(|x| x.to_bits()).collect::<Vec<_>>()).collect()
}

/// Three epochs of four steps with a schedule, clipping and early stopping.
fn trainer<'a>() -> Trainer<'a, f64> {
    Trainer::new(3).batch_size(6).schedule(OneCycle::new(0.05, 12)).clip_norm(0.5).early_stopping(EarlyStopping::new(2))
}

/// All that a run leaves behind, without the times.
#[derive(Debug, PartialEq, Default)]
struct Outcome {
    model: Vec<u64>,
    optimizer: Vec<f64>,
    told: Told,
    kept_epoch: usize,
}

/// Runs it with a new model and a new optimizer.
fn run(trainer: Trainer<'_, f64>) -> Result<Outcome, Error> {
    let mut adam = Adam::new(0.05);
    run_with(trainer, &mut adam, 7)
}

fn run_with(
    trainer: Trainer<'_, f64>,
    optimizer: &mut (impl Optimizer<f64> + 'static),
    seed: u64,
) -> Result<Outcome, Error> {
    let (data, test) = samples(32).split_at(23).unwrap();
    let (mut model, told) = (network(seed), Rc::default());
    let mut trainer = trainer.callback(Box::leak(Box::new(Listener(Rc::clone(&told)))));
    let result = trainer.run(&mut model, optimizer, &data, &test, &mut StdRng::seed_from_u64(seed));
    drop(trainer);
    let told = told.take();
    let slots = optimizer.state().slots;
    let optimizer = slots.iter().flat_map(|slot| slot.arrays.iter().flat_map(|(_, array)| array.iter().copied()));
    Ok(Outcome { kept_epoch: result?.kept_epoch, model: bits(&model), optimizer: optimizer.collect(), told })
}

/// What callbacks are told.
#[derive(Debug, PartialEq, Default)]
struct Told {
    steps: Vec<StepRecord>,
    epochs: Vec<EpochRecord>,
}

/// Writes it down. It is leaked, as a trainer's callbacks must all live as long as those it has.
struct Listener(Rc<RefCell<Told>>);

impl Callback for Listener {
    fn step(&mut self, step: &StepRecord) {
        self.0.borrow_mut().steps.push(*step);
    }
    fn epoch(&mut self, epoch: &EpochRecord) {
        self.0.borrow_mut().epochs.push(EpochRecord { seconds: 0.0, ..*epoch });
    }
}

/// Sets the flag at a step.
pub(crate) struct StopAt<'a>(pub(crate) u64, pub(crate) &'a AtomicBool);

impl Callback for StopAt<'_> {
    fn step(&mut self, step: &StepRecord) {
        if step.step == self.0 {
            self.1.store(true, Ordering::Relaxed);
        }
    }
}

/// Runs until a step and stops there.
fn run_until(step: u64, trainer: Trainer<'_, f64>) -> Error {
    let flag: &AtomicBool = Box::leak(Box::default());
    run(trainer.stop_when(flag).callback(Box::leak(Box::new(StopAt(step, flag))))).unwrap_err()
}

fn without(path: &Path, error: &Error) -> String {
    error.to_string().replace(&path.display().to_string(), "FOLDER")
}

fn load(folder: &Path, step: u64) -> Checkpoint<f64> {
    Checkpoint::load(folder.join(format!("step-{step:012}.ckpt"))).unwrap()
}
