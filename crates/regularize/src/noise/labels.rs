//! Noise on labels.

use crate::error::hold;
use crate::{Error, Result};
use ndarray::{Array1, ArrayRef1};
use rand::{Rng, RngExt};

/// Labels of which each is, with probability `p`, another class, all others being equally likely.
///
/// ```text
/// P(label' = k) = 1 − p if k = label, else p / (K − 1)
/// ```
///
/// Trained on anew in each epoch, it is label smoothing by sampling (DisturbLabel); drawn once, it shows how a method bears
/// wrong labels.
///
/// # Errors
/// [`Error::HyperParameter`] if `p` is not between 0 and 1, or if there are less than 2 classes and `p` is not 0;
/// [`Error::Label`] for a label that is no class.
///
/// # Examples
/// ```
/// use gradus_regularize::{ndarray::array, noise::flip_labels};
/// use rand::{SeedableRng, rngs::StdRng};
/// let labels = array![0, 1, 2, 0, 1, 2];
/// let flipped = flip_labels(&labels, 3, 1.0, &mut StdRng::seed_from_u64(7))?;
/// assert!(flipped.iter().zip(&labels).all(|(flipped, label)| flipped != label && *flipped < 3));
/// # Ok::<(), gradus_regularize::Error>(())
/// ```
///
/// # References
/// L. Xie, J. Wang, Z. Wei, M. Wang, Q. Tian, *DisturbLabel*, CVPR 2016, <https://arxiv.org/abs/1605.00055>
pub fn flip_labels(
    labels: &ArrayRef1<usize>,
    classes: usize,
    p: f64,
    rng: &mut (impl Rng + ?Sized),
) -> Result<Array1<usize>> {
    const OPERATION: &str = "flip_labels";
    hold((0.0..=1.0).contains(&p), OPERATION, "p", p, "between 0 and 1")?;
    hold(p == 0.0 || classes >= 2, OPERATION, "classes", classes as f64, "at least 2")?;
    if let Some((position, &label)) = labels.iter().enumerate().find(|(_, label)| **label >= classes) {
        return Err(Error::Label { operation: OPERATION, label, position, classes });
    }
    let flip = |&label: &usize| {
        if rng.random::<f64>() >= p {
            return label;
        }
        let other = rng.random_range(0..classes - 1);
        if other < label { other } else { other + 1 }
    };
    Ok(labels.iter().map(flip).collect())
}
