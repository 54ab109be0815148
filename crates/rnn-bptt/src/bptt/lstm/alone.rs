//! The forward sweep of a sequence that is alone.
//!
//! With nothing to read the weights for but one sequence, a step takes as long as it takes to read them, and threads cannot share sequences.
//! But the units of a step do not wait for one another: each thread takes the gates of some, keeps their weights in its own cache from step
//! to step, and waits for the others before the next.

use super::sweep::step;
use crate::bptt::Order;
use gradus_autograd::Real;
use gradus_linalg::parallel::{in_phases, threads};
use gradus_linalg::{Gathered, Offsets, Packed, memory};
use ndarray::{ArrayView2, ArrayViewMut2, Axis};
use std::sync::{OnceLock, PoisonError, RwLock};

/// Parts of a step's units, and so the most threads that share it.
const CHUNKS: usize = 4;

/// Whether the steps of a sequence are so many, and so much work, that threads may share them.
pub(super) fn is_worth(order: &Order, batch: usize, hidden: usize) -> bool {
    /// Steps for which packing the weights is worth its time.
    const STEPS: usize = 16;
    /// Multiplications of a step: 4 µs of them.
    const WORK: usize = 1 << 16;
    threads() > 1 && batch == 1 && !order.is_padded() && order.steps >= STEPS && 4 * hidden * hidden >= WORK
}

/// What a thread writes of a step: the gates, memories and outputs of its units.
struct Units<'a, F> {
    gates: [&'a mut [F]; 4],
    c: &'a mut [F],
    h: &'a mut [F],
}

/// Gates, memories and outputs of every step, arrays of a row for each. The gates' array holds the input's share of their sums.
pub(super) fn forward<F: Real>(
    weight_hh: ArrayView2<'_, F>,
    (h0, c0): (Option<&[F]>, &[F]),
    [gates, c, h]: [ArrayViewMut2<'_, F>; 3],
    order: &Order,
) {
    let (steps, hidden) = c.dim();
    let units = hidden.div_ceil(CHUNKS);
    let mut by_step: Vec<Vec<RwLock<Units<'_, F>>>> = Vec::with_capacity(steps);
    for ((gates, c), h) in rows_of(gates).zip(rows_of(c)).zip(rows_of(h)) {
        let mut gates = gates.chunks_mut(hidden);
        let [i, f, g, o] = [(); 4].map(|()| gates.next().unwrap_or_default().chunks_mut(units));
        let gates = i.zip(f).zip(g.zip(o)).map(|((i, f), (g, o))| [i, f, g, o]);
        let parts = gates.zip(c.chunks_mut(units).zip(h.chunks_mut(units)));
        by_step.push(parts.map(|(gates, (c, h))| RwLock::new(Units { gates, c, h })).collect());
    }
    let chunks = by_step.first().map_or(0, Vec::len);
    let weights: Vec<OnceLock<Packed<F>>> = (0..chunks).map(|_| OnceLock::new()).collect();
    let offsets = Offsets::new((0..hidden).collect::<Vec<_>>());
    let times: Vec<usize> = order.times().collect();
    let own = || (vec![F::zero(); hidden], vec![F::zero(); 4 * units]);
    in_phases(steps * 4 * hidden * hidden, (1 + steps, chunks), own, |(state, sums), phase, chunk| {
        let weights = weights[chunk].get_or_init(|| packed(weight_hh, chunk * units, units));
        let Some(place) = phase.checked_sub(1) else { return }; // the first phase is for the weights
        let before = place.checked_sub(1).map(|before| &by_step[times[before]]);
        let read = |chunk: usize| before.map(|before| before[chunk].read().unwrap_or_else(PoisonError::into_inner));
        for (chunk, state) in state.chunks_mut(units).enumerate() {
            match (read(chunk), h0) {
                (Some(before), _) => state.copy_from_slice(before.h),
                (None, Some(h0)) => state.copy_from_slice(&h0[chunk * units..][..state.len()]),
                (None, None) => {}
            }
        }
        let mut now = by_step[times[place]][chunk].write().unwrap_or_else(PoisonError::into_inner);
        let Units { gates, c, h } = &mut *now;
        let sums = &mut sums[..4 * c.len()];
        sums.chunks_mut(c.len()).zip(&*gates).for_each(|(sums, gates)| sums.copy_from_slice(gates));
        // From a zero state there is nothing to multiply.
        if before.is_some() || h0.is_some() {
            let state = Gathered::new(state, &[0], (1, hidden), &offsets).expect("the table is of the state's length");
            let to = ArrayViewMut2::from_shape((1, sums.len()), &mut *sums).expect("one row");
            F::gemm_gathered(F::one(), &state, weights, F::one(), None, to);
        }
        match read(chunk) {
            Some(before) => step(sums, before.c, c, h),
            None => step(sums, &c0[chunk * units..][..c.len()], c, h),
        }
        sums.chunks(c.len()).zip(gates).for_each(|(sums, gates)| gates.copy_from_slice(sums));
    });
}

/// The rows of a matrix whose rows are contiguous.
fn rows_of<F>(array: ArrayViewMut2<'_, F>) -> impl Iterator<Item = &mut [F]> {
    array.into_outer_iter_mut().map(|row| row.into_slice().expect("fresh memory is row-major"))
}

/// The weights of the gates of some units, gate after gate.
fn packed<F: Real>(weight_hh: ArrayView2<'_, F>, first: usize, units: usize) -> Packed<F> {
    let hidden = weight_hh.ncols();
    let units = units.min(hidden - first);
    let mut own = memory::array((4 * units, hidden));
    for (gate, mut to) in own.axis_chunks_iter_mut(Axis(0), units).enumerate() {
        let start = gate * hidden + first;
        to.assign(&weight_hh.slice_axis(Axis(0), (start..start + units).into()));
    }
    let packed = Packed::new(&own.view());
    memory::give_array(own);
    packed
}
