//! Lasso and elastic net, one coefficient at a time.

use super::Centred;
use crate::decompose::nonnegative;
use crate::{Error, Real, Result, l2_norm};
use ndarray::Array1;

/// Sweeps over all coefficients before it gives up.
const SWEEPS: usize = 100_000;

/// Coordinate descent.
///
/// ```text
/// ρ = xⱼ·(r + wⱼ xⱼ) / n        wⱼ ← S(ρ, α l) / (xⱼ·xⱼ / n + α (1 − l))        S(ρ, t) = sign(ρ) max(|ρ| − t, 0)
/// ```
///
/// with `r` the residuals and `l` the L1 ratio. The soft threshold `S` is what makes coefficients exactly 0.
///
/// # References
/// J. Friedman, T. Hastie, R. Tibshirani, *Regularization Paths for Generalized Linear Models via Coordinate Descent*, 2010,
/// <https://doi.org/10.18637/jss.v033.i01>
pub(super) fn descent<F: Real>(data: &Centred<F>, alpha: f64, ratio: f64) -> Result<(Array1<F>, usize, &'static str)> {
    const OPERATION: &str = "elastic_net";
    nonnegative(OPERATION, "alpha", alpha)?;
    if !(0.0..=1.0).contains(&ratio) {
        return Err(Error::Setting { operation: OPERATION, name: "l1_ratio", value: ratio, fits: "from 0 to 1" });
    }
    let name = if ratio == 1.0 { "lasso" } else { "elastic net" };
    let n = F::from_f64(data.x.nrows() as f64);
    let (threshold, shrink) = (F::from_f64(alpha * ratio), F::from_f64(alpha * (1.0 - ratio)));
    let columns = data.x.t().as_standard_layout().into_owned(); // each together in memory
    let squares: Vec<F> = columns.rows().into_iter().map(|x| x.iter().map(|&x| x * x).sum::<F>() / n).collect();
    let mut w: Array1<F> = Array1::zeros(columns.nrows());
    let mut residuals = data.y.clone();
    let settled = F::from_f64(16.0) * F::EPSILON * l2_norm(&data.y) / n.sqrt();
    for sweep in 1..=SWEEPS {
        let mut largest = F::zero();
        for ((x, &square), w) in columns.rows().into_iter().zip(&squares).zip(&mut w) {
            if square == F::zero() {
                continue; // a constant feature explains nothing that the intercept does not
            }
            let rho = x.iter().zip(&residuals).map(|(&x, &r)| x * r).sum::<F>() / n + square * *w;
            let size = (rho.abs() - threshold).maximum(F::zero());
            let new = if rho < F::zero() { -size } else { size } / (square + shrink);
            let change = new - *w;
            if change != F::zero() {
                residuals.zip_mut_with(&x, |r, &x| *r -= change * x);
                *w = new;
                largest = largest.maximum(change.abs() * square.sqrt());
            }
        }
        if largest <= settled {
            return Ok((w, sweep, name));
        }
    }
    Err(Error::NoConvergence { operation: OPERATION, iterations: SWEEPS })
}
