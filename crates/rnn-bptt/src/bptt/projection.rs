//! The input's share of every step.

use super::arrays::{in_rows_mut, matrix, rows as all_rows, slice};
use super::bands::at;
use super::recurrence::{Onto, Recurrence, Rows};
use super::sums::Share;
use gradus_autograd::{Real, Value};
use gradus_linalg::memory;
use ndarray::{Array1, Array3, Axis};
use std::ops::Range;

/// `Pₜ = Xₜ Wᵢₕᵀ + b`, which waits for no other step.
///
/// Of a few sequences it is computed for all steps at once, one large product in the place of many small ones. Of many, each step's product
/// is large enough, and what it writes is still in the cache when the step goes on with it.
pub(super) struct Projection<'a, F: Real> {
    x: &'a [F],
    input: usize,
    batch: usize,
    bias: Array1<F>,
    /// The weights of each share, unless all steps are there at once.
    weights: Option<Vec<(Recurrence<'a, F>, Range<usize>)>>,
}

impl<'a, F: Real> Projection<'a, F> {
    /// The projection, and the array `(T, N, width)` of gates that it goes to. Columns that have no share, all behind those that have one,
    /// hold their bias.
    pub(super) fn new(
        x: &'a Value<F>,
        weight_ih: &'a Value<F>,
        bias: Array1<F>,
        shares: &[Share],
    ) -> (Self, Array3<F>) {
        /// Sequences from which a step's product is large enough.
        const MANY: usize = 4;
        let (steps, batch, input) = (x.shape()[0], x.shape()[1], x.shape()[2]);
        let width = bias.len();
        let mut gates = memory::array((steps, batch, width));
        let weights = matrix(weight_ih);
        let of = |rows: &Range<usize>| weights.split_at(Axis(0), rows.end).0.split_at(Axis(0), rows.start).1;
        let weights = (batch >= MANY).then(|| {
            let each = shares.iter();
            each.map(|share| (Recurrence::new(of(&share.rows), steps, batch), share.columns.clone())).collect()
        });
        if weights.is_none() {
            gates.assign(&bias);
            let flat = gates.view_mut().into_shape_with_order((steps * batch, width));
            let mut flat = flat.expect("fresh memory is row-major");
            for Share { rows, columns } in shares {
                let to = flat.slice_axis_mut(Axis(1), columns.clone().into());
                F::gemm(F::one(), all_rows(x.view(), input), of(rows).t(), F::one(), to);
            }
        }
        (Self { x: slice(x), input, batch, bias, weights }, gates)
    }

    /// Puts what the input gives to a step into the gates of some sequences, if it is not there.
    pub(super) fn begin(&self, t: usize, sequences: &Range<usize>, gates: &mut [F]) {
        let Some(weights) = &self.weights else { return };
        let width = self.bias.len();
        let mut gates = in_rows_mut(gates, width);
        let from = Rows { data: at(self.x, t, self.batch, sequences, self.input), first: 0, line: self.input };
        let mut end = 0;
        for (weights, columns) in weights {
            let bias = self.bias.slice_axis(Axis(0), columns.clone().into());
            let bias = bias.broadcast((gates.nrows(), columns.len())).expect("a row is repeated");
            weights.apply(from, Onto::Other(bias), gates.slice_axis_mut(Axis(1), columns.clone().into()));
            end = end.max(columns.end);
        }
        if end < width {
            let bias = self.bias.slice_axis(Axis(0), (end..).into());
            gates.slice_axis_mut(Axis(1), (end..).into()).assign(&bias);
        }
    }
}
