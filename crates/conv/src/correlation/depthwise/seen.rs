//! The result and the gradient of the weight: windows see the input.

use super::super::Plan;
use super::super::after::{Cotangent, relu};
use super::super::layout::{Room, each, positions};
use super::rows::{self, Block, covering, of_length};
use super::{Continued, PARTS, together};
use crate::geometry::Axis;
use gradus_autograd::Real;
use gradus_linalg::memory;
use gradus_linalg::parallel::for_each_part;
use gradus_linalg::simd::vectorized;
use std::ops::Range;

/// The forward direction: what windows see.
#[derive(Debug)]
pub(in super::super) struct Seen {
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

impl Seen {
    pub(super) fn new(outer: &[Axis], last: &Axis, axes: &[Axis], inputs: usize) -> Self {
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
    pub(in super::super) fn forward<F: Real>(
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
    pub(in super::super) fn weight_gradient<F: Real>(
        &self,
        plan: &Plan,
        x: &[F],
        dy: &Cotangent<'_, F>,
        beta: F,
        dw: &mut [F],
    ) {
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
        (images, first): (Range<usize>, usize),
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
