//! What a person who waits wants to see.

use crate::{Callback, EpochRecord, StepRecord};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::{IsTerminal, Write, stdout};
use std::path::Path;

/// Shows how training goes: a bar with epoch, loss, accuracy and the time left on a terminal, otherwise one plain line
/// an epoch on standard output.
#[derive(Debug, Default)]
pub struct Progress {
    bar: Option<ProgressBar>,
    epochs: usize,
    /// Running means over the epoch so far.
    loss: Mean,
    accuracy: Mean,
}

impl Progress {
    /// A bar if standard output is a terminal, plain lines if not.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn line(&self, line: &str) {
        match &self.bar {
            Some(bar) => bar.println(line),
            // A reader that has gone away is no reason to stop training.
            None => drop(writeln!(stdout(), "{line}")),
        }
    }
}

impl Callback for Progress {
    fn start(&mut self, epochs: usize, steps: usize) {
        self.epochs = epochs;
        if stdout().is_terminal() {
            let bar = ProgressBar::with_draw_target(Some((epochs * steps) as u64), ProgressDrawTarget::stdout());
            let style = ProgressStyle::with_template("{prefix} [{wide_bar}] {msg} {eta} left");
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("█▌ "));
            self.bar = Some(bar);
        }
    }

    fn step(&mut self, step: &StepRecord) {
        self.loss.add(step.loss);
        self.accuracy.add(step.accuracy);
        if let Some(bar) = &self.bar {
            bar.set_prefix(format!("epoch {}/{}", step.epoch, self.epochs));
            bar.set_message(format!("loss {:.4}, {:.2} %", self.loss.get(), 100.0 * self.accuracy.get()));
            bar.inc(1);
        }
    }

    fn epoch(&mut self, epoch: &EpochRecord) {
        (self.loss, self.accuracy) = (Mean::default(), Mean::default());
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
        if let Some(bar) = &self.bar {
            bar.set_position(step);
            bar.reset_eta();
        }
        self.line(&format!("going on after step {step}, from {}", checkpoint.display()));
    }

    fn finish(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}

#[derive(Debug, Default)]
struct Mean {
    sum: f64,
    count: u64,
}

impl Mean {
    fn add(&mut self, x: f64) {
        self.sum += x;
        self.count += 1;
    }

    fn get(&self) -> f64 {
        self.sum / self.count.max(1) as f64
    }
}
