//! The distance between what a model does on the data it has seen and on data it has not.

use crate::error::hold;
use crate::{Error, Result};
use std::fmt;

/// Follows training, validation and test error from epoch to epoch, and says whether the model under-fits, fits or over-fits, and since when.
///
/// ```text
/// unseen = validation loss, where there is one, else test loss
/// gap  = test loss − train loss
/// rise = unseen loss / lowest unseen loss so far − 1
/// fall = mean of the last k train losses / smallest of them − 1
///
/// over-fit   if rise > tolerance, and the train loss is below that of the epoch with the lowest unseen loss
/// under-fit  else, if fewer than k epochs were seen, or fall > tolerance, or the train loss is above `acceptable`
/// fit        otherwise
/// ```
///
/// In words: a model over-fits when it still gets better at what it has seen, and clearly worse at what it has not. It
/// under-fits while it has more to learn from what it has seen. Rise and fall are Prechelt's *generalization loss* and
/// *training progress*. A gap alone proves nothing: a model may have a wide gap and still get better on both sides.
///
/// Whatever chooses an epoch makes the loss that it chose by too small. With validation losses it is they that judge, and the test loss at
/// the [`best`](Self::best) epoch is an honest one; without, the test loss serves as validation, and that is no longer so.
///
/// | setting | means | default | range |
/// | --- | --- | --- | --- |
/// | `tolerance` | a change of loss, relative, that counts | 0.05 | at least 0 |
/// | `strip` | the number `k` of epochs over which progress is measured | 5 | at least 2 |
/// | `acceptable` | a train loss above which the model is too weak, even if it has stopped learning | none | |
///
/// Losses are taken to be positive, as cross-entropy and squared error are.
///
/// # Examples
/// ```
/// use gradus_regularize::{EpochLosses, GeneralizationGap, Verdict};
/// let mut gap = GeneralizationGap::new();
/// for epoch in 0..20 {
///     let t = epoch as f64;
///     let (train_loss, test_loss) = ((-t / 4.0).exp(), (-t / 4.0).exp() + 0.002 * t * t);
///     gap.observe(EpochLosses::new(epoch, train_loss, test_loss))?;
/// }
/// let finding = gap.finding().unwrap();
/// assert_eq!(finding.verdict, Verdict::OverFit);
/// assert_eq!(finding.to_string(), "over-fit since epoch 10");
/// assert_eq!(gap.findings().len(), 2); // it under-fitted before
/// # Ok::<(), gradus_regularize::Error>(())
/// ```
///
/// # References
/// L. Prechelt, *Early stopping – but when?*, in: Neural Networks: Tricks of the Trade, LNCS 1524, 1998, section 2.3
#[derive(Debug, Clone, PartialEq)]
pub struct GeneralizationGap {
    tolerance: f64,
    strip: usize,
    acceptable: Option<f64>,
    records: Vec<GapRecord>,
    /// The place of the epoch with the lowest unseen loss.
    best: usize,
}

const OPERATION: &str = "generalization gap";

/// The losses of an epoch, and accuracies where there are any.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EpochLosses {
    /// The epoch.
    pub epoch: usize,
    /// The loss on data that the model was trained on, in use: without dropout and the like.
    pub train_loss: f64,
    /// The loss on unseen data that choices are made by: when to stop, which settings to take.
    pub validation_loss: Option<f64>,
    /// The loss on unseen data.
    pub test_loss: f64,
    /// The share of seen data that is classified rightly.
    pub train_accuracy: Option<f64>,
    /// The share of the validation data that is classified rightly.
    pub validation_accuracy: Option<f64>,
    /// The share of unseen data that is classified rightly.
    pub test_accuracy: Option<f64>,
}

impl EpochLosses {
    /// Losses without accuracies.
    #[must_use]
    pub fn new(epoch: usize, train_loss: f64, test_loss: f64) -> Self {
        Self {
            epoch,
            train_loss,
            validation_loss: None,
            test_loss,
            train_accuracy: None,
            validation_accuracy: None,
            test_accuracy: None,
        }
    }

    /// With the loss on validation data, and their accuracy if there is one.
    #[must_use]
    pub fn validation(self, loss: f64, accuracy: impl Into<Option<f64>>) -> Self {
        Self { validation_loss: Some(loss), validation_accuracy: accuracy.into(), ..self }
    }

    /// The loss that the verdict goes by: of the validation data, or else of the test data.
    #[must_use]
    pub fn unseen_loss(&self) -> f64 {
        self.validation_loss.unwrap_or(self.test_loss)
    }

    /// With accuracies of training and test data.
    #[must_use]
    pub fn accuracies(self, train: f64, test: f64) -> Self {
        Self { train_accuracy: Some(train), test_accuracy: Some(test), ..self }
    }

    /// Test loss − train loss.
    #[must_use]
    pub fn gap(&self) -> f64 {
        self.test_loss - self.train_loss
    }

    /// Train accuracy − test accuracy: like the other gap, positive where unseen data fare worse.
    #[must_use]
    pub fn accuracy_gap(&self) -> Option<f64> {
        Some(self.train_accuracy? - self.test_accuracy?)
    }
}

/// An epoch and what was found in it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GapRecord {
    /// What was observed.
    pub losses: EpochLosses,
    /// How far the unseen loss is above its lowest so far, relative to it.
    pub rise: f64,
    /// How fast the train loss falls.
    pub fall: f64,
    /// What follows.
    pub verdict: Verdict,
}

/// Does a model learn too little, enough, or too much?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It has more to learn from the data that it has seen.
    UnderFit,
    /// It has learned what holds for unseen data too.
    Fit,
    /// It learns what holds for the data that it has seen alone.
    OverFit,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::UnderFit => "under-fit",
            Self::Fit => "fit",
            Self::OverFit => "over-fit",
        })
    }
}

/// A verdict, and since when it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Finding {
    /// The verdict of the last epoch.
    pub verdict: Verdict,
    /// The first of the epochs in a row with this verdict.
    pub since: usize,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} since epoch {}", self.verdict, self.since)
    }
}

impl Default for GeneralizationGap {
    fn default() -> Self {
        Self::new()
    }
}

impl GeneralizationGap {
    /// Nothing observed yet.
    #[must_use]
    pub fn new() -> Self {
        Self { tolerance: 0.05, strip: 5, acceptable: None, records: Vec::new(), best: 0 }
    }

    /// With this relative change of loss as the smallest that counts.
    #[must_use]
    pub fn tolerance(self, tolerance: f64) -> Self {
        Self { tolerance, ..self }
    }

    /// With progress measured over so many epochs.
    #[must_use]
    pub fn strip(self, epochs: usize) -> Self {
        Self { strip: epochs, ..self }
    }

    /// With a train loss that the model must reach not to count as too weak.
    #[must_use]
    pub fn acceptable(self, train_loss: f64) -> Self {
        Self { acceptable: Some(train_loss), ..self }
    }

    /// Takes an epoch in, and says what it shows.
    ///
    /// # Errors
    /// [`Error::NotANumber`] for a loss that is NaN; [`Error::MixedLosses`] for a validation loss in some epochs alone;
    /// [`Error::HyperParameter`] for settings out of range. The epoch is not taken in then.
    pub fn observe(&mut self, losses: EpochLosses) -> Result<Verdict> {
        self.validate()?;
        let (operation, epoch, has) = (OPERATION, losses.epoch, losses.validation_loss.is_some());
        let validation = losses.validation_loss.unwrap_or(0.0);
        let all = [("train_loss", losses.train_loss), ("validation_loss", validation), ("test_loss", losses.test_loss)];
        if let Some((field, value)) = all.into_iter().find(|(_, value)| value.is_nan()) {
            return Err(Error::NotANumber { operation, field, value, epoch });
        }
        if self.records.last().is_some_and(|before| before.losses.validation_loss.is_some() != has) {
            return Err(Error::MixedLosses { operation, epoch, has });
        }
        let best = match self.records.get(self.best) {
            Some(best) if losses.unseen_loss() >= best.losses.unseen_loss() => best.losses,
            _ => {
                self.best = self.records.len();
                losses
            }
        };
        let rise = relative(losses.unseen_loss(), best.unseen_loss());

        let before = &self.records[self.records.len().saturating_sub(self.strip - 1)..];
        let strip = || before.iter().map(|record| record.losses.train_loss).chain([losses.train_loss]);
        let mean = strip().sum::<f64>() / (before.len() + 1) as f64;
        let fall = relative(mean, strip().fold(f64::INFINITY, f64::min));

        let too_weak = self.acceptable.is_some_and(|acceptable| losses.train_loss > acceptable);
        let verdict = if rise > self.tolerance && losses.train_loss < best.train_loss {
            Verdict::OverFit
        } else if self.records.len() + 1 < self.strip || fall > self.tolerance || too_weak {
            Verdict::UnderFit
        } else {
            Verdict::Fit
        };
        self.records.push(GapRecord { losses, rise, fall, verdict });
        Ok(verdict)
    }

    fn validate(&self) -> Result<()> {
        let operation = OPERATION;
        let fits = self.tolerance.is_finite() && self.tolerance >= 0.0;
        hold(fits, operation, "tolerance", self.tolerance, "finite and not negative")?;
        hold(self.strip >= 2, operation, "strip", self.strip as f64, "at least 2")?;
        let acceptable = self.acceptable.unwrap_or(0.0);
        hold(!acceptable.is_nan(), operation, "acceptable", acceptable, "a number")
    }

    /// Every epoch observed, in order.
    #[must_use]
    pub fn records(&self) -> &[GapRecord] {
        &self.records
    }

    /// The last verdict and since when it holds; `None` before the first epoch.
    #[must_use]
    pub fn finding(&self) -> Option<Finding> {
        self.findings().pop()
    }

    /// Each change of the verdict, in order: under-fit since the first epoch, say, fit since another, over-fit since a third.
    #[must_use]
    pub fn findings(&self) -> Vec<Finding> {
        let runs = self.records.chunk_by(|a, b| a.verdict == b.verdict);
        runs.map(|run| Finding { verdict: run[0].verdict, since: run[0].losses.epoch }).collect()
    }

    /// The epoch with the lowest unseen loss, the first of equals.
    #[must_use]
    pub fn best(&self) -> Option<&GapRecord> {
        self.records.get(self.best)
    }
}

/// How much larger `x` is than `base`, relative to it; 0 if they are equal, also at 0 and at infinity.
fn relative(x: f64, base: f64) -> f64 {
    if x == base { 0.0 } else { (x - base) / base.abs() }
}
