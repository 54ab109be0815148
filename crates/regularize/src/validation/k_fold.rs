//! Each sample is tested on once.

use super::Split;
use crate::Result;
use crate::error::{folds, hold};
use rand::Rng;
use rand::seq::SliceRandom;

/// `k` splits: each tests on a run of samples and trains on the rest.
///
/// ```text
/// fold j tests on n / k samples in a row, one more in each of the first n mod k folds
/// ```
///
/// In order, as the samples stand: data sorted by class wants [`shuffled_k_fold`] or [`stratified_k_fold`](super::stratified_k_fold).
/// The indices are those of scikit-learn's `KFold(k)`.
///
/// # Errors
/// [`Error::HyperParameter`](crate::Error::HyperParameter) for `k` less than 2;
/// [`Error::TooManyFolds`](crate::Error::TooManyFolds) for `k` larger than `n`.
///
/// # Examples
/// ```
/// use gradus_regularize::validation::k_fold;
/// let splits = k_fold(5, 2)?;
/// assert_eq!((&splits[0].test, &splits[0].train), (&vec![0, 1, 2], &vec![3, 4]));
/// assert_eq!((&splits[1].test, &splits[1].train), (&vec![3, 4], &vec![0, 1, 2]));
/// # Ok::<(), gradus_regularize::Error>(())
/// ```
///
/// # References
/// S. Geisser, *The predictive sample reuse method with applications*, JASA 70, 1975,
/// <https://doi.org/10.1080/01621459.1975.10479865>
pub fn k_fold(n: usize, k: usize) -> Result<Vec<Split>> {
    of_order("k_fold", &(0..n).collect::<Vec<_>>(), k)
}

/// [`k_fold`] of the samples in random order.
///
/// # Errors
/// As [`k_fold`].
///
/// # Examples
/// ```
/// use gradus_regularize::validation::shuffled_k_fold;
/// use rand::{SeedableRng, rngs::StdRng};
/// let splits = shuffled_k_fold(100, 5, &mut StdRng::seed_from_u64(7))?;
/// assert!(splits.iter().all(|split| split.test.len() == 20 && split.train.len() == 80));
/// # Ok::<(), gradus_regularize::Error>(())
/// ```
pub fn shuffled_k_fold(n: usize, k: usize, rng: &mut (impl Rng + ?Sized)) -> Result<Vec<Split>> {
    shuffled("shuffled_k_fold", n, k, rng)
}

/// [`shuffled_k_fold`] several times over, each with a shuffle of its own: `times · k` splits.
///
/// # Errors
/// As [`k_fold`], and [`Error::HyperParameter`](crate::Error::HyperParameter) for no `times`.
pub fn repeated_k_fold(n: usize, k: usize, times: usize, rng: &mut (impl Rng + ?Sized)) -> Result<Vec<Split>> {
    repeated("repeated_k_fold", times, || shuffled("repeated_k_fold", n, k, rng))
}

/// `n` splits: each tests on one sample and trains on all others.
///
/// Nearly without bias, for the models see nearly all data; each score is of one sample, so that only their mean tells something.
///
/// # Errors
/// [`Error::TooManyFolds`](crate::Error::TooManyFolds) for less than 2 samples.
pub fn leave_one_out(n: usize) -> Result<Vec<Split>> {
    of_order("leave_one_out", &(0..n).collect::<Vec<_>>(), n.max(2))
}

fn shuffled(operation: &'static str, n: usize, k: usize, rng: &mut (impl Rng + ?Sized)) -> Result<Vec<Split>> {
    let mut order: Vec<usize> = (0..n).collect();
    order.shuffle(rng);
    of_order(operation, &order, k)
}

/// The splits of several rounds.
pub(super) fn repeated(
    operation: &'static str,
    times: usize,
    mut round: impl FnMut() -> Result<Vec<Split>>,
) -> Result<Vec<Split>> {
    hold(times > 0, operation, "times", times as f64, "at least 1")?;
    let mut splits = Vec::new();
    for _ in 0..times {
        splits.extend(round()?);
    }
    Ok(splits)
}

fn of_order(operation: &'static str, order: &[usize], k: usize) -> Result<Vec<Split>> {
    let n = order.len();
    folds(operation, k, n, "samples")?;
    let start = |fold: usize| fold * (n / k) + fold.min(n % k);
    Ok((0..k).map(|fold| Split::testing(n, &order[start(fold)..start(fold + 1)])).collect())
}
