//! Metrics of the order in which a classifier puts classes or samples.

use super::confusion::no_class;
use super::{Average, Metric, Predictions};
use crate::{Error, Result};
use ndarray::{Array2, ArrayView1};

/// The share of samples whose class is among the `k` most probable; of equal probabilities the first class is the more probable.
///
/// ```text
/// top-k = 1/N Σₙ [ #{ j : pₙⱼ > pₙ,label, or equal and j < label } < k ]
/// ```
#[derive(Debug, Clone, Copy)]
pub struct TopK(
    /// How many answers a sample has.
    pub usize,
);

impl Metric for TopK {
    fn name(&self) -> String {
        format!("top-{} accuracy", self.0)
    }

    #[inline] // compiled where it is used: CONTRIBUTING, "What few programs call"
    fn measure(&self, predictions: &Predictions) -> Result<f64> {
        let (samples, classes) = predictions.log_probabilities.dim();
        if !(1..=classes).contains(&self.0) {
            let reason = format!("k is {}: with {classes} classes it is from 1 to {classes}", self.0);
            return Err(Error::Metric { metric: "top-k accuracy", reason });
        }
        let right = |(row, &label): (ArrayView1<'_, f64>, &usize)| {
            let before = |(j, p): (usize, &f64)| *p > row[label] || *p == row[label] && j < label;
            !row[label].is_nan() && row.iter().enumerate().filter(|&pair| before(pair)).count() < self.0
        };
        let rows = predictions.log_probabilities.rows().into_iter().zip(&predictions.labels);
        Ok(rows.filter(|&(row, label)| right((row, label))).count() as f64 / samples as f64)
    }
}

/// The area under the receiver operating characteristic: the probability that of a positive and a negative sample, drawn at
/// random, the positive one has the higher score; equal scores count one half.
///
/// ```text
/// AUROC = 1/(P N) Σ ( [s₊ > s₋] + ½ [s₊ = s₋] ) = (R₊ − P (P + 1)/2) / (P N)
/// ```
///
/// `R₊` is the sum of the positive samples' ranks, where equal scores share the mean of their ranks. 1 is a perfect order, ½ that of
/// chance. Any increasing function of the scores gives the same.
///
/// # Examples
/// ```
/// use gradus_train::metrics::auroc;
///
/// assert_eq!(auroc(&[0.1, 0.4, 0.35, 0.8], &[false, false, true, true])?, 0.75);
/// assert_eq!(auroc(&[0.5, 0.5], &[false, true])?, 0.5);
/// # Ok::<(), gradus_train::Error>(())
/// ```
///
/// # Errors
/// [`Error::Metric`] if there are more or fewer scores than samples, a score is NaN, or all samples are positive or all negative.
///
/// # References
/// J. A. Hanley, B. J. McNeil, *The meaning and use of the area under a receiver operating characteristic (ROC) curve*, 1982,
/// <https://doi.org/10.1148/radiology.143.1.7063747>
pub fn auroc(scores: &[f64], positive: &[bool]) -> Result<f64> {
    let fault = |reason: String| Err(Error::Metric { metric: "AUROC", reason });
    if scores.len() != positive.len() {
        return fault(format!("{} scores for {} samples; each has one", scores.len(), positive.len()));
    }
    if let Some(place) = scores.iter().position(|score| score.is_nan()) {
        return fault(format!("the score at position {place} is NaN, which has no place in an order"));
    }
    let positives = positive.iter().filter(|positive| **positive).count();
    let negatives = positive.len() - positives;
    if positives == 0 || negatives == 0 {
        return fault(format!("{positives} positive and {negatives} negative samples; it takes one of each"));
    }
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_unstable_by(|&a, &b| scores[a].total_cmp(&scores[b]));
    let (mut before, mut twice) = (0, 0_u128);
    for equals in order.chunk_by(|&a, &b| scores[a] == scores[b]) {
        // Ranks from `before + 1` to `before + equals.len()`; twice their mean is a whole number.
        let rank = 2 * before + equals.len() + 1;
        twice += (rank * equals.iter().filter(|&&i| positive[i]).count()) as u128;
        before += equals.len();
    }
    let (positives, negatives) = (positives as u128, negatives as u128);
    Ok((twice - positives * (positives + 1)) as f64 / (2 * positives * negatives) as f64)
}

/// [`auroc`] of each class against the rest, averaged. `Micro` puts the answers of all samples for all classes in one order.
///
/// Of two classes both have the same; it is the area.
#[derive(Debug, Clone, Copy)]
pub struct Auroc(
    /// How the classes' numbers become one.
    pub Average,
);

impl Metric for Auroc {
    fn name(&self) -> String {
        format!("AUROC ({})", self.0.label())
    }

    #[inline]
    fn measure(&self, predictions: &Predictions) -> Result<f64> {
        let (table, labels) = (&predictions.log_probabilities, &predictions.labels);
        let classes = table.ncols();
        let of_class = |class: usize| {
            let positive: Vec<bool> = labels.iter().map(|label| *label == class).collect();
            auroc(&table.column(class).to_vec(), &positive).map_err(|error| match error {
                Error::Metric { metric, reason } => {
                    Error::Metric { metric, reason: format!("class {class}: {reason}") }
                }
                other => other,
            })
        };
        match self.0 {
            Average::Macro => Ok((0..classes).map(of_class).sum::<Result<f64>>()? / classes as f64),
            Average::Weighted => {
                let share = |class| labels.iter().filter(|label| **label == class).count() as f64 / labels.len() as f64;
                (0..classes).map(|class| Ok(share(class) * of_class(class)?)).sum()
            }
            Average::Micro => {
                let positive = Array2::from_shape_fn(table.dim(), |(i, class)| labels[i] == class);
                auroc(&table.iter().copied().collect::<Vec<_>>(), &positive.iter().copied().collect::<Vec<_>>())
            }
            Average::Class(class) if class < classes => of_class(class),
            Average::Class(class) => Err(no_class("AUROC", class, classes)),
        }
    }
}
