//! The two sweeps over time: forward, which leaves the states, and backward, which is the algorithm.

use super::arrays::{fill_padding, flat, in_rows_mut, matrix, matrix_mut, slice};
use super::bands::{at, bands, in_bands};
use super::inputs::{HH, Places};
use super::projection::Projection;
use super::recurrence::{Onto, Recurrence, Rows};
use super::sums::{Share, Sums, sum_of_biases};
use super::weights::Sizes;
use super::{Order, Weights};
use crate::Nonlinearity;
use gradus_autograd::{Real, Slots, Value};
use gradus_linalg::parallel::for_each_part;
use gradus_linalg::{elementwise, memory};
use ndarray::{Array2, Array3};

/// The states after every step, `(T, N, H)`.
pub(super) fn forward<F: Real>(
    x: &Value<F>,
    weights: &Weights<F>,
    [h0, mask]: [Option<&Value<F>>; 2],
    nonlinearity: Nonlinearity,
    &Sizes { steps, batch, hidden, .. }: &Sizes,
    order: &Order,
) -> Array3<F> {
    let bias = sum_of_biases(weights, hidden);
    let shares = [Share::new(0..hidden, 0)];
    let (projection, mut states) = Projection::new(x, weights.weight_ih.value(), bias, &shares);
    let (h0, mask) = (h0.map(slice), mask.map(slice));

    let recurrence = Recurrence::new(matrix(weights.weight_hh.value()), steps, batch);
    let bands = bands(batch, recurrence.divides());
    let mut scratch = vec![F::zero(); if mask.is_some() { batch * hidden } else { 0 }];
    let scratch = in_bands(&mut scratch, &bands, (1, if mask.is_some() { hidden } else { 0 })).into_iter().flatten();
    let parts = bands.iter().zip(in_bands(flat(&mut states), &bands, (steps, hidden))).zip(scratch);
    for_each_part(steps * batch * hidden * hidden, parts.collect(), |((rows, mut states), scratch)| {
        let own = rows.start * hidden..rows.end * hidden;
        let mut before = None;
        for t in order.times() {
            let (now, state) = match before {
                Some(before) => {
                    let [now, before] = states.get_disjoint_mut([t, before]).expect("two different steps");
                    (&mut **now, Some(&**before))
                }
                None => (&mut *states[t], h0.map(|h0| &h0[own.clone()])),
            };
            // Hₜ = f(Pₜ + (m ∘ Hₜ₋₁) Wₕₕᵀ), from a zero state without the product.
            projection.begin(t, rows, now);
            if let Some(state) = state {
                let read = match mask {
                    Some(mask) => {
                        let masked = state.iter().zip(&mask[own.clone()]);
                        scratch.iter_mut().zip(masked).for_each(|(read, (&h, &m))| *read = h * m);
                        &*scratch
                    }
                    None => state,
                };
                let from = Rows { data: read, first: 0, line: hidden };
                recurrence.apply(from, Onto::Itself, in_rows_mut(now, hidden));
            }
            nonlinearity.forward(now);
            // A sequence that has not begun waits in its first state; one that is over may do so, too.
            for sequence in order.padding(t).filter(|sequence| rows.contains(sequence)) {
                let row = &mut now[(sequence - rows.start) * hidden..][..hidden];
                match h0 {
                    Some(h0) => row.copy_from_slice(&h0[sequence * hidden..][..hidden]),
                    None => row.fill(F::zero()),
                }
            }
            before = Some(t);
        }
    });
    fill_padding(&mut states, order);
    states
}

/// What the backward pass needs of the forward pass.
pub(super) struct Saved<F: Real> {
    pub(super) x: Option<Value<F>>,
    pub(super) weight_ih: Option<Value<F>>,
    pub(super) weight_hh: Value<F>,
    pub(super) h0: Option<Value<F>>,
    pub(super) mask: Option<Value<F>>,
    pub(super) states: Value<F>,
    pub(super) nonlinearity: Nonlinearity,
    pub(super) order: Order,
    pub(super) places: Places,
}

impl<F: Real> Saved<F> {
    /// Back-propagation through time: first the `δ` of every step, last step first, then the gradients that are sums over steps.
    pub(super) fn backward(self, mut cotangents: Vec<Option<Value<F>>>, slots: &mut Slots<'_, F>) {
        let one = F::one();
        let d_last = cotangents.pop().flatten();
        let d_states = cotangents.pop().flatten();
        let mut d_mask = self.places.mask.filter(|&mask| slots.needs(mask)).map(|_| Array2::zeros(self.one_step()));
        let da = Value::from(self.through_time(d_states, d_last, d_mask.as_mut()));
        let hidden = self.weight_hh.shape()[0];
        let (shares, mut sums) = ([Share::new(0..hidden, 0)], Sums::new(&da, &self.order));
        let states = self.masked(&self.states);
        if let Some(x) = self.x.as_ref().filter(|_| slots.needs(HH)) {
            sums.together(&states, x, &shares, &shares);
        }

        // Σₜ dAₜᵀ (m ∘ Hₜ₋₁)
        slots.accumulate(HH, |dw, beta| {
            let h0 = self.h0.as_ref().map(|h0| self.masked(h0));
            sums.hidden_weight(matrix_mut(dw), beta, (&states, h0.as_ref()), &shares);
        });
        let (x, weight_ih) = (self.x.as_ref(), self.weight_ih.as_ref());
        sums.of_input_and_biases(slots, &self.places, (x, weight_ih, hidden), [&shares, &shares]);
        match (self.places.states.first().copied(), &self.mask) {
            (Some(h0), None) => slots.accumulate(h0, |dh0, beta| {
                F::gemm(one, matrix(&sums.first()), matrix(&self.weight_hh), beta, matrix_mut(dh0));
            }),
            (Some(h0), Some(mask)) if slots.needs(h0) || d_mask.is_some() => {
                let mut dr = memory::array(self.one_step());
                F::gemm(one, matrix(&sums.first()), matrix(&self.weight_hh), F::zero(), dr.view_mut());
                if let (Some(d_mask), Some(h0)) = (&mut d_mask, &self.h0) {
                    elementwise::update2(
                        d_mask,
                        &dr,
                        &matrix(h0),
                        #[inline(always)]
                        |dm, dr, h| dm + dr * h,
                    );
                }
                elementwise::update(
                    &mut dr,
                    &matrix(mask),
                    #[inline(always)]
                    |dr, m| dr * m,
                );
                slots.add(h0, dr);
            }
            _ => {}
        }
        if let (Some(mask), Some(d_mask)) = (self.places.mask, d_mask) {
            slots.add(mask, d_mask);
        }
    }

    /// The shape `(N, H)` of the states of one step.
    fn one_step(&self) -> (usize, usize) {
        (self.states.shape()[1], self.states.shape()[2])
    }

    /// `m ∘ H` for one step or for all, which share the mask; without a mask `H`.
    fn masked(&self, h: &Value<F>) -> Value<F> {
        match &self.mask {
            Some(mask) => elementwise::zip(
                "mask",
                h,
                mask,
                #[inline(always)]
                |h, m| h * m,
            )
            .expect("the mask was checked to fit")
            .into(),
            None => h.clone(),
        }
    }

    /// `dAₜ = (dYₜ + m ∘ dAₜ₊₁ Wₕₕ) ∘ f′(Aₜ)` for every step, in the memory of `dY` if there is one. What the mask's own gradient
    /// gets from all steps but the first is added to `d_mask`.
    fn through_time(
        &self,
        d_states: Option<Value<F>>,
        d_last: Option<Value<F>>,
        d_mask: Option<&mut Array2<F>>,
    ) -> Array3<F> {
        let rank = "the states have three axes";
        let (steps, (batch, hidden)) = (self.states.shape()[0], self.one_step());
        // Many-to-one: no step but the last has a dY of its own, and the product overwrites what is there.
        let (mut da, has_own) = match d_states {
            Some(dy) => (dy.into_standard_layout().into_array().into_dimensionality().expect(rank), true),
            None => (memory::array((steps, batch, hidden)), false),
        };
        let d_last = d_last.map(Value::into_standard_layout);
        let (d_last, states, mask) = (d_last.as_ref().map(slice), slice(&self.states), self.mask.as_ref().map(slice));

        let recurrence = Recurrence::new(matrix(&self.weight_hh).reversed_axes(), steps, batch);
        let bands = bands(batch, recurrence.divides());
        // The gradients of the masked state, and the mask's own, as far as they are wanted.
        let of_mask = if mask.is_some() { hidden } else { 0 };
        let of_own = if d_mask.is_some() { hidden } else { 0 };
        let mut read = vec![F::zero(); batch * of_mask];
        let own = d_mask.and_then(|d_mask| d_mask.as_slice_mut()).unwrap_or_default();
        let scratch = in_bands(&mut read, &bands, (1, of_mask)).into_iter().flatten();
        let scratch = scratch.zip(in_bands(own, &bands, (1, of_own)).into_iter().flatten());
        let parts = bands.iter().zip(in_bands(flat(&mut da), &bands, (steps, hidden))).zip(scratch);
        for_each_part(steps * batch * hidden * hidden, parts.collect(), |((rows, mut da), (read, d_mask))| {
            let mut after = None;
            for t in self.order.times().rev() {
                let h = at(states, t, batch, rows, hidden);
                if let Some(after) = after {
                    let [now, after] = da.get_disjoint_mut([t, after]).expect("two different steps");
                    let from = Rows { data: after, first: 0, line: hidden };
                    match mask {
                        None => {
                            let onto = if has_own { Onto::Itself } else { Onto::Nothing };
                            recurrence.apply(from, onto, in_rows_mut(now, hidden));
                        }
                        Some(mask) => {
                            recurrence.apply(from, Onto::Nothing, in_rows_mut(read, hidden));
                            d_mask.iter_mut().zip(&*read).zip(h).for_each(|((d, &read), &h)| *d += read * h);
                            if !has_own {
                                now.fill(F::zero());
                            }
                            let mask = &mask[rows.start * hidden..rows.end * hidden];
                            now.iter_mut().zip(&*read).zip(mask).for_each(|((dh, &read), &m)| *dh += read * m);
                        }
                    }
                } else if !has_own {
                    da[t].fill(F::zero());
                }
                let now = &mut *da[t];
                if let Some(d_last) = d_last {
                    for sequence in rows.clone().filter(|&sequence| self.order.last(sequence) == t) {
                        let dh = now[(sequence - rows.start) * hidden..][..hidden].iter_mut();
                        dh.zip(&d_last[sequence * hidden..][..hidden]).for_each(|(dh, &d_last)| *dh += d_last);
                    }
                }
                self.nonlinearity.backward(now, h);
                for sequence in self.order.padding(t).filter(|sequence| rows.contains(sequence)) {
                    now[(sequence - rows.start) * hidden..][..hidden].fill(F::zero());
                }
                after = Some(t);
            }
        });
        da
    }
}
