//! The two sweeps over time.

use crate::bptt::Order;
use crate::bptt::arrays::{fill_padding, flat, in_rows, in_rows_mut, matrix, matrix_mut, slice};
use crate::bptt::bands::{at, bands, in_bands};
use crate::bptt::inputs::{HH, Places};
use crate::bptt::projection::Projection;
use crate::bptt::recurrence::{Onto, Recurrence, Rows};
use crate::bptt::sums::{Share, Sums, sum_of_biases};
use crate::bptt::vanishing::{least, settled};
use crate::bptt::weights::{Sizes, Weights};
use gradus_autograd::{Real, Slots, Value};
use gradus_linalg::memory;
use gradus_linalg::parallel::for_each_part;
use gradus_linalg::simd::vectorized;
use ndarray::Array3;

/// Columns of the gates are rows of the parameters.
fn shares(hidden: usize) -> [Share; 1] {
    [Share::new(0..4 * hidden, 0)]
}

/// Gates `(T, N, 4H)`, memories and outputs `(T, N, H)` of every step.
pub(super) fn forward<F: Real>(
    x: &Value<F>,
    weights: &Weights<F>,
    (h0, c0): (Option<&Value<F>>, Option<&Value<F>>),
    &Sizes { steps, batch, hidden, .. }: &Sizes,
    order: &Order,
) -> (Array3<F>, Array3<F>, Array3<F>) {
    let width = 4 * hidden;
    let (bias, shares) = (sum_of_biases(weights, width), shares(hidden));
    let (projection, mut gates) = Projection::new(x, weights.weight_ih.value(), bias, &shares);
    let mut c = memory::array((steps, batch, hidden));
    let mut h = memory::array((steps, batch, hidden));
    let zeros = Value::zeros((batch, hidden));
    let (h0, c0) = (h0.map(slice), slice(c0.unwrap_or(&zeros)));

    let recurrence = Recurrence::new(matrix(weights.weight_hh.value()), steps, batch);
    let bands = bands(batch, recurrence.divides());
    let split = |array, width| in_bands(array, &bands, (steps, width));
    let parts = bands.iter().zip(split(flat(&mut gates), width));
    let parts = parts.zip(split(flat(&mut c), hidden).into_iter().zip(split(flat(&mut h), hidden)));
    for_each_part(steps * batch * hidden * width, parts.collect(), |((rows, mut gates), (mut c, mut h))| {
        let own = rows.start * hidden..rows.end * hidden;
        let mut before = None;
        for t in order.times() {
            // Aₜ = Xₜ Wᵢₕᵀ + b + Hₜ₋₁ Wₕₕᵀ, from a zero state without the second product.
            projection.begin(t, rows, gates[t]);
            let state = before.map(|before: usize| &*h[before]).or(h0.map(|h0| &h0[own.clone()]));
            if let Some(state) = state {
                let to = in_rows_mut(gates[t], width);
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
                let [now, gate] = [row * hidden..(row + 1) * hidden, row * width..(row + 1) * width];
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
fn step<F: Real>(a: &mut [F], c_before: &[F], c: &mut [F], h: &mut [F]) {
    let hidden = c.len();
    vectorized(
        #[inline(always)]
        || {
            // One function to a loop: more of them at once have too few registers.
            a[..2 * hidden].iter_mut().for_each(|a| *a = a.sigmoid());
            a[2 * hidden..3 * hidden].iter_mut().for_each(|a| *a = a.tanh());
            a[3 * hidden..].iter_mut().for_each(|a| *a = a.sigmoid());
            let [i, f, g, o] = parts(a, hidden);
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
    /// Back-propagation through time: first the `δ` of every step, last step first, then the gradients that are sums over steps.
    pub(super) fn backward(mut self, cotangents: Vec<Option<Value<F>>>, slots: &mut Slots<'_, F>) {
        let gates = std::mem::replace(&mut self.gates, Value::zeros(0)).into_array();
        let mut da = gates.into_dimensionality().expect("the gates have three axes");
        let dc0 = self.through_time(&mut da, cotangents);
        let da = Value::from(da);
        let hidden = self.h.shape()[2];
        let (shares, mut sums) = (shares(hidden), Sums::new(&da, &self.order));
        if let Some(x) = self.x.as_ref().filter(|_| slots.needs(HH)) {
            sums.together(&self.h, x, &shares, &shares);
        }
        slots.accumulate(HH, |dw, beta| {
            sums.hidden_weight(matrix_mut(dw), beta, (&self.h, self.h0.as_ref()), &shares);
        });
        let (x, weight_ih) = (self.x.as_ref(), self.weight_ih.as_ref());
        sums.of_input_and_biases(slots, &self.places, (x, weight_ih, hidden), [&shares, &shares]);
        if let &[h0, c0] = &self.places.states[..] {
            slots.accumulate(h0, |dh0, beta| {
                F::gemm(F::one(), matrix(&sums.first()), matrix(&self.weight_hh), beta, matrix_mut(dh0));
            });
            if slots.needs(c0) {
                slots.add(c0, dc0);
            }
        }
    }

    /// The `δ` of every step in the place of the gates; returns `dc₀`.
    fn through_time(&self, gates: &mut Array3<F>, cotangents: Vec<Option<Value<F>>>) -> Value<F> {
        let (steps, batch, width) = gates.dim();
        let hidden = width / 4;
        let [dy, last_h, last_c]: [Option<Value<F>>; 3] = cotangents.try_into().expect("three values were recorded");
        let [dy, last_h, last_c] = [dy, last_h, last_c].map(|dy| dy.map(Value::into_standard_layout));
        let [dy, last_h, last_c] = [&dy, &last_h, &last_c].map(|dy| dy.as_ref().map(slice));
        let zeros = Value::zeros((batch, hidden));
        let (c, c0) = (slice(&self.c), slice(self.c0.as_ref().unwrap_or(&zeros)));
        let (mut dh, mut dc) = (Value::zeros((batch, hidden)), Value::zeros((batch, hidden)));

        let weight_hh = matrix(&self.weight_hh);
        let recurrence = Recurrence::new(weight_hh.t(), steps, batch);
        let bands = bands(batch, recurrence.divides());
        let whole = "fresh memory is row-major";
        let parts = bands.iter().zip(in_bands(flat(gates), &bands, (steps, width)));
        let scratch = [&mut dh, &mut dc].map(|x| in_bands(x.as_slice_mut().expect(whole), &bands, (1, hidden)));
        let [dh_parts, dc_parts] = scratch;
        let parts = parts.zip(dh_parts.into_iter().flatten().zip(dc_parts.into_iter().flatten()));
        for_each_part(steps * batch * hidden * width, parts.collect(), |((rows, mut gates), (dh, dc))| {
            let own = rows.start * hidden..rows.end * hidden;
            let times: Vec<_> = self.order.times().collect();
            for (place, &t) in times.iter().enumerate().rev() {
                // dHₜ = dYₜ + dAₜ₊₁ Wₕₕ
                let dy = dy.map(|dy| at(dy, t, batch, rows, hidden));
                match (times.get(place + 1), dy) {
                    (Some(&after), dy) => {
                        let onto = dy.map_or(Onto::Nothing, |dy| Onto::Other(in_rows(dy, hidden)));
                        let from = Rows { data: gates[after], first: 0, line: width };
                        recurrence.apply(from, onto, in_rows_mut(dh, hidden));
                    }
                    (None, Some(dy)) => dh.copy_from_slice(dy),
                    (None, None) => dh.fill(F::zero()),
                }
                let c_before = match place.checked_sub(1) {
                    Some(before) => at(c, times[before], batch, rows, hidden),
                    None => &c0[own.clone()],
                };
                let c = at(c, t, batch, rows, hidden);
                for (row, sequence) in rows.clone().enumerate() {
                    let [now, gate] = [row * hidden..(row + 1) * hidden, row * width..(row + 1) * width];
                    let (gates, dh, dc) = (&mut gates[t][gate], &mut dh[now.clone()], &mut dc[now.clone()]);
                    if self.order.is_padding(t, sequence) {
                        gates.fill(F::zero());
                        continue;
                    }
                    if self.order.last(sequence) == t {
                        for (d, last) in [(&mut *dh, last_h), (&mut *dc, last_c)] {
                            let last = last.map(|last| &last[sequence * hidden..(sequence + 1) * hidden]);
                            d.iter_mut().zip(last.into_iter().flatten()).for_each(|(d, &last)| *d += last);
                        }
                    }
                    step_back(gates, &c[now.clone()], &c_before[now], dh, dc);
                }
            }
        });
        dc
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
fn parts<F>(a: &[F], hidden: usize) -> [&[F]; 4] {
    [0, 1, 2, 3].map(|part| &a[part * hidden..][..hidden])
}
