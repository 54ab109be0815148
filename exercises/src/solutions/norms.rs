//! Chapter 1: norms and linear regression.

use crate::Answer;
use gradus::ndarray::{Array1, Array2};

/// A solution of `l2-norm`.
///
/// # Errors
/// Never.
pub fn l2_norm(x: &Array1<f64>) -> Answer<f64> {
    Ok(x.iter().map(|x| x * x).sum::<f64>().sqrt())
}

/// A solution of `lp-norm`: with the largest number taken out, no term is greater than 1.
///
/// # Errors
/// Never.
pub fn lp_norm(x: &Array1<f64>, p: f64) -> Answer<f64> {
    let largest = x.iter().fold(0.0, |largest: f64, x| largest.max(x.abs()));
    if p == f64::INFINITY || largest == 0.0 {
        return Ok(largest);
    }
    let sum: f64 = x.iter().map(|x| (x.abs() / largest).powf(p)).sum();
    Ok(largest * sum.powf(1.0 / p))
}

/// A solution of `regression-gradient`.
///
/// # Errors
/// Never.
pub fn regression_gradient(x: &Array2<f64>, y: &Array1<f64>, w: &Array1<f64>, b: f64) -> Answer<(Array1<f64>, f64)> {
    let r = x.dot(w) + b - y;
    let factor = 2.0 / x.nrows() as f64;
    Ok((x.t().dot(&r) * factor, r.sum() * factor))
}
