//! Convolution of few channels: vectors run along the places of a row.
//!
//! The products of [`Direct`](super::direct::Direct) have the channels of a group in the lanes of a vector. Where a group has one, as in a depthwise
//! convolution, fifteen lanes of sixteen would be idle. Here a vector holds neighbours of one row:
//!
//! ```text
//! y[o, p]     = b[o] + Σ_c Σ_k W[o, c, k] · x[c, p + k]     a number of W times neighbours of x, for each tap
//! dx[c, i]    = Σ_o Σ_k W[o, c, k] · dy[o, i − k]           the same, of dy and the kernel turned over
//! dW[o, c, k] = Σ_p dy[o, p] · x[c, p + k]                  neighbours times neighbours, summed lane by lane
//! ```
//!
//! The planes of one group of one image are copied with their margin of zeros, which stays in the first cache. A window that moves in steps
//! of `stride` sees every `stride`-th number of a row, so the copy is split into as many planes: then neighbouring places see
//! neighbours again. For `dx` it is the other way round: positions with the same remainder by the stride are computed side by side, and
//! interleaved afterwards.

mod rows;
#[cfg(test)]
mod tests;

use super::Plan;
use super::after::{Cotangent, relu};
use super::layout::{Margins, Room, each, positions, seeing, seen_from};
use crate::geometry::Axis;
use gradus_autograd::Real;
use gradus_linalg::memory;
use gradus_linalg::parallel::for_each_part;
use gradus_linalg::simd::vectorized;
use rows::{Block, covering, of_length};

/// Parts into which the work is cut for threads. Where these have a weight gradient each, that is added up in their order: the number
/// must not depend on that of the threads.
const PARTS: usize = 16;

/// Products of channels, in the lanes and not, up to which the vectors run along the places: measured, see above.
const FEW: usize = 9;
/// Steps of the window along a row up to which it is split: there would be little of each plane to see.
const STEPS: usize = 16;

/// What all groups of all images have in common, for the products that are faster so.
#[derive(Debug, Default)]
pub(super) struct Depthwise {
    /// For `y` and `dW`.
    pub(super) seen: Option<Seen>,
    /// For `dx`.
    pub(super) spread: Option<Spread>,
}

impl Depthwise {
    pub(super) fn new(axes: &[Axis], inputs: usize, outputs: usize) -> Self {
        let Some((last, outer)) = axes.split_last() else { return Self::default() };
        // In the lanes of `Direct`, few channels; and no more work than is saved.
        let suits = |lanes: usize, others: usize, stride| lanes * others <= FEW || lanes == 1 && stride == 1;
        if axes.iter().any(|axis| axis.size == 0) || last.stride > STEPS {
            return Self::default();
        }
        Self {
            seen: suits(outputs, inputs, last.stride).then(|| Seen::new(outer, last, axes, inputs)),
            spread: suits(inputs, outputs, 1).then(|| Spread::new(outer, last, axes, outputs)),
        }
    }
}

/// How many groups of so many numbers are copied before the first is read. What has just been written by whole vectors and
/// is read in other pieces would have to wait until it has arrived in the cache.
fn together(numbers: usize) -> usize {
    (4096 / numbers.max(1)).clamp(1, 16)
}

/// Planes with a margin of zeros.
#[derive(Debug)]
struct Continued {
    margins: Margins,
    /// The numbers of a plane, and of a row.
    size: usize,
    width: usize,
    /// The blocks in which rows are copied, and their length.
    blocks: Vec<Block>,
    len: usize,
}

/// The forward direction: what windows see.
#[derive(Debug)]
pub(super) struct Seen {
    /// The length of blocks of places.
    len: usize,
    /// The input with its margin, of rows that are a whole number of strides.
    input: Continued,
    stride: usize,
    /// Where the taps of all channels lie in the planes that the input is split into.
    taps: Vec<usize>,
    blocks: Vec<Block>,
    /// The output's gradient with rows of whole blocks, and these blocks.
    whole: Continued,
    whole_blocks: Vec<Block>,
}

/// The way back to the input.
#[derive(Debug)]
pub(super) struct Spread {
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

impl Continued {
    /// Of each axis, the zeros before, the size, and the length with what comes after.
    fn new(axes: Vec<(usize, usize, usize)>) -> Self {
        let size = axes.iter().map(|axis| axis.1).product();
        let width = axes.last().map_or(1, |axis| axis.1);
        let margins = Margins::new(axes);
        let len = rows::length(width);
        let rows = (0..size).step_by(width).map(|row| Block { from: row, to: margins.inside(row) });
        let blocks = rows.flat_map(|row| covering(width, len, row)).collect();
        Self { margins, size, width, blocks, len }
    }

    fn room<F: Real>(&self, planes: usize) -> Room<F> {
        Room::new(&self.margins, planes)
    }

    /// The planes with their margin: a copy, or themselves if there is none.
    fn of<'a, F: Real>(&self, planes: &'a [F], room: &'a mut Room<F>) -> &'a [F] {
        if self.margins.is_none() {
            return planes;
        }
        let each = planes.chunks_exact(self.size).zip(room.0.chunks_exact_mut(self.margins.plane));
        of_length!(self.len, LEN => vectorized(
            #[inline(always)]
            || {
                for (from, to) in each {
                    rows::copy::<LEN, F>(from, &self.blocks, self.width, to);
                }
            },
        ));
        &room.0[..planes.len() / self.size * self.margins.plane]
    }
}

impl Seen {
    fn new(outer: &[Axis], last: &Axis, axes: &[Axis], inputs: usize) -> Self {
        let stride = if last.out == 1 { 1 } else { last.stride }; // of one place there are no steps
        let len = rows::length(last.out);
        let whole = last.out.next_multiple_of(len);
        let row = last.spanned().div_ceil(stride).max((last.extent - 1) / stride + whole) * stride;
        let rows = outer.iter().map(|axis| (axis.before, axis.size, axis.spanned()));
        let input = Continued::new(rows.chain([(last.before, last.size, row)]).collect());
        let (margins, plane) = (&input.margins, input.margins.plane);
        // The place of a number after the split; `from` is the first of a row.
        let split = |from: usize, place: usize| from / stride + place % stride * (plane / stride) + place / stride;
        let tap = |k: Vec<usize>| margins.place(k.iter().zip(axes).map(|(k, axis)| k * axis.dilation));
        let taps: Vec<usize> = positions(&each(axes, |axis| axis.kernel_size)).map(tap).collect();
        let taps = (0..inputs).flat_map(|c| taps.iter().map(move |&tap| (c, tap)));
        let taps = taps.map(|(c, tap)| c * plane + split(0, tap)).collect();
        let starts = positions(&each(outer, |axis| axis.out))
            .map(|row| split(margins.place(row.iter().zip(outer).map(|(o, axis)| o * axis.stride)), 0));
        let at = |pitch: usize| starts.enumerate().map(move |(row, from)| Block { from, to: row * pitch });
        let starts: Vec<Block> = at(last.out).collect();
        let blocks = starts.iter().flat_map(|&row| covering(last.out, len, row)).collect();
        let whole_blocks = starts.iter().flat_map(|row| {
            let row = Block { to: row.to / last.out * whole, ..*row };
            covering(whole, len, row)
        });
        let whole_blocks = whole_blocks.collect();
        let rows = outer.iter().map(|axis| (0, axis.out, axis.out));
        let whole = Continued::new(rows.chain([(0, last.out, whole)]).collect());
        Self { len, input, stride, taps, blocks, whole, whole_blocks }
    }

    /// `Y = W P + b`, and ReLU if so wanted.
    pub(super) fn forward<F: Real>(
        &self,
        plan: &Plan,
        x: &[F],
        (w, bias): (&[F], Option<&[F]>),
        with_relu: bool,
        y: &mut [F],
    ) {
        let (inputs, results) = (plan.inputs * plan.pixels, plan.outputs * plan.places);
        let groups = (plan.images * plan.groups).div_ceil(PARTS);
        let parts = x.chunks(groups * inputs).zip(y.chunks_mut(groups * results)).enumerate().collect();
        for_each_part(plan.multiplications(), parts, |(part, (x, y))| {
            let plane = self.input.margins.plane * plan.inputs;
            let units = together(plane);
            let mut planes = self.planes(units * plan.inputs);
            let mut first = part * groups; // the number of the unit among those of all images
            for (x, y) in x.chunks(units * inputs).zip(y.chunks_mut(units * results)) {
                let x = planes.of(self, x);
                for (x, y) in x.chunks_exact(plane).zip(y.chunks_exact_mut(results)) {
                    let channels = first % plan.groups * plan.outputs..;
                    for (o, y) in channels.zip(y.chunks_exact_mut(plan.places)) {
                        let bias = bias.map_or(F::zero(), |bias| bias[o]);
                        let w = &w[o * plan.depth()..][..plan.depth()];
                        self.correlate(x, w, bias, y);
                        if with_relu {
                            relu(y);
                        }
                    }
                    first += 1;
                }
            }
            planes.give();
        });
    }

    /// `dW ← Σ dY Pᵀ + β dW`. The sum of a lane runs over the blocks of a plane, then over the images of each part; then lanes are added up, and then parts.
    pub(super) fn weight_gradient<F: Real>(&self, plan: &Plan, x: &[F], dy: &Cotangent<'_, F>, beta: F, dw: &mut [F]) {
        // Some channels side by side are read as one run. If there are not many, images are shared out, too.
        let groups = plan.groups.div_ceil(PARTS);
        let runs = plan.groups.div_ceil(groups);
        let images = plan.images.div_ceil(PARTS.div_ceil(runs));
        let mut sums: Vec<F> = memory::take(plan.images.div_ceil(images) * dw.len());
        let parts = sums.chunks_mut(dw.len()).enumerate();
        let len = plan.outputs * plan.depth();
        let parts = parts.flat_map(|(part, sums)| {
            let of_images = part * images..((part + 1) * images).min(plan.images);
            sums.chunks_mut(groups * len).enumerate().map(move |(run, sums)| (of_images.clone(), run * groups, sums))
        });
        for_each_part(plan.multiplications(), parts.collect(), |(of_images, first, sums)| {
            of_length!(self.len, LEN => self.products::<LEN, F>(plan, (x, dy), (of_images, first), sums));
        });
        let (sum, others) = sums.split_at_mut(dw.len());
        for part in others.chunks_exact(sum.len()) {
            sum.iter_mut().zip(part).for_each(|(sum, &part)| *sum += part);
        }
        for (dw, &sum) in dw.iter_mut().zip(&*sum) {
            *dw = if beta.is_zero() { sum } else { sum + beta * *dw };
        }
        memory::give(sums);
    }

    /// Room for so many planes.
    fn planes<F: Real>(&self, planes: usize) -> Planes<F> {
        let split = memory::take(if self.stride > 1 { planes * self.input.margins.plane } else { 0 });
        Planes { room: self.input.room(planes), split }
    }

    fn correlate<F: Real>(&self, x: &[F], w: &[F], bias: F, y: &mut [F]) {
        of_length!(self.len, LEN => vectorized(
            #[inline(always)]
            || rows::correlate::<LEN, F>(x, &self.blocks, (&self.taps, w), bias, y),
        ));
    }

    /// The weight gradient of some groups, from some images.
    fn products<const LEN: usize, F: Real>(
        &self,
        plan: &Plan,
        (x, dy): (&[F], &Cotangent<'_, F>),
        (images, first): (std::ops::Range<usize>, usize),
        dw: &mut [F],
    ) {
        let (inputs, results) = (plan.inputs * plan.pixels, plan.outputs * plan.places);
        let (x_plane, dy_plane) = (self.input.margins.plane * plan.inputs, self.whole.margins.plane);
        let units = together(x_plane);
        let mut planes = self.planes(units * plan.inputs);
        let mut room = self.whole.room(units * plan.outputs);
        let mut sums = memory::take(if dy.is_plain() { 0 } else { units * results });
        let mut lanes: Vec<F> = memory::take(dw.len() * LEN);
        lanes.fill(F::zero());
        let lanes_of = lanes.as_chunks_mut::<LEN>().0;
        for image in images {
            let mut unit = image * plan.groups + first;
            for lanes in lanes_of.chunks_mut(units * plan.outputs * plan.depth()) {
                let end = unit + lanes.len() / (plan.outputs * plan.depth());
                let x = planes.of(self, &x[unit * inputs..end * inputs]);
                let dy = self.whole.of(dy.part(unit * results..end * results, &mut sums), &mut room);
                let of_units = x.chunks_exact(x_plane).flat_map(|x| std::iter::repeat_n(x, plan.outputs));
                let pairs = of_units.zip(dy.chunks_exact(dy_plane));
                for ((x, dy), lanes) in pairs.zip(lanes.chunks_exact_mut(plan.depth())) {
                    vectorized(
                        #[inline(always)]
                        || rows::products::<LEN, F>(x, dy, &self.whole_blocks, &self.taps, lanes),
                    );
                }
                unit = end;
            }
        }
        dw.iter_mut().zip(lanes_of).for_each(|(dw, lanes)| *dw = rows::fold(*lanes));
        memory::give(lanes);
        memory::give(sums);
        room.give();
        planes.give();
    }
}

impl Spread {
    fn new(outer: &[Axis], last: &Axis, axes: &[Axis], outputs: usize) -> Self {
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
    pub(super) fn input_gradient<F: Real>(&self, plan: &Plan, w: &[F], dy: &Cotangent<'_, F>, beta: F, dx: &mut [F]) {
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

/// Memory for planes with their margin, and split.
struct Planes<F> {
    room: Room<F>,
    split: Vec<F>,
}

impl<F: Real> Planes<F> {
    fn of<'a>(&'a mut self, seen: &Seen, x: &'a [F]) -> &'a [F] {
        let x = seen.input.of(x, &mut self.room);
        if seen.stride == 1 {
            return x;
        }
        let plane = seen.input.margins.plane;
        vectorized(
            #[inline(always)]
            || {
                for (x, to) in x.chunks_exact(plane).zip(self.split.chunks_exact_mut(plane)) {
                    rows::split(x, seen.stride, to);
                }
            },
        );
        &self.split[..x.len()]
    }

    fn give(self) {
        memory::give(self.split);
        self.room.give();
    }
}
