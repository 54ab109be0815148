//! Bootstrap aggregating.

use super::learner::{fit_at, fits, mean_error};
use super::{Ensemble, Learner, Model, Samples, Targets, draw};
use crate::Error;
use crate::error::hold;
use crate::validation::Resample;
use gradus_linalg::Real;
use gradus_nn_layers::Result;
use ndarray::{Array1, Array2, ArrayRef2, Axis, Zip};
use rand::rngs::StdRng;
use rand::{Rng, RngExt};

/// Bagging: one learner fitted to many bootstrap samples; the mean predicts.
///
/// ```text
/// model m is fitted to ⌈share · N⌉ rows, drawn with replacement
/// y = Σₘ yₘ / M
/// out of bag, for row i:  the mean over the models that did not see row i
/// ```
///
/// Averaging takes away variance and leaves bias: it helps learners that fit their samples closely and change much with them, as deep
/// trees do. Each model leaves out about a share `1/e` of the rows, so that [`Bagged::out_of_bag`] estimates the error on unseen
/// data without a test set.
///
/// | setting | means | default | range |
/// | --- | --- | --- | --- |
/// | `learners` | the number of models | | at least 1 |
/// | `share` | rows drawn for each, of those there are | 1 | above 0, at most 1 |
/// | `replacement` | a row may be drawn again | yes | |
///
/// A row drawn twice stands there twice; weights of the samples go along. A draw without any row of positive weight is drawn anew.
///
/// # Errors
/// `fit` returns [`Error::HyperParameter`] for a setting out of its range,
/// [`Error::Learner`] with the error of a learner that fails.
///
/// # Examples
/// ```
/// use gradus_regularize::ensemble::{Bagging, Learner, Model, Samples};
/// use gradus_regularize::ndarray::{Array1, Array2};
/// use gradus_regularize::tree::DecisionTree;
/// use rand::{SeedableRng, rngs::StdRng};
///
/// let x = Array2::from_shape_fn((80, 1), |(i, _)| i as f64 / 40.0);
/// let y = Array1::from_shape_fn(80, |i| (x[[i, 0]] * 3.0).sin() + 0.3 * (i as f64 * 12.9898).sin());
/// let samples = Samples::values(x, y)?;
/// let bagged = Bagging::new(DecisionTree::new(), 30).fit(&samples, &mut StdRng::seed_from_u64(7))?;
/// assert!(bagged.out_of_bag().score().unwrap() > 0.7); // R², of rows the models had not seen
/// # Ok::<(), gradus_nn_layers::Error>(())
/// ```
///
/// # References
/// - L. Breiman, *Bagging predictors*, Machine Learning 24, 1996, <https://doi.org/10.1007/BF00058655>
/// - L. Breiman, *Out-of-bag estimation*, technical report, Berkeley, 1996,
///   <https://www.stat.berkeley.edu/~breiman/OOBestimation.pdf>
#[derive(Debug, Clone, PartialEq)]
pub struct Bagging<L> {
    learner: L,
    learners: usize,
    share: f64,
    replacement: bool,
}

impl<L> Bagging<L> {
    /// So many models of the learner, each on as many rows as there are, drawn with replacement.
    #[must_use]
    pub fn new(learner: L, learners: usize) -> Self {
        Self { learner, learners, share: 1.0, replacement: true }
    }

    /// Draws this share of the rows.
    #[must_use]
    pub fn share(self, share: f64) -> Self {
        Self { share, ..self }
    }

    /// Draws no row twice (*pasting*, Breiman 1999).
    #[must_use]
    pub fn without_replacement(self) -> Self {
        Self { replacement: false, ..self }
    }

    fn draw<F: Real>(&self, samples: &Samples<F>, rng: &mut dyn Rng) -> Resample {
        let n = samples.len();
        let wanted = ((self.share * n as f64).ceil() as usize).clamp(1, n);
        loop {
            let drawn = if self.replacement {
                (0..wanted).map(|_| rng.random_range(0..n)).collect()
            } else {
                rand::seq::index::sample(rng, n, wanted).into_vec()
            };
            if drawn.iter().any(|&row: &usize| samples.weights()[row] > F::zero()) {
                return Resample::of(n, drawn);
            }
        }
    }
}

const NAME: &str = "bagging";

/// What [`Bagging`] fits.
#[derive(Debug, Clone, PartialEq)]
pub struct Bagged<M, F: Real = f32> {
    ensemble: Ensemble<M>,
    out_of_bag: OutOfBag<F>,
}

impl<M, F: Real> Bagged<M, F> {
    /// The models.
    #[must_use]
    pub fn ensemble(&self) -> &Ensemble<M> {
        &self.ensemble
    }

    /// What the models say of rows that they were not fitted to.
    #[must_use]
    pub fn out_of_bag(&self) -> &OutOfBag<F> {
        &self.out_of_bag
    }
}

impl<M: Model<F>, F: Real> Model<F> for Bagged<M, F> {
    fn predict(&self, x: &ArrayRef2<F>) -> Result<Array2<F>> {
        self.ensemble.predict(x)
    }
}

/// The predictions for each row of the fit by the models that did not see it.
#[derive(Debug, Clone, PartialEq)]
pub struct OutOfBag<F: Real = f32> {
    predictions: Array2<F>,
    models: Array1<usize>,
    score: Option<f64>,
}

impl<F: Real> OutOfBag<F> {
    /// The mean prediction, `(N, K)` or `(N, 1)`; 0 in rows that every model saw.
    #[must_use]
    pub fn predictions(&self) -> &Array2<F> {
        &self.predictions
    }

    /// How many models did not see each row, `(N,)`.
    #[must_use]
    pub fn models(&self) -> &Array1<usize> {
        &self.models
    }

    /// Of the rows that some model did not see, and by their weights: for classes the share that is right; for values
    /// `R² = 1 − Σ w (y − ŷ)² / Σ w (y − ȳ)²`. None if there are no such rows, or their values are all the same.
    #[must_use]
    pub fn score(&self) -> Option<f64> {
        self.score
    }
}

impl<F: Real, L: Learner<F>> Learner<F> for Bagging<L> {
    type Model = Bagged<L::Model, F>;

    fn fit(&self, samples: &Samples<F>, rng: &mut dyn Rng) -> Result<Self::Model> {
        hold(self.learners > 0, NAME, "learners", 0.0, "at least 1")?;
        hold(self.share > 0.0 && self.share <= 1.0, NAME, "share", self.share, "above 0, at most 1")?;
        bag(&self.learner, samples, rng, self.learners, |_, rng| Ok(self.draw(samples, rng)))
    }
}

impl<L> Bagging<L> {
    /// Fits a model to each of these lists of rows, drawn elsewhere: by whole groups, say. The number of models and the share do not matter.
    ///
    /// # Errors
    /// [`Error::HyperParameter`] for no lists; [`Error::IndexOutside`] for a row that there is
    /// not; [`Error::NoSamples`] for a list without a row of positive weight;
    /// [`Error::Learner`] with the error of a learner that fails.
    pub fn fit_drawn<F: Real>(
        &self,
        samples: &Samples<F>,
        drawn: &[Vec<usize>],
        rng: &mut dyn Rng,
    ) -> Result<Bagged<L::Model, F>>
    where
        L: Learner<F>,
    {
        hold(!drawn.is_empty(), NAME, "learners", 0.0, "at least 1")?;
        bag(&self.learner, samples, rng, drawn.len(), |place, _| {
            let rows = &drawn[place];
            match rows.iter().find(|row| **row >= samples.len()) {
                Some(&index) => Err(Error::IndexOutside { operation: NAME, index, samples: samples.len() }),
                None => Ok(Resample::of(samples.len(), rows.clone())),
            }
        })
    }
}

/// Fits so many models, and asks each for the rows that it did not see.
fn bag<F: Real, L: Learner<F>>(
    learner: &L,
    samples: &Samples<F>,
    rng: &mut dyn Rng,
    learners: usize,
    draw: impl Fn(usize, &mut StdRng) -> crate::Result<Resample>,
) -> Result<Bagged<L::Model, F>> {
    let mut sums = Array2::<f64>::zeros((samples.len(), samples.outputs()));
    let mut counts = Array1::zeros(samples.len());
    let mut models = Vec::with_capacity(learners);
    for place in 0..learners {
        let mut rng = draw::child(rng);
        let Resample { drawn, out_of_bag: unseen } = draw(place, &mut rng)?;
        let model = fit_at(learner, &samples.select(&drawn)?, &mut rng, NAME, place)?;
        if !unseen.is_empty() {
            let y = model.predict(&samples.x().select(Axis(0), &unseen))?;
            fits(NAME, &y, unseen.len(), samples.outputs())?;
            for (&row, y) in unseen.iter().zip(y.rows()) {
                counts[row] += 1;
                Zip::from(sums.row_mut(row)).and(y).for_each(|sum, &y| *sum += y.to_f64());
            }
        }
        models.push(model);
    }
    for (mut sum, &count) in sums.rows_mut().into_iter().zip(&counts) {
        sum.mapv_inplace(|sum| sum / (count as f64).max(1.0));
    }
    let score = score(samples, &sums, &counts);
    let out_of_bag = OutOfBag { predictions: sums.mapv(F::from_f64), models: counts, score };
    Ok(Bagged { ensemble: Ensemble::new(models)?, out_of_bag })
}

/// By the rows that some model did not see.
fn score<F: Real>(samples: &Samples<F>, predictions: &Array2<f64>, counts: &Array1<usize>) -> Option<f64> {
    let weights = Array1::from_shape_fn(samples.len(), |row| match counts[row] {
        0 => 0.0,
        _ => samples.weights()[row].to_f64(),
    });
    let total = weights.sum();
    if total <= 0.0 {
        return None;
    }
    let error = mean_error(samples, predictions, &weights);
    match samples.targets() {
        Targets::Classes { .. } => Some(1.0 - error),
        Targets::Values(y) => {
            let y = y.mapv(Real::to_f64);
            let mean = weights.dot(&y) / total;
            let variance = weights.dot(&y.mapv(|y| (y - mean).powi(2))) / total;
            (variance > 0.0).then(|| 1.0 - error / variance)
        }
    }
}
