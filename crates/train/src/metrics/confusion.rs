//! What is read off a confusion matrix.

use super::{Average, Metric, Predictions};
use crate::evaluate::largest;
use crate::{Error, Result};
use ndarray::{Array1, Array2, ArrayView1};

/// Counts of samples by class (row) and answer (column).
///
/// # Examples
/// ```
/// use gradus_train::ConfusionMatrix;
/// use gradus_train::metrics::Average;
/// use ndarray::array;
///
/// let confusion = ConfusionMatrix { counts: array![[8, 2], [1, 9]] };
/// assert_eq!(confusion.accuracy(), 0.85);
/// assert_eq!(confusion.recall().by_class, array![0.8, 0.9]);
/// assert_eq!(confusion.precision().average(Average::Class(1))?, 9.0 / 11.0);
/// # Ok::<(), gradus_train::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfusionMatrix {
    /// `counts[[label, predicted]]`.
    pub counts: Array2<usize>,
}

impl ConfusionMatrix {
    /// Counts answers: of each sample the class with the largest probability, the first of equals.
    #[must_use]
    pub fn of(predictions: &Predictions) -> Self {
        let classes = predictions.log_probabilities.ncols();
        let mut counts = Array2::zeros((classes, classes));
        for (row, &label) in predictions.log_probabilities.rows().into_iter().zip(&predictions.labels) {
            counts[[label, largest(row.iter().copied())]] += 1;
        }
        Self { counts }
    }

    /// The share of samples answered rightly, `Σ cᵢᵢ / Σ cᵢⱼ`; NaN of no sample.
    #[must_use]
    pub fn accuracy(&self) -> f64 {
        self.counts.diag().sum() as f64 / self.counts.sum() as f64
    }

    /// Of the samples taken for a class, the share that is of it; 0 if none was.
    ///
    /// ```text
    /// precisionᵢ = cᵢᵢ / Σⱼ cⱼᵢ
    /// ```
    #[must_use]
    pub fn precision(&self) -> Scores {
        self.scores(|right, _, taken| (right, taken))
    }

    /// Of the samples of a class, the share that was taken for it; 0 of a class without samples.
    ///
    /// ```text
    /// recallᵢ = cᵢᵢ / Σⱼ cᵢⱼ
    /// ```
    #[must_use]
    pub fn recall(&self) -> Scores {
        self.scores(|right, are, _| (right, are))
    }

    /// The harmonic mean of precision and recall; 0 where both are.
    ///
    /// ```text
    /// F1ᵢ = 2 cᵢᵢ / (Σⱼ cᵢⱼ + Σⱼ cⱼᵢ)
    /// ```
    ///
    /// # References
    /// C. J. van Rijsbergen, *Information Retrieval*, 1979, chapter 7, <http://www.dcs.gla.ac.uk/Keith/Preface.html>
    #[must_use]
    pub fn f1(&self) -> Scores {
        self.scores(|right, are, taken| (2 * right, are + taken))
    }

    /// A quotient for each class, of the samples answered rightly, those that are of it, and those taken for it.
    fn scores(&self, quotient: impl Fn(usize, usize, usize) -> (usize, usize)) -> Scores {
        let sum = |line: ArrayView1<'_, usize>| line.iter().sum::<usize>();
        let are: Array1<usize> = self.counts.rows().into_iter().map(sum).collect();
        let taken: Array1<usize> = self.counts.columns().into_iter().map(sum).collect();
        let class = |i: usize| {
            let (over, under) = quotient(self.counts[[i, i]], are[i], taken[i]);
            over as f64 / under.max(1) as f64
        };
        let present = are.iter().zip(&taken).map(|(are, taken)| are + taken > 0).collect();
        // Each sample is one right or wrong answer for one class and one label: precision, recall and F1 are all the accuracy.
        Scores { by_class: (0..are.len()).map(class).collect(), micro: self.accuracy(), samples: are, present }
    }

    /// The largest count off the diagonal, which is the commonest mistake, as `(label, predicted, count)`.
    #[must_use]
    pub fn commonest_mistake(&self) -> Option<(usize, usize, usize)> {
        let mistakes = self.counts.indexed_iter().filter(|&((label, predicted), &n)| label != predicted && n > 0);
        mistakes
            .map(|((label, predicted), &n)| (label, predicted, n))
            .max_by_key(|&(label, _, n)| (n, usize::MAX - label))
    }
}

/// A number for each class, and what it takes to average them.
#[derive(Debug, Clone, PartialEq)]
pub struct Scores {
    /// The number of each class.
    pub by_class: Array1<f64>,
    micro: f64,
    samples: Array1<usize>,
    present: Vec<bool>,
}

impl Scores {
    /// One number of all.
    ///
    /// # Errors
    /// [`Error::Metric`] if the average is of a class that is not there, or of no sample.
    pub fn average(&self, average: Average) -> Result<f64> {
        let (classes, total) = (self.by_class.len(), self.samples.sum());
        if total == 0 {
            return Err(Error::Metric { metric: "average", reason: "there is no sample".to_owned() });
        }
        match average {
            Average::Micro => Ok(self.micro),
            Average::Macro => {
                let present = || self.by_class.iter().zip(&self.present).filter(|(_, present)| **present);
                Ok(present().map(|(score, _)| score).sum::<f64>() / present().count() as f64)
            }
            Average::Weighted => {
                let weighted = self.by_class.iter().zip(&self.samples).map(|(score, &n)| score * n as f64);
                Ok(weighted.sum::<f64>() / total as f64)
            }
            Average::Class(class) => {
                self.by_class.get(class).copied().ok_or_else(|| no_class("average", class, classes))
            }
        }
    }
}

pub(super) fn no_class(metric: &'static str, class: usize, classes: usize) -> Error {
    Error::Metric { metric, reason: format!("class {class}: with {classes} classes it is below {classes}") }
}

/// [`ConfusionMatrix::accuracy`].
#[derive(Debug, Clone, Copy)]
pub struct Accuracy;

impl Metric for Accuracy {
    fn name(&self) -> String {
        "accuracy".to_owned()
    }

    fn measure(&self, predictions: &Predictions) -> Result<f64> {
        Ok(ConfusionMatrix::of(predictions).accuracy())
    }
}

macro_rules! averaged {
    ($($(#[$doc:meta])* $metric:ident $name:literal $scores:ident;)+) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy)]
        pub struct $metric(
            /// How the classes' numbers become one.
            pub Average,
        );

        impl Metric for $metric {
            fn name(&self) -> String {
                format!(concat!($name, " ({})"), self.0.label())
            }

            fn measure(&self, predictions: &Predictions) -> Result<f64> {
                ConfusionMatrix::of(predictions).$scores().average(self.0)
            }
        }
    )+};
}

averaged! {
    /// [`ConfusionMatrix::precision`], averaged.
    Precision "precision" precision;
    /// [`ConfusionMatrix::recall`], averaged.
    Recall "recall" recall;
    /// [`ConfusionMatrix::f1`], averaged.
    F1 "F1" f1;
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn the_commonest_mistake_is_off_the_diagonal() {
        let confusion = ConfusionMatrix { counts: array![[9, 2, 0], [0, 7, 3], [1, 0, 8]] };
        assert_eq!(confusion.commonest_mistake(), Some((1, 2, 3)));
        assert_eq!(ConfusionMatrix { counts: array![[4, 0], [0, 4]] }.commonest_mistake(), None);
    }
}
