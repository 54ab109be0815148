//! The gradient of the input: places spread theirs over what they saw.

use super::super::Plan;
use super::super::after::Cotangent;
use super::super::layout::{each, positions, seeing, seen_from};
use super::rows::{self, Block, covering, of_length};
use super::{Continued, PARTS, together};
use crate::geometry::Axis;
use gradus_autograd::Real;
use gradus_linalg::memory;
use gradus_linalg::parallel::for_each_part;
use gradus_linalg::simd::vectorized;

/// The way back to the input.
#[derive(Debug)]
pub(in super::super) struct Spread {
    /// The length of blocks of positions.
    len: usize,
    /// The output's gradient with the margin that the phases need.
    output: Continued,
    phases: Vec<Phase>,
    /// Where there is more than one phase, they are computed in planes of their own, one for each remainder along the last axis: how many
    /// numbers these are, and the distance of their rows.
    between: usize,
    pitch: usize,
    /// The steps of windows along the last axis, and its size.
    stride: usize,
    size: usize,
}

/// Positions of the input with the same remainder by the stride.
#[derive(Debug)]
struct Phase {
    /// The taps that see these positions.
    taps: Vec<usize>,
    /// From which places, of all channels.
    places: Vec<usize>,
    blocks: Vec<Block>,
}

impl Spread {
    pub(super) fn new(outer: &[Axis], last: &Axis, axes: &[Axis], outputs: usize) -> Self {
        let width = |remainder: usize| (last.size - remainder).div_ceil(last.stride);
        let remainders = last.stride.min(last.size);
        let len = rows::length(width(0));
        let mut margins: Vec<_> = axes.iter().map(seen_from).collect();
        let row = margins.last_mut().expect("there is a last axis");
        if width(remainders - 1) < len {
            row.2 = row.2.max((remainders - 1 + last.before) / last.stride + row.0 + len);
        }
        let output = Continued::new(margins);
        let margins = &output.margins;
        let each_phase = each(axes, |axis| axis.stride.min(axis.size));
        let several = each_phase.iter().any(|&phases| phases > 1);
        let pitch = if several { width(0).max(len) } else { last.size };
        let plane = outer.iter().map(|axis| axis.size).product::<usize>() * pitch;
        let phases = positions(&each_phase).map(|remainder| {
            let (taps, places): (Vec<_>, Vec<_>) = seeing(axes, &remainder, margins).unzip();
            let places = (0..outputs).flat_map(|o| places.iter().map(move |place| (o, place)));
            let places = places.map(|(o, place)| o * margins.plane + place).collect();
            let (last_remainder, remainder) = remainder.split_last().expect("there is a last axis");
            let quotients: Vec<usize> =
                outer.iter().zip(remainder).map(|(axis, &r)| (axis.size - r).div_ceil(axis.stride)).collect();
            let row = |quotients: Vec<usize>| {
                let positions =
                    quotients.iter().zip(remainder).zip(outer).map(|((q, r), axis)| (q * axis.stride + r, axis));
                let number = positions.fold(0, |number, (position, axis)| number * axis.size + position);
                Block { from: margins.place(quotients), to: last_remainder * plane + number * pitch }
            };
            let blocks = positions(&quotients).map(row).flat_map(|row| covering(width(*last_remainder), len, row));
            Phase { taps, places, blocks: blocks.collect() }
        });
        let phases = phases.collect();
        let between = if several { remainders * plane } else { 0 };
        Self { len, output, phases, between, pitch, stride: last.stride, size: last.size }
    }

    /// `dx ← Σ_k W_kᵀ dY + β dx`.
    pub(in super::super) fn input_gradient<F: Real>(
        &self,
        plan: &Plan,
        w: &[F],
        dy: &Cotangent<'_, F>,
        beta: F,
        dx: &mut [F],
    ) {
        let (inputs, results) = (plan.inputs * plan.pixels, plan.outputs * plan.places);
        let reads = self.phases.iter().map(|phase| phase.places.len()).sum::<usize>();
        let turned = self.turn(plan, w, reads);
        let groups = (plan.images * plan.groups).div_ceil(PARTS);
        let parts = dx.chunks_mut(groups * inputs).enumerate().collect();
        for_each_part(plan.multiplications(), parts, |(part, dx)| {
            let plane = self.output.margins.plane * plan.outputs;
            let units = together(plane);
            let mut room = self.output.room(units * plan.outputs);
            let mut sums = memory::take(if dy.is_plain() { 0 } else { units * results });
            let mut between = memory::take(self.between);
            let mut apart = memory::take(if beta.is_zero() { 0 } else { plan.pixels });
            let mut first = part * groups;
            for dx in dx.chunks_mut(units * inputs) {
                let of_units = first * results..(first + dx.len() / inputs) * results;
                let dy = self.output.of(dy.part(of_units, &mut sums), &mut room);
                for (dy, dx) in dy.chunks_exact(plane).zip(dx.chunks_exact_mut(inputs)) {
                    let channels = first % plan.groups * plan.inputs..;
                    for (c, dx) in channels.zip(dx.chunks_exact_mut(plan.pixels)) {
                        let w = &turned[c * reads..][..reads];
                        if beta.is_zero() {
                            self.correlate(dy, w, &mut between, dx);
                            continue;
                        }
                        self.correlate(dy, w, &mut between, &mut apart);
                        vectorized(
                            #[inline(always)]
                            || dx.iter_mut().zip(&apart).for_each(|(dx, &sum)| *dx = sum + beta * *dx),
                        );
                    }
                    first += 1;
                }
            }
            memory::give(apart);
            memory::give(between);
            memory::give(sums);
            room.give();
        });
        memory::give(turned);
    }

    /// For each input channel the weights that its phases read, in their order.
    fn turn<F: Real>(&self, plan: &Plan, w: &[F], reads: usize) -> Vec<F> {
        let mut turned = memory::take(plan.groups * plan.inputs * reads);
        let mut to = turned.iter_mut();
        for group in 0..plan.groups {
            let w = &w[plan.weights(group)];
            for (c, phase) in (0..plan.inputs).flat_map(|c| self.phases.iter().map(move |phase| (c, phase))) {
                let kernels = (0..plan.outputs).map(|o| &w[(o * plan.inputs + c) * plan.taps..][..plan.taps]);
                let read = kernels.flat_map(|w| phase.taps.iter().map(|&tap| w[tap]));
                read.zip(&mut to).for_each(|(w, to)| *to = w);
            }
        }
        turned
    }

    /// The gradient of one channel.
    fn correlate<F: Real>(&self, dy: &[F], mut w: &[F], between: &mut [F], dx: &mut [F]) {
        let apart = !between.is_empty();
        for phase in &self.phases {
            let of_phase;
            (of_phase, w) = w.split_at(phase.places.len());
            let to = if apart { &mut *between } else { &mut *dx };
            of_length!(self.len, LEN => vectorized(
                #[inline(always)]
                || rows::correlate::<LEN, F>(dy, &phase.blocks, (&phase.places, of_phase), F::zero(), to),
            ));
        }
        if apart {
            of_length!(self.len, LEN => vectorized(
                #[inline(always)]
                || rows::interleave::<LEN, F>(between, self.pitch, (self.stride, self.size), dx),
            ));
        }
    }
}
