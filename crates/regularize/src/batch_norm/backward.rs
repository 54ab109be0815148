//! The way back over a band of channels.

use super::channels::{Channels, SLICE};
use super::lanes::{Lanes, Sums, write};
use gradus_linalg::{Real, simd};
use ndarray::{ArrayView3, ArrayViewMut3, Axis};

/// What masks `dy` where a ReLU gave 0.
#[derive(Clone, Copy)]
pub(super) enum Mask<'a, F> {
    /// There was no ReLU.
    None,
    /// Its argument was `(x − c) s + t`, with these `s` and `t`: computing it again costs less than reading the result.
    Again(Lanes<F>, Lanes<F>),
    /// It had the shortcut in it; this is the result.
    Result(ArrayView3<'a, F>),
}

/// `Σ g` and `Σ g (x − c)` in each lane, with `g` the masked `dy`; where the mask is read from the result, `dy` becomes `g`.
pub(super) fn sums<F: Real>(
    x: &ArrayView3<'_, F>,
    dy: &mut ArrayViewMut3<'_, F>,
    mask: &Mask<'_, F>,
    center: &Lanes<F>,
) -> [Lanes<F>; 2] {
    let zero = F::zero();
    simd::vectorized(
        #[inline(always)]
        || {
            let center = *center;
            let mut sums = Sums::new();
            for (sample, mut dy) in dy.outer_iter_mut().enumerate() {
                let x = x.index_axis(Axis(0), sample);
                let (x, dy) = (x.to_slice().expect(SLICE), dy.as_slice_mut().expect(SLICE));
                if let Mask::Result(y) = mask {
                    let y = y.index_axis(Axis(0), sample);
                    let y = y.to_slice().expect(SLICE);
                    write(
                        dy,
                        y,
                        y,
                        #[inline(always)]
                        |_, dy, y, _| if y > zero { dy } else { zero },
                    );
                }
                if let Mask::Again(slope, shift) = mask {
                    let (slope, shift) = (*slope, *shift);
                    sums.add(
                        x,
                        dy,
                        #[inline(always)]
                        |lane, x, dy| {
                            let d = x - center[lane];
                            let g = if d * slope[lane] + shift[lane] > zero { dy } else { zero };
                            [g, g * d]
                        },
                    );
                } else {
                    sums.add(
                        x,
                        dy,
                        #[inline(always)]
                        |lane, x, dy| [dy, dy * (x - center[lane])],
                    );
                }
            }
            sums.finish()
        },
    )
}

/// The line `dx = p g − q (x − c) + u` that a channel's gradient is.
#[derive(Clone, Copy)]
pub(super) struct Gradient<F> {
    pub(super) center: Lanes<F>,
    pub(super) p: Lanes<F>,
    pub(super) q: Lanes<F>,
    pub(super) u: Lanes<F>,
}

impl<F: Real> Gradient<F> {
    #[inline(always)]
    fn at(&self, lane: usize, g: F, x: F) -> F {
        self.p[lane] * g - self.q[lane] * (x - self.center[lane]) + self.u[lane]
    }

    /// Turns `dy` into `dx`, or writes `dx` beside it.
    pub(super) fn write(
        &self,
        x: &ArrayView3<'_, F>,
        dy: &mut ArrayViewMut3<'_, F>,
        mask: &Mask<'_, F>,
        mut beside: Option<ArrayViewMut3<'_, F>>,
    ) {
        let zero = F::zero();
        simd::vectorized(
            #[inline(always)]
            || {
                let line = *self;
                for (sample, mut dy) in dy.outer_iter_mut().enumerate() {
                    let x = x.index_axis(Axis(0), sample);
                    let (x, dy) = (x.to_slice().expect(SLICE), dy.as_slice_mut().expect(SLICE));
                    match (&mut beside, mask) {
                        (Some(dx), _) => {
                            let mut dx = dx.index_axis_mut(Axis(0), sample);
                            write(
                                dx.as_slice_mut().expect(SLICE),
                                x,
                                dy,
                                #[inline(always)]
                                |lane, _, x, g| line.at(lane, g, x),
                            );
                        }
                        (None, Mask::Again(slope, shift)) => {
                            let (slope, shift) = (*slope, *shift);
                            write(
                                dy,
                                x,
                                x,
                                #[inline(always)]
                                |lane, dy, x, _| {
                                    let z = (x - line.center[lane]) * slope[lane] + shift[lane];
                                    line.at(lane, if z > zero { dy } else { zero }, x)
                                },
                            );
                        }
                        (None, _) => write(
                            dy,
                            x,
                            x,
                            #[inline(always)]
                            |lane, g, x, _| line.at(lane, g, x),
                        ),
                    }
                }
            },
        );
    }
}

/// The coefficients of a channel's gradient, from its sums.
///
/// ```text
/// with statistics of the batch:   p = w r,  q = p r² Σ g (x − m) / n,  u = −p Σ g / n + q (m − c)
/// with given ones:                p = w r,  q = u = 0
/// ```
pub(super) fn coefficients<F: Real>(
    all: &Channels,
    of_batch: bool,
    (slope, scale, rest): (F, F, F),
    [sum, inner]: [F; 2],
) -> [F; 3] {
    if !of_batch {
        return [slope, F::zero(), F::zero()];
    }
    let n = F::from_f64(all.values() as f64);
    let q = slope * scale * scale * inner / n;
    [slope, q, q * rest - slope * sum / n]
}
