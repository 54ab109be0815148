//! Chapter 2: softmax, cross-entropy, a linear layer.

use crate::Answer;
use gradus::ndarray::{Array1, Array2, Axis};

/// A solution of `softmax-backward`: `dx = y ∘ (dy − ⟨y, dy⟩)` in each row, so that no Jacobian is written down.
///
/// # Errors
/// Never.
pub fn softmax_backward(y: &Array2<f64>, dy: &Array2<f64>) -> Answer<Array2<f64>> {
    let inner = (y * dy).sum_axis(Axis(1)).insert_axis(Axis(1));
    Ok(y * &(dy - &inner))
}

/// A solution of `cross-entropy-gradient`: `(p − onehot) / n`.
///
/// # Errors
/// Never.
pub fn cross_entropy_gradient(logits: &Array2<f64>, labels: &Array1<usize>) -> Answer<Array2<f64>> {
    let mut gradient = logits.clone();
    for (mut row, &label) in gradient.rows_mut().into_iter().zip(labels) {
        let largest = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        row.mapv_inplace(|z| (z - largest).exp());
        let sum = row.sum();
        row /= sum;
        row[label] -= 1.0;
        row /= logits.nrows() as f64;
    }
    Ok(gradient)
}

/// A solution of `linear-backward`.
///
/// # Errors
/// Never.
pub fn linear_backward(
    x: &Array2<f64>,
    w: &Array2<f64>,
    dy: &Array2<f64>,
) -> Answer<(Array2<f64>, Array2<f64>, Array1<f64>)> {
    Ok((dy.dot(w), dy.t().dot(x), dy.sum_axis(Axis(0))))
}
