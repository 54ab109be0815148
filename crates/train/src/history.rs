//! What happened, epoch by epoch.

use crate::{EpochRecord, GradientRecord, MetricRecord};
use gradus_regularize::{EpochLosses, Finding, GeneralizationGap};
use std::fmt;

/// The record of a training run; printed, it is a table.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct History {
    /// One record an epoch, in order.
    pub epochs: Vec<EpochRecord>,
    /// What [`Trainer::metric`](crate::Trainer::metric) followed, epoch by epoch.
    pub metrics: Vec<MetricRecord>,
    /// What [`Trainer::gradient_health`](crate::Trainer::gradient_health) looked at, step by step.
    pub gradients: Vec<GradientRecord>,
    /// The number of training samples, each of which an epoch sees once; 0 if it is not known.
    pub samples: usize,
    /// The epoch, from 1, whose weights the model has: the best one if early stopping restored it, else the last.
    pub kept_epoch: usize,
    /// Whether training ended before its last epoch because nothing improved any more.
    pub stopped_early: bool,
}

impl History {
    /// The record of the epoch whose weights the model has.
    #[must_use]
    pub fn kept(&self) -> Option<&EpochRecord> {
        self.epochs.iter().find(|record| record.epoch == self.kept_epoch)
    }

    /// Training samples a second over the whole run, evaluation and saving included; `None` if they or the time are not known.
    #[must_use]
    pub fn samples_per_second(&self) -> Option<f64> {
        let last = self.epochs.last()?;
        let rate = self.samples as f64 * last.epoch as f64 / last.seconds;
        (rate > 0.0 && rate.is_finite()).then_some(rate)
    }

    /// Whether the model learned too little, enough or too much, judged by the losses of all epochs, and since when;
    /// `None` before the first epoch.
    #[must_use]
    pub fn finding(&self) -> Option<Finding> {
        self.gap()?.finding()
    }

    /// The verdict of every epoch; `None` if a loss is NaN.
    pub(crate) fn gap(&self) -> Option<GeneralizationGap> {
        let mut gap = GeneralizationGap::new();
        for record in &self.epochs {
            gap.observe(EpochLosses::new(record.epoch, record.train_loss, record.test_loss)).ok()?;
        }
        Some(gap)
    }

    /// The names of the metrics, in the order in which they were added.
    pub(crate) fn metric_names(&self) -> Vec<&str> {
        let mut names = Vec::new();
        for record in &self.metrics {
            if !names.contains(&record.name.as_str()) {
                names.push(record.name.as_str());
            }
        }
        names
    }

    /// A metric at the end of an epoch.
    pub(crate) fn metric(&self, name: &str, epoch: usize) -> Option<f64> {
        let record = self.metrics.iter().find(|record| record.epoch == epoch && record.name == name)?;
        Some(record.value)
    }
}

impl fmt::Display for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "epoch  train loss  test loss       gap  train acc  test acc   seconds")?;
        for record in &self.epochs {
            writeln!(
                f,
                "{:>5}  {:>10.4}  {:>9.4}  {:>+8.4}  {:>7.2} %  {:>6.2} %  {:>8.1}{}",
                record.epoch,
                record.train_loss,
                record.test_loss,
                record.gap(),
                100.0 * record.train_accuracy,
                100.0 * record.test_accuracy,
                record.seconds,
                if self.stopped_early && record.epoch == self.kept_epoch { "  kept" } else { "" },
            )?;
        }
        Ok(())
    }
}
