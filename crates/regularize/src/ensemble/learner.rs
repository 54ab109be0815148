//! The seam: what fits, and what predicts.

use super::{Samples, Targets};
use crate::Error;
use gradus_linalg::Real;
use gradus_nn_layers::Result;
use ndarray::{Array1, Array2, ArrayRef1, ArrayRef2, Axis};
use rand::Rng;

/// Fits a model to samples: a tree, a network with its training loop, a linear model, or an ensemble of any of these.
///
/// A closure is a learner, so that whatever can be trained in a function fits in. It should make an error on a sample cost
/// [`weights`](Samples::weights) times as much; one that cannot do so draws [`Samples::resampled`].
///
/// `fit` returns nn-layers' error, which carries any other crate's with `?`, as a layer's `forward` does.
///
/// # Examples
/// A network as a learner; see [`Network`](super::Network) for the model:
/// ```
/// use gradus_nn_layers::{CrossEntropy, Layer, Linear, Result, Tape};
/// use gradus_optim::{Adam, Optimizer};
/// use gradus_regularize::ensemble::{Learner, Model, Network, Samples};
/// use gradus_regularize::ndarray::array;
/// use rand::{Rng, SeedableRng, rngs::StdRng};
///
/// let softmax_regression = |samples: &Samples, mut rng: &mut dyn Rng| {
///     let mut layer: Linear = Linear::new(samples.features(), samples.outputs(), &mut rng);
///     let mut adam = Adam::new(0.1);
///     for _ in 0..60 {
///         let logits = layer.forward(&Tape::training(&mut rng).input(samples.x().to_owned()))?;
///         let loss = CrossEntropy::new().loss(&logits, samples.labels()?)?;
///         adam.step(&mut layer, &loss.backward()?)?;
///     }
///     Ok(Network::classifier(layer))
/// };
/// let samples = Samples::classes(array![[-2.0], [-1.0], [1.0], [2.0]], array![0, 0, 1, 1], 2)?;
/// let model = softmax_regression.fit(&samples, &mut StdRng::seed_from_u64(7))?;
/// assert_eq!(model.predict_classes(&array![[-3.0], [3.0]])?, array![0, 1]);
/// # Ok::<(), gradus_nn_layers::Error>(())
/// ```
pub trait Learner<F: Real = f32> {
    /// What it fits.
    type Model: Model<F>;

    /// Fits a model. The same samples and the same random stream give the same model.
    ///
    /// # Errors
    /// If the settings or the samples do not fit the learner.
    fn fit(&self, samples: &Samples<F>, rng: &mut dyn Rng) -> Result<Self::Model>;
}

/// Predicts, for samples it may not have seen.
///
/// A closure from features to outputs is a model.
pub trait Model<F: Real = f32>: Send + Sync {
    /// The probability of each class, or one value, for each row of `x`.
    ///
    /// # Shapes
    /// - x: `(N, D)`
    /// - output: `(N, K)` for `K` classes, each row adding up to 1; `(N, 1)` for values
    ///
    /// # Errors
    /// If `x` does not fit the model.
    fn predict(&self, x: &ArrayRef2<F>) -> Result<Array2<F>>;

    /// The class with the largest output for each row of `x`, the first of equals, `(N,)`.
    ///
    /// # Errors
    /// As [`predict`](Self::predict).
    fn predict_classes(&self, x: &ArrayRef2<F>) -> Result<Array1<usize>> {
        Ok(winners(&self.predict(x)?))
    }

    /// The one output for each row of `x`, `(N,)`.
    ///
    /// # Errors
    /// As [`predict`](Self::predict); [`Error::Outputs`] of a model that predicts classes.
    fn predict_values(&self, x: &ArrayRef2<F>) -> Result<Array1<F>> {
        let y = self.predict(x)?;
        fits("predict_values", &y, x.nrows(), 1)?;
        Ok(y.remove_axis(Axis(1)))
    }

    /// Lets a model that is constant on regions, as a tree is on its leaves, have another constant on each: the one that `value` gives
    /// for the rows of `x` in it. A region without rows keeps what it has, and a model without regions changes nothing.
    ///
    /// This is how gradient boosting takes the best step in each leaf.
    ///
    /// # Errors
    /// As [`predict`](Self::predict).
    fn refit_regions(&mut self, _x: &ArrayRef2<F>, _value: &mut dyn FnMut(&[usize]) -> F) -> Result<()> {
        Ok(())
    }
}

impl<F, C, M> Learner<F> for C
where
    F: Real,
    C: Fn(&Samples<F>, &mut dyn Rng) -> Result<M>,
    M: Model<F>,
{
    type Model = M;

    fn fit(&self, samples: &Samples<F>, rng: &mut dyn Rng) -> Result<M> {
        self(samples, rng)
    }
}

impl<F: Real, C: Fn(&ArrayRef2<F>) -> Result<Array2<F>> + Send + Sync> Model<F> for C {
    fn predict(&self, x: &ArrayRef2<F>) -> Result<Array2<F>> {
        self(x)
    }
}

impl<F: Real> Model<F> for Box<dyn Model<F>> {
    fn predict(&self, x: &ArrayRef2<F>) -> Result<Array2<F>> {
        (**self).predict(x)
    }

    fn refit_regions(&mut self, x: &ArrayRef2<F>, value: &mut dyn FnMut(&[usize]) -> F) -> Result<()> {
        (**self).refit_regions(x, value)
    }
}

/// A [`Learner`] behind a pointer: so that different ones stand in one list. Every learner is one; call [`Learner::fit`] on the box.
pub trait AnyLearner<F: Real = f32> {
    /// Fits a model.
    ///
    /// # Errors
    /// As [`Learner::fit`].
    fn fit_any(&self, samples: &Samples<F>, rng: &mut dyn Rng) -> Result<Box<dyn Model<F>>>;
}

impl<F: Real, L: Learner<F>> AnyLearner<F> for L
where
    L::Model: 'static,
{
    fn fit_any(&self, samples: &Samples<F>, rng: &mut dyn Rng) -> Result<Box<dyn Model<F>>> {
        Ok(Box::new(self.fit(samples, rng)?))
    }
}

/// Any learners, to stand in one list.
pub type BoxLearner<F = f32> = Box<dyn AnyLearner<F>>;

impl<F: Real> Learner<F> for BoxLearner<F> {
    type Model = Box<dyn Model<F>>;

    fn fit(&self, samples: &Samples<F>, rng: &mut dyn Rng) -> Result<Box<dyn Model<F>>> {
        (**self).fit_any(samples, rng)
    }
}

/// The error of a model on samples, by their weights: what [`learning_curve`](crate::validation::learning_curve) and its kin measure by.
///
/// ```text
/// classes:  Σ w [argmax y ≠ label] / Σ w     the share that is wrong
/// values:   Σ w (y − ŷ)² / Σ w               the mean squared error
/// ```
///
/// # Errors
/// [`Error::Outputs`] for a model that predicts another shape; those of the model.
///
/// # Examples
/// ```
/// use gradus_regularize::ensemble::{Samples, prediction_error};
/// use gradus_regularize::ndarray::{ArrayRef2, array};
///
/// let double = |x: &ArrayRef2<f64>| Ok(x * 2.0);
/// let samples = Samples::values(array![[1.0], [2.0]], array![2.0, 7.0])?;
/// assert_eq!(prediction_error(&double, &samples)?, 4.5);
/// # Ok::<(), gradus_nn_layers::Error>(())
/// ```
pub fn prediction_error<F: Real>(model: &(impl Model<F> + ?Sized), samples: &Samples<F>) -> Result<f64> {
    let y = model.predict(samples.x())?;
    fits("prediction_error", &y, samples.len(), samples.outputs())?;
    Ok(mean_error(samples, &y.mapv(Real::to_f64), &samples.weights().mapv(Real::to_f64)))
}

/// [`prediction_error`] of predictions, by these weights, whose sum is positive.
pub(super) fn mean_error<F: Real>(samples: &Samples<F>, y: &Array2<f64>, weights: &Array1<f64>) -> f64 {
    let errors: Array1<f64> = match samples.targets() {
        Targets::Classes { labels, .. } => {
            winners(y).iter().zip(labels).map(|(found, label)| f64::from(u8::from(found != label))).collect()
        }
        Targets::Values(targets) => targets.iter().zip(y.column(0)).map(|(y, h)| (y.to_f64() - h).powi(2)).collect(),
    };
    weights.dot(&errors) / weights.sum()
}

/// The column of the largest number in each row, the first of equals.
pub(crate) fn winners<F: Real>(scores: &ArrayRef2<F>) -> Array1<usize> {
    let winner =
        |row: &ArrayRef1<F>| (0..row.len()).fold(0, |best, place| if row[place] > row[best] { place } else { best });
    scores.rows().into_iter().map(|row| winner(&row)).collect()
}

/// Fits the `place`-th learner of an ensemble; its error says which one it was.
pub(crate) fn fit_at<F: Real, L: Learner<F>>(
    learner: &L,
    samples: &Samples<F>,
    rng: &mut dyn Rng,
    operation: &'static str,
    place: usize,
) -> Result<L::Model> {
    learner.fit(samples, rng).map_err(|source| Error::Learner { operation, place, source: Box::new(source) }.into())
}

/// Refuses predictions of another shape.
pub(crate) fn fits<F: Real>(operation: &'static str, y: &Array2<F>, rows: usize, outputs: usize) -> crate::Result<()> {
    if y.dim() == (rows, outputs) {
        return Ok(());
    }
    Err(Error::Outputs { operation, found: y.shape().to_vec(), expected: vec![rows, outputs] })
}
