//! How mixed the targets at a node are.

use crate::ensemble::{Samples, Targets};
use gradus_linalg::Real;

/// The impurity of classes.
///
/// Both are 0 where there is one class, and largest where all are equally frequent. Entropy punishes rare classes a little more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Impurity {
    /// `Σ pₖ (1 − pₖ)`: how often a guess by the shares is wrong.
    #[default]
    Gini,
    /// `− Σ pₖ ln pₖ`: the information, in nats, that the class of a row has.
    Entropy,
}

/// What a set of rows is described by. Rows are added and taken away one by one, so that a scan over the thresholds costs one step
/// for each.
#[derive(Clone)]
pub(super) enum Tally {
    Classes {
        impurity: Impurity,
        /// The weight of each class.
        weights: Vec<f64>,
    },
    /// Sums of deviations from the mean of the node, not of the values: the square of a mean far from 0 would cost the digits.
    Values { centre: f64, weight: f64, sum: f64 },
}

impl Tally {
    /// Of no rows, to be compared within a node of these rows.
    pub(super) fn empty<F: Real>(samples: &Samples<F>, impurity: Impurity, rows: &[usize]) -> Self {
        match samples.targets() {
            Targets::Classes { count, .. } => Self::Classes { impurity, weights: vec![0.0; *count] },
            Targets::Values(y) => {
                let (mut weight, mut sum) = (0.0, 0.0);
                let origin = rows.first().map_or(0.0, |&row| y[row].to_f64());
                for &row in rows {
                    let w = samples.weights()[row].to_f64();
                    weight += w;
                    sum += w * (y[row].to_f64() - origin);
                }
                Self::Values { centre: origin + sum / weight, weight: 0.0, sum: 0.0 }
            }
        }
    }

    /// With these rows added.
    pub(super) fn with<F: Real>(&self, samples: &Samples<F>, rows: &[usize]) -> Self {
        let mut tally = self.clone();
        rows.iter().for_each(|&row| tally.add(samples, row, 1.0));
        tally
    }

    /// Adds a row (`sign` 1), or takes it away (`sign` −1).
    pub(super) fn add<F: Real>(&mut self, samples: &Samples<F>, row: usize, sign: f64) {
        let w = sign * samples.weights()[row].to_f64();
        match (self, samples.targets()) {
            (Self::Classes { weights, .. }, Targets::Classes { labels, .. }) => weights[labels[row]] += w,
            (Self::Values { centre, weight, sum }, Targets::Values(y)) => {
                *weight += w;
                *sum += w * (y[row].to_f64() - *centre);
            }
            _ => unreachable!("a tally is made for the samples it is used on"),
        }
    }

    /// What a split makes as large as possible, the sum of it over both sides: `− W I`, up to what all splits of a node have in common.
    pub(super) fn purity(&self) -> f64 {
        let weight = match self {
            Self::Classes { weights, .. } => weights.iter().sum(),
            Self::Values { weight, .. } => *weight,
        };
        if weight <= 0.0 {
            return 0.0; // rows so light that rounding lost them
        }
        match self {
            Self::Classes { impurity: Impurity::Gini, weights } => weights.iter().map(|w| w * w).sum::<f64>() / weight,
            Self::Classes { impurity: Impurity::Entropy, weights } => {
                weights.iter().filter(|w| **w > 0.0).map(|w| w * (w / weight).ln()).sum()
            }
            Self::Values { sum, .. } => sum * sum / weight,
        }
    }
}

/// What a node says of its rows.
pub(super) struct Described {
    /// The share of each class, or the mean.
    pub(super) value: Vec<f64>,
    pub(super) weight: f64,
    pub(super) impurity: f64,
}

/// Weight, impurity and prediction of these rows, of which there is one.
pub(super) fn describe<F: Real>(samples: &Samples<F>, impurity: Impurity, rows: &[usize]) -> Described {
    match (Tally::empty(samples, impurity, rows).with(samples, rows), samples.targets()) {
        (Tally::Classes { weights, .. }, _) => {
            let weight = weights.iter().sum::<f64>();
            let value: Vec<f64> = weights.iter().map(|w| w / weight).collect();
            let impurity = match impurity {
                Impurity::Gini => value.iter().map(|p| p * (1.0 - p)).sum(),
                Impurity::Entropy => value.iter().filter(|p| **p > 0.0).map(|p| -p * p.ln()).sum(),
            };
            Described { value, weight, impurity }
        }
        (Tally::Values { centre, weight, .. }, Targets::Values(y)) => {
            let squares = |&row: &usize| samples.weights()[row].to_f64() * (y[row].to_f64() - centre).powi(2);
            Described { value: vec![centre], weight, impurity: rows.iter().map(squares).sum::<f64>() / weight }
        }
        _ => unreachable!("values have a tally of values"),
    }
}
