//! What gradient boosting descends.

use super::{Samples, Targets};
use gradus_linalg::Real;
use ndarray::{Array1, Array2, Zip};

/// The loss, by the targets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Loss {
    /// `(y − f)² / 2`.
    Squared,
    /// `ln(1 + eᶠ) − y f`, of two classes.
    Logistic,
    /// `ln Σₖ exp fₖ − f_label`, of so many classes.
    Softmax(usize),
}

impl Loss {
    pub(super) fn of<F: Real>(samples: &Samples<F>) -> Self {
        match samples.targets() {
            Targets::Values(_) => Self::Squared,
            Targets::Classes { count: 2, .. } => Self::Logistic,
            Targets::Classes { count, .. } => Self::Softmax(*count),
        }
    }

    /// How many scores a sample has.
    pub(super) fn scores(self) -> usize {
        if let Self::Softmax(classes) = self { classes } else { 1 }
    }

    /// The targets of each score, `(N, scores)`: values, or 0 and 1.
    pub(super) fn targets<F: Real>(self, samples: &Samples<F>) -> Array2<f64> {
        Array2::from_shape_fn((samples.len(), self.scores()), |(row, k)| match (samples.targets(), self) {
            (Targets::Values(y), _) => y[row].to_f64(),
            (Targets::Classes { labels, .. }, Self::Softmax(_)) => f64::from(u8::from(labels[row] == k)),
            (Targets::Classes { labels, .. }, _) => labels[row] as f64,
        })
    }

    /// The best constant: the mean, the log-odds, the logarithms of the shares. A class without samples has the share `ε`.
    #[inline] // compiled where it is used: CONTRIBUTING, "What few programs call"
    pub(super) fn start(self, targets: &Array2<f64>, weights: &Array1<f64>) -> Array1<f64> {
        let mean = weights.dot(targets) / weights.sum();
        let inside = |p: f64| p.clamp(f64::EPSILON, 1.0 - f64::EPSILON);
        match self {
            Self::Squared => mean,
            Self::Logistic => mean.mapv(|p| (inside(p) / (1.0 - inside(p))).ln()),
            Self::Softmax(_) => mean.mapv(|p| inside(p).ln()),
        }
    }

    /// What the scores predict: the value, the probability of class 1, the probabilities.
    #[inline]
    pub(super) fn predicted(self, scores: &Array2<f64>) -> Array2<f64> {
        match self {
            Self::Squared => scores.clone(),
            Self::Logistic => scores.mapv(Real::sigmoid),
            Self::Softmax(_) => super::adaboost::softmax(scores.as_standard_layout().into_owned()),
        }
    }

    /// The negative gradient of the loss by the scores.
    #[inline]
    pub(super) fn residuals(self, targets: &Array2<f64>, scores: &Array2<f64>) -> Array2<f64> {
        let mut residuals = self.predicted(scores);
        Zip::from(&mut residuals).and(targets).for_each(|p, &y| *p = y - *p);
        residuals
    }

    /// One Newton step for the constant of a region, from targets, residuals and weights of its rows; none of the squared loss, whose best
    /// constant is the mean of the residuals that the region has already.
    pub(super) fn newton(self, rows: impl Iterator<Item = (f64, f64, f64)>) -> Option<f64> {
        let share = match self {
            Self::Squared => return None,
            Self::Logistic => 1.0,
            Self::Softmax(classes) => (classes as f64 - 1.0) / classes as f64,
        };
        let (mut slope, mut curvature) = (0.0, 0.0);
        for (y, residual, weight) in rows {
            let p = y - residual;
            slope += weight * residual;
            curvature += weight * p * (1.0 - p);
        }
        // Where every row is certain there is nothing to gain.
        Some(if curvature < 1e-150 { 0.0 } else { share * slope / curvature })
    }
}
