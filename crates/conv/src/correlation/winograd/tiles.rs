//! How a plane is cut into tiles, and where their numbers lie in memory.

use super::super::after::Cotangent;
use super::super::direct::{PLANES, unpool};
use super::super::{Plan, matrix};
use super::lines::{LANES, in_lanes, result, window};
use gradus_autograd::Real;
use gradus_linalg::simd::vectorized;
use gradus_linalg::{Gathered, Offsets, Pack, Packed, memory};
use ndarray::{ArrayView2, ArrayViewMut2, ShapeBuilder};
use std::ops::Range;

/// Bytes of a cache line.
const LINE: usize = 64;
/// Numbers of a tile.
pub(super) const NUMBERS: usize = 16;
/// Numbers of all channels of some tiles, of input and output together: half of a second-level cache.
const STRIP: usize = 1 << 17;
/// Between the numbers of two tiles: they would otherwise lie at the same few places of a cache.
const APART: usize = 16;

/// How a plane is cut into tiles, which overlap by two.
///
/// A plane lies in memory as rows of channels, one for each place, without the zeros around it: so it is turned over in a few long runs, and
/// the same rows serve tiles that begin at different places.
#[derive(Debug)]
pub(super) struct Tiles {
    /// Zeros before the plane, its size, and the size of the result, along rows and columns.
    before: [usize; 2],
    size: [usize; 2],
    pub(super) out: [usize; 2],
    /// Tiles along both.
    pub(super) count: [usize; 2],
}

impl Tiles {
    pub(super) fn new(before: [usize; 2], size: [usize; 2], out: [usize; 2]) -> Self {
        Self { before, size, out, count: out.map(|out| out.div_ceil(2)) }
    }

    /// The results themselves, 2 × 2 of them in a tile.
    pub(super) fn side_by_side(out: [usize; 2]) -> Self {
        Self::new([0; 2], out, out)
    }

    /// Places of the plane, and a row of zeros that stands for what lies above and below.
    pub(super) fn places(&self) -> usize {
        (self.size[0] + 1) * self.size[1]
    }

    /// Memory for the plane, with that row.
    pub(super) fn plane<F: Real>(&self, channels: usize) -> Aligned<F> {
        let mut plane = Aligned::new(self.places() * channels);
        plane.numbers()[self.size[0] * self.size[1] * channels..].fill(F::zero());
        plane
    }

    /// Rows of tiles that are worked on at a time, for so many channels in all.
    pub(super) fn strips(&self, channels: usize) -> impl Iterator<Item = Range<usize>> + use<> {
        let [rows, columns] = self.count;
        let most = (STRIP / (NUMBERS * channels * columns)).max(1);
        let several = rows.div_ceil(rows.div_ceil(most));
        (0..rows).step_by(several).map(move |first| first..rows.min(first + several))
    }

    /// Writes the planes of an image as rows of channels into memory whose last row is zeros already.
    pub(super) fn lay<F: Real>(&self, channels: usize, planes: &[F], to: &mut [F]) {
        let places = self.size[0] * self.size[1];
        let view = matrix(planes, channels, places);
        for first in (0..channels).step_by(PLANES) {
            view.pack(first..first + PLANES, 0..places, channels, &mut to[first..]);
        }
    }

    /// As [`lay`](Self::lay), of the gradient of an image's sums.
    pub(super) fn lay_gradient<F: Real>(
        &self,
        plan: &Plan,
        dy: &Cotangent<'_, F>,
        (image, results): (usize, usize),
        room: &mut [F],
        to: &mut [F],
    ) {
        if dy.windows().is_none() {
            return self.lay(plan.outputs, dy.image(image, results, room), to);
        }
        unpool(plan, dy, image, self.places(), |place| place * plan.outputs, room, to);
    }

    /// The map of each tile's numbers, those of a tile side by side.
    pub(super) fn map<F: Real, const N: usize>(
        &self,
        plane: &[F],
        channels: usize,
        rows: Range<usize>,
        to: &mut [F],
        line: impl Fn([F; N]) -> [F; 4],
    ) {
        let (chunks, [_, columns]) = (channels / LANES, self.count);
        let ([top, left], [height, width]) = (self.before, self.size);
        let across = width * chunks;
        let (plane, pitch) = (plane.as_chunks::<LANES>().0, pitch(channels));
        let none = [F::zero(); LANES];
        vectorized(
            #[inline(always)]
            || {
                let mut tiles = to.chunks_exact_mut(pitch);
                for row in rows {
                    let mut lines = [plane; N];
                    for (a, line) in lines.iter_mut().enumerate() {
                        // What lies outside is the row of zeros behind the last one.
                        let row = (2 * row + a).checked_sub(top).map_or(height, |row| row.min(height));
                        *line = &plane[row * across..][..across];
                    }
                    for (column, tile) in (0..columns).zip(&mut tiles) {
                        let tile = tile.as_chunks_mut::<LANES>().0;
                        match (2 * column).checked_sub(left) {
                            Some(first) if first + N <= width => map_tile(
                                chunks,
                                tile,
                                &line,
                                #[inline(always)]
                                |a, b, chunk| &lines[a][(first + b) * chunks + chunk],
                            ),
                            _ => map_tile(
                                chunks,
                                tile,
                                &line,
                                #[inline(always)]
                                |a, b, chunk| match (2 * column + b).checked_sub(left) {
                                    Some(column) if column < width => &lines[a][column * chunks + chunk],
                                    _ => &none,
                                },
                            ),
                        }
                    }
                }
            },
        );
    }

    /// The results of each tile from its sums: rows of channels, one for each place.
    fn results<F: Real>(&self, sums: &[F], channels: usize, rows: Range<usize>, bias: Option<&[F]>, to: &mut [F]) {
        let ([height, width], chunks, [_, columns]) = (self.out, channels / LANES, self.count);
        let pitch = pitch(channels);
        let (bias, to) = (bias.map(|bias| bias.as_chunks::<LANES>().0), to.as_chunks_mut::<LANES>().0);
        vectorized(
            #[inline(always)]
            || {
                let mut tiles = sums.chunks_exact(pitch);
                for row in rows {
                    for (column, tile) in (0..columns).zip(&mut tiles) {
                        let (place, tile) = (2 * row * width + 2 * column, tile.as_chunks::<LANES>().0);
                        let (below, beside) = (2 * row + 1 < height, 2 * column + 1 < width);
                        for chunk in 0..chunks {
                            let mut results = in_lanes(
                                result,
                                #[inline(always)]
                                |a, b| &tile[(a * 4 + b) * chunks + chunk],
                            );
                            if let Some(bias) = bias {
                                for lanes in results.as_flattened_mut() {
                                    lanes.iter_mut().zip(&bias[chunk]).for_each(|(y, &bias)| *y += bias);
                                }
                            }
                            let at = |a: usize, b: usize| (place + a * width + b) * chunks + chunk;
                            to[at(0, 0)] = results[0][0];
                            if beside {
                                to[at(0, 1)] = results[0][1];
                            }
                            if below {
                                to[at(1, 0)] = results[1][0];
                            }
                            if below && beside {
                                to[at(1, 1)] = results[1][1];
                            }
                        }
                    }
                }
            },
        );
    }
}

/// The map of one tile's numbers.
#[inline(always)]
fn map_tile<'a, F: Real, const N: usize>(
    chunks: usize,
    tile: &mut [[F; LANES]],
    line: impl Fn([F; N]) -> [F; 4],
    from: impl Fn(usize, usize, usize) -> &'a [F; LANES],
) {
    for chunk in 0..chunks {
        let mapped = in_lanes(
            &line,
            #[inline(always)]
            |a, b| from(a, b, chunk),
        );
        for (k, lanes) in mapped.as_flattened().iter().enumerate() {
            tile[k * chunks + chunk] = *lanes;
        }
    }
}

/// Memory for an image on its way.
pub(super) struct Work<F> {
    channels: [usize; 2],
    /// The image.
    pub(super) plane: Aligned<F>,
    /// `Bᵀ d B` of some tiles.
    pub(super) windows: Aligned<F>,
    /// The products, of as many.
    pub(super) products: Aligned<F>,
    /// The results.
    pub(super) sums: Aligned<F>,
    offsets: Offsets,
}

impl<F: Real> Work<F> {
    /// For the first of these tiles, with room for the maps of the others too.
    pub(super) fn new<const N: usize>(tiles: [&Tiles; N], channels: [usize; 2]) -> Self {
        let [inputs, outputs] = channels;
        let plane = tiles[0].plane(inputs);
        let of_strip = |tiles: &Tiles| {
            let rows = tiles.strips(inputs + outputs).next().map_or(0, |rows| rows.len());
            rows * tiles.count[1]
        };
        let most = tiles.into_iter().map(of_strip).max().unwrap_or(0);
        let [windows, products] = channels.map(|channels| Aligned::new(most * pitch(channels)));
        let sums = Aligned::new(tiles[0].out.iter().product::<usize>() * outputs);
        Self { channels, plane, windows, products, sums, offsets: Offsets::new((0..inputs).collect::<Vec<_>>()) }
    }

    /// The sums of an image that has been laid into the plane.
    pub(super) fn correlate(&mut self, tiles: &Tiles, weights: &[Packed<F>], bias: Option<&[F]>) {
        let [inputs, outputs] = self.channels;
        for rows in tiles.strips(inputs + outputs) {
            let count = rows.len() * tiles.count[1];
            tiles.map(self.plane.shared(), inputs, rows.clone(), self.windows.numbers(), window);
            for (k, weights) in weights.iter().enumerate() {
                let windows =
                    Gathered::new(&self.windows.shared()[k * inputs..], &[0], (count, pitch(inputs)), &self.offsets);
                let windows = windows.expect("all channels of all tiles are there");
                let shape = (count, outputs).strides((pitch(outputs), 1));
                let products = ArrayViewMut2::from_shape(shape, &mut self.products.numbers()[k * outputs..]);
                let products = products.expect("there are as many tiles");
                F::gemm_gathered(F::one(), &windows, weights, F::zero(), None, products);
            }
            tiles.results(self.products.shared(), outputs, rows, bias, self.sums.numbers());
        }
    }

    pub(super) fn give(self) {
        for memory in [self.plane, self.windows, self.products, self.sums] {
            memory.give();
        }
    }
}

/// From a tile to the next: a cache line more than its numbers, or the same number of many tiles would lie at the same place of a cache.
pub(super) fn pitch(channels: usize) -> usize {
    NUMBERS * channels + APART
}

/// One number of so many tiles, of all channels.
pub(super) fn number<F>(tiles: &[F], k: usize, count: usize, channels: usize) -> ArrayView2<'_, F> {
    let shape = (count, channels).strides((pitch(channels), 1));
    ArrayView2::from_shape(shape, &tiles[k * channels..]).expect("there are as many tiles")
}

/// Recycled memory that begins on a cache line: no vector of it lies across two.
pub(super) struct Aligned<F> {
    buffer: Vec<F>,
    start: usize,
    len: usize,
}

impl<F: Real> Aligned<F> {
    pub(super) fn new(len: usize) -> Self {
        let room = LINE / size_of::<F>();
        let buffer: Vec<F> = memory::take(len + room);
        let start = buffer.as_ptr().align_offset(LINE).min(room);
        Self { buffer, start, len }
    }

    pub(super) fn numbers(&mut self) -> &mut [F] {
        &mut self.buffer[self.start..][..self.len]
    }

    pub(super) fn shared(&self) -> &[F] {
        &self.buffer[self.start..][..self.len]
    }

    pub(super) fn give(self) {
        memory::give(self.buffer);
    }
}
