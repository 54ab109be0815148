//! How good a classifier is on samples it is shown.

use crate::agree::agree;
use crate::{ConfusionMatrix, Error, Part, Ranks, Result};
use gradus_autograd::{Real, Tape, Var};
use gradus_data::Labelled;
use gradus_nn_layers::Layer;
use ndarray::{Array2, ArrayD, ArrayView1, ArrayView2, Axis};

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
    evaluate_rows(model, data, None, None)
}

/// As [`evaluate`]; the logarithms of all probabilities are put into `kept`, sample by sample. Of several ranks each looks at a
/// part of the samples, and all have the numbers of one rank, to the bit: it is whole passes that are divided among them.
pub(crate) fn evaluate_rows<F: Real>(
    model: &(impl Layer<F> + ?Sized),
    data: &Labelled<F>,
    kept: Option<&mut Vec<f64>>,
    ranks: Option<&mut dyn Ranks<F>>,
) -> Result<Evaluation> {
    if data.is_empty() {
        return Err(Error::NoSamples { operation: "evaluate", set: "given" });
    }
    let classes = data.classes();
    let mut tally = Tally::new(classes, kept);
    if let Some(ranks) = ranks {
        let rows = gathered(model, data, ranks)?;
        rows.chunks(classes).zip(data.labels()).for_each(|(row, &label)| tally.add(row.into(), label));
    } else {
        for (inputs, labels) in data.batches(BATCH) {
            let rows = log_probabilities(model, inputs, classes)?;
            table(&rows).rows().into_iter().zip(&labels).for_each(|(row, &label)| tally.add(row, label));
        }
    }
    Ok(tally.finish(data.len()))
}

/// The logarithm of each class's probability, a row a sample.
fn log_probabilities<F: Real>(model: &(impl Layer<F> + ?Sized), inputs: ArrayD<F>, classes: usize) -> Result<Var<F>> {
    let samples = inputs.len_of(Axis(0));
    let logits = model.forward(&Tape::inference().input(inputs))?;
    if logits.shape() != [samples, classes] {
        return Err(Error::Logits { found: logits.shape().to_vec(), samples, classes });
    }
    Ok(logits.log_softmax(1)?)
}

fn table<F: Real>(rows: &Var<F>) -> ArrayView2<'_, F> {
    rows.value().view().into_dimensionality().expect("the shape was checked")
}

/// The rows of all samples, of which this rank's passes are its part.
fn gathered<F: Real>(
    model: &(impl Layer<F> + ?Sized),
    data: &Labelled<F>,
    ranks: &mut dyn Ranks<F>,
) -> Result<Vec<f64>> {
    let (n, classes) = (data.len(), data.classes());
    let passes = Part { index: ranks.rank(), count: ranks.size() }.rows(n.div_ceil(BATCH)).unwrap_or(0..0);
    let places: Vec<usize> = (passes.start * BATCH..n.min(passes.end * BATCH)).collect();
    let own = || {
        let mut bytes = Vec::with_capacity(places.len() * classes * 8);
        for (inputs, _) in data.select(&places)?.batches(BATCH) {
            let rows = log_probabilities(model, inputs, classes)?;
            table(&rows).iter().for_each(|x| bytes.extend_from_slice(&x.to_f64().to_le_bytes()));
        }
        Ok(bytes)
    };
    let own = own();
    let bytes = agree(ranks, own)?.concat();
    let numbers: Vec<f64> = bytes.as_chunks().0.iter().map(|&bytes| f64::from_le_bytes(bytes)).collect();
    if numbers.len() != n * classes {
        let found = numbers.len();
        let reason = format!("evaluate: the ranks have {found} numbers for {n} samples of {classes} classes");
        return Err(Error::Ranks(reason.into()));
    }
    Ok(numbers)
}

/// Counts sample by sample.
struct Tally<'k> {
    loss: f64,
    right: usize,
    sample: usize,
    counts: Array2<usize>,
    mistakes: Vec<Mistake>,
    kept: Option<&'k mut Vec<f64>>,
}

impl<'k> Tally<'k> {
    fn new(classes: usize, kept: Option<&'k mut Vec<f64>>) -> Self {
        let counts = Array2::zeros((classes, classes));
        Self { loss: 0.0, right: 0, sample: 0, counts, mistakes: Vec::new(), kept }
    }

    fn add<F: Real>(&mut self, row: ArrayView1<'_, F>, label: usize) {
        let predicted = largest(row.iter().copied());
        self.loss -= row[label].to_f64();
        self.counts[[label, predicted]] += 1;
        if predicted == label {
            self.right += 1;
        } else {
            let confidence = row[predicted].to_f64().exp();
            self.mistakes.push(Mistake { sample: self.sample, label, predicted, confidence });
        }
        if let Some(kept) = &mut self.kept {
            kept.extend(row.iter().map(|x| x.to_f64()));
        }
        self.sample += 1;
    }

    fn finish(mut self, samples: usize) -> Evaluation {
        self.mistakes.sort_by(|a, b| b.confidence.total_cmp(&a.confidence));
        let n = samples as f64;
        let confusion = ConfusionMatrix { counts: self.counts };
        Evaluation { loss: self.loss / n, accuracy: self.right as f64 / n, confusion, mistakes: self.mistakes }
    }
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
