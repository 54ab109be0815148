//! One score for each split.

use super::Split;
use crate::statistics::{deviation, mean};
use crate::{Error, Result};
use std::fmt;

/// The scores of a model on the test parts of several splits.
///
/// ```text
/// mean                 m  = Σ sⱼ / k
/// standard deviation   s  = √(Σ (sⱼ − m)² / (k − 1))
/// standard error       s / √k
/// ```
///
/// The training parts of folds overlap, so that their scores are not independent: the standard error is a little too small, and
/// there is no estimate of it without bias (Bengio & Grandvalet).
///
/// # References
/// Y. Bengio, Y. Grandvalet, *No unbiased estimator of the variance of k-fold cross-validation*, JMLR 5, 2004,
/// <https://www.jmlr.org/papers/v5/grandvalet04a.html>
#[derive(Debug, Clone, PartialEq)]
pub struct Scores {
    /// Numbers, one at least.
    values: Vec<f64>,
}

impl Scores {
    /// The scores, in the order of the splits.
    #[must_use]
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// Their mean.
    #[must_use]
    pub fn mean(&self) -> f64 {
        mean(self.values.iter().copied())
    }

    /// How much they differ; `None` for a single one, which shows nothing of that.
    #[must_use]
    pub fn standard_deviation(&self) -> Option<f64> {
        deviation(&self.values)
    }

    /// How far their mean may be off; `None` for a single one.
    #[must_use]
    pub fn standard_error(&self) -> Option<f64> {
        Some(self.standard_deviation()? / (self.values.len() as f64).sqrt())
    }
}

impl fmt::Display for Scores {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.standard_deviation() {
            Some(deviation) => write!(f, "{:.4} ± {deviation:.4} (k = {})", self.mean(), self.values.len()),
            None => write!(f, "{:.4} (k = 1)", self.mean()),
        }
    }
}

/// Fits and scores once for each split.
///
/// The closure fits a fresh model on `split.train`, and returns how it does on `split.test`, by any measure. What is learned from data,
/// means for standardization too, is learned inside it, of the training part alone.
///
/// # Errors
/// [`Error::NoSplits`]; [`Error::Score`] for a score that is not a finite number; those of the closure.
///
/// # Examples
/// ```
/// use gradus_regularize::{Error, validation::{cross_validate, leave_one_out}};
/// let y = [1.0, 2.0, 6.0];
/// let scores = cross_validate(&leave_one_out(3)?, |split| {
///     let mean = split.train.iter().map(|&i| y[i]).sum::<f64>() / 2.0;
///     Ok::<_, Error>((y[split.test[0]] - mean).abs())
/// })?;
/// assert_eq!((scores.values(), scores.mean()), (&[3.0, 1.5, 4.5][..], 3.0));
/// assert_eq!(scores.to_string(), "3.0000 ± 1.5000 (k = 3)");
/// # Ok::<(), Error>(())
/// ```
pub fn cross_validate<E: From<Error>>(
    splits: &[Split],
    mut fit_and_score: impl FnMut(&Split) -> Result<f64, E>,
) -> Result<Scores, E> {
    scores("cross_validate", splits, &mut fit_and_score)
}

pub(super) fn scores<E: From<Error>>(
    operation: &'static str,
    splits: &[Split],
    fit_and_score: &mut dyn FnMut(&Split) -> Result<f64, E>,
) -> Result<Scores, E> {
    let mut values = Vec::with_capacity(splits.len());
    for split in splits {
        values.push(fit_and_score(split)?);
    }
    Ok(checked(operation, values)?)
}

/// Scores, each a finite number.
pub(super) fn checked(operation: &'static str, values: Vec<f64>) -> Result<Scores> {
    if values.is_empty() {
        return Err(Error::NoSplits { operation });
    }
    match values.iter().position(|score| !score.is_finite()) {
        Some(place) => Err(Error::Score { operation, of: "split", place, value: values[place] }),
        None => Ok(Scores { values }),
    }
}
