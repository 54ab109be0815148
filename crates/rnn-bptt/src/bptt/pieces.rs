//! The backward sweep in pieces.
//!
//! The gradients of the weights are sums over all steps, but need not wait for all of them: a piece of the sweep leaves as much `δ` as stays
//! in the cache, and while it is there its share of the sums is taken. A step of a long sequence then costs little more than one of a short one.

use super::Order;
use super::arrays::flat;
use super::bands::{at, in_bands};
use super::order::Piece;
use gradus_autograd::Real;
use ndarray::Array3;
use std::ops::Range;

/// Numbers from one row of gates to the next. Rows at distances of whole pages fall on the same few places of every cache, and push one
/// another out of it where a product reads many at once; a cache line more, of zeros, spreads them.
pub(super) fn line<F: Real>(width: usize) -> usize {
    const FAR_APART: usize = 2048;
    const CACHE_LINE: usize = 64;
    let bytes = width * size_of::<F>();
    if bytes > 0 && bytes.is_multiple_of(FAR_APART) { width + CACHE_LINE / size_of::<F>() } else { width }
}

/// How many steps make a piece, of sequences each of which has `width` numbers of `δ` to a step.
pub(super) fn steps_of_piece<F: Real>(batch: usize, width: usize) -> usize {
    /// Bytes of `δ`: half of a second-level cache.
    const NEAR: usize = 1 << 20;
    /// Rows of `δ`, at least: as many terms as a product sums at once. Of fewer, the weights' gradients would be read and written more often.
    const ROWS: usize = 1024;
    let rows = (NEAR / (width * size_of::<F>()).max(1)).max(ROWS);
    rows.div_ceil(batch.max(1))
}

/// A band's rows of `δ`, or of what becomes `δ`, at the steps of a piece.
pub(super) struct Part<'a, F> {
    first: usize,
    steps: Vec<&'a mut [F]>,
    /// Those of the step after the piece, which are known.
    after: Option<&'a [F]>,
}

impl<F> Part<'_, F> {
    /// The rows of a step, and those of the step that comes after it.
    pub(super) fn step_and_after(&mut self, t: usize, order: &Order) -> (&mut [F], Option<&[F]>) {
        let now = t - self.first;
        let after = order.after(t).and_then(|after| after.checked_sub(self.first));
        match after.filter(|&after| after < self.steps.len()) {
            Some(after) => {
                let [now, after] = self.steps.get_disjoint_mut([now, after]).expect("two different steps");
                (now, Some(after))
            }
            None => (self.steps[now], self.after),
        }
    }
}

/// The parts of each band of an array `(T, N, width)` at the steps of a piece.
pub(super) fn parts<'a, F: Real>(
    array: &'a mut Array3<F>,
    bands: &[Range<usize>],
    (piece, order): (&Piece, &Order),
) -> Vec<Part<'a, F>> {
    let ((_, batch, width), times) = (array.dim(), &piece.times);
    let step = batch * width;
    let (earlier, rest) = flat(array).split_at_mut(times.start * step);
    let (own, later) = rest.split_at_mut(times.len() * step);
    let after = match order.after(piece.last()) {
        Some(after) if after < times.start => Some(&earlier[after * step..]),
        Some(_) => Some(&later[..step]),
        None => None,
    };
    let steps = in_bands(own, bands, (times.len(), width));
    let part = |(rows, steps): (&Range<usize>, _)| {
        let after = after.map(|after| at(after, 0, batch, rows, width));
        Part { first: times.start, steps, after }
    };
    bands.iter().zip(steps).map(part).collect()
}
