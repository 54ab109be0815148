//! Reductions over some axes, seen as one reduction of each row of a matrix.

use super::axes;
use crate::{Error, Result, Value, Var};
use gradus_linalg::elementwise::sum_slice;
use gradus_linalg::simd::vectorized;
use gradus_linalg::{Real, memory};
use ndarray::IxDyn;

/// How an array becomes a list of rows: the axes that are reduced go to the end and count as one.
pub(super) struct Rows {
    order: Vec<usize>,
    inverse: Vec<usize>,
    permuted: Vec<usize>,
    /// The shape of the result of the reduction.
    pub(super) result: Vec<usize>,
    /// The number of rows.
    pub(super) count: usize,
    /// The length of a row.
    pub(super) len: usize,
}

impl Rows {
    pub(super) fn new(operation: &'static str, axes: &[isize], keep: bool, shape: &[usize]) -> Result<Self> {
        let over = axes::axes(operation, axes, shape)?;
        let kept: Vec<usize> = (0..shape.len()).filter(|axis| !over.contains(axis)).collect();
        let order: Vec<usize> = kept.iter().chain(&over).copied().collect();
        let mut inverse = vec![0; order.len()];
        order.iter().enumerate().for_each(|(to, &from)| inverse[from] = to);
        let permuted = order.iter().map(|&axis| shape[axis]).collect();
        let mut result: Vec<usize> = kept.iter().map(|&axis| shape[axis]).collect();
        let (count, len) = (result.iter().product(), over.iter().map(|&axis| shape[axis]).product());
        if keep {
            over.iter().for_each(|&axis| result.insert(axis, 1));
        }
        Ok(Self { order, inverse, permuted, result, count, len })
    }

    /// Refuses rows without elements, of which there is no largest.
    pub(super) fn nonempty(self, operation: &'static str, axes: &[isize], shape: &[usize]) -> Result<Self> {
        if self.len > 0 || self.count == 0 {
            return Ok(self);
        }
        Err(Error::NoElements { operation, axes: axes.to_vec(), shape: shape.to_vec() })
    }

    /// The array with its rows one after the other in memory; copies only if they are not.
    pub(super) fn lay_out<F: Real>(&self, x: Value<F>) -> Value<F> {
        x.view_as(|x| x.permuted_axes(IxDyn(&self.order))).into_standard_layout()
    }

    /// Memory for an array laid out in rows.
    pub(super) fn unspecified<F: Real>(&self) -> Value<F> {
        Value::unspecified(IxDyn(&self.permuted))
    }

    /// An array laid out in rows, with its axes put back.
    pub(super) fn put_back<F: Real>(&self, rows: Value<F>) -> Value<F> {
        rows.view_as(|x| x.permuted_axes(IxDyn(&self.inverse)))
    }
}

impl<F: Real> Var<F> {
    /// Records `y = forward(row)` for each row, with `backward(x, y, dy, dx)` to fill a row of `dx`.
    #[track_caller]
    pub(super) fn reduce_rows(
        &self,
        name: &'static str,
        rows: Rows,
        forward: impl Fn(&[F]) -> F,
        backward: impl Fn(&[F], F, F, &mut [F]) + 'static,
    ) -> Self {
        let x = rows.lay_out(self.value.clone());
        let xs = slice(&x);
        let mut y = Value::unspecified(IxDyn(&rows.result));
        for (i, y) in y.iter_mut().enumerate() {
            *y = forward(&xs[i * rows.len..(i + 1) * rows.len]);
        }
        let saved = y.clone();
        self.tape().record(name, [self], y, move |dy| {
            let mut dx = rows.unspecified();
            let (xs, dxs) = (slice(&x), dx.as_slice_mut().expect("fresh memory is row-major"));
            for (i, (&y, &dy)) in saved.iter().zip(dy.iter()).enumerate() {
                let row = i * rows.len..(i + 1) * rows.len;
                backward(&xs[row.clone()], y, dy, &mut dxs[row]);
            }
            [rows.put_back(dx)]
        })
    }
}

pub(super) fn slice<F: Real>(x: &Value<F>) -> &[F] {
    x.as_slice().expect("a standard layout is a slice")
}

/// The sum of `f(x)` over a row, in the fixed tree of [`sum_slice`].
pub(super) fn sum_map<F: Real>(row: &[F], f: impl Fn(F) -> F) -> F {
    let mut terms = memory::take(row.len());
    vectorized(
        #[inline(always)]
        || {
            for (term, &x) in terms.iter_mut().zip(row) {
                *term = f(x);
            }
        },
    );
    let sum = sum_slice(&terms);
    memory::give(terms);
    sum
}
