//! The gradients that are sums over all steps, computed after the sweep.

use super::arrays::{gather, matrix, matrix_mut, rows, vector};
use super::inputs::{IH, Places, X};
use super::{Order, Weights};
use gradus_autograd::{Real, Slots, Value};
use gradus_linalg::{Pack, elementwise, memory};
use ndarray::{Array1, ArrayView2, ArrayViewMut2, Axis};
use std::ops::Range;

/// Rows of a weight matrix, and the columns of the gates' array that are theirs.
///
/// A parameter has the gates in PyTorch's order; the array of gates has them as the sweep likes them best.
#[derive(Clone, PartialEq, Eq)]
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

/// The sum of the biases that are there, or zeros.
pub(super) fn sum_of_biases<F: Real>(weights: &Weights<F>, width: usize) -> Array1<F> {
    let biases = [&weights.bias_ih, &weights.bias_hh].into_iter().flatten();
    biases.fold(Array1::zeros(width), |sum, bias| sum + vector(bias.value()))
}

/// The `δ` of all steps, and what they are multiplied with.
pub(super) struct Sums<'a, F: Real> {
    /// `(T, N, width)`.
    da: &'a Value<F>,
    order: &'a Order,
    /// Both weights' gradients of a share, side by side.
    both: Vec<(Share, Value<F>)>,
}

impl<'a, F: Real> Sums<'a, F> {
    pub(super) fn new(da: &'a Value<F>, order: &'a Order) -> Self {
        Self { da, order, both: Vec::new() }
    }

    fn width(&self) -> usize {
        self.da.shape()[2]
    }

    /// Computes `[dWₕₕ dWᵢₕ] = dAᵀ [H₍₋₁₎ X]` of the shares that both weights have, as one product: what `δ` there is comes from far off,
    /// and is read and packed once.
    pub(super) fn together(&mut self, states: &Value<F>, x: &Value<F>, hidden_shares: &[Share], shares: &[Share]) {
        /// Numbers of `δ` from which on it is far off.
        const FAR: usize = 1 << 19;
        if self.da.len() < FAR {
            return;
        }
        let batch = x.shape()[1];
        let (_, earlier) = self.order.shifted();
        let before = if earlier.start == 0 { batch } else { 0 };
        let states = rows(states.slice_axis(Axis(0), earlier), states.shape()[2]);
        let operand = Beside { states, before, x: rows(x.view(), x.shape()[2]) };
        let da = rows(self.da.view(), self.width());
        for share in hidden_shares.iter().filter(|share| shares.contains(share)) {
            let da = da.slice_axis(Axis(1), share.columns.clone().into());
            let mut both = memory::array((share.rows.len(), operand.lines()));
            F::gemm_packed(F::one(), &da.t(), &operand, F::zero(), both.view_mut());
            self.both.push((share.clone(), both.into()));
        }
    }

    /// What has been computed of a share, if it has: those of the first columns, the states', and of the others, the input's.
    fn computed(&self, share: &Share, states: usize) -> Option<(ArrayView2<'_, F>, ArrayView2<'_, F>)> {
        let (_, both) = self.both.iter().find(|(computed, _)| computed == share)?;
        Some(matrix(both).split_at(Axis(1), states))
    }

    /// The gradients of the input's weight, of both biases and of the input, as far as they are wanted: `x` and the weight are there if they
    /// are. The shares are those of the parameters beside the input, and of the bias beside the state.
    pub(super) fn of_input_and_biases(
        &self,
        slots: &mut Slots<'_, F>,
        places: &Places,
        (x, weight_ih, hidden): (Option<&Value<F>>, Option<&Value<F>>, usize),
        [of_input, of_state]: [&[Share]; 2],
    ) {
        if let Some(x) = x {
            self.input_weight(slots, (x, hidden), of_input);
        }
        let biases = [(places.bias_ih, of_input), (places.bias_hh, of_state)];
        let wanted = biases.map(|(place, shares)| Some((place.filter(|&place| slots.needs(place))?, shares)));
        if wanted.iter().any(Option::is_some) {
            // The sums of dA over steps and sequences, by columns.
            let columns = elementwise::sum_to(self.da, &[self.width()]).into();
            wanted.into_iter().flatten().for_each(|(place, shares)| slots.add(place, bias_gradient(&columns, shares)));
        }
        if let Some(weight_ih) = weight_ih {
            self.input(slots, weight_ih, of_input);
        }
    }

    /// `dWᵢₕ = dAᵀ X`.
    fn input_weight(&self, slots: &mut Slots<'_, F>, (x, hidden): (&Value<F>, usize), shares: &[Share]) {
        let (da, x) = (rows(self.da.view(), self.width()), rows(x.view(), x.shape()[2]));
        slots.accumulate(IH, |dw, beta| {
            let mut dw = matrix_mut(dw);
            for share in shares {
                let dw = dw.slice_axis_mut(Axis(0), share.rows.clone().into());
                match self.computed(share, hidden) {
                    Some((_, product)) => put(product, beta, dw),
                    None => {
                        let da = da.slice_axis(Axis(1), share.columns.clone().into());
                        F::gemm(F::one(), da.t(), x, beta, dw);
                    }
                }
            }
        });
    }

    /// `dX = dA Wᵢₕ`.
    fn input(&self, slots: &mut Slots<'_, F>, weight_ih: &Value<F>, shares: &[Share]) {
        let (da, weight_ih) = (rows(self.da.view(), self.width()), matrix(weight_ih));
        slots.accumulate(X, |dx, mut beta| {
            let dx = dx.into_shape_with_order((da.nrows(), weight_ih.ncols()));
            let mut dx = dx.expect("gradients are row-major");
            for Share { rows, columns } in shares {
                let (da, weight) = (
                    da.slice_axis(Axis(1), columns.clone().into()),
                    weight_ih.slice_axis(Axis(0), rows.clone().into()),
                );
                F::gemm(F::one(), da, weight, beta, dx.view_mut());
                beta = F::one();
            }
        });
    }

    /// `dWₕₕ = dAᵀ H₍₋₁₎ + β dWₕₕ`: the states, shifted by one step against `dA`; `h₀` stands before the first of each sequence.
    pub(super) fn hidden_weight(
        &self,
        mut dw: ArrayViewMut2<'_, F>,
        beta: F,
        (states, h0): (&Value<F>, Option<&Value<F>>),
        shares: &[Share],
    ) {
        let first = h0.map(|h0| (self.first(), matrix(h0)));
        let first = first.as_ref().map(|(first, h0)| (matrix(first), h0));
        let (later, earlier) = self.order.shifted();
        let (later, earlier) = (self.da.slice_axis(Axis(0), later), states.slice_axis(Axis(0), earlier));
        let (later, earlier) = (rows(later, self.width()), rows(earlier, states.shape()[2]));
        for share in shares {
            let columns = &share.columns;
            let mut dw = dw.slice_axis_mut(Axis(0), share.rows.clone().into());
            match self.computed(share, earlier.ncols()) {
                Some((product, _)) => put(product, beta, dw.view_mut()),
                None => {
                    let da = later.slice_axis(Axis(1), columns.clone().into());
                    F::gemm(F::one(), da.t(), earlier, beta, dw.view_mut());
                }
            }
            if let Some((first, h0)) = &first {
                F::gemm(F::one(), first.slice_axis(Axis(1), columns.clone().into()).t(), h0.view(), F::one(), dw);
            }
        }
    }

    /// The `δ` of each sequence's first step. A value, which gives its memory back.
    pub(super) fn first(&self) -> Value<F> {
        let da = self.da.view().into_dimensionality().expect("the gates have three axes");
        gather(&da, |sequence| self.order.first(sequence)).into()
    }
}

/// `C ← product + β C`.
fn put<F: Real>(product: ArrayView2<'_, F>, beta: F, mut c: ArrayViewMut2<'_, F>) {
    if beta.is_zero() { c.assign(&product) } else { c.zip_mut_with(&product, |c, &product| *c = product + beta * *c) }
}

/// `[H₍₋₁₎ X]`, whose columns are the operand's lines: the states one step late, with 0 for those before the first, beside the input.
struct Beside<'a, F> {
    /// The states that some step comes after.
    states: ArrayView2<'a, F>,
    /// Rows of 0 before them.
    before: usize,
    x: ArrayView2<'a, F>,
}

impl<F: Real> Pack<F> for Beside<'_, F> {
    fn lines(&self) -> usize {
        self.states.ncols() + self.x.ncols()
    }

    fn depth(&self) -> usize {
        self.x.nrows()
    }

    fn pack(&self, lines: Range<usize>, depth: Range<usize>, stride: usize, panel: &mut [F]) {
        let hidden = self.states.ncols();
        let of_states = lines.start.min(hidden)..lines.end.min(hidden);
        let of_x = lines.start.max(hidden) - hidden..lines.end.max(hidden) - hidden;
        let [states, x] = [&self.states, &self.x].map(|rows| rows.to_slice().expect("the rows are contiguous"));
        for (p, step) in depth.zip(panel.chunks_exact_mut(stride)) {
            let (to_states, rest) = step.split_at_mut(of_states.len());
            match p.checked_sub(self.before).and_then(|row| states.get(row * hidden..(row + 1) * hidden)) {
                Some(row) => to_states.copy_from_slice(&row[of_states.clone()]),
                None => to_states.fill(F::zero()),
            }
            let row = &x[p * self.x.ncols()..(p + 1) * self.x.ncols()];
            rest[..of_x.len()].copy_from_slice(&row[of_x.clone()]);
        }
    }
}

/// The gradient of a bias: the sums of its gates' columns.
fn bias_gradient<F: Real>(sums: &Value<F>, shares: &[Share]) -> Value<F> {
    let mut db = memory::array(shares.iter().map(|share| share.rows.len()).sum::<usize>());
    for Share { rows, columns } in shares {
        db.slice_axis_mut(Axis(0), rows.clone().into()).assign(&sums.slice_axis(Axis(0), columns.clone().into()));
    }
    db.into()
}
