//! One part to train on, one to test on.

use super::Split;
use super::stratified::strata;
use crate::error::hold;
use crate::{Error, Result};
use ndarray::ArrayRef1;
use rand::Rng;
use rand::seq::SliceRandom;

/// A share of the samples, drawn at random, to test on; the rest to train on.
///
/// `test_share · n` is rounded to whole samples. For three parts, split the training part once more.
///
/// # Errors
/// [`Error::HyperParameter`] if the share is not between 0 and 1; [`Error::EmptyPart`] if no sample would be left in one of the
/// parts.
///
/// # Examples
/// ```
/// use gradus_regularize::validation::hold_out;
/// use rand::{SeedableRng, rngs::StdRng};
/// let split = hold_out(10, 0.3, &mut StdRng::seed_from_u64(7))?;
/// assert_eq!((split.train.len(), split.test.len()), (7, 3));
/// # Ok::<(), gradus_regularize::Error>(())
/// ```
pub fn hold_out(n: usize, test_share: f64, rng: &mut (impl Rng + ?Sized)) -> Result<Split> {
    let tests = number_of_tests("hold_out", n, test_share)?;
    let mut order: Vec<usize> = (0..n).collect();
    order.shuffle(rng);
    Ok(Split::testing(n, &order[..tests]))
}

/// [`hold_out`] with the same share of each class, to within one sample.
///
/// ```text
/// class c has ⌊test_share · n_c⌋ samples to test on; those still missing from round(test_share · n) come
/// from the classes with the largest remainders, one each
/// ```
///
/// # Shapes
/// labels `(n,)`, any numbers
///
/// # Errors
/// As [`hold_out`]; [`Error::AbsentClass`] if a class would have no sample in one of the parts.
///
/// # Examples
/// ```
/// use gradus_regularize::{ndarray::array, validation::stratified_hold_out};
/// use rand::{SeedableRng, rngs::StdRng};
/// let labels = array![0, 0, 0, 0, 0, 0, 1, 1, 1];
/// let split = stratified_hold_out(&labels, 1.0 / 3.0, &mut StdRng::seed_from_u64(7))?;
/// assert_eq!(split.test.iter().map(|&i| labels[i]).collect::<Vec<_>>(), [0, 0, 1]);
/// # Ok::<(), gradus_regularize::Error>(())
/// ```
pub fn stratified_hold_out(labels: &ArrayRef1<usize>, test_share: f64, rng: &mut (impl Rng + ?Sized)) -> Result<Split> {
    const OPERATION: &str = "stratified_hold_out";
    let tests = number_of_tests(OPERATION, labels.len(), test_share)?;
    let mut strata = strata(labels);
    let exact = |samples: &[usize]| test_share * samples.len() as f64;
    let mut takes: Vec<usize> = strata.iter().map(|(_, samples)| exact(samples) as usize).collect();
    let mut by_remainder: Vec<usize> = (0..strata.len()).collect();
    by_remainder.sort_by(|&a, &b| exact(&strata[b].1).fract().total_cmp(&exact(&strata[a].1).fract()));
    let missing = tests.saturating_sub(takes.iter().sum());
    by_remainder.into_iter().take(missing).for_each(|class| takes[class] += 1);

    let mut test = Vec::with_capacity(tests);
    for ((class, samples), take) in strata.iter_mut().zip(takes) {
        if take == 0 || take >= samples.len() {
            let part = if take == 0 { "the test part" } else { "the training part" };
            return Err(Error::AbsentClass { operation: OPERATION, class: *class, samples: samples.len(), part });
        }
        samples.shuffle(rng);
        test.extend_from_slice(&samples[..take]);
    }
    Ok(Split::testing(labels.len(), &test))
}

fn number_of_tests(operation: &'static str, n: usize, test_share: f64) -> Result<usize> {
    hold(test_share > 0.0 && test_share < 1.0, operation, "test_share", test_share, "between 0 and 1")?;
    let tests = (test_share * n as f64).round() as usize;
    if tests == 0 || tests >= n {
        let part = if tests == 0 { "test" } else { "train" };
        return Err(Error::EmptyPart { operation, samples: n, test_share, part });
    }
    Ok(tests)
}
