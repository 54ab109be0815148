//! From the winners of the windows back to where they stood.

use super::code::Code;
use super::fold::{Stages, blockwise, part};
use super::spread::put;
use super::windows::{Plan, Windows};
use gradus_linalg::Real;
use gradus_linalg::parallel::for_each_band;
use gradus_linalg::simd::vectorized;

/// A code that leads back to the winner.
pub(super) trait Winner: Code {
    /// `dx ← Σ dy at the winner of each window + β dx`.
    fn backward<F: Real>(plan: &Plan, codes: &[Self], dy: &[F], beta: F, dx: &mut [F]);
    /// The positions of the winners in their channels.
    fn positions(plan: &Plan, codes: &[Self]) -> Vec<usize>;
}

impl Winner for u8 {
    fn backward<F: Real>(plan: &Plan, codes: &[Self], dy: &[F], beta: F, dx: &mut [F]) {
        if plan.axes.iter().all(|axis| axis.halves) {
            return halves(plan, codes, dy, beta, dx);
        }
        let way = Way::new(plan);
        scatter(
            plan,
            codes,
            dy,
            beta,
            dx,
            #[inline(always)]
            |place, code| way.position(place, code),
        );
    }

    fn positions(plan: &Plan, codes: &[Self]) -> Vec<usize> {
        let way = Way::new(plan);
        let places = (0..plan.places).cycle();
        places.zip(codes).map(|(place, &code)| way.position(place, code)).collect()
    }
}

impl Winner for u32 {
    fn backward<F: Real>(plan: &Plan, codes: &[Self], dy: &[F], beta: F, dx: &mut [F]) {
        scatter(
            plan,
            codes,
            dy,
            beta,
            dx,
            #[inline(always)]
            |_, code| code as usize,
        );
    }

    fn positions(_: &Plan, codes: &[Self]) -> Vec<usize> {
        codes.iter().map(|&code| code as usize).collect()
    }
}

/// The way from a window's number to a position: `position = origin of the window + offset of the number`. Where the origin lies over padding
/// the sum wraps around, and back.
struct Way {
    origins: Vec<u32>,
    offsets: Vec<u32>,
}

impl Way {
    fn new(plan: &Plan) -> Self {
        let sums = |along: &dyn Fn(&Windows) -> Vec<u32>| {
            plan.axes.iter().fold(vec![0_u32], |sums, axis| {
                let along = along(axis);
                let size = axis.size as u32; // a channel has fewer positions than a `u32` counts
                let sum =
                    |&sum: &u32| along.iter().map(move |&n| sum.wrapping_mul(size).wrapping_add(n)).collect::<Vec<_>>();
                sums.iter().flat_map(sum).collect()
            })
        };
        Self {
            origins: sums(&|axis| axis.spans.iter().map(|span| span.origin as u32).collect()),
            offsets: sums(&|axis| (0..axis.taps).map(|k| (k as u32).wrapping_mul(axis.step as u32)).collect()),
        }
    }

    #[inline(always)]
    fn position(&self, place: usize, code: u8) -> usize {
        self.origins[place].wrapping_add(self.offsets[usize::from(code)]) as usize
    }
}

/// Adds each cotangent to the position of its winner, channel by channel, so that what is cleared first is in cache when it is added to.
fn scatter<F: Real, C: Code>(
    plan: &Plan,
    codes: &[C],
    dy: &[F],
    beta: F,
    dx: &mut [F],
    position: impl Fn(usize, C) -> usize + Sync,
) {
    for_each_band(dx, &mut vec![(); plan.channels], [plan.pixels, 1], |first, dx, _| {
        let channels = dy[first * plan.places..]
            .chunks_exact(plan.places)
            .zip(codes[first * plan.places..].chunks_exact(plan.places));
        for (dx, (dy, codes)) in dx.chunks_exact_mut(plan.pixels).zip(channels) {
            if beta == F::zero() {
                dx.fill(F::zero());
            }
            for (place, (&dy, &code)) in dy.iter().zip(codes).enumerate() {
                dx[position(place, code)] += dy;
            }
        }
    });
}

/// The same where windows are pairs along every axis: no two share a number, so `dx` is written once, and in order.
fn halves<F: Real>(plan: &Plan, codes: &[u8], dy: &[F], beta: F, dx: &mut [F]) {
    for_each_band(dx, &mut vec![(); plan.channels], [plan.pixels, 1], |first, dx, _| {
        let mut stages = Stages::<F, u8>::new(plan);
        let channels = dy[first * plan.places..]
            .chunks_exact(plan.places)
            .zip(codes[first * plan.places..].chunks_exact(plan.places));
        vectorized(
            #[inline(always)]
            || {
                for (dx, (dy, codes)) in dx.chunks_exact_mut(plan.pixels).zip(channels) {
                    let mut from = (dy, codes);
                    for (i, stage) in stages.0.iter_mut().rev().enumerate() {
                        part_rows(plan, i, from, &mut stage.values, &mut stage.codes);
                        from = (&stage.values, &stage.codes);
                    }
                    if let Some(last) = plan.axes.last() {
                        part_pairs(last, from, beta, dx);
                    }
                }
            },
        );
    });
}

/// Each row becomes two: one has the cotangents whose winner was in it, the other the rest, and zeros elsewhere. Codes are kept: those of
/// zeros do no harm, and of the others only the terms of the axes inside are looked at.
#[inline(always)]
fn part_rows<F: Real>(plan: &Plan, i: usize, (dy, codes): (&[F], &[u8]), dx: &mut [F], to: &mut [u8]) {
    let (axis, inner) = (&plan.axes[i], &plan.axes[i + 1..]);
    let bit = u8::unit(inner) as u8;
    let width = Plan::volume(inner, |axis| axis.out);
    let blocks = dx.chunks_exact_mut(axis.size * width).zip(to.chunks_exact_mut(axis.size * width));
    let whole = dy.chunks_exact(axis.out * width).zip(codes.chunks_exact(axis.out * width));
    for ((dx, to), (dy, codes)) in blocks.zip(whole) {
        let rows = dx.chunks_exact_mut(2 * width).zip(to.chunks_exact_mut(2 * width));
        for ((dx, to), (dy, codes)) in rows.zip(dy.chunks_exact(width).zip(codes.chunks_exact(width))) {
            let ((dx0, dx1), (to0, to1)) = (dx.split_at_mut(width), to.split_at_mut(width));
            blockwise!(width, |at, LEN| {
                let (dy, codes): ([F; LEN], [u8; LEN]) = (part(dy, at), part(codes, at));
                let (mut first, mut second) = ([F::ZERO; LEN], [F::ZERO; LEN]);
                for i in 0..LEN {
                    let later = codes[i] & bit != 0;
                    first[i] = if later { F::ZERO } else { dy[i] };
                    second[i] = if later { dy[i] } else { F::ZERO };
                }
                dx0[at..][..LEN].copy_from_slice(&first);
                dx1[at..][..LEN].copy_from_slice(&second);
                to0[at..][..LEN].copy_from_slice(&codes);
                to1[at..][..LEN].copy_from_slice(&codes);
            });
        }
        dx[2 * axis.out * width..].fill(F::zero()); // a last row that no window sees
        to[2 * axis.out * width..].fill(0);
    }
}

/// The last axis, whose rows lie between one another.
#[inline(always)]
fn part_pairs<F: Real>(axis: &Windows, (dy, codes): (&[F], &[u8]), beta: F, dx: &mut [F]) {
    let (size, out) = if axis.size == 2 * axis.out { (dx.len(), dy.len()) } else { (axis.size, axis.out) };
    for (dx, (dy, codes)) in dx.chunks_exact_mut(size).zip(dy.chunks_exact(out).zip(codes.chunks_exact(out))) {
        put(
            beta,
            dx.as_chunks_mut::<2>().0,
            out,
            #[inline(always)]
            |o| {
                let second = codes[o] & 1 != 0;
                [if second { F::ZERO } else { dy[o] }, if second { dy[o] } else { F::ZERO }]
            },
        );
        if beta == F::zero() {
            dx[2 * out..].fill(F::zero());
        }
    }
}
