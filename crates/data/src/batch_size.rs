//! How many samples a mini-batch has.

use crate::{Error, Result};
use std::num::NonZeroUsize;

/// The number of samples in a mini-batch, at least 1.
///
/// A size that comes from outside (a command line, a settings file) is checked here, once, before training begins:
///
/// ```
/// use gradus_data::{BatchSize, Digits};
///
/// let digits = Digits::embedded();
/// assert_eq!(digits.batches(BatchSize::new(64)?).len(), 29);
///
/// let refused = BatchSize::new(0).unwrap_err();
/// assert_eq!(refused.to_string(), "batch size 0: a mini-batch has at least 1 sample");
/// # Ok::<(), gradus_data::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BatchSize(NonZeroUsize);

impl BatchSize {
    /// Checks a size.
    ///
    /// # Errors
    /// [`Error::BatchSize`] if it is 0.
    pub fn new(size: usize) -> Result<Self> {
        NonZeroUsize::new(size).map(Self).ok_or(Error::BatchSize { found: size })
    }

    /// The size as a number.
    #[must_use]
    pub fn get(self) -> usize {
        self.0.get()
    }
}

/// A size written in the program, as in `train.batches(64)`.
///
/// This cannot fail, so that a `for` loop over batches needs no `?`. No batch has 0 samples; 0 becomes the nearest size
/// that exists, 1, and every sample still comes once. Use [`BatchSize::new`] where 0 should be refused.
impl From<usize> for BatchSize {
    fn from(size: usize) -> Self {
        Self(NonZeroUsize::new(size).unwrap_or(NonZeroUsize::MIN))
    }
}

impl From<NonZeroUsize> for BatchSize {
    fn from(size: NonZeroUsize) -> Self {
        Self(size)
    }
}
