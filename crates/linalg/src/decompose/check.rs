//! What all decompositions ask of their arguments.

use crate::{Error, Real, Result};
use ndarray::{Array, Array2, ArrayRef, ArrayRef2, ArrayView, ArrayView2, Axis, Dimension, Ix1, Ix2};

/// A right-hand side `b` of `A x = b`: a vector, or a matrix of which each column is one. The solution has its shape.
pub trait RightSide: Dimension + private::Sealed {
    /// One column for each right-hand side.
    #[doc(hidden)]
    fn columns<F>(b: ArrayView<'_, F, Self>) -> ArrayView2<'_, F>;
    /// The solutions in the shape of what was asked.
    #[doc(hidden)]
    fn restore<F>(x: Array2<F>) -> Array<F, Self>;
}

mod private {
    pub trait Sealed {}
    impl Sealed for ndarray::Ix1 {}
    impl Sealed for ndarray::Ix2 {}
}

impl RightSide for Ix1 {
    fn columns<F>(b: ArrayView<'_, F, Self>) -> ArrayView2<'_, F> {
        b.insert_axis(Axis(1))
    }
    fn restore<F>(x: Array2<F>) -> Array<F, Self> {
        x.index_axis_move(Axis(1), 0)
    }
}

impl RightSide for Ix2 {
    fn columns<F>(b: ArrayView<'_, F, Self>) -> ArrayView2<'_, F> {
        b
    }
    fn restore<F>(x: Array2<F>) -> Array<F, Self> {
        x
    }
}

/// At least one element, and all of them finite.
pub(crate) fn matrix<F: Real>(operation: &'static str, a: &ArrayRef2<F>) -> Result<()> {
    if a.is_empty() {
        return Err(Error::EmptyMatrix { operation, shape: a.shape().to_vec() });
    }
    finite(operation, a)
}

/// As [`matrix`], and as many rows as columns.
pub(super) fn square<F: Real>(operation: &'static str, a: &ArrayRef2<F>) -> Result<()> {
    if a.nrows() != a.ncols() {
        return Err(Error::NotSquare { operation, shape: a.shape().to_vec() });
    }
    matrix(operation, a)
}

/// As [`square`], and equal to its transpose but for roundings.
#[cfg(feature = "decompose")]
pub(super) fn symmetric<F: Real>(operation: &'static str, a: &ArrayRef2<F>) -> Result<()> {
    square(operation, a)?;
    let allowed = F::EPSILON.sqrt() * crate::max_norm(a);
    for ((row, column), &value) in a.indexed_iter() {
        let mirrored = a[[column, row]];
        if (value - mirrored).abs() > allowed {
            let (value, mirrored) = (value.to_f64(), mirrored.to_f64());
            return Err(Error::NotSymmetric { operation, row, column, value, mirrored });
        }
    }
    Ok(())
}

/// A right-hand side with a row for each row of the matrix, as columns in row-major memory of their own.
pub(super) fn right_side<F: Real, D: RightSide>(
    operation: &'static str,
    matrix: &[usize],
    b: &ArrayRef<F, D>,
) -> Result<Array2<F>> {
    let columns = D::columns(b.view());
    if columns.nrows() != matrix[0] {
        return Err(Error::RightSide { operation, matrix: matrix.to_vec(), right: b.shape().to_vec() });
    }
    finite(operation, b)?;
    Ok(columns.as_standard_layout().into_owned())
}

/// A setting that must be a finite number greater than 0.
pub(crate) fn positive(operation: &'static str, name: &'static str, value: f64) -> Result<()> {
    if value > 0.0 && value.is_finite() {
        return Ok(());
    }
    Err(Error::Setting { operation, name, value, fits: "a finite number greater than 0" })
}

/// A setting that must be a finite number, 0 or greater.
#[cfg(feature = "decompose")]
pub(crate) fn nonnegative(operation: &'static str, name: &'static str, value: f64) -> Result<()> {
    if value >= 0.0 && value.is_finite() {
        return Ok(());
    }
    Err(Error::Setting { operation, name, value, fits: "a finite number, 0 or greater" })
}

/// No element is infinite or NaN.
pub(crate) fn finite<F: Real, D: Dimension>(operation: &'static str, a: &ArrayRef<F, D>) -> Result<()> {
    match a.view().into_dyn().indexed_iter().find(|(_, x)| !x.is_finite()) {
        None => Ok(()),
        Some((index, x)) => Err(Error::NotFinite { operation, index: index.slice().to_vec(), value: x.to_f64() }),
    }
}
