//! Chapter 8: dropout.

use crate::Answer;
use gradus::ndarray::{Array1, Zip};

/// A solution of `dropout`: it chooses where a product would make NaN of an infinity.
///
/// # Errors
/// Never.
pub fn dropout(
    x: &Array1<f64>,
    dy: &Array1<f64>,
    keep: &Array1<bool>,
    p: f64,
    training: bool,
) -> Answer<(Array1<f64>, Array1<f64>)> {
    if !training {
        return Ok((x.clone(), dy.clone()));
    }
    let drop = |x: &Array1<f64>| Zip::from(x).and(keep).map_collect(|x, &keep| if keep { x / (1.0 - p) } else { 0.0 });
    Ok((drop(x), drop(dy)))
}
