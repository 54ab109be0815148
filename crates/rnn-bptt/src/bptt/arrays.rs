//! Arrays as the sweeps look at them. What is checked once, when a layer is called, is relied on here.

use super::Order;
use gradus_autograd::{Real, Value};
use gradus_linalg::memory;
use ndarray::{Array2, Array3, ArrayRef3, ArrayView1, ArrayView2, ArrayViewD, ArrayViewMut2, ArrayViewMutD, Axis};

/// Of each sequence the row at a time of its own.
pub(super) fn gather<F: Real>(x: &ArrayRef3<F>, time: impl Fn(usize) -> usize) -> Array2<F> {
    let mut gathered = memory::array((x.dim().1, x.dim().2));
    for (sequence, mut row) in gathered.rows_mut().into_iter().enumerate() {
        row.assign(&x.index_axis(Axis(0), time(sequence)).row(sequence));
    }
    gathered
}

/// Zeros past the ends of the sequences.
pub(super) fn fill_padding<F: Real>(x: &mut ArrayRef3<F>, order: &Order) {
    for (t, mut step) in x.outer_iter_mut().enumerate() {
        order.padding(t).for_each(|sequence| step.row_mut(sequence).fill(F::zero()));
    }
}

/// All steps and sequences as the rows of one matrix.
pub(super) fn rows<F: Real>(x: ArrayViewD<'_, F>, columns: usize) -> ArrayView2<'_, F> {
    let rows = x.shape()[0] * x.shape()[1];
    x.into_shape_with_order((rows, columns)).expect("whole steps of a row-major array are contiguous")
}

pub(super) fn matrix<'a, F: Real>(x: &'a Value<F>) -> ArrayView2<'a, F> {
    x.view().into_dimensionality().expect("the shape was checked to have two axes")
}

pub(super) fn vector<'a, F: Real>(x: &'a Value<F>) -> ArrayView1<'a, F> {
    x.view().into_dimensionality().expect("the shape was checked to have one axis")
}

pub(super) fn matrix_mut<F: Real>(x: ArrayViewMutD<'_, F>) -> ArrayViewMut2<'_, F> {
    x.into_dimensionality().expect("the shape was checked to have two axes")
}

/// A state's rows, contiguous.
pub(super) fn slice<F: Real>(value: &Value<F>) -> &[F] {
    value.as_slice().expect("the value was put into row-major order")
}

/// A fresh array's numbers.
pub(super) fn flat<F>(array: &mut Array3<F>) -> &mut [F] {
    array.as_slice_mut().expect("fresh memory is row-major")
}

/// Contiguous rows as a matrix.
pub(super) fn in_rows<F: Real>(x: &[F], columns: usize) -> ArrayView2<'_, F> {
    let rows = x.len().checked_div(columns).unwrap_or(0);
    ArrayView2::from_shape((rows, columns), x).expect("whole rows were taken")
}

/// As [`in_rows`], to be written.
pub(super) fn in_rows_mut<F: Real>(x: &mut [F], columns: usize) -> ArrayViewMut2<'_, F> {
    let rows = x.len().checked_div(columns).unwrap_or(0);
    ArrayViewMut2::from_shape((rows, columns), x).expect("whole rows were taken")
}
