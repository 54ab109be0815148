//! Stacks of matrices.

use crate::elementwise::broadcast_shape;
use crate::{Error, Real, Result, memory};
use ndarray::{ArrayD, ArrayRef, ArrayView2, ArrayViewMut2, Axis, Dimension, IxDyn};

/// Matrix products of two stacks; the axes before the last two broadcast.
///
/// # Shapes
/// `A (…, m, k)`, `B (…, k, n)`, result `(…, m, n)`
///
/// # Errors
/// [`Error::InnerDimensions`] if the inner dimensions differ, [`Error::Batch`] if the axes before them do not fit,
/// [`Error::Rank`] if an operand has fewer than two axes.
///
/// # Examples
/// ```
/// use gradus_linalg::{matmul_batched, ndarray::{Array, IxDyn}};
/// let a = Array::from_elem(IxDyn(&[5, 1, 2, 3]), 1.0);
/// let b = Array::from_elem(IxDyn(&[4, 3, 6]), 2.0);
/// let c = matmul_batched(&a, &b)?;
/// assert_eq!(c, Array::from_elem(IxDyn(&[5, 4, 2, 6]), 6.0));
/// # Ok::<(), gradus_linalg::Error>(())
/// ```
pub fn matmul_batched<F: Real>(a: &ArrayRef<F, IxDyn>, b: &ArrayRef<F, IxDyn>) -> Result<ArrayD<F>> {
    let shape = result_shape("matmul_batched", a.shape(), b.shape())?;
    let mut c = memory::array(IxDyn(&shape));
    products(F::one(), a, b, F::zero(), &mut c);
    Ok(c)
}

/// `C ← α A B + β C` for each matrix of three stacks; with `beta` 0 the old values of `C` are not read.
///
/// # Shapes
/// As [`matmul_batched`]; `A` and `B` broadcast to `C`.
///
/// # Errors
/// As [`matmul_batched`]; [`Error::Destination`] if `C` has another shape than the result.
pub fn gemm_batched<F: Real>(
    alpha: F,
    a: &ArrayRef<F, IxDyn>,
    b: &ArrayRef<F, IxDyn>,
    beta: F,
    c: &mut ArrayRef<F, IxDyn>,
) -> Result<()> {
    let expected = result_shape("gemm_batched", a.shape(), b.shape())?;
    if c.shape() != expected {
        return Err(Error::Destination { operation: "gemm_batched", expected, found: c.shape().to_vec() });
    }
    products(alpha, a, b, beta, c);
    Ok(())
}

fn result_shape(operation: &'static str, a: &[usize], b: &[usize]) -> Result<Vec<usize>> {
    for shape in [a, b] {
        if shape.len() < 2 {
            return Err(Error::Rank { operation, least: 2, shape: shape.to_vec() });
        }
    }
    let ((a_batch, a_matrix), (b_batch, b_matrix)) = (a.split_at(a.len() - 2), b.split_at(b.len() - 2));
    if a_matrix[1] != b_matrix[0] {
        return Err(Error::InnerDimensions { operation, left: a.to_vec(), right: b.to_vec() });
    }
    let no_batch = |_| Error::Batch { operation, left: a.to_vec(), right: b.to_vec() };
    let mut shape = broadcast_shape(operation, a_batch, b_batch).map_err(no_batch)?;
    shape.extend([a_matrix[0], b_matrix[1]]);
    Ok(shape)
}

/// One product for each matrix of `c`; the shapes have been checked.
fn products<F: Real>(alpha: F, a: &ArrayRef<F, IxDyn>, b: &ArrayRef<F, IxDyn>, beta: F, c: &mut ArrayRef<F, IxDyn>) {
    let (m, n, k) = (a.shape()[a.ndim() - 2], b.shape()[b.ndim() - 1], a.shape()[a.ndim() - 1]);
    let fits = "the shapes have been checked";
    // One matrix on the right of all: the stack on the left is a single tall matrix, if it lies in memory as one.
    if b.len() == k * n && a.ndim() == c.ndim() {
        let rows = c.len().checked_div(n).unwrap_or(0);
        let (tall, matrix) = (a.view().into_shape_with_order((rows, k)), b.view().into_shape_with_order((k, n)));
        if let (Ok(tall), Ok(matrix), Ok(c)) = (tall, matrix, c.view_mut().into_shape_with_order((rows, n))) {
            return F::gemm(alpha, tall, matrix, beta, c);
        }
    }
    let batch = c.shape()[..c.ndim() - 2].to_vec();
    let stack = |rows: usize, columns: usize| {
        let mut shape = batch.clone();
        shape.extend([rows, columns]);
        shape
    };
    let (a, b) = (a.broadcast(stack(m, k)).expect(fits), b.broadcast(stack(k, n)).expect(fits));
    for index in ndarray::indices(&batch[..]) {
        let (mut a, mut b, mut c) = (a.view(), b.view(), c.view_mut());
        for &i in index.slice() {
            a.index_axis_inplace(Axis(0), i);
            b.index_axis_inplace(Axis(0), i);
            c.index_axis_inplace(Axis(0), i);
        }
        let rank = "two axes are left";
        let a: ArrayView2<'_, F> = a.into_dimensionality().expect(rank);
        let b: ArrayView2<'_, F> = b.into_dimensionality().expect(rank);
        let c: ArrayViewMut2<'_, F> = c.into_dimensionality().expect(rank);
        F::gemm(alpha, a, b, beta, c);
    }
}
