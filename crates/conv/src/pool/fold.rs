//! What is under each window made one number: its maximum, or its sum.
//!
//! Such a fold over a window is a fold along one axis of folds along the others. Each channel is folded along its last axis first, so that the
//! numbers of a window are met in row-major order: `m` windows of `k × k` numbers take about `2 k m` steps instead of `k² m`, and what
//! lies between is small enough to stay in cache.

use super::code::Code;
use super::windows::{Plan, Span, Windows};
use gradus_linalg::{Real, memory};
use std::ops::Range;

/// Runs a body for blocks of a row of few constant lengths, so that short rows are vectorized, too: `at` is where a block begins, `LEN` a constant. The
/// last block overlaps the one before it, so a place may be written twice.
macro_rules! blockwise {
    ($width:expr, |$at:ident, $LEN:ident| $body:block) => {
        blockwise!(@ $width, $at, $LEN, $body, 8 4 1)
    };
    (@ $width:expr, $at:ident, $LEN:ident, $body:block, $($len:literal)+) => {
        match $width {
            $(width if width >= $len => {
                const $LEN: usize = $len;
                for block in 0..width.div_ceil($LEN) {
                    let $at = (block * $LEN).min(width - $LEN);
                    $body
                }
            })+
            _ => {}
        }
    };
}
pub(super) use blockwise;

/// How two numbers become one.
pub(super) trait Rule: Copy {
    /// The number that is left of `y` and the later `x`, and whether it is `x`.
    fn fold<F: Real>(y: F, x: F) -> (F, bool);
}

/// The larger one. Of equal numbers the first is the maximum; a NaN is larger than any number, and of two of them the last one counts.
#[derive(Debug, Clone, Copy)]
pub(super) struct Largest;

impl Rule for Largest {
    #[inline(always)]
    fn fold<F: Real>(y: F, x: F) -> (F, bool) {
        let wins = (x > y) | x.is_nan();
        (if wins { x } else { y }, wins)
    }
}

/// The sum.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sum;

impl Rule for Sum {
    #[inline(always)]
    fn fold<F: Real>(y: F, x: F) -> (F, bool) {
        (y + x, false)
    }
}

/// A channel between two axes.
pub(super) struct Stage<F, C> {
    pub(super) values: Vec<F>,
    pub(super) codes: Vec<C>,
}

/// What a channel is on its way: folded along its last axis, its last two, and so on, but not along its first.
pub(super) struct Stages<F: Real, C>(pub(super) Vec<Stage<F, C>>);

impl<F: Real, C: Code> Stages<F, C> {
    pub(super) fn new(plan: &Plan) -> Self {
        let stage = |i: usize| {
            let (left, done) = plan.axes.split_at(i);
            let len = Plan::volume(left, |axis| axis.size) * Plan::volume(done, |axis| axis.out);
            Stage { values: memory::take(len), codes: vec![C::default(); len] }
        };
        Self((1..plan.axes.len()).rev().map(stage).collect())
    }
}

impl<F: Real, C> Drop for Stages<F, C> {
    fn drop(&mut self) {
        self.0.drain(..).for_each(
            #[inline(always)]
            |stage| memory::give(stage.values),
        );
    }
}

impl Plan {
    /// Folds one channel. To be called inside `vectorized`.
    #[inline(always)]
    pub(super) fn fold<F: Real, R: Rule, C: Code>(
        &self,
        x: &[F],
        y: &mut [F],
        codes: &mut [C],
        stages: &mut Stages<F, C>,
    ) {
        let Some((last, outer)) = self.axes.split_last() else { return };
        let Some((first, others)) = stages.0.split_first_mut() else { return fold_last::<F, R, C>(last, x, y, codes) };
        fold_last::<F, R, C>(last, x, &mut first.values, &mut first.codes);
        let mut from = &*first;
        for (i, stage) in (1..outer.len()).rev().zip(others) {
            self.fold_rows::<F, R, C>(i, from, &mut stage.values, &mut stage.codes);
            from = stage;
        }
        self.fold_rows::<F, R, C>(0, from, y, codes);
    }

    /// Folds along an axis other than the last: rows of the axes inside, which have been folded, become one.
    #[inline(always)]
    fn fold_rows<F: Real, R: Rule, C: Code>(&self, i: usize, from: &Stage<F, C>, y: &mut [F], to: &mut [C]) {
        let (axis, inner) = (&self.axes[i], &self.axes[i + 1..]);
        let unit = C::unit(inner);
        let width = Plan::volume(inner, |axis| axis.out);
        let places = axis.out * width;
        let blocks = y.chunks_exact_mut(places).zip(to.chunks_exact_mut(places)).enumerate();
        for (block, (y, to)) in blocks {
            let rows = y.chunks_exact_mut(width).zip(to.chunks_exact_mut(width)).zip(&axis.spans);
            for ((y, to), span) in rows {
                blockwise!(width, |at, LEN| {
                    // What is left so far stays in registers until all rows have been met.
                    let first = block * axis.size * width + at;
                    let position = axis.position(span, span.start);
                    let mut value: [F; LEN] = part(&from.values, first + position * width);
                    let mut winner: [C; LEN] = part(&from.codes, first + position * width);
                    let term = C::term(unit, span.start, position);
                    for winner in &mut winner {
                        *winner = winner.plus(term);
                    }
                    for k in span.start + 1..span.end {
                        let position = axis.position(span, k);
                        let x: [F; LEN] = part(&from.values, first + position * width);
                        let codes: [C; LEN] = part(&from.codes, first + position * width);
                        let term = C::term(unit, k, position);
                        for i in 0..LEN {
                            let (left, wins) = R::fold(value[i], x[i]);
                            value[i] = left;
                            winner[i] = if wins { codes[i].plus(term) } else { winner[i] };
                        }
                    }
                    y[at..][..LEN].copy_from_slice(&value);
                    to[at..][..LEN].copy_from_slice(&winner);
                });
            }
        }
    }
}

/// Folds along the last axis, whose numbers lie side by side.
#[inline(always)]
fn fold_last<F: Real, R: Rule, C: Code>(axis: &Windows, x: &[F], y: &mut [F], to: &mut [C]) {
    // All rows are one where the windows move from the end of one to the begin of the next.
    let seamless = |stride: usize| !C::POSITIONS && axis.size == axis.out * stride;
    if axis.halves {
        let (size, out) = if seamless(2) { (x.len(), y.len()) } else { (axis.size, axis.out) };
        let rows = x.chunks_exact(size).zip(y.chunks_exact_mut(out).zip(to.chunks_exact_mut(out)));
        for (x, (y, to)) in rows {
            let pairs = &x.as_chunks::<2>().0[..y.len()];
            let to = &mut to[..y.len()];
            for o in 0..y.len() {
                let (value, wins) = R::fold(pairs[o][0], pairs[o][1]);
                y[o] = value;
                to[o] = if wins { C::term(1, 1, 2 * o + 1) } else { C::term(1, 0, 2 * o) };
            }
        }
        return;
    }
    let rows = x.chunks_exact(axis.size).zip(y.chunks_exact_mut(axis.out).zip(to.chunks_exact_mut(axis.out)));
    for (x, (y, to)) in rows {
        let Range { start, end } = axis.inner.clone();
        for o in (0..start).chain(end..axis.out) {
            [(y[o], to[o])] = fold_places::<1, F, R, C>(axis, 1, x, o);
        }
        // The usual strides are constants, for numbers to be loaded side by side.
        macro_rules! inner {
            ($stride:expr) => {
                blockwise!(end - start, |at, LEN| {
                    let places = start + at..start + at + LEN;
                    let folds = fold_places::<LEN, F, R, C>(axis, $stride, x, places.start);
                    let places = y[places.clone()].iter_mut().zip(&mut to[places]);
                    for ((y, to), (value, winner)) in places.zip(folds) {
                        (*y, *to) = (value, winner);
                    }
                })
            };
        }
        match axis.stride {
            1 => inner!(1),
            2 => inner!(2),
            stride => inner!(stride),
        }
    }
}

/// Folds the windows of `LEN` places from `o` on, which see the same numbers of the window.
#[inline(always)]
fn fold_places<const LEN: usize, F: Real, R: Rule, C: Code>(
    axis: &Windows,
    stride: usize,
    x: &[F],
    o: usize,
) -> [(F, C); LEN] {
    let span = &axis.spans[o];
    let (mut value, mut winner) = see::<LEN, F, C>(axis, stride, x, span, span.start);
    for k in span.start + 1..span.end {
        let (x, terms): (_, [C; LEN]) = see(axis, stride, x, span, k);
        for i in 0..LEN {
            let (left, wins) = R::fold(value[i], x[i]);
            value[i] = left;
            winner[i] = if wins { terms[i] } else { winner[i] };
        }
    }
    std::array::from_fn(
        #[inline(always)]
        |i| (value[i], winner[i]),
    )
}

/// Number `k` of `LEN` windows, the first of which is `span`, and what to remember it by.
#[inline(always)]
fn see<const LEN: usize, F: Real, C: Code>(
    axis: &Windows,
    stride: usize,
    x: &[F],
    span: &Span,
    k: usize,
) -> ([F; LEN], [C; LEN]) {
    let position = axis.position(span, k);
    let seen = &x[position..][..(LEN - 1) * stride + 1];
    let terms = std::array::from_fn(
        #[inline(always)]
        |i| C::term(1, k, position + i * stride),
    );
    (
        std::array::from_fn(
            #[inline(always)]
            |i| seen[i * stride],
        ),
        terms,
    )
}

/// `LEN` numbers from a position on.
#[inline(always)]
pub(super) fn part<const LEN: usize, T: Copy>(x: &[T], at: usize) -> [T; LEN] {
    *x[at..].first_chunk().expect("a block lies in its row")
}
