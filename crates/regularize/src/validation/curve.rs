//! How the error depends on the amount of data, and on one knob.

use super::cross::checked;
use super::{Scores, Split};
use crate::Error;
use crate::ensemble::{Learner, Samples};
use crate::error::hold;
use gradus_linalg::Real;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use std::fmt;

/// Errors at one size of data, or at one position of a knob.
#[derive(Debug, Clone, PartialEq)]
pub struct CurvePoint<S> {
    /// The number of samples fitted to, or the setting.
    pub at: S,
    /// The error on what was fitted to, for each split.
    pub train: Scores,
    /// The error on the test part, for each split.
    pub test: Scores,
}

impl<S> CurvePoint<S> {
    /// Mean test error − mean train error.
    #[must_use]
    pub fn gap(&self) -> f64 {
        self.test.mean() - self.train.mean()
    }
}

/// Train and test error over sizes or settings: a [`learning_curve`] or a [`validation_curve`]. Displayed, it is a table in Markdown.
#[derive(Debug, Clone, PartialEq)]
pub struct ErrorCurve<S> {
    /// One at least.
    points: Vec<CurvePoint<S>>,
}

impl<S> ErrorCurve<S> {
    /// The points, in the order asked for.
    #[must_use]
    pub fn points(&self) -> &[CurvePoint<S>] {
        &self.points
    }

    /// The point with the lowest mean test error, the first of equals.
    #[must_use]
    pub fn best(&self) -> &CurvePoint<S> {
        let first = &self.points[0];
        self.points.iter().fold(first, |best, point| if point.test.mean() < best.test.mean() { point } else { best })
    }

    /// The first point whose mean test error is within one standard error of the lowest: with settings from the simplest on, the simplest
    /// model that the data cannot tell from the best. With a single split, which has no standard error, it is [`best`](Self::best).
    ///
    /// # References
    /// Breiman et al., *Classification and regression trees*, 1984, section 3.4.3 (the 1 SE rule)
    #[must_use]
    pub fn within_one_standard_error(&self) -> &CurvePoint<S> {
        let best = self.best();
        let most = best.test.mean() + best.test.standard_error().unwrap_or(0.0);
        self.points.iter().find(|point| point.test.mean() <= most).unwrap_or(best)
    }
}

impl<S: fmt::Display> fmt::Display for ErrorCurve<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "| at | train error | test error | gap |\n| --: | --: | --: | --: |")?;
        for point in &self.points {
            let (train, test) = (point.train.mean(), point.test.mean());
            writeln!(f, "| {} | {train:.4} | {test:.4} | {:.4} |", point.at, point.gap())?;
        }
        Ok(())
    }
}

/// Error against data size: fits the learner to more and more of each training part.
///
/// ```text
/// for each size n and each split:  fit to n samples of split.train, drawn at random;
///   train error   on these n        test error   on all of split.test
/// ```
///
/// What was drawn for a size is drawn for the larger ones, too, and the learner has the same random numbers at all of them. Two curves that meet at
/// an error that is too high: the model is too weak, more data will not help. A test curve that still falls, with a gap to the other: it will.
///
/// `error` is any measure of a model on samples, the smaller the better, such as [`prediction_error`](crate::ensemble::prediction_error).
/// The samples that are not drawn are as good as not there: for series in time the training part is no longer one run.
///
/// # Errors
/// [`Error::NoSplits`]; [`Error::HyperParameter`] for no sizes, or a size of 0; [`Error::TooFewToTrain`] for a size larger than a training part;
/// [`Error::IndexOutside`]; [`Error::NoSamples`] where those drawn, or a test part, have no weight; [`Error::Score`] for an error that is not finite; those
/// of the learner and of `error`.
///
/// # Examples
/// ```
/// use gradus_regularize::ensemble::{Samples, prediction_error};
/// use gradus_regularize::ndarray::{Array1, Array2};
/// use gradus_regularize::{tree::DecisionTree, validation::{learning_curve, shuffled_k_fold}};
/// use rand::{SeedableRng, rngs::StdRng};
///
/// let x = Array2::from_shape_fn((60, 1), |(i, _)| i as f64 / 10.0);
/// let samples = Samples::values(x.clone(), Array1::from_shape_fn(60, |i| x[[i, 0]].sin()))?;
/// let rng = &mut StdRng::seed_from_u64(7);
/// let splits = shuffled_k_fold(60, 5, rng)?;
/// let curve = learning_curve(&DecisionTree::new(), &samples, &splits, &[6, 12, 24, 48], rng, prediction_error)?;
/// let test: Vec<f64> = curve.points().iter().map(|point| point.test.mean()).collect();
/// assert!(test.is_sorted_by(|a, b| a > b) && test[3] < 0.05);
/// # Ok::<(), gradus_nn_layers::Error>(())
/// ```
///
/// # References
/// C. Cortes, L. D. Jackel, S. A. Solla, V. Vapnik, J. S. Denker, *Learning curves: asymptotic values and rate of convergence*, NIPS 1993,
/// <https://proceedings.neurips.cc/paper/1993/hash/1aa48fc4880bb0c9b8a3bf979d3b917e-Abstract.html>
pub fn learning_curve<F: Real, L: Learner<F>>(
    learner: &L,
    samples: &Samples<F>,
    splits: &[Split],
    sizes: &[usize],
    rng: &mut dyn Rng,
    mut error: impl FnMut(&L::Model, &Samples<F>) -> gradus_nn_layers::Result<f64>,
) -> gradus_nn_layers::Result<ErrorCurve<usize>> {
    const OPERATION: &str = "learning_curve";
    hold(!sizes.is_empty(), OPERATION, "sizes", 0.0, "at least 1")?;
    for &size in sizes {
        hold(size > 0, OPERATION, "size", 0.0, "at least 1")?;
        if let Some((place, split)) = splits.iter().enumerate().find(|(_, split)| split.train.len() < size) {
            let samples = split.train.len();
            return Err(Error::TooFewToTrain { operation: OPERATION, size, split: place, samples }.into());
        }
    }
    curve(OPERATION, splits, sizes, rng, |&size, split, rng| {
        let mut order = split.train.clone();
        order.shuffle(rng);
        let (train, test) = (samples.select(&order[..size])?, samples.select(&split.test)?);
        let model = learner.fit(&train, rng)?;
        Ok((error(&model, &train)?, error(&model, &test)?))
    })
}

/// Error against one knob: fits the learner that each setting gives to each training part.
///
/// ```text
/// for each setting s and each split:  fit learner(s) to split.train;
///   train error   on split.train      test error   on split.test
/// ```
///
/// The learner has the same random numbers at all settings, so that the curve is as smooth as the knob is. Where both errors are high the model is too
/// weak; where only the test error is, it is too strong. The lowest test error of many settings is a little too good to be true:
/// [`nested_cross_validate`](super::nested_cross_validate) judges the choice.
///
/// # Errors
/// [`Error::NoSplits`]; [`Error::HyperParameter`] for no settings; [`Error::IndexOutside`]; [`Error::NoSamples`] where a part has no weight;
/// [`Error::Score`] for an error that is not finite; those of the learner and of `error`.
///
/// # Examples
/// ```
/// use gradus_regularize::ensemble::{Samples, prediction_error};
/// use gradus_regularize::ndarray::{Array1, Array2};
/// use gradus_regularize::{tree::DecisionTree, validation::{shuffled_k_fold, validation_curve}};
/// use rand::{RngExt, SeedableRng, rngs::StdRng};
///
/// // A step, and noise: one question is enough, and more of them learn the noise.
/// let x = Array2::from_shape_fn((60, 1), |(i, _)| i as f64);
/// let rng = &mut StdRng::seed_from_u64(7);
/// let y = Array1::from_shape_fn(60, |i| f64::from(u8::from(i >= 30)) + 2.0 * rng.random::<f64>() - 1.0);
/// let samples = Samples::values(x, y)?;
/// let splits = shuffled_k_fold(60, 5, rng)?;
/// let tree = |&depth: &usize| DecisionTree::new().max_depth(depth);
/// let curve = validation_curve(tree, &[0, 1, 2, 4, 8], &samples, &splits, rng, prediction_error)?;
/// assert_eq!(curve.best().at, 1);
/// # Ok::<(), gradus_nn_layers::Error>(())
/// ```
pub fn validation_curve<F: Real, S: Clone, L: Learner<F>>(
    learner: impl Fn(&S) -> L,
    settings: &[S],
    samples: &Samples<F>,
    splits: &[Split],
    rng: &mut dyn Rng,
    mut error: impl FnMut(&L::Model, &Samples<F>) -> gradus_nn_layers::Result<f64>,
) -> gradus_nn_layers::Result<ErrorCurve<S>> {
    const OPERATION: &str = "validation_curve";
    hold(!settings.is_empty(), OPERATION, "settings", 0.0, "at least 1")?;
    curve(OPERATION, splits, settings, rng, |setting, split, rng| {
        let (train, test) = (samples.select(&split.train)?, samples.select(&split.test)?);
        let model = learner(setting).fit(&train, rng)?;
        Ok((error(&model, &train)?, error(&model, &test)?))
    })
}

/// A point for each place, from the train and the test error of each split; each split has a stream of its own, the same at all places.
fn curve<S: Clone>(
    operation: &'static str,
    splits: &[Split],
    places: &[S],
    rng: &mut dyn Rng,
    mut errors: impl FnMut(&S, &Split, &mut StdRng) -> gradus_nn_layers::Result<(f64, f64)>,
) -> gradus_nn_layers::Result<ErrorCurve<S>> {
    let seeds: Vec<u64> = splits.iter().map(|_| rng.next_u64()).collect();
    let mut points = Vec::with_capacity(places.len());
    for at in places {
        let (mut train, mut test) = (Vec::with_capacity(splits.len()), Vec::with_capacity(splits.len()));
        for (split, &seed) in splits.iter().zip(&seeds) {
            let (seen, unseen) = errors(at, split, &mut StdRng::seed_from_u64(seed))?;
            train.push(seen);
            test.push(unseen);
        }
        points.push(CurvePoint { at: at.clone(), train: checked(operation, train)?, test: checked(operation, test)? });
    }
    Ok(ErrorCurve { points })
}
