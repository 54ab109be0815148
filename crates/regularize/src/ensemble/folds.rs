//! Parts of the samples, each to be held out once.

use super::{Samples, Targets, draw};
use gradus_linalg::Real;
use rand::Rng;

/// The fold of each row, below `folds`: sizes differ by at most 1, and so do those of each class, so that none is missing where another is
/// learnt.
pub(super) fn folds<F: Real>(samples: &Samples<F>, folds: usize, rng: &mut dyn Rng) -> Vec<usize> {
    let mut rows: Vec<usize> = (0..samples.len()).collect();
    draw::shuffle_first(&mut rows, samples.len(), rng);
    if let Targets::Classes { labels, .. } = samples.targets() {
        rows.sort_by_key(|&row| labels[row]); // stable: within a class still shuffled
    }
    let mut fold_of = vec![0; samples.len()];
    rows.into_iter().enumerate().for_each(|(place, row)| fold_of[row] = place % folds);
    fold_of
}
