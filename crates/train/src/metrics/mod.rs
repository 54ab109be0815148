//! How good predictions are, in one number.
//!
//! A [`Metric`] measures the answers of a classifier on a whole set; [`Trainer::metric`](crate::Trainer::metric) follows it epoch by
//! epoch. The functions beside it measure predicted numbers.

mod confusion;
mod perplexity;
mod ranking;
mod regression;

pub use confusion::{Accuracy, ConfusionMatrix, F1, Precision, Recall, Scores};
pub use perplexity::Perplexity;
pub use ranking::{Auroc, TopK, auroc};
pub use regression::{mae, r2, rmse};

use crate::evaluate::evaluate_rows;
use crate::{Error, Result};
use gradus_autograd::Real;
use gradus_data::Labelled;
use gradus_nn_layers::Layer;
use ndarray::{Array1, Array2};

/// What a classifier answers on a set of samples, and what would have been right.
#[derive(Debug, Clone, PartialEq)]
pub struct Predictions {
    log_probabilities: Array2<f64>,
    labels: Array1<usize>,
}

impl Predictions {
    /// The logarithm of each class's probability for each sample, `(N, K)`, and the labels, `(N,)`. A metric reads ranks and logarithms, so
    /// that probabilities too small for a number still differ.
    ///
    /// # Errors
    /// [`Error::Metric`] if there is no sample, one label more or fewer than samples, or a label that is no class.
    pub fn new(log_probabilities: Array2<f64>, labels: impl Into<Array1<usize>>) -> Result<Self> {
        let (labels, (samples, classes)) = (labels.into(), log_probabilities.dim());
        if samples == 0 || samples != labels.len() {
            let reason = format!("{} labels for {samples} samples; each of one or more has one", labels.len());
            return Err(Error::Metric { metric: "predictions", reason });
        }
        if let Some((place, label)) = labels.iter().enumerate().find(|(_, label)| **label >= classes) {
            let reason =
                format!("label {label} at position {place}: with {classes} classes every label is below {classes}");
            return Err(Error::Metric { metric: "predictions", reason });
        }
        Ok(Self { log_probabilities, labels })
    }

    /// What the model makes of a labelled set, as in use.
    ///
    /// # Errors
    /// As [`evaluate`](crate::evaluate).
    pub fn of<F: Real>(model: &(impl Layer<F> + ?Sized), data: &Labelled<F>) -> Result<Self> {
        let mut rows = Vec::with_capacity(data.len() * data.classes());
        evaluate_rows(model, data, Some(&mut rows), None)?;
        Self::of_rows(rows, data)
    }

    /// From the rows of [`evaluate_rows`].
    pub(crate) fn of_rows<F: Real>(rows: Vec<f64>, data: &Labelled<F>) -> Result<Self> {
        let table = Array2::from_shape_vec((data.len(), data.classes()), rows);
        Self::new(table.expect("evaluating gives one row a sample"), data.labels().clone())
    }

    /// Every class as probable as any other: what is known before anything is learned.
    pub(crate) fn uniform<F: Real>(data: &Labelled<F>) -> Result<Self> {
        let log_probability = -(data.classes() as f64).ln();
        Self::new(Array2::from_elem((data.len(), data.classes()), log_probability), data.labels().clone())
    }

    /// The logarithm of each class's probability, `(N, K)`.
    #[must_use]
    pub fn log_probabilities(&self) -> &Array2<f64> {
        &self.log_probabilities
    }

    /// The class of each sample, `(N,)`.
    #[must_use]
    pub fn labels(&self) -> &Array1<usize> {
        &self.labels
    }
}

/// A number that says how good a classifier's answers on a whole set are.
///
/// It sees all samples at once, for most metrics are no mean over batches.
///
/// # Examples
/// One of your own, as a type, or as a name and a closure:
/// ```
/// use gradus_data::Digits;
/// use gradus_nn_layers::Linear;
/// use gradus_optim::Adam;
/// use gradus_train::Trainer;
/// use gradus_train::metrics::{Average, F1, Predictions};
/// use rand::{SeedableRng, rngs::StdRng};
///
/// let mut rng = StdRng::seed_from_u64(7);
/// let (train, test) = Digits::embedded().split(0.8, &mut rng)?;
/// let boldest = |predictions: &Predictions| Ok(predictions.log_probabilities().fold(0.0, |a: f64, b| a.min(*b)).exp());
/// let history = Trainer::new(2)
///     .metric(F1(Average::Macro))
///     .metric(("smallest probability", boldest))
///     .run(&mut Linear::new(64, 10, &mut rng), &mut Adam::new(1e-2), &train, &test, &mut rng)?;
/// assert_eq!(history.metrics[2].name, "F1 (macro)");
/// assert!(history.metrics[2].value > 0.8 && history.metrics[2].epoch == 2);
/// # Ok::<(), gradus_train::Error>(())
/// ```
pub trait Metric {
    /// What curves and logs call it.
    fn name(&self) -> String;

    /// The number.
    ///
    /// # Errors
    /// [`Error::Metric`] if it is not defined for these labels: an AUROC where all samples are of one class, say.
    fn measure(&self, predictions: &Predictions) -> Result<f64>;
}

impl<M: Fn(&Predictions) -> Result<f64>> Metric for (&str, M) {
    fn name(&self) -> String {
        self.0.to_owned()
    }

    fn measure(&self, predictions: &Predictions) -> Result<f64> {
        self.1(predictions)
    }
}

/// How one number is made of the numbers of all classes.
///
/// Classes that are neither a label nor an answer of any sample do not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Average {
    /// Over all decisions, whatever their class.
    Micro,
    /// The mean over the classes: a rare one counts as much as a common one.
    Macro,
    /// The mean over the classes, each by its share of the samples.
    Weighted,
    /// No average: the number of this class alone. Of two classes, `Class(1)` is what is called binary.
    Class(usize),
}

impl Average {
    fn label(self) -> String {
        match self {
            Self::Micro => "micro".to_owned(),
            Self::Macro => "macro".to_owned(),
            Self::Weighted => "weighted".to_owned(),
            Self::Class(class) => format!("class {class}"),
        }
    }
}
