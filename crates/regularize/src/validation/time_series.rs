//! Training on the past, testing on what comes after.

use super::Split;
use crate::error::hold;
use crate::{Error, Result};

/// Splits of data in time: each trains on what was, and tests on what came next.
///
/// ```text
/// tests     the last k runs of t samples, in order
/// trains    on all samples before the test, but for the last g of them; with `max_train_size`, on the last m of those only
/// ```
///
/// The window that is trained on expands from split to split; with `max_train_size` it moves. The gap keeps away samples that know
/// something of the test already, such as averages over several days.
///
/// | setting | means | default | range |
/// | --- | --- | --- | --- |
/// | `k` | the number of splits | | at least 2 |
/// | `test_size` | samples `t` in each test | `n / (k + 1)` | at least 1 |
/// | `gap` | samples `g` between training and test | 0 | |
/// | `max_train_size` | samples `m` to train on at most | all | at least 1 |
///
/// The indices are those of scikit-learn's `TimeSeriesSplit`.
///
/// # Examples
/// ```
/// use gradus_regularize::validation::TimeSeriesSplit;
/// let splits = TimeSeriesSplit::new(2).gap(1).split(6)?;
/// assert_eq!((&splits[0].train, &splits[0].test), (&vec![0], &vec![2, 3]));
/// assert_eq!((&splits[1].train, &splits[1].test), (&vec![0, 1, 2], &vec![4, 5]));
/// # Ok::<(), gradus_regularize::Error>(())
/// ```
///
/// # References
/// C. Bergmeir, J. M. Benítez, *On the use of cross-validation for time series predictor evaluation*, Information Sciences 191, 2012,
/// <https://doi.org/10.1016/j.ins.2011.12.028>
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeSeriesSplit {
    k: usize,
    test_size: Option<usize>,
    gap: usize,
    max_train_size: Option<usize>,
}

impl TimeSeriesSplit {
    /// So many splits.
    #[must_use]
    pub fn new(k: usize) -> Self {
        Self { k, test_size: None, gap: 0, max_train_size: None }
    }

    /// With so many samples in each test.
    #[must_use]
    pub fn test_size(self, samples: usize) -> Self {
        Self { test_size: Some(samples), ..self }
    }

    /// With so many samples left out between training and test.
    #[must_use]
    pub fn gap(self, samples: usize) -> Self {
        Self { gap: samples, ..self }
    }

    /// With no more than so many samples to train on.
    #[must_use]
    pub fn max_train_size(self, samples: usize) -> Self {
        Self { max_train_size: Some(samples), ..self }
    }

    /// The splits of `n` samples, the oldest first.
    ///
    /// # Errors
    /// [`Error::HyperParameter`] for settings out of range; [`Error::TooShort`] if nothing would be left to train on.
    pub fn split(&self, n: usize) -> Result<Vec<Split>> {
        const OPERATION: &str = "time_series_split";
        let Self { k, gap, .. } = *self;
        hold(k >= 2, OPERATION, "k", k as f64, "at least 2")?;
        let most = self.max_train_size.unwrap_or(usize::MAX);
        hold(most > 0, OPERATION, "max_train_size", 0.0, "at least 1")?;
        hold(self.test_size != Some(0), OPERATION, "test_size", 0.0, "at least 1")?;
        let test_size = self.test_size.unwrap_or(n / k.saturating_add(1)).max(1);
        let tested = k.checked_mul(test_size).filter(|&tested| tested.saturating_add(gap) < n);
        let Some(tested) = tested else {
            return Err(Error::TooShort { operation: OPERATION, samples: n, folds: k, test_size, gap });
        };
        let split = |start: usize| {
            let end = start - gap;
            Split { train: (end.saturating_sub(most)..end).collect(), test: (start..start + test_size).collect() }
        };
        Ok((n - tested..n).step_by(test_size).map(split).collect())
    }
}
