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
//!
//! ReLU is taken of a plane's sums as soon as they are there. Sums that are pooled are rows of channels, which stay with `Direct`.
//!
//! # When
//!
//! What is saved are lanes; what it costs is that weights are not held in registers for many channels at once. Measured with kernels of 3×3 on
//! 28×28 numbers, `outputs` channels of a group for `y` and `dW` or `inputs` for `dx` take this way if there is one; up to 8 beside one other
//! channel; and up to 4 beside 4. The limit is a compromise: at 12 beside one and 6 beside 6 this way was still ahead at stride 1, and behind
//! at stride 2.
//!
//! # How fast
//!
//! Depthwise, 3×3, padding 1, `f32`, one thread, in µs, the best of six runs; in parentheses one run of `Direct`. The rate is that of `x` and `dy` or
//! `y`, each read or written once, where a copy runs at 28 GB/s. `dx` includes that it is filled with zeros first, by the function
//! [`input_gradient`](crate::input_gradient).
//!
//! ```text
//!                   stride   y                        dx                       dW
//! (32, 64, 16, 16)  1        338 (2638)  12.4 GB/s    403 (2712)  10.4 GB/s    349  (4242)  12.0 GB/s
//!                   2        257  (919)  10.2         522 (5549)   5.0         261  (1391)  10.0
//! (32, 32, 32, 32)  1        656 (4820)  12.8         790 (4985)  10.6         672 (10468)  12.5
//!                   2        341 (1490)  15.4         744 (6770)   7.0         382  (2273)  13.7
//! (64, 32, 14, 14)  1        346 (2219)   9.3         396 (2198)   8.1         423  (3324)   7.6
//!                   2        273  (776)   7.4         504 (4891)   4.0         311  (1104)   6.5
//! ```
//!
//! Rows of 14 waste an eighth of each vector.

mod rows;
mod seen;
mod spread;
#[cfg(test)]
mod tests;

use super::layout::{Margins, Room};
use crate::geometry::Axis;
use gradus_autograd::Real;
use gradus_linalg::simd::vectorized;
use rows::{Block, covering, of_length};
use seen::Seen;
use spread::Spread;

/// Parts into which the work is cut for threads. Where these have a weight gradient each, that is added up in their order: the number
/// must not depend on that of the threads.
const PARTS: usize = 16;

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
        if axes.iter().any(|axis| axis.size == 0) || last.stride > STEPS {
            return Self::default();
        }
        Self {
            seen: suits(outputs, inputs).then(|| Seen::new(outer, last, axes, inputs)),
            spread: suits(inputs, outputs).then(|| Spread::new(outer, last, axes, outputs)),
        }
    }
}

/// Whether a product with so many channels in the lanes of [`Direct`](super::direct::Direct), and so many others to sum over or to
/// read for, is faster along the places: as measured, see above.
fn suits(lanes: usize, others: usize) -> bool {
    matches!((lanes, others), (1, _) | (2..=8, 1) | (2..=4, 2..=4))
}

/// How many groups of so many numbers are copied before the first is read. What has just been written is still on its way to the cache:
/// read a little later, it costs a tenth less; much later, it is not in the first cache any more.
fn together(numbers: usize) -> usize {
    (2048 / numbers.max(1)).clamp(1, 4)
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
