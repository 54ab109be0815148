//! The way back: each image's `dy` is laid out once, for `dW` and for `dx`.

use super::super::after::Cotangent;
use super::super::direct::{PARTS, PARTS_OF_SUMS, SUMS, turn};
use super::super::{Plan, matrix_mut};
use super::lines::{both, kernel_back, spread, window};
use super::tiles::{NUMBERS, Tiles, Work, number};
use super::{Winograd, kernels};
use gradus_autograd::Real;
use gradus_linalg::parallel::for_each_part;
use gradus_linalg::simd::vectorized;
use gradus_linalg::{Packed, memory};
use std::array::from_fn;

/// A gradient that is asked for: what it is made of beside `dy`, and `β` and the memory of `to ← gradient + β to`.
pub(in super::super) struct Wanted<'a, F> {
    pub(in super::super) of: &'a [F],
    pub(in super::super) beta: F,
    pub(in super::super) to: &'a mut [F],
}

/// Some of the images: what is asked for of them.
struct Part<'a, F> {
    first: usize,
    count: usize,
    /// Their `x`, and the sums over them.
    weight: Option<(&'a [F], &'a mut [F])>,
    dx: Option<&'a mut [F]>,
}

impl Winograd {
    /// `dW ← Σ dY Pᵀ + β dW`, of `x`, and `dx ← Σ_k W_kᵀ dY + β dx`, of the weight; the sum of `dW` runs over the images of each part in their
    /// order, and then over the parts.
    pub(in super::super) fn gradients<F: Real>(
        &self,
        plan: &Plan,
        dy: &Cotangent<'_, F>,
        weight: Option<Wanted<'_, F>>,
        input: Option<Wanted<'_, F>>,
    ) {
        let [channels, others] = [plan.inputs, plan.outputs];
        let (inputs, results) = (channels * plan.pixels, dy.dy.len() / plan.images);
        let len = NUMBERS * channels * others;
        let parts = if weight.is_some() { PARTS_OF_SUMS.min(SUMS / len) } else { PARTS };
        let images = plan.images.div_ceil(parts.clamp(1, plan.images));
        let used = plan.images.div_ceil(images);
        let mut sums: Vec<F> = memory::take(if weight.is_some() { used * len } else { 0 });
        let (beta, weights) =
            input.as_ref().map_or((F::zero(), Vec::new()), |input| (input.beta, turned(plan, input.of)));
        let mut of_weight = weight.as_ref().map(|weight| weight.of.chunks(images * inputs).zip(sums.chunks_mut(len)));
        let mut of_input = input.map(|input| input.to.chunks_mut(images * inputs));
        let parts = (0..plan.images).step_by(images).map(|first| Part {
            first,
            count: images.min(plan.images - first),
            weight: of_weight.as_mut().and_then(Iterator::next),
            dx: of_input.as_mut().and_then(Iterator::next),
        });
        for_each_part(plan.multiplications(), parts.collect(), |mut part: Part<'_, F>| {
            let mut work = Work::new([&self.back, &self.forward], [others, channels]);
            if dy.windows().is_some() {
                work.plane.numbers().fill(F::zero()); // what no window covers stays so
            }
            let mut room = plan.room_for_sums(dy);
            let mut of_x = self.forward.plane(if part.weight.is_some() { channels } else { 0 });
            let mut planes = memory::take(if beta.is_zero() || part.dx.is_none() { 0 } else { inputs });
            for i in 0..part.count {
                self.back.lay_gradient(plan, dy, (part.first + i, results), &mut room, work.plane.numbers());
                if let Some((x, sums)) = &mut part.weight {
                    self.forward.lay(channels, &x[i * inputs..][..inputs], of_x.numbers());
                    self.add_weight_gradient(plan, of_x.shared(), &mut work, i == 0, sums);
                }
                if let Some(dx) = &mut part.dx {
                    work.correlate(&self.back, &weights, None);
                    write(plan, work.sums.shared(), beta, &mut planes, &mut dx[i * inputs..][..inputs]);
                }
            }
            for memory in [room, planes] {
                memory::give(memory);
            }
            of_x.give();
            work.give();
        });
        if let Some(Wanted { beta, to, .. }) = weight {
            finish(plan, &mut sums, beta, to);
        }
        memory::give(sums);
    }

    /// Adds what an image does to the products of all 16 numbers, the first one in place of what is there.
    fn add_weight_gradient<F: Real>(&self, plan: &Plan, x: &[F], work: &mut Work<F>, first: bool, sums: &mut [F]) {
        let [channels, others] = [plan.inputs, plan.outputs];
        let (tiles, whole) = (&self.forward, Tiles::side_by_side(self.forward.out));
        for rows in tiles.strips(channels + others) {
            let count = rows.len() * tiles.count[1];
            let beta = if first && rows.start == 0 { F::zero() } else { F::one() };
            tiles.map(x, channels, rows.clone(), work.products.numbers(), window);
            whole.map(work.plane.shared(), others, rows, work.windows.numbers(), spread);
            for (k, sums) in sums.chunks_exact_mut(channels * others).enumerate() {
                let v = number(work.products.shared(), k, count, channels).reversed_axes();
                let d = number(work.windows.shared(), k, count, others);
                F::gemm(F::one(), v, d, beta, matrix_mut(sums, channels, others));
            }
        }
    }
}

/// The maps of the kernels turned over, with input channels as lines.
fn turned<F: Real>(plan: &Plan, w: &[F]) -> Vec<Packed<F>> {
    let last = plan.taps - 1;
    kernels([plan.inputs, plan.outputs], |c, o, tap| w[(o * plan.inputs + c) * plan.taps + last - tap])
}

/// `dx ← sums + β dx`, of an image; `planes` has room for it if `β` is not 0.
fn write<F: Real>(plan: &Plan, sums: &[F], beta: F, planes: &mut [F], dx: &mut [F]) {
    if beta.is_zero() {
        return turn(sums, plan.inputs, dx);
    }
    turn(sums, plan.inputs, planes);
    vectorized(
        #[inline(always)]
        || dx.iter_mut().zip(planes).for_each(|(dx, new)| *dx = *new + beta * *dx),
    );
}

/// Adds up the sums of the parts, and maps them back to kernels.
fn finish<F: Real>(plan: &Plan, sums: &mut [F], beta: F, dw: &mut [F]) {
    let [channels, others] = [plan.inputs, plan.outputs];
    let len = NUMBERS * channels * others;
    let (sum, rest) = sums.split_at_mut(len);
    for part in rest.chunks_exact(len) {
        vectorized(
            #[inline(always)]
            || sum.iter_mut().zip(part).for_each(|(sum, &part)| *sum += part),
        );
    }
    for (number, dw) in dw.chunks_exact_mut(plan.taps).enumerate() {
        let (o, c) = (number / channels, number % channels);
        let tile = from_fn(|a| from_fn(|b| sum[((a * 4 + b) * channels + c) * others + o]));
        for (dw, new) in dw.iter_mut().zip(both(kernel_back, tile).as_flattened()) {
            *dw = if beta.is_zero() { *new } else { *new + beta * *dw };
        }
    }
}
