//! The way forward over a band of channels.

use super::channels::{Channels, Moments, SLICE};
use super::lanes::{Lanes, Sums, write};
use gradus_linalg::{Real, simd};
use ndarray::{ArrayView3, ArrayViewMut3, Axis};

/// Mean and variance of the channels of a band, in two passes.
///
/// ```text
/// c = fl(Σ x / n),  r = Σ (x − c) / n,  m = c + r,  v = (Σ (x − c)² − n r²) / n
/// ```
///
/// The second pass also finds what rounding took from the mean: far from 0, where an `f32` has few digits behind the
/// point, that is more than the numbers' own spread would bear.
///
/// # References
/// T. F. Chan, G. H. Golub, R. J. LeVeque, *Algorithms for computing the sample variance*, The American Statistician 37,
/// 1983 (the corrected two-pass algorithm).
pub(super) fn moments<F: Real>(all: &Channels, x: &ArrayView3<'_, F>, eps: F, moments: &mut [F]) {
    let band = x.shape()[1];
    let n = F::from_f64(all.values() as f64);
    let [totals] = sums(
        x,
        #[inline(always)]
        |_, x| [x],
    );
    let centers: Lanes<F> = all.spread(band, |channel| all.gather(band, channel, &totals) / n);
    let [off, squares] = sums(
        x,
        #[inline(always)]
        move |lane, x| {
            let d = x - centers[lane];
            [d, d * d]
        },
    );
    for (channel, moments) in moments.chunks_exact_mut(Moments::<F>::SIZE).enumerate() {
        let center = if band == 1 { centers[0] } else { centers[channel * all.inner] };
        let off = all.gather(band, channel, &off);
        let squares = all.gather(band, channel, &squares) - off * off / n;
        let squares = if squares < F::zero() { F::zero() } else { squares }; // but for rounding it is not; NaN stays
        let scale = F::one() / (squares / n + eps).sqrt();
        Moments { center, rest: off / n, scale, unbiased: squares / (n - F::one()) }.write(moments);
    }
}

fn sums<F: Real, const K: usize>(x: &ArrayView3<'_, F>, terms: impl Fn(usize, F) -> [F; K]) -> [Lanes<F>; K] {
    simd::vectorized(
        #[inline(always)]
        || {
            let mut sums = Sums::new();
            for x in x.outer_iter() {
                let x = x.to_slice().expect(SLICE);
                sums.add(
                    x,
                    x,
                    #[inline(always)]
                    |lane, x, _| terms(lane, x),
                );
            }
            sums.finish()
        },
    )
}

/// `y ← (x − c) s + t` of a band, then a ReLU if there is to be one; before it the shortcut is added, if there is one.
pub(super) fn apply<F: Real>(
    x: &ArrayView3<'_, F>,
    shortcut: Option<&ArrayView3<'_, F>>,
    relu: bool,
    (center, slope, shift): &(Lanes<F>, Lanes<F>, Lanes<F>),
    y: &mut ArrayViewMut3<'_, F>,
) {
    let zero = F::zero();
    simd::vectorized(
        #[inline(always)]
        || {
            let (center, slope, shift) = (*center, *slope, *shift);
            for (sample, mut y) in y.outer_iter_mut().enumerate() {
                let x = x.index_axis(Axis(0), sample);
                let (x, y) = (x.to_slice().expect(SLICE), y.as_slice_mut().expect(SLICE));
                match shortcut {
                    Some(shortcut) => {
                        let shortcut = shortcut.index_axis(Axis(0), sample);
                        write(
                            y,
                            x,
                            shortcut.to_slice().expect(SLICE),
                            #[inline(always)]
                            |lane, _, x, past| {
                                let z = (x - center[lane]) * slope[lane] + shift[lane] + past;
                                if z < zero { zero } else { z }
                            },
                        );
                    }
                    None if relu => write(
                        y,
                        x,
                        x,
                        #[inline(always)]
                        |lane, _, x, _| {
                            let z = (x - center[lane]) * slope[lane] + shift[lane];
                            if z < zero { zero } else { z }
                        },
                    ),
                    None => write(
                        y,
                        x,
                        x,
                        #[inline(always)]
                        |lane, _, x, _| (x - center[lane]) * slope[lane] + shift[lane],
                    ),
                }
            }
        },
    );
}
