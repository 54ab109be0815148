//! The two sweeps over time: forward, which leaves the states, and backward, which is the algorithm.

use super::arrays::{fill_padding, flat, in_rows_mut, matrix, matrix_mut, slice};
use super::bands::{at, bands, in_bands};
use super::inputs::Places;
use super::order::Piece;
use super::pieces::{parts, steps_of_piece};
use super::projection::Projection;
use super::recurrence::{Onto, Recurrence, Rows};
use super::sums::{Factors, Read, Share, Sums, first, sum_of_biases};
use super::symbols::Symbols;
use super::weights::Sizes;
use super::{Order, Weights};
use crate::Nonlinearity;
use gradus_autograd::{Real, Slots, Value};
use gradus_linalg::parallel::for_each_part;
use gradus_linalg::{elementwise, memory};
use ndarray::{Array2, Array3};
use std::ops::Range;

/// The states after every step, `(T, N, H)`.
pub(super) fn forward<F: Real>(
    x: (&Value<F>, Option<&Symbols>),
    weights: &Weights<F>,
    [h0, mask]: [Option<&Value<F>>; 2],
    nonlinearity: Nonlinearity,
    &Sizes { steps, batch, hidden, .. }: &Sizes,
    order: &Order,
) -> Array3<F> {
    let bias = sum_of_biases(weights, hidden, hidden);
    let shares = [Share::new(0..hidden, 0)];
    let (projection, mut states) = Projection::new(x, weights.weight_ih.value(), bias, &shares, (steps, batch));
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
    pub(super) symbols: Option<Symbols>,
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
    /// Back-propagation through time, last step first: a piece of it, then the sums' share of it while its `δ` is near.
    pub(super) fn backward(self, mut cotangents: Vec<Option<Value<F>>>, slots: &mut Slots<'_, F>) {
        let one = F::one();
        let d_last = cotangents.pop().flatten();
        let d_states = cotangents.pop().flatten();
        let mut d_mask = self.places.mask.filter(|&mask| slots.needs(mask)).map(|_| Array2::zeros(self.one_step()));
        let (batch, hidden) = self.one_step();
        let share = [Share::new(0..hidden, 0)];
        let (states, h0) = (self.masked(&self.states), self.h0.as_ref().map(|h0| self.masked(h0)));
        let factors = Factors {
            x: self.x.as_ref(),
            symbols: self.symbols.as_ref(),
            weight_ih: self.weight_ih.as_ref(),
            h0: h0.as_ref(),
            of_input: &share,
            of_state: vec![(share[0].clone(), Read::Before(&states))],
            of_bias: &share,
        };
        let (mut sweep, mut da) = Backward::new(&self, d_states, d_last);
        let mut sums = Sums::new(slots, factors, (&self.order, &self.places), da.dim());
        for piece in self.order.pieces_back(steps_of_piece::<F>(batch, hidden)) {
            sweep.through(&piece, &mut da, d_mask.as_mut());
            sums.add(slots, &da, &piece);
        }
        sums.finish(slots, &da);
        match (self.places.states.first().copied(), &self.mask) {
            (Some(h0), None) => slots.accumulate(h0, |dh0, beta| {
                F::gemm(one, matrix(&first(&da, &self.order)), matrix(&self.weight_hh), beta, matrix_mut(dh0));
            }),
            (Some(h0), Some(mask)) if slots.needs(h0) || d_mask.is_some() => {
                let mut dr = memory::array(self.one_step());
                let first = first(&da, &self.order);
                F::gemm(one, matrix(&first), matrix(&self.weight_hh), F::zero(), dr.view_mut());
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
        memory::give_array(da);
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
}

/// The backward sweep.
struct Backward<'a, F: Real> {
    saved: &'a Saved<F>,
    recurrence: Recurrence<'a, F>,
    bands: Vec<Range<usize>>,
    /// Whether each step has a `dY` of its own. In many-to-one none but the last has, and the product overwrites what is there.
    has_own: bool,
    d_last: Option<Value<F>>,
    /// The gradients of the masked state, `(N, H)` if there is a mask.
    read: Vec<F>,
}

impl<'a, F: Real> Backward<'a, F> {
    /// The sweep, behind its last step, and the array that `δ` goes to: the memory of `dY` if there is one.
    fn new(saved: &'a Saved<F>, d_states: Option<Value<F>>, d_last: Option<Value<F>>) -> (Self, Array3<F>) {
        let rank = "the states have three axes";
        let (steps, (batch, hidden)) = (saved.states.shape()[0], saved.one_step());
        let (da, has_own) = match d_states {
            Some(dy) => (dy.into_standard_layout().into_array().into_dimensionality().expect(rank), true),
            None => (memory::array((steps, batch, hidden)), false),
        };
        let recurrence = Recurrence::new(matrix(&saved.weight_hh).reversed_axes(), steps, batch);
        let bands = bands(batch, recurrence.divides());
        let read = vec![F::zero(); if saved.mask.is_some() { batch * hidden } else { 0 }];
        let d_last = d_last.map(Value::into_standard_layout);
        (Self { saved, recurrence, bands, has_own, d_last, read }, da)
    }

    /// `dAₜ = (dYₜ + m ∘ dAₜ₊₁ Wₕₕ) ∘ f′(Aₜ)` for the steps of a piece. What the mask's own gradient gets from all steps but the
    /// first is added to `d_mask`.
    fn through(&mut self, piece: &Piece, da: &mut Array3<F>, d_mask: Option<&mut Array2<F>>) {
        let Self { saved, recurrence, bands, has_own, d_last, read } = self;
        let (order, (batch, hidden)) = (&saved.order, saved.one_step());
        let (d_last, states, mask) = (d_last.as_ref().map(slice), slice(&saved.states), saved.mask.as_ref().map(slice));
        let of_mask = if mask.is_some() { hidden } else { 0 };
        let of_own = if d_mask.is_some() { hidden } else { 0 };
        let own = d_mask.and_then(|d_mask| d_mask.as_slice_mut()).unwrap_or_default();
        let scratch = in_bands(read, bands, (1, of_mask)).into_iter().flatten();
        let scratch = scratch.zip(in_bands(own, bands, (1, of_own)).into_iter().flatten());
        let parts = bands.iter().zip(parts(da, bands, (piece, order))).zip(scratch);
        let work = piece.times.len() * batch * hidden * hidden;
        for_each_part(work, parts.collect(), |((rows, mut da), (read, d_mask))| {
            for t in piece.back() {
                let h = at(states, t, batch, rows, hidden);
                let (now, after) = da.step_and_after(t, order);
                if !*has_own && (after.is_none() || mask.is_some()) {
                    now.fill(F::zero());
                }
                if let Some(after) = after {
                    let from = Rows { data: after, first: 0, line: hidden };
                    match mask {
                        None => {
                            let onto = if *has_own { Onto::Itself } else { Onto::Nothing };
                            recurrence.apply(from, onto, in_rows_mut(now, hidden));
                        }
                        Some(mask) => {
                            recurrence.apply(from, Onto::Nothing, in_rows_mut(read, hidden));
                            d_mask.iter_mut().zip(&*read).zip(h).for_each(|((d, &read), &h)| *d += read * h);
                            let mask = at(mask, 0, batch, rows, hidden);
                            now.iter_mut().zip(&*read).zip(mask).for_each(|((dh, &read), &m)| *dh += read * m);
                        }
                    }
                }
                if let Some(d_last) = d_last {
                    for sequence in rows.clone().filter(|&sequence| order.last(sequence) == t) {
                        let dh = now[(sequence - rows.start) * hidden..][..hidden].iter_mut();
                        dh.zip(&d_last[sequence * hidden..][..hidden]).for_each(|(dh, &d_last)| *dh += d_last);
                    }
                }
                saved.nonlinearity.backward(now, h);
                for sequence in order.padding(t).filter(|sequence| rows.contains(sequence)) {
                    now[(sequence - rows.start) * hidden..][..hidden].fill(F::zero());
                }
            }
        });
    }
}
