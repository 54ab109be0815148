//! A choice, and the judgement of the choice, on different data.

use super::cross::{checked, scores};
use super::{Scores, Split};
use crate::{Error, Result};

/// A split to judge by, and splits of its training part to choose by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NestedSplit {
    /// What the choice is judged by.
    pub outer: Split,
    /// What it is made by: all of it lies in `outer.train`.
    pub inner: Vec<Split>,
}

/// What came out of one outer split.
#[derive(Debug, Clone, PartialEq)]
pub struct Choice {
    /// The place of the setting that was chosen.
    pub setting: usize,
    /// Its mean score on the inner splits.
    pub inner: f64,
    /// Its score on the outer test part.
    pub outer: f64,
}

/// Splits within splits.
///
/// `inner` is given the samples that an outer split trains on, and returns splits of their *places*, `0..train.len()`; here they are
/// turned into samples. So any kind of split fits inside any other.
///
/// # Errors
/// [`Error::IndexOutside`] if an inner split has a place outside the outer training part; those of `inner`.
///
/// # Examples
/// ```
/// use gradus_regularize::validation::{k_fold, nested};
/// let splits = nested(k_fold(6, 3)?, |train| k_fold(train.len(), 2))?;
/// assert_eq!((&splits[0].outer.test, &splits[0].outer.train), (&vec![0, 1], &vec![2, 3, 4, 5]));
/// assert_eq!((&splits[0].inner[0].test, &splits[0].inner[0].train), (&vec![2, 3], &vec![4, 5]));
/// # Ok::<(), gradus_regularize::Error>(())
/// ```
pub fn nested(outer: Vec<Split>, mut inner: impl FnMut(&[usize]) -> Result<Vec<Split>>) -> Result<Vec<NestedSplit>> {
    let nest = |outer: Split| {
        let samples = |places: &[usize]| {
            let sample = |&index: &usize| {
                let outside = || Error::IndexOutside { operation: "nested", index, samples: outer.train.len() };
                outer.train.get(index).copied().ok_or_else(outside)
            };
            places.iter().map(sample).collect::<Result<Vec<usize>>>()
        };
        let turned = |split: Split| Ok(Split { train: samples(&split.train)?, test: samples(&split.test)? });
        let inner = inner(&outer.train)?.into_iter().map(turned).collect::<Result<_>>()?;
        Ok(NestedSplit { outer, inner })
    };
    outer.into_iter().map(nest).collect()
}

/// Chooses the best of several settings on the inner splits, and judges each choice on the outer split.
///
/// ```text
/// for each outer split:  h* = argmax over h of the mean score of h on the inner splits     (the first of equal ones)
///                        score = that of h*, trained on outer.train, on outer.test
/// ```
///
/// The best score of many is too good by the luck that made it the best. The outer test has had no part in the choice, so that
/// its mean is an honest estimate for the whole procedure, choice included. Larger scores are better: negate a loss.
///
/// # Errors
/// [`Error::NoSplits`] without splits, inner ones included; [`Error::HyperParameter`] without settings; [`Error::Score`]; those of the
/// closure.
///
/// # Examples
/// ```
/// use gradus_regularize::{Error, validation::{k_fold, nested, nested_cross_validate}};
/// let y = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
/// let splits = nested(k_fold(6, 3)?, |train| k_fold(train.len(), 2))?;
/// // How far should the mean be drawn towards 0?
/// let (choices, scores) = nested_cross_validate(&splits, &[0.0, 0.5], |&shrink, split| {
///     let mean = (1.0 - shrink) * split.train.iter().map(|&i| y[i]).sum::<f64>() / split.train.len() as f64;
///     Ok::<_, Error>(-split.test.iter().map(|&i| (y[i] - mean).powi(2)).sum::<f64>())
/// })?;
/// assert!(choices.iter().map(|choice| choice.setting).eq([0, 1, 1]));
/// assert_eq!(scores.values(), [-18.5, -6.625, -36.625]);
/// # Ok::<(), Error>(())
/// ```
///
/// # References
/// G. C. Cawley, N. L. C. Talbot, *On over-fitting in model selection and subsequent selection bias in performance evaluation*, JMLR 11,
/// 2010, <https://www.jmlr.org/papers/v11/cawley10a.html>
pub fn nested_cross_validate<S, E: From<Error>>(
    splits: &[NestedSplit],
    settings: &[S],
    mut fit_and_score: impl FnMut(&S, &Split) -> Result<f64, E>,
) -> Result<(Vec<Choice>, Scores), E> {
    const OPERATION: &str = "nested_cross_validate";
    crate::error::hold(!settings.is_empty(), OPERATION, "settings", 0.0, "at least 1")?;
    let mut choices = Vec::with_capacity(splits.len());
    for NestedSplit { outer, inner } in splits {
        let mut best = (0, f64::NEG_INFINITY);
        for (place, setting) in settings.iter().enumerate() {
            let mean = scores(OPERATION, inner, &mut |split| fit_and_score(setting, split))?.mean();
            if mean > best.1 {
                best = (place, mean);
            }
        }
        choices.push(Choice { setting: best.0, inner: best.1, outer: fit_and_score(&settings[best.0], outer)? });
    }
    let scores = checked(OPERATION, choices.iter().map(|choice| choice.outer).collect())?;
    Ok((choices, scores))
}
