//! What a person who waits wants to see.

#[cfg_attr(not(feature = "progress-bar"), path = "no_bar.rs")]
mod bar;

use crate::{Callback, EpochRecord, StepRecord};
use bar::Bar;
use std::io::{Write, stdout};
use std::path::Path;

/// Shows how training goes: one plain line an epoch on standard output. With the feature `progress-bar` a terminal shows, below these
/// lines, a bar with the epoch, the loss and the accuracy in it so far, and the time left.
#[derive(Debug, Default)]
pub struct Progress {
    bar: Bar,
    epochs: usize,
}

impl Progress {
    /// Lines, and a bar where there can be one.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn line(&self, line: &str) {
        if !self.bar.line(line) {
            // A reader that has gone away is no reason to stop training.
            drop(writeln!(stdout(), "{line}"));
        }
    }
}

impl Callback for Progress {
    fn start(&mut self, epochs: usize, steps: usize) {
        self.epochs = epochs;
        self.bar.start(epochs, steps);
    }

    fn step(&mut self, step: &StepRecord) {
        self.bar.step(step);
    }

    fn epoch(&mut self, epoch: &EpochRecord) {
        self.bar.epoch();
        let line = format!(
            "epoch {}/{}: train loss {:.4}, test loss {:.4}, test accuracy {:.2} %, {:.1} s",
            epoch.epoch,
            self.epochs,
            epoch.train_loss,
            epoch.test_loss,
            100.0 * epoch.test_accuracy,
            epoch.seconds
        );
        self.line(&line);
    }

    fn resumed(&mut self, step: u64, checkpoint: &Path) {
        self.bar.resumed(step);
        self.line(&format!("going on after step {step}, from {}", checkpoint.display()));
    }

    fn finish(&mut self) {
        self.bar.finish();
    }
}
