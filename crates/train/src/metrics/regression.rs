//! Metrics of predicted numbers.

use crate::{Error, Result};
use gradus_autograd::Real;

/// The coefficient of determination: the share of the targets' variance that the predictions account for.
///
/// ```text
/// R² = 1 − Σ (yᵢ − ŷᵢ)² / Σ (yᵢ − ȳ)²
/// ```
///
/// 1 is perfect, 0 as good as always to say the mean, less than 0 worse. Of targets that are all equal it is 1 if all
/// predictions are right, and else 0.
///
/// # Examples
/// ```
/// use gradus_train::metrics::{mae, r2, rmse};
///
/// let (predicted, target) = ([2.5, 0.0, 2.0, 8.0], [3.0, -0.5, 2.0, 7.0]);
/// assert!((r2(&predicted, &target)? - 0.9486).abs() < 1e-4);
/// assert_eq!(mae(&predicted, &target)?, 0.5);
/// assert_eq!(rmse(&predicted, &target)?, 0.375_f64.sqrt());
/// # Ok::<(), gradus_train::Error>(())
/// ```
///
/// # Errors
/// [`Error::Metric`] if there are fewer than two targets, or not one prediction for each.
///
/// # References
/// S. Wright, *Correlation and causation*, 1921, <https://naldc.nal.usda.gov/catalog/IND43966364>
pub fn r2<F: Real>(predicted: &[F], target: &[F]) -> Result<f64> {
    let residual: f64 = errors("R²", predicted, target, 2)?.map(|error| error * error).sum();
    let mean = target.iter().map(|y| y.to_f64()).sum::<f64>() / target.len() as f64;
    let total: f64 = target.iter().map(|y| (y.to_f64() - mean).powi(2)).sum();
    if target.iter().all(|y| *y == target[0]) {
        return Ok(if residual == 0.0 { 1.0 } else { 0.0 });
    }
    Ok(1.0 - residual / total)
}

/// The mean absolute error, `1/N Σ |yᵢ − ŷᵢ|`.
///
/// # Errors
/// [`Error::Metric`] if there is no target, or not one prediction for each.
pub fn mae<F: Real>(predicted: &[F], target: &[F]) -> Result<f64> {
    Ok(errors("MAE", predicted, target, 1)?.map(f64::abs).sum::<f64>() / target.len() as f64)
}

/// The root of the mean squared error, `√( 1/N Σ (yᵢ − ŷᵢ)² )`.
///
/// # Errors
/// [`Error::Metric`] if there is no target, or not one prediction for each.
pub fn rmse<F: Real>(predicted: &[F], target: &[F]) -> Result<f64> {
    let squares: f64 = errors("RMSE", predicted, target, 1)?.map(|error| error * error).sum();
    Ok((squares / target.len() as f64).sqrt())
}

/// The differences, in `f64`.
fn errors<'a, F: Real>(
    metric: &'static str,
    predicted: &'a [F],
    target: &'a [F],
    least: usize,
) -> Result<impl Iterator<Item = f64> + 'a> {
    if predicted.len() != target.len() || target.len() < least {
        let reason = format!(
            "{} predictions for {} targets; it takes one for each, and at least {least}",
            predicted.len(),
            target.len()
        );
        return Err(Error::Metric { metric, reason });
    }
    Ok(predicted.iter().zip(target).map(|(predicted, y)| y.to_f64() - predicted.to_f64()))
}
