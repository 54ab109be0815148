//! Winograd's minimal filtering: convolution with a 3 × 3 kernel in fewer multiplications.
//!
//! Two neighbouring results of a kernel of three numbers take six multiplications by the formula, four this way:
//!
//! ```text
//! y₀ = d₀ g₀ + d₁ g₁ + d₂ g₂        m₀ = (d₀ − d₂) g₀                   y₀ = m₀ + m₁ + m₂
//! y₁ = d₁ g₀ + d₂ g₁ + d₃ g₂        m₁ = (d₁ + d₂) (g₀ + g₁ + g₂) / 2   y₁ = m₁ − m₂ − m₃
//!                                   m₂ = (d₂ − d₁) (g₀ − g₁ + g₂) / 2
//!                                   m₃ = (d₁ − d₃) g₂
//! ```
//!
//! In the plane this is done along both axes: of a window of 4 × 4 numbers, a *tile*, the kernel makes 2 × 2 results with 16 multiplications
//! in place of 36. With the three linear maps as matrices,
//!
//! ```text
//! Y  = Aᵀ [Σ_c (G g Gᵀ) ⊙ (Bᵀ d B)] A        summed over the channels: for each of the 16 numbers, a product of matrices
//! dg = Gᵀ [Σ_t (A dY Aᵀ) ⊙ (Bᵀ d B)] G       summed over the tiles, likewise
//! ```
//!
//! and `dx` is the first of them again, of `dy` with the kernel turned over. `Bᵀ d B` is made of additions alone, and made once for all
//! output channels. Here numbers lie as rows of channels, so that all maps work on whole vectors, whatever the size of the plane.
//!
//! The rounding is that of sums of other terms, no larger than of the formula's own; larger tiles would save more and
//! cost digits. A number that is not finite makes all results of its tile so, not only those whose window it is in.
//!
//! # References
//! S. Winograd, *Arithmetic complexity of computations*, 1980; A. Lavin, S. Gray, *Fast algorithms for convolutional neural networks*, 2015,
//! <https://arxiv.org/abs/1509.09308>

mod back;
mod lines;
mod tiles;

use super::after::{After, relu};
use super::direct::{PARTS, turn};
use super::{Plan, matrix};
use crate::geometry::Axis;
pub(super) use back::Wanted;
use gradus_autograd::Real;
use gradus_linalg::parallel::for_each_part;
use gradus_linalg::{Packed, memory};
use lines::{LANES, both, kernel};
use std::array::from_fn;
use tiles::{NUMBERS, Tiles, Work};

/// Channels of input and output from which it pays: each sum has as many terms as there are channels.
const MANY: usize = 32;
/// Kernels up to which it does: each strip of tiles reads the maps of all of them again, and adds to those of their gradients, and in all 16 numbers
/// these are half of a second-level cache.
const KERNELS: usize = 1 << 13;
/// Images from which the kernels' own map is worth its time.
const IMAGES: usize = 4;

/// A convolution, and its way back, as tiles.
#[derive(Debug)]
pub(super) struct Winograd {
    forward: Tiles,
    back: Tiles,
}

impl Winograd {
    /// If the kernel is one of 3 × 3 that moves in steps of 1, and there are enough channels and images.
    pub(super) fn new(axes: &[Axis], images: usize, groups: usize, channels: [usize; 2]) -> Option<Self> {
        let [rows, columns] = axes else { return None };
        let fits = |axis: &Axis| {
            let (three, step) = (axis.kernel_size == 3 && axis.dilation == 1, axis.stride == 1);
            three && step && axis.before <= 2 && axis.out <= axis.size + axis.before && axis.size > 0
        };
        let many = |channels: usize| channels >= MANY && channels.is_multiple_of(LANES);
        if !(fits(rows) && fits(columns) && groups == 1 && images >= IMAGES && channels.into_iter().all(many)) {
            return None;
        }
        if channels[0].saturating_mul(channels[1]) > KERNELS {
            return None;
        }
        let of = |size: fn(&Axis) -> usize| [size(rows), size(columns)];
        let (size, out) = (of(|axis| axis.size), of(|axis| axis.out));
        let forward = Tiles::new(of(|axis| axis.before), size, out);
        Some(Self { forward, back: Tiles::new(of(|axis| 2 - axis.before), out, size) })
    }

    /// `Y = W P + b`, and what follows, as [`Direct::forward`](super::direct::Direct::forward).
    pub(super) fn forward<F: Real>(
        &self,
        plan: &Plan,
        x: &[F],
        (w, bias): (&[F], Option<&[F]>),
        after: After,
        y: &mut [F],
        winners: &mut [u8],
    ) {
        let weights = kernels([plan.outputs, plan.inputs], |o, c, tap| w[(o * plan.inputs + c) * plan.taps + tap]);
        let tiles = &self.forward;
        let (inputs, results) = (plan.inputs * plan.pixels, plan.outputs * after.places(plan.places));
        let images = plan.images.div_ceil(PARTS);
        let mut winners = winners.chunks_mut(images * results);
        let parts = x.chunks(images * inputs).zip(y.chunks_mut(images * results));
        let parts = parts.map(|(x, y)| (x, y, winners.next().unwrap_or_default())).collect();
        for_each_part(plan.multiplications(), parts, |(x, y, winners)| {
            let mut work = Work::new([tiles], [plan.inputs, plan.outputs]);
            let mut pooled = memory::take(if after.is_apart() { results } else { 0 });
            let mut winners = winners.chunks_exact_mut(results);
            for (x, y) in x.chunks_exact(inputs).zip(y.chunks_exact_mut(results)) {
                tiles.lay(plan.inputs, x, work.plane.numbers());
                work.correlate(tiles, &weights, bias);
                match after {
                    After::Nothing => turn(work.sums.shared(), plan.outputs, y),
                    After::Relu => {
                        turn(work.sums.shared(), plan.outputs, y);
                        relu(y);
                    }
                    After::ReluPool(windows) => {
                        let marks = winners.next().unwrap_or_default();
                        windows.forward(plan.outputs, work.sums.shared(), &mut pooled, marks);
                        turn(&pooled, plan.outputs, y);
                    }
                }
            }
            memory::give(pooled);
            work.give();
        });
    }
}

/// `G g Gᵀ` of all kernels, for each of the 16 numbers packed with `lines` as lines.
fn kernels<F: Real>([lines, depth]: [usize; 2], weight: impl Fn(usize, usize, usize) -> F) -> Vec<Packed<F>> {
    let len = lines * depth;
    let mut all = memory::take(NUMBERS * len);
    for number in 0..len {
        let of_kernel = from_fn(|a| from_fn(|b| weight(number / depth, number % depth, a * 3 + b)));
        for (k, x) in both(kernel, of_kernel).as_flattened().iter().enumerate() {
            all[k * len + number] = *x;
        }
    }
    let packed = all.chunks_exact(len).map(|numbers| Packed::new(&matrix(numbers, lines, depth))).collect();
    memory::give(all);
    packed
}
