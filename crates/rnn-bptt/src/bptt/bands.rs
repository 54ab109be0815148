//! Sequences of a batch for different threads.
//!
//! The steps of a sequence wait for one another, the sequences of a batch do not: each thread takes some of them through all
//! steps, and meets the others at the end only. As no number depends on what other sequences there are, the
//! result has the same bits for any number of threads.

use gradus_autograd::{Real, Value};
use gradus_linalg::parallel;
use std::ops::Range;

/// The sequences of each thread.
pub(super) fn bands(batch: usize, divides: bool) -> Vec<Range<usize>> {
    /// Sequences that are worth reading the weights once more.
    const FEWEST: usize = 4;
    let bands = if divides { parallel::threads().min(batch / FEWEST).max(1) } else { 1 };
    let (each, more) = (batch / bands, batch % bands);
    let mut end = 0;
    let next = |band: usize| {
        let start = end;
        end += each + usize::from(band < more);
        start..end
    };
    (0..bands).map(next).collect()
}

/// An array `(steps, batch, width)` in parts: of each band, of each step, its rows.
pub(super) fn in_bands<'a, F>(
    array: &'a mut [F],
    bands: &[Range<usize>],
    (steps, width): (usize, usize),
) -> Vec<Vec<&'a mut [F]>> {
    let mut parts: Vec<_> = bands.iter().map(|_| Vec::with_capacity(steps)).collect();
    let mut left = array;
    for _ in 0..steps {
        for (rows, part) in bands.iter().zip(&mut parts) {
            let (own, others) = left.split_at_mut(rows.len() * width);
            part.push(own);
            left = others;
        }
    }
    parts
}

/// Of each band its rows of an array `(N, width)`.
pub(super) fn rows_in_bands<'a, F: Real>(
    array: &'a mut Value<F>,
    bands: &[Range<usize>],
) -> impl Iterator<Item = &'a mut [F]> {
    let width = array.shape()[1];
    let array = array.as_slice_mut().expect("fresh memory is row-major");
    in_bands(array, bands, (1, width)).into_iter().flatten()
}

/// The rows of a band, at one step of an array `(steps, batch, width)`.
pub(super) fn at<'a, F>(array: &'a [F], t: usize, batch: usize, rows: &Range<usize>, width: usize) -> &'a [F] {
    &array[(t * batch + rows.start) * width..(t * batch + rows.end) * width]
}
