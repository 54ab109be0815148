//! The input's share of every step.

use super::arrays::{in_rows_mut, matrix, rows as all_rows, slice};
use super::bands::at;
use super::recurrence::{Onto, Recurrence, Rows};
use super::sums::Share;
use super::symbols::Symbols;
use gradus_autograd::{Real, Value};
use gradus_linalg::memory;
use ndarray::{Array1, Array3, ArrayView2, ArrayViewMut2, Axis};
use std::ops::Range;

/// `Pₜ = Xₜ Wᵢₕᵀ + b`, which waits for no other step.
pub(super) struct Projection<'a, F: Real> {
    batch: usize,
    way: Way<'a, F>,
}

/// How a step comes by its share.
enum Way<'a, F: Real> {
    /// All steps have it: of a few sequences it is one large product in the place of many small ones.
    Done,
    /// By a product of its own. Of many sequences that is large enough, and what it writes is still in the cache when the step goes on with it.
    Product { x: &'a [F], input: usize, bias: Array1<F>, weights: Vec<(Recurrence<'a, F>, Range<usize>)> },
    /// By looking it up: that of each symbol, a row of the table.
    LookUp { table: Value<F>, symbols: &'a [usize] },
}

impl<'a, F: Real> Projection<'a, F> {
    /// The projection, and the array `(T, N, width)` of gates that it goes to. Columns that have no share, all behind those that have one,
    /// hold their bias. With symbols, `x` is the table of their rows.
    pub(super) fn new(
        (x, symbols): (&'a Value<F>, Option<&'a Symbols>),
        weight_ih: &'a Value<F>,
        bias: Array1<F>,
        shares: &[Share],
        (steps, batch): (usize, usize),
    ) -> (Self, Array3<F>) {
        /// Sequences from which a step's product is large enough.
        const MANY: usize = 4;
        let (input, width) = (weight_ih.shape()[1], bias.len());
        let mut gates = memory::array((steps, batch, width));
        let weights = matrix(weight_ih);
        let of = |rows: &Range<usize>| weights.split_at(Axis(0), rows.end).0.split_at(Axis(0), rows.start).1;
        let fill = |x: ArrayView2<'_, F>, mut to: ArrayViewMut2<'_, F>| {
            to.assign(&bias);
            for Share { rows, columns } in shares {
                let to = to.slice_axis_mut(Axis(1), columns.clone().into());
                F::gemm(F::one(), x, of(rows).t(), F::one(), to);
            }
        };
        let way = if let Some(Symbols { numbers, known }) = symbols {
            let mut table = memory::array((*known, width));
            fill(matrix(x), table.view_mut());
            Way::LookUp { table: table.into(), symbols: numbers }
        } else if batch < MANY {
            let flat = gates.view_mut().into_shape_with_order((steps * batch, width));
            fill(all_rows(x.view(), input), flat.expect("fresh memory is row-major"));
            Way::Done
        } else {
            let each = shares.iter();
            let weights = each.map(|share| (Recurrence::new(of(&share.rows), steps, batch), share.columns.clone()));
            Way::Product { x: slice(x), input, weights: weights.collect(), bias }
        };
        (Self { batch, way }, gates)
    }

    /// Puts what the input gives to a step into the gates of some sequences, if it is not there.
    pub(super) fn begin(&self, t: usize, sequences: &Range<usize>, gates: &mut [F]) {
        match &self.way {
            Way::Done => {}
            Way::Product { x, input, bias, weights } => {
                let width = bias.len();
                let mut gates = in_rows_mut(gates, width);
                let from = Rows { data: at(x, t, self.batch, sequences, *input), first: 0, line: *input };
                let mut end = 0;
                for (weights, columns) in weights {
                    let bias = bias.slice_axis(Axis(0), columns.clone().into());
                    let bias = bias.broadcast((gates.nrows(), columns.len())).expect("a row is repeated");
                    weights.apply(from, Onto::Other(bias), gates.slice_axis_mut(Axis(1), columns.clone().into()));
                    end = end.max(columns.end);
                }
                if end < width {
                    let bias = bias.slice_axis(Axis(0), (end..).into());
                    gates.slice_axis_mut(Axis(1), (end..).into()).assign(&bias);
                }
            }
            Way::LookUp { table, symbols } => {
                let symbols = at(symbols, t, self.batch, sequences, 1);
                let table = matrix(table);
                let mut gates = in_rows_mut(gates, table.ncols());
                for (mut to, &symbol) in gates.rows_mut().into_iter().zip(symbols) {
                    to.assign(&table.row(symbol));
                }
            }
        }
    }
}
