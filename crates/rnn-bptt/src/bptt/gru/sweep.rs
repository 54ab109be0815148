//! The two sweeps over time.

use super::steps::{mix, mix_back, open, open_back};
use crate::Reset;
use crate::bptt::Order;
use crate::bptt::arrays::{fill_padding, flat, in_rows_mut, matrix, slice, vector};
use crate::bptt::bands::{at, bands, in_bands, rows_in_bands};
use crate::bptt::inputs::Places;
use crate::bptt::order::Piece;
use crate::bptt::pieces::{line, parts, steps_of_piece};
use crate::bptt::projection::Projection;
use crate::bptt::recurrence::{Onto, Recurrence, Rows};
use crate::bptt::sums::{Factors, Read, Share, Sums};
use crate::bptt::symbols::Symbols;
use crate::bptt::weights::{Sizes, Weights};
use gradus_autograd::{Real, Slots, Value};
use gradus_linalg::memory;
use gradus_linalg::parallel::for_each_part;
use ndarray::{Array1, Array3, ArrayView2, Axis};
use std::ops::Range;

/// Where the gates of a parameter stand in a row of gates: r and z behind n.
fn shares(hidden: usize) -> [Share; 2] {
    [Share::new(0..2 * hidden, hidden), Share::new(2 * hidden..3 * hidden, 0)]
}

/// The same of what the state is multiplied with: with the reset after, the candidate's part is `q`.
fn hidden_shares(hidden: usize, reset: Reset) -> Vec<Share> {
    let gates = Share::new(0..2 * hidden, hidden);
    match reset {
        Reset::After => vec![gates, Share::new(2 * hidden..3 * hidden, 3 * hidden)],
        Reset::Before => vec![gates],
    }
}

/// The parts of a row of gates.
fn width(hidden: usize, reset: Reset) -> usize {
    match reset {
        Reset::After => 4 * hidden,
        Reset::Before => 3 * hidden,
    }
}

/// The weights of the state: those of the product with it, and with the reset before those of the product that waits for it.
fn weights_of_state<F: Real>(weight_hh: &Value<F>, reset: Reset) -> (ArrayView2<'_, F>, Option<ArrayView2<'_, F>>) {
    let weight_hh = matrix(weight_hh);
    match reset {
        Reset::After => (weight_hh, None),
        Reset::Before => {
            let (gates, candidate) = weight_hh.split_at(Axis(0), 2 * (weight_hh.nrows() / 3));
            (gates, Some(candidate))
        }
    }
}

/// The biases of a row of gates.
fn bias_of_gates<F: Real>(weights: &Weights<F>, hidden: usize, reset: Reset) -> Array1<F> {
    let mut bias = Array1::zeros(line::<F>(width(hidden, reset)));
    let mut add = |parameter: Option<&gradus_autograd::Var<F>>, shares: &[Share]| {
        let Some(parameter) = parameter else { return };
        for Share { rows, columns } in shares {
            let mut bias = bias.slice_axis_mut(Axis(0), columns.clone().into());
            bias += &vector(parameter.value()).slice_axis(Axis(0), rows.clone().into());
        }
    };
    add(weights.bias_ih.as_ref(), &shares(hidden));
    match reset {
        Reset::After => add(weights.bias_hh.as_ref(), &hidden_shares(hidden, reset)),
        Reset::Before => add(weights.bias_hh.as_ref(), &shares(hidden)),
    }
    bias
}

/// Gates of every step, with the reset before also what the candidate sees of the state, and the states.
pub(super) fn forward<F: Real>(
    x: (&Value<F>, Option<&Symbols>),
    weights: &Weights<F>,
    h0: Option<&Value<F>>,
    reset: Reset,
    &Sizes { steps, batch, hidden, .. }: &Sizes,
    order: &Order,
) -> (Array3<F>, Option<Array3<F>>, Array3<F>) {
    let width = width(hidden, reset);
    let (bias, shares) = (bias_of_gates(weights, hidden, reset), shares(hidden));
    let line = bias.len();
    let (projection, mut gates) = Projection::new(x, weights.weight_ih.value(), bias, &shares, (steps, batch));
    let seen_width = if reset == Reset::Before { hidden } else { 0 };
    let mut seen = memory::array((steps, batch, seen_width));
    let mut h = memory::array((steps, batch, hidden));
    let zeros = Value::zeros((batch, hidden));
    let first = slice(h0.unwrap_or(&zeros));

    let (of_gates, of_candidate) = weights_of_state(weights.weight_hh.value(), reset);
    let of_gates = Recurrence::new(of_gates, steps, batch);
    let of_candidate = of_candidate.map(|weights| Recurrence::new(weights, steps, batch));
    let bands = bands(batch, of_gates.divides());
    let split = |array, width| in_bands(array, &bands, (steps, width));
    let parts = bands.iter().zip(split(flat(&mut gates), line));
    let parts = parts.zip(split(flat(&mut seen), seen_width).into_iter().zip(split(flat(&mut h), hidden)));
    for_each_part(steps * batch * hidden * width, parts.collect(), |((rows, mut gates), (mut seen, mut h))| {
        let mut before = None;
        for t in order.times() {
            let (h, state) = match before {
                Some(before) => {
                    let [now, before] = h.get_disjoint_mut([t, before]).expect("two different steps");
                    (&mut **now, &**before)
                }
                None => (&mut *h[t], &first[rows.start * hidden..rows.end * hidden]),
            };
            let (gates, seen) = (&mut *gates[t], &mut *seen[t]);
            projection.begin(t, rows, gates);
            // From a zero state there is nothing to multiply.
            let moves = before.is_some() || h0.is_some();
            if moves {
                let mut to = in_rows_mut(gates, line);
                let from = Rows { data: state, first: 0, line: hidden };
                of_gates.apply(from, Onto::Itself, to.slice_axis_mut(Axis(1), (hidden..width).into()));
            }
            for (row, sequence) in rows.clone().enumerate() {
                let now = row * hidden..(row + 1) * hidden;
                let seen = of_candidate.as_ref().map(|_| &mut seen[now.clone()]);
                match seen {
                    // In the padding it is multiplied with δ = 0.
                    Some(seen) if order.is_padding(t, sequence) => seen.fill(F::zero()),
                    seen => open(&mut gates[row * line..row * line + width], &state[now], seen),
                }
            }
            if let Some(of_candidate) = of_candidate.as_ref().filter(|_| moves) {
                let mut to = in_rows_mut(gates, line);
                let from = Rows { data: seen, first: 0, line: hidden };
                of_candidate.apply(from, Onto::Itself, to.slice_axis_mut(Axis(1), (..hidden).into()));
            }
            for (row, sequence) in rows.clone().enumerate() {
                let now = row * hidden..(row + 1) * hidden;
                if order.is_padding(t, sequence) {
                    // One that has not begun waits in its first state; one that is over may do so, too.
                    h[now].copy_from_slice(&first[sequence * hidden..(sequence + 1) * hidden]);
                } else {
                    mix(&mut gates[row * line..row * line + width], &state[now.clone()], &mut h[now]);
                }
            }
            before = Some(t);
        }
    });
    fill_padding(&mut h, order);
    (gates, (reset == Reset::Before).then_some(seen), h)
}

/// What the backward pass needs of the forward pass.
pub(super) struct Saved<F: Real> {
    pub(super) x: Option<Value<F>>,
    pub(super) symbols: Option<Symbols>,
    pub(super) weight_ih: Option<Value<F>>,
    pub(super) weight_hh: Value<F>,
    pub(super) h0: Option<Value<F>>,
    pub(super) gates: Value<F>,
    /// `sₜ = rₜ ∘ hₜ₋₁`, with the reset before.
    pub(super) seen: Option<Value<F>>,
    pub(super) states: Value<F>,
    pub(super) reset: Reset,
    pub(super) order: Order,
    pub(super) places: Places,
}

impl<F: Real> Saved<F> {
    /// Back-propagation through time, last step first: a piece of it, then the sums' share of it while its `δ` is near.
    pub(super) fn backward(mut self, cotangents: Vec<Option<Value<F>>>, slots: &mut Slots<'_, F>) {
        let gates = std::mem::replace(&mut self.gates, Value::zeros(0)).into_array();
        let mut da = gates.into_dimensionality().expect("the gates have three axes");
        let ((_, batch, line), hidden) = (da.dim(), self.states.shape()[2]);
        let (shares, hidden_shares) = (shares(hidden), hidden_shares(hidden, self.reset));
        let before = hidden_shares.iter().map(|share| (share.clone(), Read::Before(&self.states)));
        // With the reset before, dWⁿ = Σₜ δⁿₜ sₜᵀ.
        let now = self.seen.iter().map(|seen| (shares[1].clone(), Read::Now(seen)));
        let factors = Factors {
            x: self.x.as_ref(),
            symbols: self.symbols.as_ref(),
            weight_ih: self.weight_ih.as_ref(),
            h0: self.h0.as_ref(),
            of_input: &shares,
            of_state: before.chain(now).collect(),
            of_bias: if self.reset == Reset::After { &hidden_shares } else { &shares },
        };
        let mut sums = Sums::new(slots, factors, (&self.order, &self.places), da.dim());
        let mut sweep = Backward::new(&self, cotangents, da.dim());
        for piece in self.order.pieces_back(steps_of_piece::<F>(batch, line)) {
            sweep.through(&piece, &mut da);
            sums.add(slots, &da, &piece);
        }
        if let Some(&h0) = self.places.states.first().filter(|&&h0| slots.needs(h0)) {
            slots.add(h0, sweep.into_first(&da));
        }
        sums.finish(slots, &da);
        memory::give_array(da);
    }
}

/// The backward sweep, and where it stands.
struct Backward<'a, F: Real> {
    saved: &'a Saved<F>,
    of_gates: Recurrence<'a, F>,
    of_candidate: Option<Recurrence<'a, F>>,
    bands: Vec<Range<usize>>,
    dy: Option<Value<F>>,
    last: Option<Value<F>>,
    zeros: Value<F>,
    dh: Value<F>,
    ds: Value<F>,
}

impl<'a, F: Real> Backward<'a, F> {
    /// Behind the last step.
    fn new(saved: &'a Saved<F>, cotangents: Vec<Option<Value<F>>>, (steps, batch, _): (usize, usize, usize)) -> Self {
        let cotangents: [Option<Value<F>>; 2] = cotangents.try_into().expect("two values were recorded");
        let [dy, last] = cotangents.map(|dy| dy.map(Value::into_standard_layout));
        let (of_gates, of_candidate) = weights_of_state(&saved.weight_hh, saved.reset);
        let of_gates = Recurrence::new(of_gates.reversed_axes(), steps, batch);
        let of_candidate = of_candidate.map(|weights| Recurrence::new(weights.reversed_axes(), steps, batch));
        let bands = bands(batch, of_gates.divides());
        let [zeros, dh, ds] = [(); 3].map(|()| Value::zeros((batch, saved.states.shape()[2])));
        Self { saved, of_gates, of_candidate, bands, dy, last, zeros, dh, ds }
    }

    /// The `δ` of the steps of a piece, in the place of the gates.
    fn through(&mut self, piece: &Piece, gates: &mut Array3<F>) {
        let ((_, batch, line), hidden) = (gates.dim(), self.dh.shape()[1]);
        let width = width(hidden, self.saved.reset);
        let Self { saved, of_gates, of_candidate, bands, dh, ds, .. } = self;
        let [dy, last] = [&self.dy, &self.last].map(|dy| dy.as_ref().map(slice));
        let (order, states) = (&saved.order, slice(&saved.states));
        let first = slice(saved.h0.as_ref().unwrap_or(&self.zeros));
        let [dh, ds] = [dh, ds].map(|d| rows_in_bands(d, bands));
        let parts = bands.iter().zip(parts(gates, bands, (piece, order))).zip(dh.zip(ds));
        let work = piece.times.len() * batch * hidden * width;
        for_each_part(work, parts.collect(), |((rows, mut gates), (dh, ds))| {
            for t in piece.back() {
                let (gates, after) = gates.step_and_after(t, order);
                // dHₜ = dYₜ + dHₜ₊₁ ∘ Zₜ₊₁ + dAₜ₊₁ Wₕₕ
                if let Some(after) = after {
                    through_gates(of_gates, after, dh, hidden);
                }
                let before = order.before(t);
                // What a sequence read at this step: its own state before, or the one that it began with.
                let read = |sequence: usize| match before {
                    Some(before) if t != order.first(sequence) => {
                        &states[(before * batch + sequence) * hidden..][..hidden]
                    }
                    _ => &first[sequence * hidden..][..hidden],
                };
                for (row, sequence) in rows.clone().enumerate() {
                    let gates = &mut gates[row * line..row * line + width];
                    if order.is_padding(t, sequence) {
                        gates.fill(F::zero());
                        continue;
                    }
                    let dh = &mut dh[row * hidden..(row + 1) * hidden];
                    let dy = dy.map(|dy| at(dy, t, batch, &(sequence..sequence + 1), hidden));
                    let last = last.filter(|_| order.last(sequence) == t);
                    let last = last.map(|last| &last[sequence * hidden..(sequence + 1) * hidden]);
                    for d in [dy, last].into_iter().flatten() {
                        dh.iter_mut().zip(d).for_each(|(dh, &d)| *dh += d);
                    }
                    mix_back(gates, read(sequence), dh);
                }
                if let Some(of_candidate) = &*of_candidate {
                    let from = Rows { data: gates, first: 0, line };
                    of_candidate.apply(from, Onto::Nothing, in_rows_mut(ds, hidden));
                    for (row, sequence) in rows.clone().enumerate() {
                        if !order.is_padding(t, sequence) {
                            let (now, gate) = (row * hidden..(row + 1) * hidden, row * line..row * line + width);
                            open_back(&mut gates[gate], read(sequence), &ds[now.clone()], &mut dh[now]);
                        }
                    }
                }
            }
        });
    }

    /// `dH₀`, after the first step.
    fn into_first(mut self, gates: &Array3<F>) -> Value<F> {
        let ((_, batch, line), hidden) = (gates.dim(), self.dh.shape()[1]);
        if let Some(begin) = self.saved.order.times().next() {
            let gates = gates.as_slice().expect("the gates are row-major");
            let dh = self.dh.as_slice_mut().expect("fresh memory is row-major");
            through_gates(&self.of_gates, &gates[begin * batch * line..(begin + 1) * batch * line], dh, hidden);
        }
        self.dh
    }
}

/// `dH += dA Wₕₕ`
fn through_gates<F: Real>(of_gates: &Recurrence<'_, F>, gates: &[F], dh: &mut [F], hidden: usize) {
    let mut dh = in_rows_mut(dh, hidden);
    let line = gates.len().checked_div(dh.nrows()).unwrap_or(0);
    of_gates.apply(Rows { data: gates, first: hidden, line }, Onto::Itself, dh.view_mut());
}
