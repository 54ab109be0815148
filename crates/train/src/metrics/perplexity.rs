//! How many classes a classifier wavers between.

use super::{Metric, Predictions};
use crate::Result;

/// The exponential of the mean cross-entropy: as unsure as this is who guesses among so many equal classes.
///
/// ```text
/// perplexity = exp( −1/N Σₙ ln pₙ,label )
/// ```
///
/// # References
/// F. Jelinek, R. L. Mercer, L. R. Bahl, J. K. Baker, *Perplexity: a measure of the difficulty of speech recognition tasks*, 1977,
/// <https://doi.org/10.1121/1.2016299>
#[derive(Debug, Clone, Copy)]
pub struct Perplexity;

impl Metric for Perplexity {
    fn name(&self) -> String {
        "perplexity".to_owned()
    }

    fn measure(&self, predictions: &Predictions) -> Result<f64> {
        let rows = predictions.log_probabilities.rows().into_iter().zip(&predictions.labels);
        let sum: f64 = rows.map(|(row, &label)| row[label]).sum();
        Ok((-sum / predictions.labels.len() as f64).exp())
    }
}
