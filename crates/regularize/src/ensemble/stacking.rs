//! A learner that learns whom to trust.

use super::learner::{fit_at, fits};
use super::voting::fit_each;
use super::{BoxLearner, Learner, Model, Samples, Targets, draw};
use crate::Error;
use crate::error::hold;
use crate::validation::{Split, shuffled_k_fold, shuffled_stratified_k_fold};
use gradus_linalg::Real;
use gradus_nn_layers::Result;
use ndarray::{Array2, ArrayRef2, Axis, concatenate};
use rand::Rng;
use std::fmt;

/// Stacking: a last learner is fitted to the predictions of others.
///
/// ```text
/// for each fold:  fit learner m to the rows outside it; zᵢₘ = its prediction for each row i in it
/// last model:     fitted to (zᵢ, yᵢ), zᵢ = (zᵢ₁ … zᵢₘ)
/// in use:         y = last model(z), z by models fitted to all rows
/// ```
///
/// No prediction in `z` comes from a model that has seen its row. Otherwise the last learner would trust the model that knows the
/// samples by heart. Folds are shuffled, and have their share of each class.
///
/// | setting | means | default | range |
/// | --- | --- | --- | --- |
/// | `folds` | the number of folds | 5 | 2 to the number of samples, of each class too |
/// | `passthrough` | the last learner sees the features, too, after the predictions | no | |
///
/// # Errors
/// `fit` returns [`Error::HyperParameter`] for less than 2 folds or no learners; [`Error::TooManyFolds`]; [`Error::AbsentClass`] for a class
/// of less samples than folds; [`Error::NoSamples`] if all weight is in one fold; [`Error::Outputs`] if a model predicts another shape than the samples ask for; [`Error::Learner`] with the error of a learner
/// that fails, the last one counted after the others.
///
/// # Examples
/// ```
/// use gradus_regularize::ensemble::{Learner, Model, Samples, Stacking};
/// use gradus_regularize::ndarray::{Array1, Array2, array};
/// use gradus_regularize::tree::DecisionTree;
/// use rand::{SeedableRng, rngs::StdRng};
///
/// let x = Array2::from_shape_fn((40, 2), |(i, j)| ((i * (3 + 4 * j)) as f64).sin());
/// let labels: Array1<usize> = x.rows().into_iter().map(|x| usize::from(x[0] + x[1] > 0.0)).collect();
/// let samples = Samples::classes(x, labels, 2)?;
/// let stacking = Stacking::new(
///     vec![Box::new(DecisionTree::stump()), Box::new(DecisionTree::new())],
///     Box::new(DecisionTree::new().max_depth(2)),
/// );
/// let model = stacking.folds(4).fit(&samples, &mut StdRng::seed_from_u64(7))?;
/// assert_eq!(model.predict_classes(&array![[0.9, 0.8], [-0.9, -0.8]])?, array![1, 0]);
/// # Ok::<(), gradus_nn_layers::Error>(())
/// ```
///
/// # References
/// - D. H. Wolpert, *Stacked generalization*, Neural Networks 5(2), 1992, <https://doi.org/10.1016/S0893-6080(05)80023-1>
/// - L. Breiman, *Stacked regressions*, Machine Learning 24, 1996, <https://doi.org/10.1007/BF00117832>
pub struct Stacking<F: Real = f32> {
    learners: Vec<BoxLearner<F>>,
    last: BoxLearner<F>,
    folds: usize,
    passthrough: bool,
}

const NAME: &str = "stacking";

impl<F: Real> Stacking<F> {
    /// These learners below, and one on top.
    #[must_use]
    pub fn new(learners: Vec<BoxLearner<F>>, last: BoxLearner<F>) -> Self {
        Self { learners, last, folds: 5, passthrough: false }
    }

    /// Holds out each of so many parts once.
    #[must_use]
    pub fn folds(self, folds: usize) -> Self {
        Self { folds, ..self }
    }

    /// Shows the last learner the features, too.
    #[must_use]
    pub fn passthrough(self) -> Self {
        Self { passthrough: true, ..self }
    }

    /// What the last learner sees of each row: the predictions of models that have not, `(N, M K)`.
    fn out_of_fold(&self, samples: &Samples<F>, rng: &mut dyn Rng) -> Result<Array2<F>> {
        let splits = match samples.targets() {
            Targets::Classes { labels, .. } => shuffled_stratified_k_fold(labels, self.folds, rng)?,
            Targets::Values(_) => shuffled_k_fold(samples.len(), self.folds, rng)?,
        };
        let k = samples.outputs();
        let mut z = Array2::zeros((samples.len(), k * self.learners.len()));
        for Split { train, test: held } in splits {
            let x = samples.x().select(Axis(0), &held);
            let models = fit_each(&self.learners, &samples.select(&train)?, rng, NAME)?;
            for (m, model) in models.iter().enumerate() {
                let y = model.predict(&x)?;
                fits(NAME, &y, held.len(), k)?;
                for (&row, y) in held.iter().zip(y.rows()) {
                    z.row_mut(row).iter_mut().skip(m * k).zip(y).for_each(|(z, &y)| *z = y);
                }
            }
        }
        Ok(z)
    }
}

impl<F: Real> fmt::Debug for Stacking<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Stacking");
        shown.field("learners", &self.learners.len()).field("folds", &self.folds);
        shown.field("passthrough", &self.passthrough).finish_non_exhaustive()
    }
}

/// What [`Stacking`] fits.
pub struct Stacked<F: Real = f32> {
    models: Vec<Box<dyn Model<F>>>,
    last: Box<dyn Model<F>>,
    passthrough: bool,
    outputs: usize,
}

impl<F: Real> fmt::Debug for Stacked<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stacked").field("models", &self.models.len()).finish_non_exhaustive()
    }
}

impl<F: Real> Learner<F> for Stacking<F> {
    type Model = Stacked<F>;

    fn fit(&self, samples: &Samples<F>, rng: &mut dyn Rng) -> Result<Stacked<F>> {
        hold(!self.learners.is_empty(), NAME, "learners", 0.0, "at least 1")?;
        let z = self.out_of_fold(samples, rng)?;
        let z = with_features(z, samples.x(), self.passthrough)?;
        let place = self.learners.len();
        let last = fit_at(&self.last, &samples.clone().with_features(z)?, &mut draw::child(rng), NAME, place)?;
        let models = fit_each(&self.learners, samples, rng, NAME)?;
        Ok(Stacked { models, last, passthrough: self.passthrough, outputs: samples.outputs() })
    }
}

impl<F: Real> Model<F> for Stacked<F> {
    fn predict(&self, x: &ArrayRef2<F>) -> Result<Array2<F>> {
        let mut z = Vec::with_capacity(self.models.len());
        for model in &self.models {
            let y = model.predict(x)?;
            fits(NAME, &y, x.nrows(), self.outputs)?;
            z.push(y);
        }
        let views: Vec<_> = z.iter().map(|y| y.view()).collect();
        let z = concatenate(Axis(1), &views).expect("each has a row for each sample");
        self.last.predict(&with_features(z, x, self.passthrough)?)
    }
}

fn with_features<F: Real>(z: Array2<F>, x: &ArrayRef2<F>, passthrough: bool) -> crate::Result<Array2<F>> {
    if !passthrough {
        return Ok(z);
    }
    let found = z.shape().to_vec();
    let expected = vec![x.nrows(), z.ncols()];
    concatenate(Axis(1), &[z.view(), x.view()]).map_err(|_| Error::Outputs { operation: NAME, found, expected })
}
