//! The two sweeps over time.

use super::alone;
use crate::bptt::Order;
use crate::bptt::arrays::{fill_padding, flat, in_rows, in_rows_mut, matrix, matrix_mut, slice};
use crate::bptt::bands::{at, bands, in_bands, rows_in_bands};
use crate::bptt::inputs::Places;
use crate::bptt::order::Piece;
use crate::bptt::pieces::{line, parts, steps_of_piece};
use crate::bptt::projection::Projection;
use crate::bptt::recurrence::{Onto, Recurrence, Rows};
use crate::bptt::sums::{Factors, Read, Share, Sums, first, sum_of_biases};
use crate::bptt::symbols::Symbols;
use crate::bptt::vanishing::{least, settled};
use crate::bptt::weights::{Sizes, Weights};
use gradus_autograd::{Real, Slots, Value};
use gradus_linalg::memory;
use gradus_linalg::parallel::for_each_part;
use gradus_linalg::simd::vectorized;
use ndarray::{Array3, Axis};
use std::ops::Range;

/// Columns of the gates are rows of the parameters.
fn shares(hidden: usize) -> [Share; 1] {
    [Share::new(0..4 * hidden, 0)]
}

/// Gates `(T, N, line of 4H)`, memories and outputs `(T, N, H)` of every step.
pub(super) fn forward<F: Real>(
    x: (&Value<F>, Option<&Symbols>),
    weights: &Weights<F>,
    (h0, c0): (Option<&Value<F>>, Option<&Value<F>>),
    &Sizes { steps, batch, hidden, .. }: &Sizes,
    order: &Order,
) -> (Array3<F>, Array3<F>, Array3<F>) {
    let (width, line) = (4 * hidden, line::<F>(4 * hidden));
    let (bias, shares) = (sum_of_biases(weights, width, line), shares(hidden));
    let (projection, mut gates) = Projection::new(x, weights.weight_ih.value(), bias, &shares, (steps, batch));
    let mut c = memory::array((steps, batch, hidden));
    let mut h = memory::array((steps, batch, hidden));
    let zeros = Value::zeros((batch, hidden));
    let (h0, c0) = (h0.map(slice), slice(c0.unwrap_or(&zeros)));

    let weight_hh = matrix(weights.weight_hh.value());
    if alone::is_worth(order, batch, hidden) {
        for (t, mut gates) in gates.outer_iter_mut().enumerate() {
            projection.begin(t, &(0..batch), gates.as_slice_mut().expect("fresh memory is row-major"));
        }
        let arrays = [&mut gates, &mut c, &mut h].map(|array| array.index_axis_mut(Axis(1), 0));
        alone::forward(weight_hh, (h0, c0), arrays, order);
        return (gates, c, h);
    }
    let recurrence = Recurrence::new(weight_hh, steps, batch);
    let bands = bands(batch, recurrence.divides());
    let split = |array, width| in_bands(array, &bands, (steps, width));
    let parts = bands.iter().zip(split(flat(&mut gates), line));
    let parts = parts.zip(split(flat(&mut c), hidden).into_iter().zip(split(flat(&mut h), hidden)));
    for_each_part(steps * batch * hidden * width, parts.collect(), |((rows, mut gates), (mut c, mut h))| {
        let own = rows.start * hidden..rows.end * hidden;
        let mut before = None;
        for t in order.times() {
            // Aₜ = Xₜ Wᵢₕᵀ + b + Hₜ₋₁ Wₕₕᵀ, from a zero state without the second product.
            projection.begin(t, rows, gates[t]);
            let state = before.map(|before: usize| &*h[before]).or(h0.map(|h0| &h0[own.clone()]));
            if let Some(state) = state {
                let mut to = in_rows_mut(gates[t], line);
                let to = to.slice_axis_mut(Axis(1), (..width).into());
                recurrence.apply(Rows { data: state, first: 0, line: hidden }, Onto::Itself, to);
            }
            let (c_now, c_before) = match before {
                Some(before) => {
                    let [now, before] = c.get_disjoint_mut([t, before]).expect("two different steps");
                    (&mut **now, &**before)
                }
                None => (&mut *c[t], &c0[own.clone()]),
            };
            for (row, sequence) in rows.clone().enumerate() {
                let [now, gate] = [row * hidden..(row + 1) * hidden, row * line..row * line + width];
                if order.is_padding(t, sequence) {
                    // One that has not begun waits in its first state; one that is over may do so, too.
                    let first = sequence * hidden..(sequence + 1) * hidden;
                    c_now[now.clone()].copy_from_slice(&c0[first.clone()]);
                    match h0 {
                        Some(h0) => h[t][now].copy_from_slice(&h0[first]),
                        None => h[t][now].fill(F::zero()),
                    }
                    continue;
                }
                step(&mut gates[t][gate], &c_before[now.clone()], &mut c_now[now.clone()], &mut h[t][now]);
            }
            before = Some(t);
        }
    });
    fill_padding(&mut h, order);
    (gates, c, h)
}

/// One step of one sequence: `a` becomes the gates.
pub(super) fn step<F: Real>(a: &mut [F], c_before: &[F], c: &mut [F], h: &mut [F]) {
    let hidden = c.len();
    vectorized(
        #[inline(always)]
        || {
            // One function to a loop: more of them at once have too few registers.
            a[..2 * hidden].iter_mut().for_each(|a| *a = a.sigmoid());
            a[2 * hidden..3 * hidden].iter_mut().for_each(|a| *a = a.tanh());
            a[3 * hidden..].iter_mut().for_each(|a| *a = a.sigmoid());
            let [i, f, g, o] = gates_of(a, hidden);
            for j in 0..hidden {
                c[j] = f[j] * c_before[j] + i[j] * g[j];
            }
            for j in 0..hidden {
                h[j] = o[j] * c[j].tanh();
            }
        },
    );
}

/// What the backward pass needs of the forward pass.
pub(super) struct Saved<F: Real> {
    pub(super) x: Option<Value<F>>,
    pub(super) symbols: Option<Symbols>,
    pub(super) weight_ih: Option<Value<F>>,
    pub(super) weight_hh: Value<F>,
    pub(super) h0: Option<Value<F>>,
    pub(super) c0: Option<Value<F>>,
    pub(super) gates: Value<F>,
    pub(super) c: Value<F>,
    pub(super) h: Value<F>,
    pub(super) order: Order,
    pub(super) places: Places,
}

impl<F: Real> Saved<F> {
    /// Back-propagation through time, last step first: a piece of it, then the sums' share of it while its `δ` is near.
    pub(super) fn backward(mut self, cotangents: Vec<Option<Value<F>>>, slots: &mut Slots<'_, F>) {
        let gates = std::mem::replace(&mut self.gates, Value::zeros(0)).into_array();
        let mut da = gates.into_dimensionality().expect("the gates have three axes");
        let ((_, batch, line), hidden) = (da.dim(), self.h.shape()[2]);
        let shares = shares(hidden);
        let factors = Factors {
            x: self.x.as_ref(),
            symbols: self.symbols.as_ref(),
            weight_ih: self.weight_ih.as_ref(),
            h0: self.h0.as_ref(),
            of_input: &shares,
            of_state: shares.iter().map(|share| (share.clone(), Read::Before(&self.h))).collect(),
            of_bias: &shares,
        };
        let mut sums = Sums::new(slots, factors, (&self.order, &self.places), da.dim());
        let mut sweep = Backward::new(&self, cotangents, da.dim());
        for piece in self.order.pieces_back(steps_of_piece::<F>(batch, line)) {
            sweep.through(&piece, &mut da);
            sums.add(slots, &da, &piece);
        }
        let dc0 = sweep.dc;
        sums.finish(slots, &da);
        if let &[h0, c0] = &self.places.states[..] {
            slots.accumulate(h0, |dh0, beta| {
                let first = first(&da, &self.order);
                let first = matrix(&first);
                let first = first.slice_axis(Axis(1), (..4 * hidden).into());
                F::gemm(F::one(), first, matrix(&self.weight_hh), beta, matrix_mut(dh0));
            });
            slots.add(c0, dc0);
        }
        memory::give_array(da);
    }
}

/// The backward sweep, and where it stands.
struct Backward<'a, F: Real> {
    saved: &'a Saved<F>,
    recurrence: Recurrence<'a, F>,
    bands: Vec<Range<usize>>,
    dy: Option<Value<F>>,
    last_h: Option<Value<F>>,
    last_c: Option<Value<F>>,
    zeros: Value<F>,
    dh: Value<F>,
    dc: Value<F>,
}

impl<'a, F: Real> Backward<'a, F> {
    /// Behind the last step.
    fn new(saved: &'a Saved<F>, cotangents: Vec<Option<Value<F>>>, (steps, batch, _): (usize, usize, usize)) -> Self {
        let cotangents: [Option<Value<F>>; 3] = cotangents.try_into().expect("three values were recorded");
        let [dy, last_h, last_c] = cotangents.map(|dy| dy.map(Value::into_standard_layout));
        let recurrence = Recurrence::new(matrix(&saved.weight_hh).reversed_axes(), steps, batch);
        let bands = bands(batch, recurrence.divides());
        let [zeros, dh, dc] = [(); 3].map(|()| Value::zeros((batch, saved.h.shape()[2])));
        Self { saved, recurrence, bands, dy, last_h, last_c, zeros, dh, dc }
    }

    /// The `δ` of the steps of a piece, in the place of the gates.
    fn through(&mut self, piece: &Piece, gates: &mut Array3<F>) {
        let ((_, batch, line), hidden) = (gates.dim(), self.dh.shape()[1]);
        let width = 4 * hidden;
        let Self { saved, recurrence, bands, dh, dc, .. } = self;
        let [dy, last_h, last_c] = [&self.dy, &self.last_h, &self.last_c].map(|dy| dy.as_ref().map(slice));
        let (order, c, c0) = (&saved.order, slice(&saved.c), slice(saved.c0.as_ref().unwrap_or(&self.zeros)));
        let [dh, dc] = [dh, dc].map(|d| rows_in_bands(d, bands));
        let parts = bands.iter().zip(parts(gates, bands, (piece, order))).zip(dh.zip(dc));
        let work = piece.times.len() * batch * hidden * width;
        for_each_part(work, parts.collect(), |((rows, mut gates), (dh, dc))| {
            for t in piece.back() {
                let (gates, after) = gates.step_and_after(t, order);
                // dHₜ = dYₜ + dAₜ₊₁ Wₕₕ
                let dy = dy.map(|dy| at(dy, t, batch, rows, hidden));
                match (after, dy) {
                    (Some(after), dy) => {
                        let onto = dy.map_or(Onto::Nothing, |dy| Onto::Other(in_rows(dy, hidden)));
                        recurrence.apply(Rows { data: after, first: 0, line }, onto, in_rows_mut(dh, hidden));
                    }
                    (None, Some(dy)) => dh.copy_from_slice(dy),
                    (None, None) => dh.fill(F::zero()),
                }
                let c_before = match order.before(t) {
                    Some(before) => at(c, before, batch, rows, hidden),
                    None => at(c0, 0, batch, rows, hidden),
                };
                let c = at(c, t, batch, rows, hidden);
                for (row, sequence) in rows.clone().enumerate() {
                    let [now, gate] = [row * hidden..(row + 1) * hidden, row * line..row * line + width];
                    let (gates, dh, dc) = (&mut gates[gate], &mut dh[now.clone()], &mut dc[now.clone()]);
                    if order.is_padding(t, sequence) {
                        gates.fill(F::zero());
                        continue;
                    }
                    if order.last(sequence) == t {
                        for (d, last) in [(&mut *dh, last_h), (&mut *dc, last_c)] {
                            let last = last.map(|last| &last[sequence * hidden..(sequence + 1) * hidden]);
                            d.iter_mut().zip(last.into_iter().flatten()).for_each(|(d, &last)| *d += last);
                        }
                    }
                    step_back(gates, &c[now.clone()], &c_before[now], dh, dc);
                }
            }
        });
    }
}

/// One step of one sequence: the gates become `δ`, and `dc` that of the memory before.
fn step_back<F: Real>(gates: &mut [F], c: &[F], c_before: &[F], dh: &[F], dc: &mut [F]) {
    let hidden = c.len();
    let (one, least) = (F::one(), least());
    vectorized(
        #[inline(always)]
        || {
            let (i, rest) = gates.split_at_mut(hidden);
            let (f, rest) = rest.split_at_mut(hidden);
            let (g, o) = rest.split_at_mut(hidden);
            let (o, c, c_before) = (&mut o[..hidden], &c[..hidden], &c_before[..hidden]);
            let (dh, dc) = (&dh[..hidden], &mut dc[..hidden]);
            for j in 0..hidden {
                let shown = c[j].tanh();
                let dh = settled(dh[j], least);
                let dc_now = settled(dc[j] + dh * o[j] * (one - shown * shown), least);
                let (gate_i, gate_f, gate_g, gate_o) = (i[j], f[j], g[j], o[j]);
                i[j] = dc_now * gate_g * (gate_i * (one - gate_i));
                f[j] = dc_now * c_before[j] * (gate_f * (one - gate_f));
                g[j] = dc_now * gate_i * (one - gate_g * gate_g);
                o[j] = dh * shown * (gate_o * (one - gate_o));
                dc[j] = dc_now * gate_f;
            }
        },
    );
}

#[inline(always)]
fn gates_of<F>(a: &[F], hidden: usize) -> [&[F]; 4] {
    [0, 1, 2, 3].map(|part| &a[part * hidden..][..hidden])
}
