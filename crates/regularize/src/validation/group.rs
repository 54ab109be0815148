//! Folds that leave groups whole.

use super::Split;
use crate::Result;
use crate::error::folds;
use ndarray::ArrayRef1;
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// [`k_fold`](super::k_fold) in which samples of one group are never parted: all train or all test.
///
/// ```text
/// groups from the largest to the smallest (of equal ones, the higher number first), each to the fold with the fewest samples so far
/// ```
///
/// Samples of one patient, one speaker, one photograph resemble each other: tested on some of them and trained on others, a model
/// looks better than it is. Folds are as even as the groups allow.
/// The indices are those of scikit-learn's `GroupKFold(k)`.
///
/// # Shapes
/// groups `(n,)`: the number of the group that each sample belongs to, any numbers
///
/// # Errors
/// [`Error::HyperParameter`](crate::Error::HyperParameter) for `k` less than 2;
/// [`Error::TooManyFolds`](crate::Error::TooManyFolds) for `k` larger than the number of groups.
///
/// # Examples
/// ```
/// use gradus_regularize::{ndarray::array, validation::group_k_fold};
/// let splits = group_k_fold(&array![7, 7, 7, 1, 2, 2], 2)?;
/// assert_eq!((&splits[0].test, &splits[1].test), (&vec![0, 1, 2], &vec![3, 4, 5]));
/// # Ok::<(), gradus_regularize::Error>(())
/// ```
#[inline] // compiled where it is used: CONTRIBUTING, "What few programs call"
pub fn group_k_fold(groups: &ArrayRef1<usize>, k: usize) -> Result<Vec<Split>> {
    let mut sizes = BTreeMap::<usize, usize>::new();
    groups.iter().for_each(|&group| *sizes.entry(group).or_default() += 1);
    folds("group_k_fold", k, sizes.len(), "groups")?;

    let mut by_size: Vec<_> = sizes.into_iter().collect();
    by_size.sort_by_key(|&(group, size)| Reverse((size, group)));
    let (mut loads, mut fold_of) = (vec![0; k], BTreeMap::new());
    for (group, size) in by_size {
        let lightest = (0..k).min_by_key(|&fold| loads[fold]).expect("there are at least two folds");
        loads[lightest] += size;
        fold_of.insert(group, lightest);
    }
    let folds: Vec<usize> = groups.iter().map(|group| fold_of[group]).collect();
    Ok(Split::of_folds(&folds, k))
}
