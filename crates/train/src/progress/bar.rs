//! The bar on a terminal.

use crate::StepRecord;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::{IsTerminal, stdout};

#[derive(Debug, Default)]
pub(super) struct Bar {
    bar: Option<ProgressBar>,
    epochs: usize,
    /// Running means over the epoch so far.
    loss: Mean,
    accuracy: Mean,
}

impl Bar {
    pub(super) fn start(&mut self, epochs: usize, steps: usize) {
        self.epochs = epochs;
        if stdout().is_terminal() {
            let bar = ProgressBar::with_draw_target(Some((epochs * steps) as u64), ProgressDrawTarget::stdout());
            let style = ProgressStyle::with_template("{prefix} [{wide_bar}] {msg} {eta} left");
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("█▌ "));
            self.bar = Some(bar);
        }
    }

    pub(super) fn step(&mut self, step: &StepRecord) {
        self.loss.add(step.loss);
        self.accuracy.add(step.accuracy);
        if let Some(bar) = &self.bar {
            bar.set_prefix(format!("epoch {}/{}", step.epoch, self.epochs));
            bar.set_message(format!("loss {:.4}, {:.2} %", self.loss.get(), 100.0 * self.accuracy.get()));
            bar.inc(1);
        }
    }

    pub(super) fn epoch(&mut self) {
        (self.loss, self.accuracy) = (Mean::default(), Mean::default());
    }

    pub(super) fn resumed(&mut self, step: u64) {
        if let Some(bar) = &self.bar {
            bar.set_position(step);
            bar.reset_eta();
        }
    }

    /// Writes a line above the bar; `false` if there is none.
    pub(super) fn line(&self, line: &str) -> bool {
        self.bar.as_ref().map(|bar| bar.println(line)).is_some()
    }

    pub(super) fn finish(&mut self) {
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
