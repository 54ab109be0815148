//! Folds in which each class has its share.

use super::{Split, k_fold::repeated};
use crate::error::folds;
use crate::{Error, Result};
use ndarray::ArrayRef1;
use rand::Rng;
use rand::seq::SliceRandom;
use std::collections::BTreeMap;

/// [`k_fold`](super::k_fold) with each class spread evenly: of each, any two test folds have numbers that differ by one at most, and so do
/// the folds altogether.
///
/// ```text
/// samples sorted by class, classes in the order in which they appear, are dealt to folds 0 … k − 1 like cards;
/// within a class, samples keep their order, and those that stand first go to the first fold
/// ```
///
/// The indices are those of scikit-learn's `StratifiedKFold(k)`. Where that only warns of a class smaller than `k`, this is an error.
///
/// # Shapes
/// labels `(n,)`, any numbers
///
/// # Errors
/// As [`k_fold`](super::k_fold); [`Error::AbsentClass`] for a class of less than `k` samples.
///
/// # Examples
/// ```
/// use gradus_regularize::{ndarray::array, validation::stratified_k_fold};
/// let splits = stratified_k_fold(&array![0, 0, 0, 0, 1, 1], 2)?;
/// assert_eq!((&splits[0].test, &splits[1].test), (&vec![0, 1, 4], &vec![2, 3, 5]));
/// # Ok::<(), gradus_regularize::Error>(())
/// ```
pub fn stratified_k_fold(labels: &ArrayRef1<usize>, k: usize) -> Result<Vec<Split>> {
    stratified("stratified_k_fold", labels, k, |_| {})
}

/// [`stratified_k_fold`] with the samples of each class in random order.
///
/// # Errors
/// As [`stratified_k_fold`].
pub fn shuffled_stratified_k_fold(
    labels: &ArrayRef1<usize>,
    k: usize,
    rng: &mut (impl Rng + ?Sized),
) -> Result<Vec<Split>> {
    stratified("shuffled_stratified_k_fold", labels, k, |folds| folds.shuffle(rng))
}

/// [`shuffled_stratified_k_fold`] several times over: `times · k` splits.
///
/// # Errors
/// As [`stratified_k_fold`], and [`Error::HyperParameter`] for no `times`.
pub fn repeated_stratified_k_fold(
    labels: &ArrayRef1<usize>,
    k: usize,
    times: usize,
    rng: &mut (impl Rng + ?Sized),
) -> Result<Vec<Split>> {
    const OPERATION: &str = "repeated_stratified_k_fold";
    repeated(OPERATION, times, || stratified(OPERATION, labels, k, |folds| folds.shuffle(rng)))
}

/// The samples of each class, classes in the order in which they appear.
pub(super) fn strata(labels: &ArrayRef1<usize>) -> Vec<(usize, Vec<usize>)> {
    let (mut places, mut strata) = (BTreeMap::new(), Vec::<(usize, Vec<usize>)>::new());
    for (sample, &class) in labels.iter().enumerate() {
        let place = *places.entry(class).or_insert(strata.len());
        match strata.get_mut(place) {
            Some((_, samples)) => samples.push(sample),
            None => strata.push((class, vec![sample])),
        }
    }
    strata
}

fn stratified(
    operation: &'static str,
    labels: &ArrayRef1<usize>,
    k: usize,
    mut shuffle: impl FnMut(&mut [usize]),
) -> Result<Vec<Split>> {
    folds(operation, k, labels.len(), "samples")?;
    let strata = strata(labels);
    if let Some((class, samples)) = strata.iter().find(|(_, samples)| samples.len() < k) {
        return Err(Error::AbsentClass { operation, class: *class, samples: samples.len(), part: "a test fold" });
    }
    let (mut fold_of, mut dealt) = (vec![0; labels.len()], 0);
    for (_, samples) in &strata {
        let mut cards: Vec<usize> = (dealt..dealt + samples.len()).map(|card| card % k).collect();
        cards.sort_unstable();
        shuffle(&mut cards);
        samples.iter().zip(cards).for_each(|(&sample, fold)| fold_of[sample] = fold);
        dealt += samples.len();
    }
    Ok(Split::of_folds(&fold_of, k))
}
