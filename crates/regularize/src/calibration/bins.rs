//! Accuracy beside confidence.

use super::check;
use crate::error::hold;
use crate::{Error, Result};
use gradus_linalg::Real;
use ndarray::{ArrayRef1, ArrayRef2};

/// How confidences are put into bins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bins {
    /// So many bins of the same width: from 0 to 1/n, and so on. A confidence on the border is in the lower one.
    EqualWidth(usize),
    /// So many bins with as many samples each, to within one. Equal confidences may be in different bins.
    EqualMass(usize),
}

/// One bin of a reliability diagram.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bin {
    /// Its lower border: of equal mass, the smallest confidence in it.
    pub low: f64,
    /// Its upper border: of equal mass, the largest confidence in it.
    pub high: f64,
    /// Samples in it.
    pub count: usize,
    /// Their mean confidence; the middle of the bin if it is empty.
    pub confidence: f64,
    /// The share of them that was right; 0 if it is empty.
    pub accuracy: f64,
}

/// A reliability diagram: how often predictions of some confidence are right.
///
/// ```text
/// confidence  p̂ᵢ = maxₖ pᵢₖ,  right if argmaxₖ pᵢₖ is the label
/// expected calibration error   Σ_b n_b / N · |accuracy_b − confidence_b|
/// largest calibration error    max_b |accuracy_b − confidence_b|
/// ```
///
/// Where the accuracy is below the confidence, the model is too sure of itself. [`to_svg`](Self::to_svg) draws it.
///
/// # Examples
/// ```
/// use gradus_nn_layers::ndarray::array;
/// use gradus_regularize::calibration::{Bins, Reliability};
/// let probabilities = array![[0.9, 0.1], [0.9, 0.1], [0.4, 0.6], [0.3, 0.7]];
/// let diagram = Reliability::of(&probabilities, &array![0, 1, 1, 1], Bins::EqualWidth(5))?;
/// assert_eq!(diagram.bins()[4].count, 2);
/// assert_eq!(diagram.bins()[4].accuracy, 0.5);
/// assert!((diagram.expected_error() - (0.5 * 0.4 + 0.25 * 0.4 + 0.25 * 0.3)).abs() < 1e-12);
/// # Ok::<(), gradus_regularize::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Reliability {
    bins: Vec<Bin>,
}

impl Reliability {
    /// The diagram of these probabilities, `(N, K)`, for these labels, `(N,)`. Of equal probabilities the first class is predicted.
    ///
    /// # Errors
    /// [`Error::Lengths`], [`Error::Nothing`], [`Error::Label`]; [`Error::Element`] for what is no probability;
    /// [`Error::HyperParameter`] for no bins, or more than a million.
    pub fn of<F: Real>(probabilities: &ArrayRef2<F>, labels: &ArrayRef1<usize>, bins: Bins) -> Result<Self> {
        const OPERATION: &str = "reliability";
        check_probabilities(OPERATION, probabilities, labels)?;
        let judged = probabilities.rows().into_iter().zip(labels).map(|(row, &label)| {
            let mut best = (0, f64::NEG_INFINITY);
            for (k, p) in row.iter().enumerate() {
                if p.to_f64() > best.1 {
                    best = (k, p.to_f64());
                }
            }
            (best.1, best.0 == label)
        });
        Ok(Self { bins: bins.fill(OPERATION, judged.collect())? })
    }

    /// The diagram of any confidences, with whether each was right.
    ///
    /// # Errors
    /// [`Error::Nothing`]; [`Error::Element`]; [`Error::HyperParameter`] for no bins, or more than a million.
    pub fn of_confidences(judged: impl IntoIterator<Item = (f64, bool)>, bins: Bins) -> Result<Self> {
        const OPERATION: &str = "reliability";
        let judged: Vec<_> = judged.into_iter().collect();
        if judged.is_empty() {
            return Err(Error::Nothing { operation: OPERATION, what: "samples" });
        }
        for (i, &(p, _)) in judged.iter().enumerate() {
            element(OPERATION, p, || vec![i])?;
        }
        Ok(Self { bins: bins.fill(OPERATION, judged)? })
    }

    /// The bins, in order of confidence.
    #[must_use]
    pub fn bins(&self) -> &[Bin] {
        &self.bins
    }

    /// How far confidence and accuracy are apart, on average over the samples.
    #[must_use]
    pub fn expected_error(&self) -> f64 {
        let samples: usize = self.bins.iter().map(|bin| bin.count).sum();
        self.bins.iter().map(|bin| bin.count as f64 / samples as f64 * bin.gap()).sum()
    }

    /// How far they are apart in the worst bin.
    #[must_use]
    pub fn largest_error(&self) -> f64 {
        self.bins.iter().map(Bin::gap).fold(0.0, f64::max)
    }
}

impl Bin {
    fn gap(&self) -> f64 {
        if self.count == 0 { 0.0 } else { (self.accuracy - self.confidence).abs() }
    }
}

/// The expected calibration error of the probability of each class against whether it was that class, on average over the
/// classes.
///
/// ```text
/// Σₖ Σ_b n_bₖ / N · |share of class k in bin b − mean pₖ in bin b| / K
/// ```
///
/// The error of the predicted class alone can be 0 while the others' probabilities are wrong.
///
/// # Errors
/// As [`Reliability::of`].
///
/// # Examples
/// ```
/// use gradus_nn_layers::ndarray::array;
/// use gradus_regularize::calibration::{Bins, classwise_error};
/// let probabilities = array![[0.5, 0.3, 0.2], [0.5, 0.3, 0.2]];
/// let error = classwise_error(&probabilities, &array![0, 2], Bins::EqualWidth(10))?;
/// assert!((error - (0.0 + 0.3 + 0.3) / 3.0).abs() < 1e-12);
/// # Ok::<(), gradus_regularize::Error>(())
/// ```
pub fn classwise_error<F: Real>(probabilities: &ArrayRef2<F>, labels: &ArrayRef1<usize>, bins: Bins) -> Result<f64> {
    const OPERATION: &str = "classwise_error";
    check_probabilities(OPERATION, probabilities, labels)?;
    let errors = probabilities.columns().into_iter().enumerate().map(|(class, column)| {
        let judged = column.iter().zip(labels).map(|(p, &label)| (p.to_f64(), label == class)).collect();
        Ok(Reliability { bins: bins.fill(OPERATION, judged)? }.expected_error())
    });
    Ok(errors.sum::<Result<f64>>()? / probabilities.ncols() as f64)
}

fn check_probabilities<F: Real>(
    operation: &'static str,
    probabilities: &ArrayRef2<F>,
    labels: &ArrayRef1<usize>,
) -> Result<()> {
    check(operation, probabilities, labels)?;
    for ((i, k), p) in probabilities.indexed_iter() {
        element(operation, p.to_f64(), || vec![i, k])?;
    }
    Ok(())
}

/// Rounding may lead a little above 1.
fn element(operation: &'static str, value: f64, position: impl FnOnce() -> Vec<usize>) -> Result<()> {
    if (0.0..=1.0 + 1e-5).contains(&value) {
        return Ok(());
    }
    let (what, expected) = ("probability", "between 0 and 1; softmax makes such of logits");
    Err(Error::Element { operation, what, value, position: position(), expected })
}

impl Bins {
    /// The bins with what falls into each.
    #[inline] // compiled where it is used: CONTRIBUTING, "What few programs call"
    fn fill(self, operation: &'static str, mut judged: Vec<(f64, bool)>) -> Result<Vec<Bin>> {
        let (Self::EqualWidth(n) | Self::EqualMass(n)) = self;
        hold((1..=1_000_000).contains(&n), operation, "bins", n as f64, "between 1 and 1,000,000")?;
        judged.sort_by(|a, b| a.0.total_cmp(&b.0));
        match self {
            Self::EqualWidth(n) => {
                let mut rest = &judged[..];
                let width = |i: usize| {
                    let (low, high) = (i as f64 / n as f64, (i + 1) as f64 / n as f64);
                    let inside = if i + 1 == n { rest.len() } else { rest.partition_point(|(p, _)| *p <= high) };
                    let (inside, others) = rest.split_at(inside);
                    rest = others;
                    bin(low, high, inside)
                };
                Ok((0..n).map(width).collect())
            }
            Self::EqualMass(n) => {
                let parts = (0..n).map(|i| &judged[i * judged.len() / n..(i + 1) * judged.len() / n]);
                let filled = parts.filter_map(|part| Some(bin(part.first()?.0, part.last()?.0, part)));
                Ok(filled.collect())
            }
        }
    }
}

fn bin(low: f64, high: f64, inside: &[(f64, bool)]) -> Bin {
    let (count, n) = (inside.len(), inside.len() as f64);
    if count == 0 {
        return Bin { low, high, count, confidence: (low + high) / 2.0, accuracy: 0.0 };
    }
    let confidence = inside.iter().map(|(p, _)| p).sum::<f64>() / n;
    Bin { low, high, count, confidence, accuracy: inside.iter().filter(|(_, right)| *right).count() as f64 / n }
}
