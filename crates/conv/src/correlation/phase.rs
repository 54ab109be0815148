//! Positions of the input that are seen by the same taps, and how their gradients come to lie between each other.

use super::layout::{Margins, positions, seeing};
use super::{Plan, matrix};
use crate::geometry::Axis;
use gradus_autograd::Real;
use gradus_linalg::simd::vectorized;
use gradus_linalg::{Offsets, Packed, memory};

/// Positions of the input with the same remainder by the stride.
#[derive(Debug)]
pub(super) struct Phase {
    /// The remainders, and the number of positions along each axis.
    remainder: Vec<usize>,
    size: Vec<usize>,
    /// The taps that see these positions.
    taps: Vec<usize>,
    /// The places of the first position of each row of positions.
    pub(super) rows: Vec<usize>,
    /// From which places they are seen, of all channels and taps.
    pub(super) offsets: Offsets,
    /// From a position to the next.
    pub(super) line: usize,
    order: Order,
}

/// How the output's gradient lies in memory, and in which order its terms are summed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    /// A plane for each channel; of each channel all taps.
    Planes,
    /// A row of channels for each place; of each tap all channels.
    Rows,
}

impl Phase {
    pub(super) fn new(axes: &[Axis], remainder: Vec<usize>, output: &Margins, outputs: usize, order: Order) -> Self {
        let size: Vec<usize> =
            axes.iter().zip(&remainder).map(|(axis, &r)| (axis.size - r).div_ceil(axis.stride)).collect();
        let outer = size.len().saturating_sub(1);
        let line = if order == Order::Rows { outputs } else { 1 };
        let rows = positions(&size[..outer]).map(|row| output.place(row) * line).collect();
        let (taps, places): (Vec<_>, Vec<_>) = seeing(axes, &remainder, output).unzip();
        let offsets: Vec<usize> = match order {
            Order::Planes => {
                (0..outputs).flat_map(|o| places.iter().map(move |place| o * output.plane + place)).collect()
            }
            Order::Rows => places.iter().flat_map(|place| (0..outputs).map(move |o| place * outputs + o)).collect(),
        };
        Self { remainder, size, taps, rows, offsets: Offsets::new(offsets), line, order }
    }

    /// The weight of a group with input channels as its lines and these taps alone.
    pub(super) fn weights<F: Real>(&self, plan: &Plan, w: &[F]) -> Packed<F> {
        let taps = plan.depth() / plan.inputs.max(1);
        let depth = plan.outputs * self.taps.len();
        let mut turned = memory::take(plan.inputs * depth);
        for (c, line) in turned.chunks_exact_mut(depth.max(1)).enumerate() {
            for o in 0..plan.outputs {
                let kernel = &w[(o * plan.inputs + c) * taps..][..taps];
                for (number, &tap) in self.taps.iter().enumerate() {
                    let at = match self.order {
                        Order::Planes => o * self.taps.len() + number,
                        Order::Rows => number * plan.outputs + o,
                    };
                    line[at] = kernel[tap];
                }
            }
        }
        let packed = Packed::new(&matrix(&turned, plan.inputs, depth));
        memory::give(turned);
        packed
    }

    /// Positions.
    pub(super) fn places(&self) -> usize {
        self.size.iter().product()
    }

    /// Positions of a row.
    pub(super) fn width(&self) -> usize {
        self.size.last().copied().unwrap_or(1)
    }

    /// Where in a plane the rows of the positions begin.
    fn rows_of_plane(&self, axes: &[Axis]) -> Vec<usize> {
        let outer = self.size.len().saturating_sub(1);
        let mut strides = vec![1; self.size.len()];
        for i in (1..strides.len()).rev() {
            strides[i - 1] = strides[i] * axes[i].size;
        }
        let at = |row: Vec<usize>| -> usize {
            row.iter().enumerate().map(|(i, q)| (q * axes[i].stride + self.remainder[i]) * strides[i]).sum()
        };
        positions(&self.size[..outer]).map(at).collect()
    }
}

/// Writes the gradients at the positions of some phases, which differ in the last axis alone, between those of the others. They lie in
/// `apart` one phase after the other.
pub(super) fn interleave<F: Real>(plan: &Plan, phases: &[Phase], apart: &[F], beta: F, dx: &mut [F]) {
    let (step, len) = plan.axes.last().map_or((1, 1), |axis| (axis.stride, axis.size));
    let rows = phases.first().map_or(Vec::new(), |phase| phase.rows_of_plane(&plan.axes));
    if let ([even, odd], 2) = (phases, step) {
        // Both together: of memory, each row is then written once, and by whole vectors.
        let (evens, odds) = apart.split_at(plan.inputs * even.places());
        let channels = evens.chunks_exact(even.places().max(1)).zip(odds.chunks_exact(odd.places().max(1)));
        return vectorized(
            #[inline(always)]
            || {
                for ((evens, odds), dx) in channels.zip(dx.chunks_exact_mut(plan.pixels)) {
                    let lines = evens.chunks_exact(even.width().max(1)).zip(odds.chunks_exact(odd.width().max(1)));
                    for ((evens, odds), &row) in lines.zip(&rows) {
                        weave(evens, odds, beta, &mut dx[row..][..len]);
                    }
                }
            },
        );
    }
    let mut start = 0;
    for phase in phases {
        let (places, width) = (phase.places(), phase.width());
        let apart = &apart[start..][..plan.inputs * places];
        start += apart.len();
        if width == 0 {
            continue;
        }
        let first = phase.remainder.last().copied().unwrap_or(0);
        for (apart, dx) in apart.chunks_exact(places.max(1)).zip(dx.chunks_exact_mut(plan.pixels)) {
            for (apart, &row) in apart.chunks_exact(width).zip(&rows) {
                let dx = dx[row + first..].iter_mut().step_by(step);
                if beta.is_zero() {
                    dx.zip(apart).for_each(|(dx, &apart)| *dx = apart);
                } else {
                    dx.zip(apart).for_each(|(dx, &apart)| *dx = apart + beta * *dx);
                }
            }
        }
    }
}

/// `dx ← [e₀, o₀, e₁, o₁, …] + β dx`.
#[inline(always)]
fn weave<F: Real>(evens: &[F], odds: &[F], beta: F, dx: &mut [F]) {
    let (pairs, rest) = dx.as_chunks_mut::<2>();
    let new = evens.iter().zip(odds);
    if beta.is_zero() {
        pairs.iter_mut().zip(new).for_each(|(dx, (&even, &odd))| *dx = [even, odd]);
    } else {
        pairs.iter_mut().zip(new).for_each(|([a, b], (&even, &odd))| (*a, *b) = (even + beta * *a, odd + beta * *b));
    }
    if let ([last], Some(&even)) = (rest, evens.last()) {
        *last = if beta.is_zero() { even } else { even + beta * *last };
    }
}
