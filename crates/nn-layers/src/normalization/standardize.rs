//! The arithmetic that all kinds of normalization share.

use gradus_autograd::{Real, Value, Var};
use gradus_linalg::{memory, parallel, rows, simd};
use std::ops::Range;

const SLICE: &str = "a standard layout is a slice";

/// How an array is cut into rows, each of which is brought to mean 0 and variance 1, and which weight belongs to which
/// number.
///
/// ```text
/// m = 1/n Σ xⱼ,  r = 1/√(1/n Σ (xⱼ − m)² + ε),  zⱼ = (xⱼ − m) r,  yⱼ = w zⱼ + b
/// g = w dy,      dxⱼ = r (gⱼ − 1/n Σ gₖ − zⱼ/n Σ gₖ zₖ),  dw = Σ dy z,  db = Σ dy
/// ```
///
/// Without the mean, `m` is 0 and the sum of `g` falls away. The variance is computed in two passes, from the deviations:
/// the mean of the squares minus the square of the mean would lose all digits at numbers far from 0.
#[derive(Debug, Clone)]
pub(super) struct Standardize<F> {
    pub(super) operation: &'static str,
    /// Whether the mean is taken away.
    pub(super) centered: bool,
    pub(super) eps: F,
    /// How many rows there are before the weights begin anew.
    pub(super) groups: usize,
    /// The weights of a row.
    pub(super) channels: usize,
    /// How many numbers, side by side, have the same weight.
    pub(super) inner: usize,
}

/// Weights of some rows; a bias comes only with a weight.
#[derive(Debug, Clone, Copy)]
struct Affine<'a, F> {
    weight: Option<&'a [F]>,
    bias: Option<&'a [F]>,
}

impl<'a, F> Affine<'a, F> {
    fn part(&self, range: Range<usize>) -> Self {
        Self { weight: self.weight.map(|w| &w[range.clone()]), bias: self.bias.map(|b| &b[range]) }
    }
}

impl<F: Real> Standardize<F> {
    /// Records the normalization of `x` as one entry, which keeps `x` and two numbers for each row.
    ///
    /// `x` holds a whole number of rows; the weight and the bias have `groups · channels` elements.
    #[track_caller]
    pub(super) fn record(self, x: &Var<F>, weight: Option<&Var<F>>, bias: Option<&Var<F>>) -> Var<F> {
        let [weights, biases] = [weight, bias].map(|v| v.map(|v| v.value().clone().into_standard_layout()));
        let xs = x.value().clone().into_standard_layout();
        let width = self.channels * self.inner;
        let mut y = Value::unspecified(xs.raw_dim());
        let mut stats = Value::unspecified([2 * xs.len().checked_div(width).unwrap_or(0)]);
        {
            let affine = Affine { weight: slice(&weights), bias: slice(&biases) };
            let (x, y) = (xs.as_slice().expect(SLICE), y.as_slice_mut().expect(SLICE));
            let stats = stats.as_slice_mut().expect(SLICE);
            parallel::for_each_row(y, stats, [width, 2], |row, y, stats| {
                self.forward(&x[row * width..][..width], &affine.part(self.weights_of(row)), y, stats);
            });
        }
        let tape = x.tape();
        let operation = self.operation;
        let shape = weights.as_ref().map(|w| w.raw_dim());
        let rule = move |dy: Value<F>, slots: &mut gradus_autograd::Slots<'_, F>| {
            let mut dx = dy.into_standard_layout(); // turned into the gradient row by row
            let sums = self.band(Band {
                rows: 0..stats.len() / 2,
                x: xs.as_slice().expect(SLICE),
                dx: dx.as_slice_mut().expect(SLICE),
                stats: stats.as_slice().expect(SLICE),
                affine: Affine { weight: slice(&weights), bias: slice(&biases) },
            });
            slots.add(0, dx);
            let Some(shape) = shape else { return };
            for (input, sums) in sums.into_iter().enumerate().filter(|(_, sums)| !sums.is_empty()) {
                let gradient = ndarray::Array::from_shape_vec(shape.clone(), sums).expect("one sum for each weight");
                slots.add(1 + input, gradient);
            }
        };
        match (weight, bias) {
            (Some(weight), Some(bias)) => tape.record_into(operation, [x, weight, bias], y, rule),
            (Some(weight), None) => tape.record_into(operation, [x, weight], y, rule),
            _ => tape.record_into(operation, [x], y, rule),
        }
    }

    /// The places of a row's weights among all.
    fn weights_of(&self, row: usize) -> Range<usize> {
        let first = row % self.groups * self.channels;
        first..first + self.channels
    }

    fn forward(&self, x: &[F], affine: &Affine<'_, F>, y: &mut [F], stats: &mut [F]) {
        let mean = if self.centered { rows::mean(x) } else { F::zero() };
        let squares = rows::sum_of(
            x,
            #[inline(always)]
            |x| (x - mean) * (x - mean),
        );
        let scale = F::one() / (squares / F::from_f64(x.len() as f64) + self.eps).sqrt();
        stats.copy_from_slice(&[mean, scale]);
        let zero = F::zero();
        simd::vectorized(
            #[inline(always)]
            || match (affine.weight, affine.bias) {
                (None, _) => y.iter_mut().zip(x).for_each(|(y, &x)| *y = (x - mean) * scale),
                (Some(w), None) if self.inner == 1 => {
                    y.iter_mut().zip(x).zip(w).for_each(|((y, &x), &w)| *y = (x - mean) * scale * w);
                }
                (Some(w), Some(b)) if self.inner == 1 => {
                    let weights = w.iter().zip(b);
                    y.iter_mut().zip(x).zip(weights).for_each(|((y, &x), (&w, &b))| *y = (x - mean) * scale * w + b);
                }
                (Some(w), b) => {
                    let channels = y.chunks_exact_mut(self.inner).zip(x.chunks_exact(self.inner));
                    for (c, (y, x)) in channels.enumerate() {
                        let (w, b) = (scale * w[c], b.map_or(zero, |b| b[c]));
                        y.iter_mut().zip(x).for_each(|(y, &x)| *y = (x - mean) * w + b);
                    }
                }
            },
        );
    }

    /// The gradient of a band of rows, and what they add to those of the weight and of the bias.
    ///
    /// A long band is halved at a place that depends on the sizes alone, and the sums of the halves are added: they have the
    /// same bits for any number of threads.
    fn band(&self, band: Band<'_, F>) -> [Vec<F>; 2] {
        let (rows, width) = (band.rows.len(), self.channels * self.inner);
        // Below that, adding up the halves' sums would cost as much as the rows do.
        if rows > LEAF_ROWS && rows * width > LEAF {
            let work = rows * width;
            let (low, high) = band.split(rows / 2, width);
            let (mut low, high) = parallel::join(work, || self.band(low), || self.band(high));
            for (low, high) in low.iter_mut().zip(high) {
                low.iter_mut().zip(&high).for_each(|(low, &high)| *low += high);
                memory::give(high);
            }
            return low;
        }
        let weights = self.groups * self.channels;
        let mut sums = [band.affine.weight, band.affine.bias].map(|there| {
            let mut sums = memory::take(if there.is_some() { weights } else { 0 });
            sums.fill(F::zero());
            sums
        });
        let [dw, db] = &mut sums;
        for (i, row) in band.rows.clone().enumerate() {
            let numbers = i * width..(i + 1) * width;
            let (x, dx) = (&band.x[numbers.clone()], &mut band.dx[numbers]);
            let own = self.weights_of(row);
            let (dw, db) = (dw.get_mut(own.clone()), db.get_mut(own.clone()));
            self.backward(x, dx, &band.stats[2 * i..2 * i + 2], &band.affine.part(own), dw, db);
        }
        sums
    }

    /// Turns a row of `dy` into `dx`.
    fn backward(
        &self,
        x: &[F],
        dy: &mut [F],
        stats: &[F],
        affine: &Affine<'_, F>,
        mut dw: Option<&mut [F]>,
        mut db: Option<&mut [F]>,
    ) {
        let (mean, scale) = (stats[0], stats[1]);
        let (mut sum, mut inner) = (F::zero(), F::zero()); // Σ g and Σ g (x − m)
        let by_channel = affine.weight.filter(|_| self.inner > 1);
        if let Some(w) = by_channel {
            for (c, (x, dy)) in x.chunks_exact(self.inner).zip(dy.chunks_exact(self.inner)).enumerate() {
                let (own, own_inner) = sums(x, dy, mean, None);
                sum += w[c] * own;
                inner += w[c] * own_inner;
                if let Some(dw) = &mut dw {
                    dw[c] += own_inner * scale;
                }
                if let Some(db) = &mut db {
                    db[c] += own;
                }
            }
        } else {
            (sum, inner) = sums(x, dy, mean, affine.weight);
        }
        let n = F::from_f64(x.len() as f64);
        let shift = if self.centered { sum / n } else { F::zero() };
        let slope = scale * scale * inner / n;
        simd::vectorized(
            #[inline(always)]
            || match (affine.weight, dw, db) {
                (Some(w), _, _) if self.inner > 1 => {
                    for (c, (x, dy)) in x.chunks_exact(self.inner).zip(dy.chunks_exact_mut(self.inner)).enumerate() {
                        let w = w[c];
                        dy.iter_mut().zip(x).for_each(|(dy, &x)| *dy = scale * (w * *dy - shift - (x - mean) * slope));
                    }
                }
                (Some(w), Some(dw), db) => {
                    if let Some(db) = db {
                        db.iter_mut().zip(&*dy).for_each(|(db, &dy)| *db += dy);
                    }
                    for (((dy, &x), &w), dw) in dy.iter_mut().zip(x).zip(w).zip(dw) {
                        let deviation = x - mean;
                        *dw += *dy * (deviation * scale);
                        *dy = scale * (w * *dy - shift - deviation * slope);
                    }
                }
                _ => dy.iter_mut().zip(x).for_each(|(dy, &x)| *dy = scale * (*dy - shift - (x - mean) * slope)),
            },
        );
    }
}

/// Numbers in a leaf of the tree of bands: what a cache of the second level holds.
const LEAF: usize = 1 << 15;

/// Rows in a leaf, at least.
const LEAF_ROWS: usize = 16;

/// Some rows on the way back.
struct Band<'a, F> {
    rows: Range<usize>,
    x: &'a [F],
    /// `dy`, which becomes `dx`.
    dx: &'a mut [F],
    /// Mean and scale of each row.
    stats: &'a [F],
    affine: Affine<'a, F>,
}

impl<'a, F> Band<'a, F> {
    /// The first rows, and those after them.
    fn split(self, rows: usize, width: usize) -> (Self, Self) {
        let middle = self.rows.start + rows;
        let (x, x_high) = self.x.split_at(rows * width);
        let (dx, dx_high) = self.dx.split_at_mut(rows * width);
        let (stats, stats_high) = self.stats.split_at(2 * rows);
        let affine = Affine { ..self.affine };
        let high = Self { rows: middle..self.rows.end, x: x_high, dx: dx_high, stats: stats_high, affine: self.affine };
        (Self { rows: self.rows.start..middle, x, dx, stats, affine }, high)
    }
}

/// `Σ w dy` and `Σ w dy (x − m)`, where the weights are 1 if none are given.
///
/// Sixteen sums side by side, which the compiler turns into vectors; a long row in blocks, so that the sums stay short.
fn sums<F: Real>(x: &[F], dy: &[F], mean: F, weight: Option<&[F]>) -> (F, F) {
    const LANES: usize = 16;
    const BLOCK: usize = 1024;
    simd::vectorized(
        #[inline(always)]
        || {
            let (mut sum, mut inner) = (F::zero(), F::zero());
            for (i, (x, dy)) in x.chunks(BLOCK).zip(dy.chunks(BLOCK)).enumerate() {
                let (mut sums, mut inners) = ([F::zero(); LANES], [F::zero(); LANES]);
                for (j, (x, dy)) in x.chunks(LANES).zip(dy.chunks(LANES)).enumerate() {
                    let mut g = [F::zero(); LANES];
                    g[..dy.len()].copy_from_slice(dy);
                    if let Some(weight) = weight {
                        let weight = &weight[i * BLOCK + j * LANES..];
                        g.iter_mut().zip(weight).for_each(|(g, &w)| *g *= w);
                    }
                    let mut deviation = [mean; LANES];
                    deviation[..x.len()].copy_from_slice(x);
                    for lane in 0..LANES {
                        sums[lane] += g[lane];
                        inners[lane] += g[lane] * (deviation[lane] - mean);
                    }
                }
                sum += rows::sum(&sums);
                inner += rows::sum(&inners);
            }
            (sum, inner)
        },
    )
}

fn slice<F: Real>(value: &Option<Value<F>>) -> Option<&[F]> {
    value.as_ref().map(|value| value.as_slice().expect(SLICE))
}
