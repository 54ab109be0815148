//! The sum that gradient boosting makes.

use super::Model;
use super::learner::fits;
use super::loss::Loss;
use gradus_linalg::Real;
use gradus_nn_layers::Result;
use ndarray::{Array1, Array2, ArrayRef2, Axis};

/// What [`GradientBoosting`](super::GradientBoosting) fits.
#[derive(Debug, Clone, PartialEq)]
pub struct GradientBoosted<M> {
    pub(super) loss: Loss,
    pub(super) start: Array1<f64>,
    pub(super) lr: f64,
    pub(super) stages: Vec<Vec<M>>,
}

impl<M> GradientBoosted<M> {
    /// The models: of each stage one, or for more than two classes one for each class.
    #[must_use]
    pub fn stages(&self) -> &[Vec<M>] {
        &self.stages
    }

    /// The constant scores that it began with: the mean, the log-odds, or the logarithms of the classes' shares.
    #[must_use]
    pub fn start(&self) -> &Array1<f64> {
        &self.start
    }

    /// The sum of all stages for each row: the value; the log-odds of class 1, `(N, 1)`; or the logits, `(N, K)`.
    ///
    /// # Errors
    /// As [`predict`](Model::predict).
    pub fn decision<F: Real>(&self, x: &ArrayRef2<F>) -> Result<Array2<F>>
    where
        M: Model<F>,
    {
        Ok(self.scores(x)?.mapv(F::from_f64))
    }

    /// The predictions after the first stage, the first two, and so on: where to stop.
    pub fn staged_predict<F: Real>(&self, x: &ArrayRef2<F>) -> impl Iterator<Item = Result<Array2<F>>>
    where
        M: Model<F>,
    {
        let mut scores = self.constant(x.nrows());
        self.stages.iter().map(move |stage| {
            self.add(stage, x, &mut scores)?;
            Ok(self.output(&scores))
        })
    }

    fn constant(&self, rows: usize) -> Array2<f64> {
        Array2::from_shape_fn((rows, self.start.len()), |(_, k)| self.start[k])
    }

    fn add<F: Real>(&self, stage: &[M], x: &ArrayRef2<F>, scores: &mut Array2<f64>) -> Result<()>
    where
        M: Model<F>,
    {
        for (k, model) in stage.iter().enumerate() {
            let h = model.predict(x)?;
            fits("gradient boosting", &h, x.nrows(), 1)?;
            scores.column_mut(k).zip_mut_with(&h.index_axis(Axis(1), 0), |f, h| *f += self.lr * h.to_f64());
        }
        Ok(())
    }

    fn scores<F: Real>(&self, x: &ArrayRef2<F>) -> Result<Array2<f64>>
    where
        M: Model<F>,
    {
        let mut scores = self.constant(x.nrows());
        for stage in &self.stages {
            self.add(stage, x, &mut scores)?;
        }
        Ok(scores)
    }

    fn output<F: Real>(&self, scores: &Array2<f64>) -> Array2<F> {
        let p = self.loss.predicted(scores);
        match self.loss {
            Loss::Logistic => Array2::from_shape_fn((p.nrows(), 2), |(row, class)| {
                // The probability of class 0 by its own sigmoid: 1 − p has no digits where p is near 1.
                let p = if class == 1 { p[[row, 0]] } else { Real::sigmoid(-scores[[row, 0]]) };
                F::from_f64(p)
            }),
            _ => p.mapv(F::from_f64),
        }
    }
}

impl<F: Real, M: Model<F>> Model<F> for GradientBoosted<M> {
    fn predict(&self, x: &ArrayRef2<F>) -> Result<Array2<F>> {
        Ok(self.output(&self.scores(x)?))
    }
}
