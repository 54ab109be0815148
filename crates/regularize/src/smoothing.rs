//! Label smoothing.

use crate::error::hold;
use crate::{Error, Result};
use gradus_linalg::Real;
use ndarray::{Array2, ArrayRef1};

/// Labels as distributions over the classes, with a share `eps` spread evenly.
///
/// ```text
/// t[i, k] = (1 − ε) · [k = labels[i]] + ε / K
/// ```
///
/// A network that is trained to give the right class the whole probability can only get there with infinite logits. With
/// the target a little short of certain, the best logits are finite, and overconfidence costs something.
///
/// As the target of a cross-entropy between distributions this is the same as `label_smoothing` of
/// [`CrossEntropy`](gradus_nn_layers::CrossEntropy), which needs no array for it. Use this one where targets are mixed further.
///
/// # Shapes
/// - labels: `(N,)`, each less than `classes`
/// - output: `(N, classes)`, each row adding up to 1
///
/// # Errors
/// [`Error::HyperParameter`] if `eps` is not between 0 and 1; [`Error::Label`] for a label that is no class.
///
/// # Examples
/// ```
/// use gradus_regularize::{ndarray::array, smooth_labels};
/// let target = smooth_labels::<f64>(&array![2, 0], 4, 0.2)?;
/// let expected = array![[0.05, 0.05, 0.85, 0.05], [0.85, 0.05, 0.05, 0.05]];
/// assert!((target - expected).iter().all(|d| d.abs() < 1e-12));
/// # Ok::<(), gradus_regularize::Error>(())
/// ```
///
/// # References
/// C. Szegedy, V. Vanhoucke, S. Ioffe, J. Shlens, Z. Wojna, *Rethinking the Inception architecture for computer vision*,
/// CVPR 2016, section 7, <https://arxiv.org/abs/1512.00567>
pub fn smooth_labels<F: Real>(labels: &ArrayRef1<usize>, classes: usize, eps: f64) -> Result<Array2<F>> {
    hold((0.0..=1.0).contains(&eps), "smooth_labels", "eps", eps, "between 0 and 1")?;
    if let Some((position, &label)) = labels.iter().enumerate().find(|(_, label)| **label >= classes) {
        return Err(Error::Label { operation: "smooth_labels", label, position, classes });
    }
    let spread = eps / classes as f64;
    let mut target = Array2::from_elem((labels.len(), classes), F::from_f64(spread));
    for (mut row, &label) in target.rows_mut().into_iter().zip(labels) {
        row[label] = F::from_f64(1.0 - eps + spread);
    }
    Ok(target)
}
