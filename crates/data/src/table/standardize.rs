//! Standardization, learned from the training data and kept for all others.

use crate::{Error, Labelled, Result};
use gradus_linalg::Real;
use gradus_linalg::ndarray::{Array, ArrayD, Dimension};

/// Brings each feature to mean 0 and variance 1, with the mean and the deviation of the data that it was fitted to.
///
/// ```text
/// μⱼ = ¹⁄ₙ Σᵢ xᵢⱼ        σⱼ² = ¹⁄ₙ Σᵢ (xᵢⱼ − μⱼ)²        x′ᵢⱼ = (xᵢⱼ − μⱼ) / σⱼ
/// ```
///
/// Fit it to the training data, apply it to these and to all that come later, and keep it with the model: two lists of plain numbers,
/// [`mean`](Self::mean) and [`deviation`](Self::deviation), from which [`from_parts`](Self::from_parts) makes it again. A feature that is
/// the same in every sample has `σ = 1` instead of 0, as in scikit-learn. Sums run in `f64`, by Welford's update.
///
/// # Shapes
/// - inputs: `(N, …)`; every number of a sample is a feature
///
/// # Examples
/// ```
/// use gradus_data::Standardize;
/// use gradus_linalg::ndarray::array;
///
/// let train = array![[1.0, 10.0], [3.0, 10.0]];
/// let standardize = Standardize::fit(&train)?;
/// assert_eq!(standardize.apply(train)?, array![[-1.0, 0.0], [1.0, 0.0]]);
///
/// let kept = Standardize::from_parts(standardize.mean().to_vec(), standardize.deviation().to_vec())?;
/// assert_eq!(kept.apply(array![[5.0, 11.0]])?, array![[3.0, 1.0]]);
/// # Ok::<(), gradus_data::Error>(())
/// ```
///
/// # References
/// B. P. Welford, *Note on a Method for Calculating Corrected Sums of Squares and Products*, Technometrics 4, 1962,
/// <https://doi.org/10.1080/00401706.1962.10490022>
#[derive(Debug, Clone, PartialEq)]
pub struct Standardize {
    mean: Vec<f64>,
    deviation: Vec<f64>,
}

impl Standardize {
    /// Learns mean and deviation of each feature.
    ///
    /// # Errors
    /// - [`Error::NoSampleAxis`], [`Error::NoSamples`] if there is nothing to learn from.
    /// - [`Error::NotFinite`] if a number is NaN or infinite: fill in what is missing first.
    pub fn fit<F: Real, D: Dimension>(inputs: &Array<F, D>) -> Result<Self> {
        let features = features_of(inputs.shape())?;
        if inputs.shape()[0] == 0 {
            return Err(Error::NoSamples { operation: "standardize" });
        }
        let (mut mean, mut squares) = (vec![0.0; features], vec![0.0; features]);
        for (place, x) in inputs.iter().enumerate() {
            let (sample, feature, x) = (place / features, place % features, x.to_f64());
            if !x.is_finite() {
                return Err(Error::NotFinite { operation: "standardize", sample, feature, found: x });
            }
            let before = x - mean[feature];
            mean[feature] += before / (sample + 1) as f64;
            squares[feature] += before * (x - mean[feature]);
        }
        let n = inputs.shape()[0] as f64;
        let deviation =
            squares.iter().map(|square| (square / n).sqrt()).map(|s| if s > 0.0 { s } else { 1.0 }).collect();
        Self::from_parts(mean, deviation)
    }

    /// Puts kept numbers together again.
    ///
    /// # Errors
    /// [`Error::StandardizeParts`] if they differ in number, or if a mean is not finite or a deviation not positive and finite.
    pub fn from_parts(mean: Vec<f64>, deviation: Vec<f64>) -> Result<Self> {
        let fits = |(m, s): (&f64, &f64)| m.is_finite() && s.is_finite() && *s > 0.0;
        let wrong = mean.iter().zip(&deviation).position(|pair| !fits(pair));
        if mean.len() != deviation.len() || wrong.is_some() {
            let pair = wrong.map(|feature| (feature, mean[feature], deviation[feature]));
            return Err(Error::StandardizeParts { means: mean.len(), deviations: deviation.len(), wrong: pair });
        }
        Ok(Self { mean, deviation })
    }

    /// The mean of each feature.
    #[must_use]
    pub fn mean(&self) -> &[f64] {
        &self.mean
    }

    /// The deviation of each feature.
    #[must_use]
    pub fn deviation(&self) -> &[f64] {
        &self.deviation
    }

    /// `(x − μ) / σ`, written over the inputs. NaN stays NaN.
    ///
    /// # Errors
    /// [`Error::FeatureCount`] if a sample has more or fewer numbers than those that it was fitted to.
    pub fn apply<F: Real, D: Dimension>(&self, inputs: Array<F, D>) -> Result<Array<F, D>> {
        self.each(inputs, |x, mean, deviation| (x - mean) / deviation)
    }

    /// `x · σ + μ`: back to the units of the data.
    ///
    /// # Errors
    /// As [`apply`](Self::apply).
    pub fn invert<F: Real, D: Dimension>(&self, inputs: Array<F, D>) -> Result<Array<F, D>> {
        self.each(inputs, |x, mean, deviation| x * deviation + mean)
    }

    /// [`apply`](Self::apply) to the inputs of a data set.
    ///
    /// # Errors
    /// As [`apply`](Self::apply).
    pub fn apply_to<F: Real>(&self, data: Labelled<F>) -> Result<Labelled<F>> {
        let (inputs, labels, classes): (ArrayD<F>, _, _) = data.into_parts();
        Labelled::new(self.apply(inputs)?, labels, classes)
    }

    fn each<F: Real, D: Dimension>(
        &self,
        mut inputs: Array<F, D>,
        f: impl Fn(f64, f64, f64) -> f64,
    ) -> Result<Array<F, D>> {
        let found = features_of(inputs.shape())?;
        if found != self.mean.len() {
            return Err(Error::FeatureCount { fitted: self.mean.len(), found });
        }
        for (place, x) in inputs.iter_mut().enumerate() {
            let feature = place % found;
            *x = F::from_f64(f(x.to_f64(), self.mean[feature], self.deviation[feature]));
        }
        Ok(inputs)
    }
}

/// Numbers in one sample.
fn features_of(shape: &[usize]) -> Result<usize> {
    shape.split_first().map(|(_, sample)| sample.iter().product()).ok_or(Error::NoSampleAxis)
}
