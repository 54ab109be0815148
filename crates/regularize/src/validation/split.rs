//! Two lists of indices: to train on, and to test on.

use crate::{Error, Result};
use ndarray::ArrayRef1;
use std::collections::BTreeSet;

/// The samples to train on and those to test on, by their indices, which ascend in both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Split {
    /// What the model may see.
    pub train: Vec<usize>,
    /// What it is judged by.
    pub test: Vec<usize>,
}

impl Split {
    /// All of `0..n` that is not in `test` is to train on.
    pub(super) fn testing(n: usize, test: &[usize]) -> Self {
        let mut tested = vec![false; n];
        test.iter().for_each(|&i| tested[i] = true);
        let (test, train) = (0..n).partition(|&i| tested[i]);
        Self { train, test }
    }

    /// One split for each of `k` folds, given the fold that each sample is tested in.
    pub(super) fn of_folds(folds: &[usize], k: usize) -> Vec<Self> {
        let split = |fold| {
            let (test, train) = (0..folds.len()).partition(|&i| folds[i] == fold);
            Self { train, test }
        };
        (0..k).map(split).collect()
    }

    /// Refuses a split that leaves a class out of one of its parts: what a model has never seen it cannot learn, and what is not
    /// tested on cannot be judged. Splits that are not stratified can do that.
    ///
    /// # Errors
    /// [`Error::AbsentClass`]; [`Error::IndexOutside`] if there are fewer labels than samples.
    ///
    /// # Examples
    /// ```
    /// use gradus_regularize::{ndarray::array, validation::k_fold};
    /// let labels = array![0, 0, 0, 1, 1, 1];
    /// let error = k_fold(6, 2)?[0].check_classes(&labels).unwrap_err();
    /// assert!(error.to_string().starts_with("check_classes: class 0, with 3 samples, would be absent from the training part"));
    /// # Ok::<(), gradus_regularize::Error>(())
    /// ```
    #[inline] // compiled where it is used: CONTRIBUTING, "What few programs call"
    pub fn check_classes(&self, labels: &ArrayRef1<usize>) -> Result<()> {
        let classes = |part: &[usize]| {
            let label = |&index: &usize| match labels.get(index) {
                Some(&label) => Ok(label),
                None => Err(Error::IndexOutside { operation: "check_classes", index, samples: labels.len() }),
            };
            part.iter().map(label).collect::<Result<BTreeSet<usize>>>()
        };
        let (train, test) = (classes(&self.train)?, classes(&self.test)?);
        let absent = |class: usize, part| {
            let samples = labels.iter().filter(|&&label| label == class).count();
            Err(Error::AbsentClass { operation: "check_classes", class, samples, part })
        };
        match (test.difference(&train).next(), train.difference(&test).next()) {
            (Some(&class), _) => absent(class, "the training part"),
            (None, Some(&class)) => absent(class, "the test part"),
            (None, None) => Ok(()),
        }
    }
}
