//! What a learner learns from.

use crate::error::{KNOWN, finite, hold};
use crate::validation::resample;
use crate::{Error, Result};
use gradus_linalg::Real;
use ndarray::{ArcArray1, ArcArray2, Array1, ArrayRef1, ArrayRef2, Axis};
use rand::{Rng, RngExt};

/// Samples with their targets and weights: what [`Learner::fit`](super::Learner::fit) takes.
///
/// A weight says how much a sample counts: an error on it costs so many times as much, and a weight of 0 is as if the sample were not
/// there. Everything is checked when it is put together, once, so that no learner has to: numbers are finite, labels are classes,
/// lengths agree, some weight is positive. A clone shares its memory.
///
/// A missing feature is not NaN here: NaN and infinities are refused. Fill them in, or leave the row out.
///
/// # Examples
/// ```
/// use gradus_regularize::ensemble::Samples;
/// use gradus_regularize::ndarray::array;
///
/// let x = array![[0.0], [1.0], [2.0]];
/// let samples = Samples::classes(x.clone(), array![0, 1, 1], 2)?.weighted(array![1.0, 1.0, 0.5])?;
/// assert_eq!((samples.len(), samples.features(), samples.outputs()), (3, 1, 2));
///
/// let error = Samples::classes(x, array![0, 1, 2], 2).unwrap_err();
/// assert_eq!(error.to_string(), "samples: label 2 at 2: classes go from 0 to 1");
/// # Ok::<(), gradus_regularize::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Samples<F: Real = f32> {
    x: ArcArray2<F>,
    targets: Targets<F>,
    weights: ArcArray1<F>,
}

/// What is to be predicted.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Targets<F: Real = f32> {
    /// A class for each sample.
    Classes {
        /// The class of each sample, `(N,)`, less than `count`.
        labels: ArcArray1<usize>,
        /// The number of classes, whether or not each of them occurs.
        count: usize,
    },
    /// A number for each sample, `(N,)`.
    Values(ArcArray1<F>),
}

impl<F: Real> Targets<F> {
    /// What there is, in words.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Classes { .. } => "classes",
            Self::Values(_) => "values",
        }
    }
}

const SAMPLES: &str = "samples";

impl<F: Real> Samples<F> {
    /// For classification: a label less than `count` for each row of `x`, all weights 1.
    ///
    /// # Errors
    /// [`Error::NoSamples`], [`Error::Count`], [`Error::Element`], [`Error::Label`]; [`Error::HyperParameter`] for no classes.
    pub fn classes(x: impl Into<ArcArray2<F>>, labels: impl Into<ArcArray1<usize>>, count: usize) -> Result<Self> {
        let labels = labels.into();
        hold(count > 0, SAMPLES, "classes", count as f64, "at least 1")?;
        if let Some((position, &label)) = labels.iter().enumerate().find(|(_, label)| **label >= count) {
            return Err(Error::Label { operation: SAMPLES, label, position, classes: count });
        }
        Self::new(x.into(), labels.len(), "labels", Targets::Classes { labels, count })
    }

    /// For regression: a value for each row of `x`, all weights 1.
    ///
    /// # Errors
    /// [`Error::NoSamples`], [`Error::Count`], [`Error::Element`].
    pub fn values(x: impl Into<ArcArray2<F>>, y: impl Into<ArcArray1<F>>) -> Result<Self> {
        let y = y.into();
        finite(SAMPLES, "value", &y, KNOWN)?;
        Self::new(x.into(), y.len(), "values", Targets::Values(y))
    }

    fn new(x: ArcArray2<F>, found: usize, field: &'static str, targets: Targets<F>) -> Result<Self> {
        let rows = x.nrows();
        if rows == 0 && found == 0 {
            return Err(Error::NoSamples { operation: SAMPLES });
        }
        same_length(field, rows, found)?;
        finite(SAMPLES, "feature", &x, KNOWN)?;
        Ok(Self { x, targets, weights: Array1::ones(rows).into_shared() })
    }

    /// The same samples with other weights.
    ///
    /// # Errors
    /// [`Error::Count`]; [`Error::Weight`] for a weight that is negative or not finite; [`Error::NoWeight`] if none is positive.
    pub fn weighted(self, weights: impl Into<ArcArray1<F>>) -> Result<Self> {
        let weights = weights.into();
        same_length("weights", self.len(), weights.len())?;
        let bad = |&(_, w): &(usize, &F)| !w.is_finite() || *w < F::zero();
        if let Some((position, weight)) = weights.iter().enumerate().find(bad) {
            return Err(Error::Weight { operation: SAMPLES, value: weight.to_f64(), position });
        }
        if weights.iter().all(|w| *w == F::zero()) {
            return Err(Error::NoWeight { operation: SAMPLES });
        }
        Ok(Self { weights, ..self })
    }

    /// The same samples with other values to predict: residuals, say.
    ///
    /// # Errors
    /// [`Error::Count`], [`Error::Element`].
    pub fn with_values(self, y: impl Into<ArcArray1<F>>) -> Result<Self> {
        let y = y.into();
        same_length("values", self.len(), y.len())?;
        finite(SAMPLES, "value", &y, KNOWN)?;
        Ok(Self { targets: Targets::Values(y), ..self })
    }

    /// The same targets and weights with other features: the predictions of other models, say.
    ///
    /// # Errors
    /// [`Error::Count`], [`Error::Element`].
    pub fn with_features(self, x: impl Into<ArcArray2<F>>) -> Result<Self> {
        let x = x.into();
        same_length("rows of features", self.len(), x.nrows())?;
        finite(SAMPLES, "feature", &x, KNOWN)?;
        Ok(Self { x, ..self })
    }

    /// The samples of these rows, in this order; a row may be asked for again.
    ///
    /// # Errors
    /// [`Error::NoSamples`] if there are none, or all of them have weight 0; [`Error::IndexOutside`] for a row that there is not.
    pub fn select(&self, rows: &[usize]) -> Result<Self> {
        if let Some(&index) = rows.iter().find(|row| **row >= self.len()) {
            return Err(Error::IndexOutside { operation: SAMPLES, index, samples: self.len() });
        }
        if rows.iter().all(|&row| self.weights[row] == F::zero()) {
            return Err(Error::NoSamples { operation: SAMPLES });
        }
        let targets = match &self.targets {
            Targets::Classes { labels, count } => {
                Targets::Classes { labels: labels.select(Axis(0), rows).into_shared(), count: *count }
            }
            Targets::Values(y) => Targets::Values(y.select(Axis(0), rows).into_shared()),
        };
        Ok(Self {
            x: self.x.select(Axis(0), rows).into_shared(),
            targets,
            weights: self.weights.select(Axis(0), rows).into_shared(),
        })
    }

    /// As many samples, drawn with replacement and with probabilities in proportion to the weights; their own weights are 1. For
    /// learners that cannot weigh samples.
    ///
    /// # References
    /// Y. Freund, R. E. Schapire, *Experiments with a new boosting algorithm*, ICML 1996, section 2 ("boosting by resampling")
    #[must_use]
    pub fn resampled(&self, rng: &mut dyn Rng) -> Self {
        let mut sums: Vec<f64> = Vec::with_capacity(self.len());
        let mut total = 0.0;
        for weight in &self.weights {
            total += weight.to_f64();
            sums.push(total);
        }
        let rows: Vec<usize> = (0..self.len())
            .map(|_| {
                let place = rng.random::<f64>() * total;
                sums.partition_point(|sum| *sum <= place).min(self.len() - 1)
            })
            .collect();
        let drawn = self.select(&rows).expect("a row of weight 0 has no share of the sum, so it is not drawn");
        Self { weights: Array1::ones(self.len()).into_shared(), ..drawn }
    }

    /// A bootstrap sample: as many rows, drawn with replacement and without regard to the weights, which go along.
    ///
    /// # Errors
    /// [`Error::NoSamples`] if all rows drawn have weight 0.
    pub fn bootstrap(&self, rng: &mut dyn Rng) -> Result<Self> {
        self.select(&resample(self.len(), rng)?.drawn)
    }

    /// The features, `(N, D)`.
    #[must_use]
    pub fn x(&self) -> &ArrayRef2<F> {
        &self.x
    }

    /// The targets.
    #[must_use]
    pub fn targets(&self) -> &Targets<F> {
        &self.targets
    }

    /// The labels of samples for classification, `(N,)`.
    ///
    /// # Errors
    /// [`Error::Targets`] if there are values to predict.
    pub fn labels(&self) -> Result<&ArrayRef1<usize>> {
        match &self.targets {
            Targets::Classes { labels, .. } => Ok(labels),
            Targets::Values(_) => Err(Error::Targets { operation: "labels", found: "values", expected: "classes" }),
        }
    }

    /// The values of samples for regression, `(N,)`.
    ///
    /// # Errors
    /// [`Error::Targets`] if there are classes to predict.
    pub fn y(&self) -> Result<&ArrayRef1<F>> {
        match &self.targets {
            Targets::Values(y) => Ok(y),
            Targets::Classes { .. } => Err(Error::Targets { operation: "y", found: "classes", expected: "values" }),
        }
    }

    /// The weights, `(N,)`.
    #[must_use]
    pub fn weights(&self) -> &ArrayRef1<F> {
        &self.weights
    }

    /// The number `N` of samples, at least 1.
    #[must_use]
    #[allow(clippy::len_without_is_empty)] // there is always one
    pub fn len(&self) -> usize {
        self.x.nrows()
    }

    /// The number `D` of features.
    #[must_use]
    pub fn features(&self) -> usize {
        self.x.ncols()
    }

    /// How many numbers a model predicts for a sample: the number of classes, or 1 for values.
    #[must_use]
    pub fn outputs(&self) -> usize {
        match &self.targets {
            Targets::Classes { count, .. } => *count,
            Targets::Values(_) => 1,
        }
    }
}

fn same_length(field: &'static str, rows: usize, found: usize) -> Result<()> {
    if rows == found { Ok(()) } else { Err(Error::Count { operation: SAMPLES, field, rows, found }) }
}
