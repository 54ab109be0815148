//! Boosting by weights.

use super::learner::{fit_at, fits};
use super::{Learner, Model, Samples, Targets, draw};
use crate::Error;
use crate::error::hold;
use gradus_linalg::{Real, rows};
use gradus_nn_layers::Result;
use ndarray::{Array1, Array2, ArrayRef2};
use rand::Rng;

/// AdaBoost for any number of classes (SAMME): each learner gives its attention to what those before it got wrong.
///
/// ```text
/// w = weights of the samples, divided by their sum; for each learner m:
///   e  = Σ w [class m predicts ≠ label]
///   αₘ = lr (ln((1 − e) / e) + ln(K − 1))
///   w ← w · exp(αₘ [wrong]),  divided by their sum
/// f(x)ₖ = Σₘ αₘ (1 if m predicts k, else −1/(K − 1)) / Σₘ αₘ
/// P = softmax(f / (K − 1))
/// ```
///
/// It ends early at a learner without error, which gets `α = 1`, and at one that is no better than chance, `e ≥ 1 − 1/K`, which is left
/// out. For two classes it is AdaBoost.M1.
///
/// The learner is given weights with a mean of 1; it has to heed them ([`Samples::resampled`] helps).
///
/// | setting | means | default | range |
/// | --- | --- | --- | --- |
/// | `learners` | the most models | | at least 1 |
/// | `lr` | how far each model's say goes | 1 | above 0, finite |
///
/// # Errors
/// `fit` returns [`Error::HyperParameter`] for a setting out of its range or less than 2 classes; [`Error::Targets`] for values;
/// [`Error::NoBetterThanChance`] if the first learner is not; [`Error::Learner`] with the error of a learner that fails.
///
/// # Examples
/// ```
/// use gradus_regularize::ensemble::{AdaBoost, Learner, Model, Samples};
/// use gradus_regularize::{ndarray::array, tree::DecisionTree};
/// use rand::{SeedableRng, rngs::StdRng};
///
/// // An interval: no single question finds it.
/// let x = array![[0.0], [1.0], [2.0], [3.0], [4.0], [5.0]];
/// let labels = array![0, 0, 1, 1, 0, 0];
/// let samples = Samples::classes(x.clone(), labels.clone(), 2)?;
/// let model = AdaBoost::new(DecisionTree::stump(), 10).fit(&samples, &mut StdRng::seed_from_u64(7))?;
/// assert_eq!(model.predict_classes(&x)?, labels);
/// # Ok::<(), gradus_nn_layers::Error>(())
/// ```
///
/// # References
/// - Y. Freund, R. E. Schapire, *A decision-theoretic generalization of on-line learning and an application to boosting*, JCSS 55, 1997,
///   <https://doi.org/10.1006/jcss.1997.1504>
/// - J. Zhu, H. Zou, S. Rosset, T. Hastie, *Multi-class AdaBoost*, Statistics and Its Interface 2, 2009,
///   <https://doi.org/10.4310/SII.2009.v2.n3.a8>
#[derive(Debug, Clone, PartialEq)]
pub struct AdaBoost<L> {
    learner: L,
    learners: usize,
    lr: f64,
}

const NAME: &str = "adaboost";

impl<L> AdaBoost<L> {
    /// At most so many models.
    #[must_use]
    pub fn new(learner: L, learners: usize) -> Self {
        Self { learner, learners, lr: 1.0 }
    }

    /// Shrinks each model's say.
    #[must_use]
    pub fn lr(self, lr: f64) -> Self {
        Self { lr, ..self }
    }
}

/// What [`AdaBoost`] fits.
#[derive(Debug, Clone, PartialEq)]
pub struct AdaBoosted<M> {
    models: Vec<M>,
    say: Vec<f64>,
    errors: Vec<f64>,
    classes: usize,
}

impl<F: Real, L: Learner<F>> Learner<F> for AdaBoost<L> {
    type Model = AdaBoosted<L::Model>;

    fn fit(&self, samples: &Samples<F>, rng: &mut dyn Rng) -> Result<Self::Model> {
        hold(self.learners > 0, NAME, "learners", 0.0, "at least 1")?;
        hold(self.lr.is_finite() && self.lr > 0.0, NAME, "lr", self.lr, "above 0 and finite")?;
        let Targets::Classes { labels, count: classes } = samples.targets() else {
            return Err(Error::Targets { operation: NAME, found: "values", expected: "classes" }.into());
        };
        let classes = *classes;
        hold(classes > 1, NAME, "classes", classes as f64, "at least 2")?;
        let mut weights = samples.weights().mapv(Real::to_f64);
        let mut fitted = AdaBoosted { models: Vec::new(), say: Vec::new(), errors: Vec::new(), classes };
        for place in 0..self.learners {
            weights /= weights.sum();
            let scaled = weights.mapv(|w| F::from_f64(w * samples.len() as f64));
            let weighted = samples.clone().weighted(scaled)?;
            let model = fit_at(&self.learner, &weighted, &mut draw::child(rng), NAME, place)?;
            let found = chosen(&model, samples.x(), classes)?;
            let wrong: Array1<bool> = found.iter().zip(labels).map(|(found, label)| found != label).collect();
            let error: f64 = weights.iter().zip(&wrong).filter(|(_, wrong)| **wrong).map(|(w, _)| w).sum();
            if error >= 1.0 - 1.0 / classes as f64 {
                if place == 0 {
                    return Err(Error::NoBetterThanChance { operation: NAME, error, classes }.into());
                }
                break;
            }
            let say =
                if error > 0.0 { self.lr * (((1.0 - error) / error).ln() + (classes as f64 - 1.0).ln()) } else { 1.0 };
            fitted.models.push(model);
            fitted.say.push(say);
            fitted.errors.push(error);
            if error <= 0.0 {
                break;
            }
            // Less weight on what is right is the same as more on what is wrong, and does not overflow.
            weights.iter_mut().zip(&wrong).filter(|(_, wrong)| !**wrong).for_each(|(w, _)| *w *= (-say).exp());
        }
        Ok(fitted)
    }
}

fn chosen<F: Real, M: Model<F>>(model: &M, x: &ArrayRef2<F>, classes: usize) -> Result<Array1<usize>> {
    let y = model.predict(x)?;
    fits(NAME, &y, x.nrows(), classes)?;
    Ok(super::learner::winners(&y))
}

impl<M> AdaBoosted<M> {
    /// The models.
    #[must_use]
    pub fn models(&self) -> &[M] {
        &self.models
    }

    /// The say `α` of each.
    #[must_use]
    pub fn say(&self) -> &[f64] {
        &self.say
    }

    /// The error `e` of each, on the samples as they were weighted for it.
    #[must_use]
    pub fn errors(&self) -> &[f64] {
        &self.errors
    }

    /// The score `f(x)` of each class, `(N, K)`; each row adds up to 0.
    ///
    /// # Errors
    /// As [`predict`](Model::predict).
    pub fn decision<F: Real>(&self, x: &ArrayRef2<F>) -> Result<Array2<F>>
    where
        M: Model<F>,
    {
        let mut last = Array2::zeros((x.nrows(), self.classes));
        for stage in self.staged_decision(x) {
            last = stage?;
        }
        Ok(last)
    }

    /// The scores after the first model, the first two, and so on.
    pub fn staged_decision<F: Real>(&self, x: &ArrayRef2<F>) -> impl Iterator<Item = Result<Array2<F>>>
    where
        M: Model<F>,
    {
        let others = -1.0 / (self.classes as f64 - 1.0);
        let (mut sum, mut total) = (Array2::<f64>::zeros((x.nrows(), self.classes)), 0.0);
        self.models.iter().zip(&self.say).map(move |(model, say)| {
            total += say;
            for (mut row, &class) in sum.rows_mut().into_iter().zip(&chosen(model, x, self.classes)?) {
                row.iter_mut().enumerate().for_each(|(k, f)| *f += say * if k == class { 1.0 } else { others });
            }
            Ok(sum.mapv(|f| F::from_f64(f / total)))
        })
    }

    /// The probabilities after the first model, the first two, and so on: where to stop.
    pub fn staged_predict<F: Real>(&self, x: &ArrayRef2<F>) -> impl Iterator<Item = Result<Array2<F>>>
    where
        M: Model<F>,
    {
        self.staged_decision(x).map(|f| Ok(self.probabilities(&f?)))
    }

    fn probabilities<F: Real>(&self, f: &Array2<F>) -> Array2<F> {
        let scaled = f.mapv(|f| f / F::from_f64(self.classes as f64 - 1.0));
        softmax(scaled)
    }
}

impl<F: Real, M: Model<F>> Model<F> for AdaBoosted<M> {
    fn predict(&self, x: &ArrayRef2<F>) -> Result<Array2<F>> {
        Ok(self.probabilities(&self.decision(x)?))
    }
}

/// Row by row.
pub(super) fn softmax<F: Real>(logits: Array2<F>) -> Array2<F> {
    let (mut p, classes) = (Array2::zeros(logits.raw_dim()), logits.ncols());
    if let (Some(logits), Some(out), true) = (logits.as_slice(), p.as_slice_mut(), classes > 0) {
        rows::softmax(classes, logits, out);
    }
    p
}
