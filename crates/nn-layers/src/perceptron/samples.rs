//! What a perceptron learns from.

use super::{Convergence, PerceptronFit};
use crate::{Error, Result};
use gradus_autograd::Real;
use ndarray::{Array2, ArrayRef1, ArrayRef2, ArrayView1, Axis};

const NAME: &str = "perceptron";

/// A row `t (x, 1)` for each sample: the weights are right about it if their product with it is above 0, and an update adds it.
pub(super) struct Samples<F> {
    rows: Array2<F>,
}

impl<F: Real> Samples<F> {
    pub(super) fn new(inputs: usize, x: &ArrayRef2<F>, labels: &ArrayRef1<usize>) -> Result<Self> {
        let (count, features) = x.dim();
        if features != inputs {
            return Err(Error::Features { layer: NAME, expected: inputs, input: x.shape().to_vec() });
        }
        if labels.len() != count {
            let (logits, labels, expected) = (vec![count, 1], labels.shape().to_vec(), vec![count]);
            return Err(Error::LabelShape { loss: NAME, logits, labels, expected });
        }
        if count == 0 {
            return Err(Error::EmptyBatch { loss: NAME, shape: x.shape().to_vec() });
        }
        if let Some((place, &label)) = labels.iter().enumerate().find(|(_, label)| **label > 1) {
            return Err(Error::LabelOutOfRange { loss: NAME, label, position: vec![place], classes: 2 });
        }
        if let Some(((i, j), &value)) = x.indexed_iter().find(|(_, value)| !value.is_finite()) {
            let (position, expected) = (vec![i, j], "a finite number would fit");
            return Err(Error::TargetValue { loss: NAME, what: "input", value: value.to_f64(), position, expected });
        }
        let signed = |(i, j)| {
            let value = if j < features { x[(i, j)] } else { F::one() };
            if labels[i] == 1 { value } else { -value }
        };
        Ok(Self { rows: Array2::from_shape_fn((count, features + 1), signed) })
    }

    /// Passes over the samples until one is without mistakes, or the weights are those of an earlier one again.
    pub(super) fn learn(&self, weights: &mut Vec<F>, max_passes: usize) -> PerceptronFit {
        let mut mistakes_by_pass = Vec::new();
        // Brent: an earlier state is kept for 1 pass, then the present one for 2, 4, 8 …; once that is at least a round, and
        // taken within the cycle, the weights meet it. The mistakes counted since then are those of a round.
        let (mut earlier, mut since, mut patience) = (weights.clone(), 0, 1);
        let mut counts = vec![0; self.rows.nrows()];
        for _ in 0..max_passes {
            let mistakes = self.pass(weights, &mut counts);
            mistakes_by_pass.push(mistakes);
            if mistakes == 0 {
                // None only where the products overflow, or the margin is too small for a number.
                let separated = self.margin(weights).map(|(margin, bound)| Convergence::Separated { margin, bound });
                return PerceptronFit { mistakes_by_pass, convergence: separated.unwrap_or(Convergence::Undecided) };
            }
            if weights.iter().any(|w| !w.is_finite()) {
                break;
            }
            since += 1;
            if *weights == earlier {
                let residual = self.residual(&counts);
                let convergence = Convergence::Cycles { period: since, multiplicities: counts, residual };
                return PerceptronFit { mistakes_by_pass, convergence };
            }
            if since == patience {
                earlier.clone_from(weights);
                (since, patience) = (0, 2 * patience);
                counts.fill(0);
            }
        }
        PerceptronFit { mistakes_by_pass, convergence: Convergence::Undecided }
    }

    /// One pass of the rule; the number of mistakes.
    fn pass(&self, weights: &mut [F], counts: &mut [usize]) -> usize {
        let mut mistakes = 0;
        for (row, count) in self.rows.axis_iter(Axis(0)).zip(counts) {
            let side = row.iter().zip(&*weights).fold(F::zero(), |sum, (&x, &w)| sum + x * w);
            if side <= F::zero() || side.is_nan() {
                weights.iter_mut().zip(row).for_each(|(w, &x)| *w += x);
                *count += 1;
                mistakes += 1;
            }
        }
        mistakes
    }

    /// The margin of these weights, and `(R/γ)²`; none if they do not separate the samples.
    pub(super) fn margin(&self, weights: &[F]) -> Option<(f64, f64)> {
        let squares = |numbers: &mut dyn Iterator<Item = F>| numbers.map(|x| x.to_f64().powi(2)).sum::<f64>();
        let (mut least, mut longest) = (f64::INFINITY, 0.0_f64);
        for row in self.rows.axis_iter(Axis(0)) {
            least = least.min(row.iter().zip(weights).map(|(&x, &w)| x.to_f64() * w.to_f64()).sum());
            longest = longest.max(squares(&mut row.iter().copied()));
        }
        let length = squares(&mut weights.iter().copied());
        // Squares before the quotient: of one sample, which is its own separator, the bound is then 1 exactly.
        let (margin, bound) = (least / length.sqrt(), longest * length / least.powi(2));
        (least > 0.0 && margin > 0.0 && bound.is_finite()).then_some((margin, bound))
    }

    /// A bound on the length of the sum of the samples, each so many times: what rounding takes from the sum is added to it, so
    /// that 0 means 0.
    fn residual(&self, counts: &[usize]) -> f64 {
        let bound = |column: ArrayView1<'_, F>| {
            let (mut sum, mut lost) = (0.0_f64, 0.0_f64);
            for (x, &count) in column.iter().zip(counts) {
                let (x, count) = (x.to_f64(), count as f64);
                let term = x * count;
                let next = sum + term;
                let rest = next - sum; // the part of the term that arrived (Knuth's sum of two)
                lost += x.mul_add(count, -term).abs() + ((sum - (next - rest)) + (term - rest)).abs();
                sum = next;
            }
            sum.abs() + lost
        };
        self.rows.axis_iter(Axis(1)).map(|column| bound(column).powi(2)).sum::<f64>().sqrt()
    }
}
