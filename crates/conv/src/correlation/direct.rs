//! Convolution without patches: the window's numbers are read from the image itself.
//!
//! All three products of a convolution are one product with a left operand that is read through a table
//! ([`Gathered`](gradus_linalg::Gathered)) and a right operand that is packed. Vectors run along the channels of the right one:
//!
//! ```text
//!                  lines of the left         summed over            packed, with vectors along
//! y                places p                  channels c, taps k     W, output channels o
//! dx               positions i               channels o, taps k     W turned over, input channels c
//! dW               channels c, taps k        places p               dy, output channels o
//! ```
//!
//! No matrix of patches is ever written, of a batch or of an image; what is written is the image once more with its
//! margin of zeros, so that the window need not ask whether it hangs over the edge.
//!
//! For `dx` the image is `dy`, and the window is the kernel turned over: position `i` was seen by tap `k` from place
//! `(i + before − k · dilation) / stride`, if that is a whole number. Positions with the same remainder by the stride are
//! seen by the same taps; each such *phase* is a convolution with some of the taps, in steps of 1.

use super::after::{After, Cotangent, relu};
use super::layout::{Margins, Room, each, positions, seen_from};
use super::phase::{Order, Phase, interleave};
use super::{Plan, matrix, matrix_mut};
use crate::geometry::Axis;
use gradus_autograd::Real;
use gradus_linalg::parallel::for_each_part;
use gradus_linalg::simd::vectorized;
use gradus_linalg::{Gathered, Offsets, Pack, Packed, memory};
use ndarray::{ArrayView2, ArrayViewMut2, Axis as ArrayAxis, ShapeBuilder};
use std::ops::Range;

/// Parts into which a batch is cut for threads: enough of them that none waits long for the last.
pub(super) const PARTS: usize = 16;
/// Parts that have a weight gradient each. These are added up in their order: the number must not depend on that of the threads.
pub(super) const PARTS_OF_SUMS: usize = 8;
/// Places that are summed over at a time, of as many images as that takes: each time, all sums are read and written.
const TERMS: usize = 256;
/// Planes that are turned over at a time. A cache keeps no more lines than these from places that are a power of two apart, as planes often are.
pub(super) const PLANES: usize = 8;
/// Numbers that the parts' weight gradients may have in all.
pub(super) const SUMS: usize = 1 << 21;

/// What all images of a convolution have in common.
#[derive(Debug)]
pub(super) struct Direct {
    /// The input with its margin.
    input: Margins,
    /// The places of the first window of each row of places.
    rows: Vec<usize>,
    /// Places of a row, and the distance between two.
    width: usize,
    stride: usize,
    /// Where the taps of a window lie, of all channels.
    taps: Offsets,
    /// The output's gradient with the margin that the input's needs.
    output: Margins,
}

impl Direct {
    pub(super) fn new(axes: &[Axis], inputs: usize) -> Self {
        let padded = |axis: &Axis| (axis.before, axis.size, axis.spanned());
        let input = Margins::new(axes.iter().map(padded).collect());
        let (out, kernel) = (each(axes, |axis| axis.out), each(axes, |axis| axis.kernel_size));
        let window = |place: &[usize]| input.place(place.iter().zip(axes).map(|(o, axis)| o * axis.stride));
        let outer = out.len().saturating_sub(1);
        let rows = positions(&out[..outer]).map(|row| window(&row)).collect();
        let tap = |k: &Vec<usize>| input.place(k.iter().zip(axes).map(|(k, axis)| k * axis.dilation));
        let taps: Vec<usize> = positions(&kernel).map(|k| tap(&k)).collect();
        let all: Vec<usize> = (0..inputs)
            .flat_map(|c| taps.iter().map(move |tap| (c, *tap)))
            .map(|(c, tap)| c * input.plane + tap)
            .collect();
        let (width, stride) = axes.last().map_or((1, 1), |axis| (axis.out, axis.stride));
        let output = Margins::new(axes.iter().map(seen_from).collect());
        Self { input, rows, width, stride, taps: Offsets::new(all), output }
    }

    /// `Y = W P + b`, and what follows; of pooling, `winners` takes which numbers of the windows the results are, if it has room.
    pub(super) fn forward<F: Real>(
        &self,
        plan: &Plan,
        x: &[F],
        (w, bias): (&[F], Option<&[F]>),
        after: After,
        y: &mut [F],
        winners: &mut [u8],
    ) {
        let weights: Vec<Packed<F>> = (0..plan.groups)
            .map(|group| Packed::new(&matrix(&w[plan.weights(group)], plan.outputs, plan.depth())))
            .collect();
        let inputs = plan.inputs * plan.groups * plan.pixels;
        let sums = plan.outputs * plan.groups * plan.places;
        let results = plan.outputs * plan.groups * after.places(plan.places);
        let few = plan.images < 4 && self.rows.len() > 1; // then rows are shared out
        let images = if few { plan.images } else { plan.images.div_ceil(PARTS) };
        let mut winners = winners.chunks_mut((images * results).max(1));
        let parts = x.chunks(images * inputs).zip(y.chunks_mut(images * results));
        let parts = parts.map(|(x, y)| (x, y, winners.next().unwrap_or_default())).collect();
        let rows_apart = if few { self.rows.len().div_ceil(PARTS) } else { self.rows.len() };
        for_each_part(plan.multiplications(), parts, |(x, y, winners)| {
            let mut room = Room::new(&self.input, plan.inputs * plan.groups);
            let mut apart = memory::take(if after.is_apart() { sums + results } else { 0 });
            let mut winners = winners.chunks_exact_mut(results);
            for (x, y) in x.chunks_exact(inputs).zip(y.chunks_exact_mut(results)) {
                let x = room.of(&self.input, x);
                let marks = winners.next().unwrap_or_default();
                for (group, y) in y.chunks_exact_mut(results / plan.groups).enumerate() {
                    let x = &x[group * plan.inputs * self.input.plane..];
                    let bias = plan.bias(bias, group);
                    let rows = |mut to: ArrayViewMut2<'_, F>| {
                        let lines = to.axis_chunks_iter_mut(ArrayAxis(0), rows_apart * self.width);
                        let parts = self.rows.chunks(rows_apart).zip(lines).collect();
                        for_each_part(plan.multiplications() / plan.images, parts, |(rows, to)| {
                            self.multiply(plan, x, rows, &weights[group], bias, to);
                        });
                    };
                    match after {
                        After::Nothing => rows(matrix_mut(y, plan.outputs, plan.places).reversed_axes()),
                        After::Relu => {
                            rows(matrix_mut(y, plan.outputs, plan.places).reversed_axes());
                            relu(y);
                        }
                        After::ReluPool(windows) => {
                            let (sums, pooled) = apart.split_at_mut(plan.outputs * plan.places);
                            rows(matrix_mut(sums, plan.places, plan.outputs));
                            let pooled = &mut pooled[..y.len()];
                            let marks = marks.get_mut(group * y.len()..(group + 1) * y.len());
                            windows.forward(plan.outputs, sums, pooled, marks.unwrap_or_default());
                            turn(pooled, plan.outputs, y);
                        }
                    }
                }
            }
            memory::give(apart);
            room.give();
        });
    }

    fn multiply<F: Real>(
        &self,
        plan: &Plan,
        x: &[F],
        rows: &[usize],
        weights: &Packed<F>,
        bias: Option<&[F]>,
        y: ArrayViewMut2<'_, F>,
    ) {
        let windows =
            Gathered::new(x, rows, (self.width, self.stride), &self.taps).expect("windows lie within the margin");
        let (beta, bias) = match bias {
            Some(bias) => {
                let bias = ArrayView2::from_shape((rows.len() * self.width, plan.outputs).strides((0, 1)), bias);
                (F::one(), Some(bias.expect("one for each output channel")))
            }
            None => (F::zero(), None),
        };
        F::gemm_gathered(F::one(), &windows, weights, beta, bias, y);
    }

    /// `dx ← Σ_k W_kᵀ dY + β dx`.
    pub(super) fn input_gradient<F: Real>(&self, plan: &Plan, w: &[F], dy: &Cotangent<'_, F>, beta: F, dx: &mut [F]) {
        let order = if dy.windows().is_some() { Order::Rows } else { Order::Planes };
        // Only positions that some tap sees are computed: of a stride beyond the kernel, there are few.
        let remainders: Vec<Vec<usize>> = plan.axes.iter().map(Axis::seen_remainders).collect();
        let phases = positions(&remainders.iter().map(Vec::len).collect::<Vec<_>>())
            .map(|numbers| numbers.iter().zip(&remainders).map(|(&i, of_axis)| of_axis[i]).collect())
            .map(|remainder| Phase::new(&plan.axes, remainder, &self.output, plan.outputs, order));
        let phases: Vec<Phase> = phases.collect();
        let steps: Vec<usize> = each(&plan.axes, |axis| axis.stride.min(axis.size));
        let (whole, all) =
            (steps.iter().all(|&steps| steps == 1), steps.iter().zip(&remainders).all(|(&n, of)| n == of.len()));
        let beta = match beta.is_zero() {
            _ if all => beta,
            true => {
                dx.fill(F::zero());
                F::one()
            }
            false => {
                dx.iter_mut().for_each(|dx| *dx *= beta);
                F::one()
            }
        };
        let of_group = |group| phases.iter().map(move |phase| phase.weights(plan, &w[plan.weights(group)]));
        let weights: Vec<Vec<Packed<F>>> = (0..plan.groups).map(|group| of_group(group).collect()).collect();
        let inputs = plan.inputs * plan.pixels;
        let results = dy.dy.len() / plan.images;
        let images = plan.images.div_ceil(PARTS);
        let parts = dx.chunks_mut(images * inputs * plan.groups).enumerate().collect();
        // Phases that differ in the last axis alone.
        let together = remainders.last().map_or(1, Vec::len).max(1);
        let largest = phases.chunks(together).map(|phases| phases.iter().map(Phase::places).sum()).max().unwrap_or(0);
        for_each_part(plan.multiplications(), parts, |(part, dx)| {
            let mut room = Room::always(&self.output, plan.outputs * plan.groups, dy.windows().is_some());
            let mut sums = plan.room_for_sums(dy);
            let mut apart = memory::take(if whole { 0 } else { largest * plan.inputs });
            for (image, dx) in (part * images..).zip(dx.chunks_exact_mut(inputs * plan.groups)) {
                let dy = match dy.windows() {
                    Some(_) => {
                        let at = |place: usize| self.output.inside(place) * plan.outputs;
                        unpool(plan, dy, image, self.output.plane, at, &mut sums, &mut room.0);
                        &room.0
                    }
                    None => room.of(&self.output, dy.image(image, results, &mut sums)),
                };
                for (group, dx) in dx.chunks_exact_mut(inputs).enumerate() {
                    let dy = &dy[group * plan.outputs * self.output.plane..];
                    let product = |phase: &Phase, weights, beta, to: ArrayViewMut2<'_, F>| {
                        let windows = Gathered::new(dy, &phase.rows, (phase.width(), phase.line), &phase.offsets);
                        let windows = windows.expect("what sees a position lies within the margin");
                        F::gemm_gathered(F::one(), &windows, weights, beta, None, to);
                    };
                    // With a stride of 1 there is one phase, or none where every tap sees the margin alone.
                    if let (true, [phase], [weights]) = (whole, &phases[..], &weights[group][..]) {
                        let dx = matrix_mut(dx, plan.inputs, plan.pixels).reversed_axes();
                        product(phase, weights, beta, dx);
                        continue;
                    }
                    for (phases, weights) in phases.chunks(together).zip(weights[group].chunks(together)) {
                        let mut start = 0;
                        for (phase, weights) in phases.iter().zip(weights) {
                            let to = &mut apart[start..][..phase.places() * plan.inputs];
                            start += to.len();
                            let to = matrix_mut(to, plan.inputs, phase.places()).reversed_axes();
                            product(phase, weights, F::zero(), to);
                        }
                        interleave(plan, phases, &apart[..start], beta, dx);
                    }
                }
            }
            memory::give(apart);
            memory::give(sums);
            room.give();
        });
    }

    /// `dW ← Σ dY Pᵀ + β dW`; the sum runs over the images of each part in their order, and then over the parts.
    pub(super) fn weight_gradient<F: Real>(&self, plan: &Plan, x: &[F], dy: &Cotangent<'_, F>, beta: F, dw: &mut [F]) {
        let inputs = plan.inputs * plan.groups * plan.pixels;
        let results = dy.dy.len() / plan.images;
        let (planes, of_sums) = (plan.inputs * plan.groups, plan.outputs * plan.groups * plan.places);
        let len = plan.depth() * plan.outputs * plan.groups;
        let parts = PARTS_OF_SUMS.min(SUMS / len).clamp(1, plan.images);
        let images = plan.images.div_ceil(parts);
        let together = (TERMS / plan.places).clamp(1, images);
        let lines = WeightLines::new(self, plan, together);
        let mut sums: Vec<F> = memory::take(parts * len);
        let jobs: Vec<_> = sums.chunks_mut(len).zip(x.chunks(images * inputs)).enumerate().collect();
        let used = jobs.len();
        for_each_part(plan.multiplications(), jobs, |(part, (sums, x))| {
            let mut room = Room::new(&self.input, together * planes);
            let mut apart = plan.room_for_sums(dy);
            let mut all = memory::take(if dy.is_plain() { 0 } else { together * of_sums });
            all.fill(F::zero()); // what no window covers stays so
            for (number, x) in x.chunks(together * inputs).enumerate() {
                let beta = if number == 0 { F::zero() } else { F::one() };
                let count = x.len() / inputs;
                let first = part * images + number * together;
                let x = room.of(&self.input, x);
                let in_rows = dy.windows().is_some();
                for (image, to) in (first..first + count).zip(all.chunks_exact_mut(of_sums)) {
                    if in_rows {
                        unpool(plan, dy, image, plan.places, |place| place * plan.outputs, &mut apart, to);
                    } else {
                        dy.image(image, results, to);
                    }
                }
                let dy = if dy.is_plain() { &dy.dy[first * of_sums..] } else { &all };
                for (group, sums) in sums.chunks_exact_mut(len / plan.groups).enumerate() {
                    let of_group = |image: usize| {
                        let start = (image * plan.groups + group) * plan.outputs * plan.places;
                        let dy = &dy[start..start + plan.outputs * plan.places];
                        if in_rows {
                            matrix(dy, plan.places, plan.outputs).reversed_axes()
                        } else {
                            matrix(dy, plan.outputs, plan.places)
                        }
                    };
                    let dy = Packed::new(&Images((0..count).map(of_group).collect()));
                    let x = &x[group * plan.inputs * self.input.plane..];
                    let places = &lines.places[count - 1];
                    let windows = Gathered::new(x, &lines.starts, (lines.lines, lines.line), places);
                    let windows = windows.expect("windows lie within the margin");
                    F::gemm_gathered(F::one(), &windows, &dy, beta, None, matrix_mut(sums, plan.depth(), plan.outputs));
                }
            }
            memory::give(apart);
            memory::give(all);
            room.give();
        });
        let (sum, others) = sums[..used * len].split_at_mut(len);
        for part in others.chunks_exact(len) {
            vectorized(
                #[inline(always)]
                || sum.iter_mut().zip(part).for_each(|(sum, &part)| *sum += part),
            );
        }
        let of_group = plan.outputs * plan.depth();
        let mut turned = memory::take(of_group);
        for (sums, dw) in sum.chunks_exact(of_group).zip(dw.chunks_exact_mut(of_group)) {
            turn(sums, plan.outputs, &mut turned);
            for (kernel, dw) in turned.chunks_exact(plan.depth()).zip(dw.chunks_exact_mut(plan.depth())) {
                for (&sum, &number) in kernel.iter().zip(&lines.order) {
                    dw[number] = if beta.is_zero() { sum } else { sum + beta * dw[number] };
                }
            }
        }
        memory::give(turned);
        memory::give(sums);
    }
}

/// The gradient of an image's sums from that of its pooled results, as rows of channels, a group of `places` rows after the other.
pub(super) fn unpool<F: Real>(
    plan: &Plan,
    dy: &Cotangent<'_, F>,
    image: usize,
    places: usize,
    at: impl Fn(usize) -> usize,
    room: &mut [F],
    sums: &mut [F],
) {
    let Some((windows, marks)) = dy.windows() else { return };
    let len = plan.outputs * windows.places();
    for (group, sums) in sums.chunks_exact_mut(places * plan.outputs).enumerate() {
        let part = (image * plan.groups + group) * len..(image * plan.groups + group + 1) * len;
        let rows = &mut room[..len];
        matrix(&dy.dy[part.clone()], plan.outputs, windows.places()).pack(
            0..plan.outputs,
            0..windows.places(),
            plan.outputs,
            rows,
        );
        windows.backward(plan.outputs, rows, &marks[part], &at, sums);
    }
}

/// Writes rows of channels as planes.
pub(super) fn turn<F: Real>(rows: &[F], channels_of_row: usize, planes: &mut [F]) {
    let places = planes.len() / channels_of_row;
    for (band, planes) in planes.chunks_mut(PLANES * places.max(1)).enumerate() {
        let channels = band * PLANES..channels_of_row.min((band + 1) * PLANES);
        matrix(rows, places, channels_of_row).pack(0..places, channels, places, planes);
    }
}

/// The gradients of several images as one operand: their channels are its lines, all their places its depth.
struct Images<'a, F>(Vec<ArrayView2<'a, F>>);

impl<F: Real> Pack<F> for Images<'_, F> {
    fn lines(&self) -> usize {
        self.0.first().map_or(0, ArrayView2::nrows)
    }

    fn depth(&self) -> usize {
        self.0.iter().map(ArrayView2::ncols).sum()
    }

    fn pack(&self, lines: Range<usize>, depth: Range<usize>, stride: usize, panel: &mut [F]) {
        let mut start = 0;
        for image in &self.0 {
            let end = start + image.ncols();
            let part = depth.start.max(start)..depth.end.min(end);
            if !part.is_empty() {
                let panel = &mut panel[(part.start - depth.start) * stride..(part.end - depth.start) * stride];
                image.pack(lines.clone(), part.start - start..part.end - start, stride, panel);
            }
            start = end;
        }
    }
}

/// How the numbers of a kernel are lines of an operand: in runs of channels, or, of few channels, in runs of neighbours.
struct WeightLines {
    starts: Vec<usize>,
    lines: usize,
    line: usize,
    /// The places of one image, of two, and so on.
    places: Vec<Offsets>,
    /// Of each line, its number in the kernel `(channel, tap)`.
    order: Vec<usize>,
}

impl WeightLines {
    fn new(direct: &Direct, plan: &Plan, together: usize) -> Self {
        let all = direct.taps.as_slice();
        let taps = all.len() / plan.inputs.max(1);
        let (neighbours, apart) = plan.axes.last().map_or((1, 1), |axis| (axis.kernel_size, axis.dilation));
        let places = direct.rows.iter().flat_map(|row| (0..direct.width).map(move |o| row + o * direct.stride));
        let places: Vec<usize> = places.collect();
        let image = plan.inputs * plan.groups * direct.input.plane;
        let of = |images: usize| (0..images).flat_map(|i| places.iter().map(move |place| i * image + place));
        let places = (1..=together).map(|images| Offsets::new(of(images).collect::<Vec<_>>())).collect();
        if plan.inputs >= neighbours {
            let starts = all[..taps].to_vec();
            let order = (0..taps).flat_map(|tap| (0..plan.inputs).map(move |c| c * taps + tap)).collect();
            return Self { starts, lines: plan.inputs, line: direct.input.plane, places, order };
        }
        let starts = all.iter().copied().step_by(neighbours).collect();
        Self { starts, lines: neighbours, line: apart, places, order: (0..all.len()).collect() }
    }
}
