//! The gradients that are sums over all steps, taken as the sweep goes by.

use super::arrays::{gather, matrix, matrix_mut, rows, vector};
use super::inputs::{HH, IH, Places, X};
use super::order::Piece;
use super::symbols::{Symbols, add_by_symbol};
use super::{Order, Weights};
use gradus_autograd::{Real, Slots, Value};
use gradus_linalg::{elementwise, memory};
use ndarray::{Array1, Array2, Array3, ArrayRef, ArrayView2, Axis, IxDyn};
use std::ops::Range;

/// Rows of a weight matrix, and the columns of the gates' array that are theirs.
///
/// A parameter has the gates in PyTorch's order; the array of gates has them as the sweep likes them best.
#[derive(Clone)]
pub(super) struct Share {
    pub(super) rows: Range<usize>,
    pub(super) columns: Range<usize>,
}

impl Share {
    pub(super) fn new(rows: Range<usize>, first: usize) -> Self {
        let columns = first..first + rows.len();
        Self { rows, columns }
    }
}

/// The sum of the biases that are there, or zeros; zeros after them until the line is full.
pub(super) fn sum_of_biases<F: Real>(weights: &Weights<F>, width: usize, line: usize) -> Array1<F> {
    let mut sum = Array1::zeros(line);
    for bias in [&weights.bias_ih, &weights.bias_hh].into_iter().flatten() {
        let mut sum = sum.slice_axis_mut(Axis(0), (..width).into());
        sum += &vector(bias.value());
    }
    sum
}

/// The factors of the sums, as far as their gradients are wanted.
pub(super) struct Factors<'a, F: Real> {
    /// `(T, N, I)`, or the table of the symbols.
    pub(super) x: Option<&'a Value<F>>,
    pub(super) symbols: Option<&'a Symbols>,
    pub(super) weight_ih: Option<&'a Value<F>>,
    pub(super) h0: Option<&'a Value<F>>,
    /// The shares of the parameters beside the input.
    pub(super) of_input: &'a [Share],
    /// The shares of the weight beside the state, and what stands beside each.
    pub(super) of_state: Vec<(Share, Read<'a, F>)>,
    /// The shares of the bias beside the state.
    pub(super) of_bias: &'a [Share],
}

/// What a step reads of the states, an array `(T, N, H)`.
#[derive(Clone, Copy)]
pub(super) enum Read<'a, F: Real> {
    /// That of the step before.
    Before(&'a Value<F>),
    /// What stands at the step itself.
    Now(&'a Value<F>),
}

/// The sums over the steps that the sweep has come by: those of the weights stand in their slots.
pub(super) struct Sums<'a, F: Real> {
    factors: Factors<'a, F>,
    order: &'a Order,
    places: &'a Places,
    /// `Σ δ` over steps and sequences, by columns.
    columns: Option<Value<F>>,
    /// The rows of `dX`, of width `I`.
    dx: Option<Array2<F>>,
    /// Of each symbol the sum of `δ` over its places. What has a row for each place if there are no symbols, has one for each of them then, and
    /// waits for these sums.
    of_symbols: Option<Array2<F>>,
}

impl<'a, F: Real> Sums<'a, F> {
    /// Of nothing yet. What no slot needs is not taken.
    pub(super) fn new(
        slots: &Slots<'_, F>,
        factors: Factors<'a, F>,
        (order, places): (&'a Order, &'a Places),
        (steps, batch, line): (usize, usize, usize),
    ) -> Self {
        let biases = [places.bias_ih, places.bias_hh].into_iter().flatten();
        let columns = biases.into_iter().any(|place| slots.needs(place)).then(|| Value::zeros(line));
        let rows = factors.symbols.map_or(steps * batch, |symbols| symbols.known);
        let weight_ih = factors.weight_ih.filter(|_| slots.needs(X));
        let dx = weight_ih.map(|weight_ih| memory::array((rows, weight_ih.shape()[1])));
        let wanted = factors.x.is_some() || dx.is_some() || columns.is_some();
        let of_symbols = factors.symbols.filter(|_| wanted).map(|symbols| Array2::zeros((symbols.known, line)));
        Self { factors, order, places, columns, dx, of_symbols }
    }

    /// Adds the share of a piece, whose `δ` has just been computed.
    pub(super) fn add(&mut self, slots: &mut Slots<'_, F>, da: &Array3<F>, piece: &Piece) {
        let (times, one) = (&piece.times, F::one());
        let batch = da.dim().1;
        let da = rows(da.slice_axis(Axis(0), times.clone().into()).into_dyn(), da.dim().2);
        let of = |times: &Range<usize>, share: &Share| {
            let rows = (times.start - piece.times.start) * batch..(times.end - piece.times.start) * batch;
            let mut share_of = da.slice_axis(Axis(0), rows.into());
            share_of.slice_axis_inplace(Axis(1), share.columns.clone().into());
            share_of
        };
        // dWₕₕ += dAᵀ R
        slots.accumulate(HH, |dw, beta| {
            let mut dw = matrix_mut(dw);
            for (share, read) in &self.factors.of_state {
                let (later, read) = read.rows(self.order, times);
                let to = dw.slice_axis_mut(Axis(0), share.rows.clone().into());
                F::gemm(one, of(&later, share).t(), read, beta, to);
            }
        });
        match (self.factors.symbols, &mut self.of_symbols) {
            (None, _) => {
                let rows = times.start * batch..times.end * batch;
                self.add_of_input(slots, da, self.factors.x.map(|x| steps(x, times)), rows);
            }
            (Some(symbols), Some(sums)) => {
                add_by_symbol(sums.view_mut(), da, &symbols.numbers[times.start * batch..times.end * batch]);
            }
            (Some(_), None) => {}
        }
    }

    /// Adds what there is for each of these rows of the input.
    fn add_of_input(
        &mut self,
        slots: &mut Slots<'_, F>,
        da: ArrayView2<'_, F>,
        x: Option<ArrayView2<'_, F>>,
        rows: Range<usize>,
    ) {
        let of = |share: &Share| {
            let mut share_of = da;
            share_of.slice_axis_inplace(Axis(1), share.columns.clone().into());
            share_of
        };
        // dWᵢₕ += dAᵀ X
        if let Some(x) = x {
            slots.accumulate(IH, |dw, beta| {
                let mut dw = matrix_mut(dw);
                for share in self.factors.of_input {
                    let to = dw.slice_axis_mut(Axis(0), share.rows.clone().into());
                    F::gemm(F::one(), of(share).t(), x, beta, to);
                }
            });
        }
        if let Some(columns) = &mut self.columns {
            let sum = elementwise::sum_to(&da.into_dyn(), columns.shape());
            elementwise::update(columns, &sum, |columns, sum| columns + sum);
        }
        // dX = dA Wᵢₕ
        if let (Some(dx), Some(weight_ih)) = (&mut self.dx, self.factors.weight_ih) {
            for (place, share) in self.factors.of_input.iter().enumerate() {
                let weight_ih = matrix(weight_ih);
                let weight_ih = weight_ih.slice_axis(Axis(0), share.rows.clone().into());
                let beta = if place == 0 { F::zero() } else { F::one() };
                let to = dx.slice_axis_mut(Axis(0), rows.clone().into());
                F::gemm(F::one(), of(share), weight_ih, beta, to);
            }
        }
    }

    /// Hands on what does not stand in its slot; `da` is that of all steps.
    pub(super) fn finish(mut self, slots: &mut Slots<'_, F>, da: &Array3<F>) {
        if let Some(sums) = self.of_symbols.take() {
            self.add_of_input(slots, sums.view(), self.factors.x.map(matrix), 0..sums.nrows());
        }
        if let Some(h0) = self.factors.h0 {
            slots.accumulate(HH, |dw, beta| {
                debug_assert!(beta == F::one(), "a piece was added before");
                let (first, mut dw) = (first(da, self.order), matrix_mut(dw));
                for (Share { rows, columns }, _) in self.factors.of_state.iter().filter(|(_, read)| read.is_before()) {
                    let first = matrix(&first);
                    let first = first.slice_axis(Axis(1), columns.clone().into());
                    let to = dw.slice_axis_mut(Axis(0), rows.clone().into());
                    F::gemm(F::one(), first.t(), matrix(h0), F::one(), to);
                }
            });
        }
        if let Some(columns) = &self.columns {
            let biases = [(self.places.bias_ih, self.factors.of_input), (self.places.bias_hh, self.factors.of_bias)];
            for (place, shares) in biases {
                if let Some(place) = place.filter(|&place| slots.needs(place)) {
                    slots.add(place, bias_gradient(columns, shares));
                }
            }
        }
        match (self.dx, self.factors.symbols) {
            (Some(dx), Some(_)) => slots.add(X, dx),
            (Some(dx), None) => {
                let (steps, batch, _) = da.dim();
                let shape = (steps, batch, dx.ncols());
                slots.add(X, dx.into_shape_with_order(shape).expect("fresh memory is row-major"));
            }
            (None, _) => {}
        }
    }
}

impl<'a, F: Real> Read<'a, F> {
    fn is_before(&self) -> bool {
        matches!(self, Self::Before(_))
    }

    /// Those of these times at which something was read, and what it was.
    fn rows(&self, order: &Order, times: &Range<usize>) -> (Range<usize>, ArrayView2<'a, F>) {
        match *self {
            Self::Now(states) => (times.clone(), steps(states, times)),
            Self::Before(states) => {
                let (later, earlier) = order.shifted(times);
                (later, steps(states, &earlier))
            }
        }
    }
}

/// Some steps of an array `(T, N, width)`, as rows.
fn steps<'a, F: Real>(x: &'a ArrayRef<F, IxDyn>, times: &Range<usize>) -> ArrayView2<'a, F> {
    rows(x.slice_axis(Axis(0), times.clone().into()), x.shape()[2])
}

/// The `δ` of each sequence's first step. A value, which gives its memory back.
pub(super) fn first<F: Real>(da: &Array3<F>, order: &Order) -> Value<F> {
    gather(da, |sequence| order.first(sequence)).into()
}

/// The gradient of a bias: the sums of its gates' columns.
fn bias_gradient<F: Real>(sums: &Value<F>, shares: &[Share]) -> Value<F> {
    let mut db = memory::array(shares.iter().map(|share| share.rows.len()).sum::<usize>());
    for Share { rows, columns } in shares {
        db.slice_axis_mut(Axis(0), rows.clone().into()).assign(&sums.slice_axis(Axis(0), columns.clone().into()));
    }
    db.into()
}
