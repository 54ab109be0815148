//! Logs that other programs read.

mod event;
mod log;
mod tensorboard;

pub use log::Log;
pub use tensorboard::TensorBoard;

use crate::{EpochRecord, StepRecord};
use std::path::Path;

/// A number with the name that curves have.
type Scalar = (&'static str, f64);

fn of_step(step: &StepRecord) -> [Scalar; 3] {
    [("batch_loss", step.loss), ("batch_accuracy", step.accuracy), ("lr", step.lr)]
}

fn of_epoch(epoch: &EpochRecord) -> [Scalar; 5] {
    [
        ("train_loss", epoch.train_loss),
        ("train_accuracy", epoch.train_accuracy),
        ("test_loss", epoch.test_loss),
        ("test_accuracy", epoch.test_accuracy),
        ("seconds", epoch.seconds),
    ]
}

/// The first failure of a log: it is told on standard error, and training goes on.
#[derive(Debug, Default)]
struct Failure(Option<std::io::Error>);

impl Failure {
    fn note(&mut self, path: &Path, result: std::io::Result<()>) {
        if let (Err(error), None) = (result, &self.0) {
            eprintln!("log: {}: {error}; training goes on without it", path.display());
            self.0 = Some(error);
        }
    }
}
