//! How good a classifier is on samples it is shown.

use crate::{ConfusionMatrix, Error, Result};
use gradus_autograd::{Real, Tape};
use gradus_data::Labelled;
use gradus_nn_layers::Layer;
use ndarray::{Array2, Ix2};

/// Samples a pass: large enough for fast products, small enough for the cache.
const BATCH: usize = 256;

/// The share of samples that the model classifies rightly, from 0 to 1.
///
/// # Errors
/// If the set is empty, or the model's output does not have one column a class.
pub fn accuracy<F: Real>(model: &(impl Layer<F> + ?Sized), data: &Labelled<F>) -> Result<f64> {
    Ok(evaluate(model, data)?.accuracy)
}

/// What a model makes of a labelled set.
#[derive(Debug, Clone, PartialEq)]
pub struct Evaluation {
    /// Mean cross-entropy, in nats.
    pub loss: f64,
    /// Share of samples classified rightly, from 0 to 1.
    pub accuracy: f64,
    /// How often each class was taken for each.
    pub confusion: ConfusionMatrix,
    /// The samples classified wrongly, the most confident mistake first.
    pub mistakes: Vec<Mistake>,
}

/// A sample classified wrongly.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Mistake {
    /// Its place in the set.
    pub sample: usize,
    /// What it is.
    pub label: usize,
    /// What the model takes it for.
    pub predicted: usize,
    /// The probability the model gives to its answer.
    pub confidence: f64,
}

/// Runs the model over a labelled set, as in use and without recording.
///
/// # Errors
/// If the set is empty, or the model's output does not have one column a class.
pub fn evaluate<F: Real>(model: &(impl Layer<F> + ?Sized), data: &Labelled<F>) -> Result<Evaluation> {
    evaluate_rows(model, data, None)
}

/// As [`evaluate`]; the logarithms of all probabilities are put into `kept`, sample by sample.
pub(crate) fn evaluate_rows<F: Real>(
    model: &(impl Layer<F> + ?Sized),
    data: &Labelled<F>,
    mut kept: Option<&mut Vec<f64>>,
) -> Result<Evaluation> {
    if data.is_empty() {
        return Err(Error::NoSamples { operation: "evaluate", set: "given" });
    }
    let classes = data.classes();
    let mut counts = Array2::zeros((classes, classes));
    let mut mistakes = Vec::new();
    let (mut loss, mut right, mut sample) = (0.0, 0, 0);
    for (inputs, labels) in data.batches(BATCH) {
        let logits = model.forward(&Tape::inference().input(inputs))?;
        if logits.shape() != [labels.len(), classes] {
            return Err(Error::Logits { found: logits.shape().to_vec(), samples: labels.len(), classes });
        }
        let log_probabilities = logits.log_softmax(1)?;
        let rows = log_probabilities.value().view().into_dimensionality::<Ix2>();
        for (row, &label) in rows.expect("the shape was checked").rows().into_iter().zip(&labels) {
            let predicted = largest(row.iter().copied());
            loss -= row[label].to_f64();
            counts[[label, predicted]] += 1;
            if predicted == label {
                right += 1;
            } else {
                mistakes.push(Mistake { sample, label, predicted, confidence: row[predicted].to_f64().exp() });
            }
            if let Some(kept) = &mut kept {
                kept.extend(row.iter().map(|x| x.to_f64()));
            }
            sample += 1;
        }
    }
    mistakes.sort_by(|a, b| b.confidence.total_cmp(&a.confidence));
    let n = data.len() as f64;
    Ok(Evaluation { loss: loss / n, accuracy: right as f64 / n, confusion: ConfusionMatrix { counts }, mistakes })
}

/// The place of the largest number, the first of equals. A NaN is never the largest.
pub(crate) fn largest<F: Real>(row: impl Iterator<Item = F>) -> usize {
    let mut best = (0, -F::INFINITY);
    for (i, x) in row.enumerate() {
        if x > best.1 {
            best = (i, x);
        }
    }
    best.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_is_the_first_of_equals_and_never_nan() {
        assert_eq!(largest([1.0, 3.0, 3.0, 2.0].into_iter()), 1);
        assert_eq!(largest([f64::NAN, -5.0, f64::NAN].into_iter()), 1);
    }
}
