//! One prediction out of many.

use super::Model;
use super::learner::{fits, winners};
use crate::Error;
use crate::error::hold;
use gradus_linalg::Real;
use gradus_nn_layers::Result;
use ndarray::{Array2, ArrayRef2, Zip};

/// How the predictions of several models become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Vote {
    /// The mean of the probabilities, or of the values.
    #[default]
    Soft,
    /// The share of the models that take each class to be the likeliest. For classes alone.
    Hard,
}

/// Models that predict together.
///
/// ```text
/// soft:  y = Σₘ wₘ yₘ / Σₘ wₘ
/// hard:  yₖ = Σₘ wₘ [k = argmax yₘ] / Σₘ wₘ
/// ```
///
/// The mean of several models has, on average over them, no larger a squared error than one of them; it is the smaller, the more they
/// differ.
///
/// # Examples
/// ```
/// use gradus_regularize::ensemble::{Ensemble, Model, Vote};
/// use gradus_regularize::ndarray::{Array2, ArrayRef2, array};
///
/// let says = |p: f64| {
///     move |x: &ArrayRef2<f64>| Ok(Array2::from_shape_fn((x.nrows(), 2), |(_, k)| if k == 1 { p } else { 1.0 - p }))
/// };
/// let models = vec![says(0.9), says(0.4), says(0.4)];
/// let x = array![[0.0]];
/// let soft = Ensemble::new(models)?;
/// assert_eq!(soft.predict_classes(&x)?, array![1]); // (0.9 + 0.4 + 0.4) / 3 > ½
/// assert_eq!(soft.vote(Vote::Hard).predict_classes(&x)?, array![0]); // one against two
/// # Ok::<(), gradus_nn_layers::Error>(())
/// ```
///
/// # References
/// T. G. Dietterich, *Ensemble methods in machine learning*, MCS 2000, LNCS 1857
#[derive(Debug, Clone, PartialEq)]
pub struct Ensemble<M> {
    models: Vec<M>,
    weights: Vec<f64>,
    vote: Vote,
}

impl<M> Ensemble<M> {
    /// Models of equal weight, by soft vote.
    ///
    /// # Errors
    /// [`Error::HyperParameter`] for no models.
    pub fn new(models: Vec<M>) -> crate::Result<Self> {
        hold(!models.is_empty(), "ensemble", "models", 0.0, "at least 1")?;
        Ok(Self { weights: vec![1.0; models.len()], models, vote: Vote::Soft })
    }

    /// Combines by this vote.
    #[must_use]
    pub fn vote(self, vote: Vote) -> Self {
        Self { vote, ..self }
    }

    /// Gives the models these weights.
    ///
    /// # Errors
    /// [`Error::Count`], [`Error::Weight`], [`Error::NoWeight`].
    pub fn weighted(self, weights: Vec<f64>) -> crate::Result<Self> {
        check_weights("ensemble", &weights, self.models.len())?;
        Ok(Self { weights, ..self })
    }

    /// The models.
    #[must_use]
    pub fn models(&self) -> &[M] {
        &self.models
    }

    /// Their weights.
    #[must_use]
    pub fn weights(&self) -> &[f64] {
        &self.weights
    }

    /// The standard deviation of the models' predictions around the weighted mean, in the shape of
    /// [`predict`](Model::predict): where it is large, the models disagree.
    ///
    /// # Errors
    /// As [`predict`](Model::predict).
    pub fn spread<F: Real>(&self, x: &ArrayRef2<F>) -> Result<Array2<F>>
    where
        M: Model<F>,
    {
        let predictions = self.models.iter().map(|model| model.predict(x)).collect::<Result<Vec<_>>>()?;
        let mean = average(&predictions, &self.weights, x.nrows())?;
        let mut squares = predictions;
        squares.iter_mut().for_each(|y| Zip::from(y).and(&mean).for_each(|y, &mean| *y = (*y - mean) * (*y - mean)));
        Ok(average(&squares, &self.weights, x.nrows())?.mapv_into(F::sqrt))
    }
}

impl<F: Real, M: Model<F>> Model<F> for Ensemble<M> {
    fn predict(&self, x: &ArrayRef2<F>) -> Result<Array2<F>> {
        let mut predictions = self.models.iter().map(|model| model.predict(x)).collect::<Result<Vec<_>>>()?;
        if self.vote == Vote::Hard {
            for y in &mut predictions {
                if y.ncols() == 1 {
                    return Err(Error::Targets { operation: "hard vote", found: "values", expected: "classes" }.into());
                }
                harden(y);
            }
        }
        Ok(average(&predictions, &self.weights, x.nrows())?)
    }
}

/// 1 for the likeliest class of each row, 0 for the others.
fn harden<F: Real>(y: &mut Array2<F>) {
    let classes = winners(y);
    y.fill(F::zero());
    for (mut row, &class) in y.rows_mut().into_iter().zip(&classes) {
        if let Some(y) = row.get_mut(class) {
            *y = F::one();
        }
    }
}

/// The weighted mean of predictions, of which there is one. Their shapes must agree.
pub(super) fn average<F: Real>(predictions: &[Array2<F>], weights: &[f64], rows: usize) -> crate::Result<Array2<F>> {
    let outputs = predictions.first().map_or(0, Array2::ncols);
    let mut sum = Array2::<f64>::zeros((rows, outputs));
    for (y, &weight) in predictions.iter().zip(weights) {
        fits("ensemble", y, rows, outputs)?;
        Zip::from(&mut sum).and(y).for_each(|sum, &y| *sum += weight * y.to_f64());
    }
    let total: f64 = weights.iter().sum();
    Ok(sum.mapv(|sum| F::from_f64(sum / total)))
}

/// Refuses weights of models that cannot be ones.
pub(super) fn check_weights(operation: &'static str, weights: &[f64], models: usize) -> crate::Result<()> {
    if weights.len() != models {
        return Err(Error::Count { operation, field: "weights", rows: models, found: weights.len() });
    }
    if let Some(position) = weights.iter().position(|w| !w.is_finite() || *w < 0.0) {
        return Err(Error::Weight { operation, value: weights[position], position });
    }
    if weights.iter().all(|w| *w == 0.0) { Err(Error::NoWeight { operation }) } else { Ok(()) }
}
