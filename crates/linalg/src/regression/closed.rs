//! Coefficients in closed form.

use super::Centred;
use crate::decompose::nonnegative;
use crate::{Factorize, LeastSquares, Result, lstsq};
use ndarray::{Array1, Array2, s};

type Found<F> = (Array1<F>, usize, &'static str);

pub(super) fn least_squares<F: Factorize>(data: &Centred<F>, way: LeastSquares) -> Result<Found<F>> {
    let name = match way {
        LeastSquares::NormalEquations => "least squares by normal equations",
        LeastSquares::Qr => "least squares by qr",
        LeastSquares::Svd { .. } => "least squares by svd",
    };
    Ok((lstsq(&data.x, &data.y, way)?, 0, name))
}

/// Least squares of `(X; √(n α) I) w ≈ (y; 0)`, whose normal equations are those of ridge, without their squared condition.
pub(super) fn ridge<F: Factorize>(data: &Centred<F>, alpha: f64) -> Result<Found<F>> {
    nonnegative("ridge", "alpha", alpha)?;
    let (n, d) = data.x.dim();
    let mut x = Array2::zeros((n + d, d));
    x.slice_mut(s![..n, ..]).assign(&data.x);
    x.slice_mut(s![n.., ..]).diag_mut().fill(F::from_f64((n as f64 * alpha).sqrt()));
    let mut y = Array1::zeros(n + d);
    y.slice_mut(s![..n]).assign(&data.y);
    Ok((lstsq(&x, &y, LeastSquares::Qr)?, 0, "ridge"))
}
