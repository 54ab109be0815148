//! The adjoint of sums under windows: each window's number is added to all that it sees.

use super::fold::{Stages, blockwise, part};
use super::windows::{Plan, Windows};
use gradus_linalg::Real;

impl Plan {
    /// `dx ← Σ dy over the windows that see it + β dx`, in one channel. To be called inside `vectorized`.
    #[inline(always)]
    pub(super) fn spread<F: Real>(&self, dy: &[F], beta: F, dx: &mut [F], stages: &mut Stages<F, ()>) {
        let mut from = dy;
        for (i, stage) in stages.0.iter_mut().rev().enumerate() {
            self.spread_rows(i, from, &mut stage.values);
            from = &stage.values;
        }
        if let Some(last) = self.axes.last() {
            spread_last(last, from, beta, dx);
        }
    }

    /// Spreads along an axis other than the last: each row is added to the rows that its windows see.
    #[inline(always)]
    fn spread_rows<F: Real>(&self, i: usize, dy: &[F], dx: &mut [F]) {
        let (axis, inner) = (&self.axes[i], &self.axes[i + 1..]);
        let width = Self::volume(inner, |axis| axis.out);
        for (dx, dy) in dx.chunks_exact_mut(axis.size * width).zip(dy.chunks_exact(axis.out * width)) {
            let rows = dy.chunks_exact(width).zip(&axis.spans);
            if axis.halves {
                for (two, dy) in dx.chunks_exact_mut(2 * width).zip(dy.chunks_exact(width)) {
                    let (one, other) = two.split_at_mut(width);
                    blockwise!(width, |at, LEN| {
                        let dy: [F; LEN] = part(dy, at);
                        one[at..][..LEN].copy_from_slice(&dy);
                        other[at..][..LEN].copy_from_slice(&dy);
                    });
                }
                dx[2 * axis.out * width..].fill(F::zero());
                continue;
            }
            dx.fill(F::zero());
            for (dy, span) in rows {
                for k in span.start..span.end {
                    let dx = &mut dx[axis.position(span, k) * width..][..width];
                    dx.iter_mut().zip(dy).for_each(
                        #[inline(always)]
                        |(dx, &dy)| *dx += dy,
                    );
                }
            }
        }
    }
}

#[inline(always)]
fn spread_last<F: Real>(axis: &Windows, dy: &[F], beta: F, dx: &mut [F]) {
    if axis.halves {
        let (size, out) = if axis.size == 2 * axis.out { (dx.len(), dy.len()) } else { (axis.size, axis.out) };
        for (dx, dy) in dx.chunks_exact_mut(size).zip(dy.chunks_exact(out)) {
            put(
                beta,
                dx.as_chunks_mut::<2>().0,
                out,
                #[inline(always)]
                |o| [dy[o]; 2],
            );
            if beta == F::zero() {
                dx[2 * out..].fill(F::zero());
            }
        }
        return;
    }
    for (dx, dy) in dx.chunks_exact_mut(axis.size).zip(dy.chunks_exact(axis.out)) {
        if beta == F::zero() {
            dx.fill(F::zero());
        }
        match &axis.regular {
            // Few numbers of many windows, or many of few: the inner loop is the longer one.
            Some(regular) if axis.step > 1 || axis.taps < 8 => {
                for reach in (0..axis.taps).map(|k| regular.reach(k)).filter(|reach| reach.start < reach.end) {
                    let (dx, dy) = (&mut dx[reach.first..], &dy[reach.start..reach.end]);
                    if regular.stride == 1 {
                        dx.iter_mut().zip(dy).for_each(
                            #[inline(always)]
                            |(dx, &dy)| *dx += dy,
                        );
                    } else {
                        dx.iter_mut().step_by(regular.stride).zip(dy).for_each(
                            #[inline(always)]
                            |(dx, &dy)| *dx += dy,
                        );
                    }
                }
            }
            _ => {
                for (&dy, span) in dy.iter().zip(&axis.spans) {
                    for dx in &mut dx[axis.position(span, span.start)..][..span.end - span.start] {
                        *dx += dy;
                    }
                }
            }
        }
    }
}

/// Writes pairs where β is 0, and adds them where it is 1.
#[inline(always)]
pub(super) fn put<F: Real>(beta: F, dx: &mut [[F; 2]], n: usize, pair: impl Fn(usize) -> [F; 2]) {
    let places = dx[..n].iter_mut().enumerate();
    if beta == F::zero() {
        for (o, dx) in places {
            *dx = pair(o);
        }
    } else {
        for (o, dx) in places {
            let [a, b] = pair(o);
            *dx = [dx[0] + a, dx[1] + b];
        }
    }
}
