//! What a training loop tells those who watch it.

use crate::GradientRecord;
use std::path::Path;

/// Watches a training run: a progress bar, a log, a plot of your own.
///
/// # Examples
/// ```
/// use gradus_train::{Callback, StepRecord};
///
/// #[derive(Default)]
/// struct WorstLoss(f64);
///
/// impl Callback for WorstLoss {
///     fn step(&mut self, step: &StepRecord) {
///         self.0 = self.0.max(step.loss);
///     }
/// }
/// ```
pub trait Callback {
    /// Training begins: so many epochs, of so many steps each.
    fn start(&mut self, epochs: usize, steps: usize) {
        let _ = (epochs, steps);
    }

    /// A step has been taken.
    fn step(&mut self, step: &StepRecord) {
        let _ = step;
    }

    /// The gradient of a parameter at a step that [`Trainer::gradient_health`](crate::Trainer::gradient_health) looks at; comes right before `step`.
    fn gradient(&mut self, gradient: &GradientRecord) {
        let _ = gradient;
    }

    /// A metric of [`Trainer::metric`](crate::Trainer::metric) has been measured at the end of an epoch; comes right before `epoch`.
    fn metric(&mut self, metric: &MetricRecord) {
        let _ = metric;
    }

    /// An epoch has ended.
    fn epoch(&mut self, epoch: &EpochRecord) {
        let _ = epoch;
    }

    /// Training goes on from this checkpoint, and the next step is the one after `step`; comes right after `start`.
    fn resumed(&mut self, step: u64, checkpoint: &Path) {
        let _ = (step, checkpoint);
    }

    /// A checkpoint has been written after this step, and is on disk.
    fn saved(&mut self, step: u64, checkpoint: &Path) {
        let _ = (step, checkpoint);
    }

    /// Training has ended, after its last epoch, early, or with an error.
    fn finish(&mut self) {}
}

/// What is known of one step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StepRecord {
    /// The epoch, from 1.
    pub epoch: usize,
    /// The step, from 1, counted over all epochs.
    pub step: u64,
    /// The loss on the batch, before the update.
    pub loss: f64,
    /// The share of the batch that was classified rightly, before the update.
    pub accuracy: f64,
    /// The learning rate of the update.
    pub lr: f64,
}

/// A metric on the test samples at the end of an epoch.
#[derive(Debug, Clone, PartialEq)]
pub struct MetricRecord {
    /// The epoch, from 1.
    pub epoch: usize,
    /// The metric's name.
    pub name: String,
    /// Its value.
    pub value: f64,
}

/// What is known of one epoch, measured at its end with the model as in use.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EpochRecord {
    /// The epoch, from 1.
    pub epoch: usize,
    /// Mean loss on the training samples.
    pub train_loss: f64,
    /// Share of the training samples classified rightly.
    pub train_accuracy: f64,
    /// Mean loss on the test samples.
    pub test_loss: f64,
    /// Share of the test samples classified rightly.
    pub test_accuracy: f64,
    /// The learning rate of the last step.
    pub lr: f64,
    /// Seconds since training began.
    pub seconds: f64,
}

impl EpochRecord {
    /// The generalization gap: how much worse the loss is on samples that training has not seen.
    #[must_use]
    pub fn gap(&self) -> f64 {
        self.test_loss - self.train_loss
    }
}
