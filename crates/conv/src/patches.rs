//! The patches under a moving window, gathered into the rows of a matrix, and the adjoint of that.
//!
//! Row `(c, k)` of the matrix holds what number `k` of the window sees of channel `c` as the window moves: the channel itself,
//! shifted, with zeros where the window hangs over the edge. A convolution is then one matrix product.
//!
//! ```text
//! one row of an image, kernel 3, padding 1        patches (im2col)
//!
//!    a b c d                                      k=0   0 a b c
//!                                                 k=1   a b c d
//!                                                 k=2   b c d 0
//! ```
//!
//! The adjoint adds each number of the matrix to the place that it came from (col2im).
//!
//! # References
//! K. Chellapilla, S. Puri, P. Simard, *High performance convolutional neural networks for document processing*, 2006.

use crate::geometry::{Axis, Reach};
use gradus_linalg::Real;
use gradus_linalg::simd::vectorized;
use std::ops::Range;

/// One number of a window, and where it lies over the input.
pub(crate) struct Tap {
    /// Its reach along each axis.
    reaches: Vec<Reach>,
    /// What it sees along the last two axes, if that is one run.
    run: Option<Run>,
}

/// Every number of a window, in row-major order.
pub(crate) fn taps(axes: &[Axis]) -> Vec<Tap> {
    let mut taps = Vec::new();
    let mut numbers = vec![0; axes.len()];
    for _ in 0..volume(axes, |axis| axis.kernel_size) {
        let reaches: Vec<Reach> = axes.iter().zip(&numbers).map(|(axis, &k)| axis.reach(k)).collect();
        taps.push(Tap { run: Run::of(axes, &reaches), reaches });
        for (k, axis) in numbers.iter_mut().zip(axes).rev() {
            *k += 1;
            if *k < axis.kernel_size {
                break;
            }
            *k = 0;
        }
    }
    taps
}

/// Writes what a number of the window sees of `plane` at each of its places.
pub(crate) fn gather<F: Real>(axes: &[Axis], tap: &Tap, plane: &[F], seen: &mut [F]) {
    gather_along(axes, &tap.reaches, tap.run.as_ref(), plane, seen);
}

fn gather_along<F: Real>(axes: &[Axis], reaches: &[Reach], run: Option<&Run>, plane: &[F], seen: &mut [F]) {
    let ([axis, inner_axes @ ..], [reach, inner_reaches @ ..]) = (axes, reaches) else {
        return seen.copy_from_slice(plane); // no axes: one number
    };
    let &Reach { start, end, first } = reach;
    let (size, out) = (volume(inner_axes, |axis| axis.size), volume(inner_axes, |axis| axis.out));
    seen[..start * out].fill(F::zero());
    seen[end * out..].fill(F::zero());
    match (run, inner_axes) {
        (_, []) if axis.stride == 1 => seen[start..end].copy_from_slice(&plane[first..][..end - start]),
        (_, []) => {
            let moved = plane[first..].iter().step_by(axis.stride);
            moved.zip(&mut seen[start..end]).for_each(|(&x, seen)| *seen = x);
        }
        (Some(run), [_]) => {
            seen[run.places.clone()].copy_from_slice(&plane[run.positions.clone()]);
            run.clear_edges(&mut seen[start * out..end * out]);
        }
        _ => {
            for (o, seen) in seen[start * out..end * out].chunks_exact_mut(out).enumerate() {
                let plane = &plane[(first + o * axis.stride) * size..][..size];
                gather_along(inner_axes, inner_reaches, run, plane, seen);
            }
        }
    }
}

/// The adjoint of [`gather`]: adds each number to the place of `plane` that it would be gathered from. Uses `seen` up.
pub(crate) fn scatter<F: Real>(axes: &[Axis], tap: &Tap, seen: &mut [F], plane: &mut [F]) {
    scatter_along(axes, &tap.reaches, tap.run.as_ref(), seen, plane);
}

fn scatter_along<F: Real>(axes: &[Axis], reaches: &[Reach], run: Option<&Run>, seen: &mut [F], plane: &mut [F]) {
    let ([axis, inner_axes @ ..], [reach, inner_reaches @ ..]) = (axes, reaches) else {
        return add(plane, seen);
    };
    let &Reach { start, end, first } = reach;
    let (size, out) = (volume(inner_axes, |axis| axis.size), volume(inner_axes, |axis| axis.out));
    match (run, inner_axes) {
        (_, []) if axis.stride == 1 => add(&mut plane[first..][..end - start], &seen[start..end]),
        (_, []) => {
            let moved = plane[first..].iter_mut().step_by(axis.stride);
            moved.zip(&seen[start..end]).for_each(|(x, &seen)| *x += seen);
        }
        (Some(run), [_]) => {
            run.clear_edges(&mut seen[start * out..end * out]);
            add(&mut plane[run.positions.clone()], &seen[run.places.clone()]);
        }
        _ => {
            for (o, seen) in seen[start * out..end * out].chunks_exact_mut(out).enumerate() {
                let plane = &mut plane[(first + o * axis.stride) * size..][..size];
                scatter_along(inner_axes, inner_reaches, run, seen, plane);
            }
        }
    }
}

/// The product of one of the sizes over some axes.
pub(crate) fn volume(axes: &[Axis], size: impl Fn(&Axis) -> usize) -> usize {
    axes.iter().map(size).product()
}

fn add<F: Real>(sum: &mut [F], terms: &[F]) {
    vectorized(
        #[inline(always)]
        || sum.iter_mut().zip(terms).for_each(|(sum, &term)| *sum += term),
    );
}

/// What a number of the window sees along the last two axes, if the window moves in steps of 1 and the result is as wide as
/// the input: the plane itself, shifted, in one run. Only what the shift carries from the end of one row into the next
/// must be cleared.
struct Run {
    /// The run among the places of the window.
    places: Range<usize>,
    /// The run among the positions of the plane.
    positions: Range<usize>,
    /// The places of a row that lie over the input, and those of the whole row.
    columns: Range<usize>,
    width: usize,
}

impl Run {
    fn of(axes: &[Axis], reaches: &[Reach]) -> Option<Self> {
        let ([.., row, column], [.., rows, columns]) = (axes, reaches) else { return None };
        let shifted = row.stride == 1 && column.stride == 1 && column.out == column.size;
        if !shifted || rows.start == rows.end || columns.start == columns.end {
            return None;
        }
        let width = column.out;
        let len = (rows.end - rows.start - 1) * width + columns.end - columns.start;
        let place = rows.start * width + columns.start;
        let position = rows.first * width + columns.first;
        let (places, positions) = (place..place + len, position..position + len);
        Some(Self { places, positions, columns: columns.start..columns.end, width })
    }

    /// Clears the ends of the rows, which lie over padding.
    fn clear_edges<F: Real>(&self, rows: &mut [F]) {
        for column in (0..self.columns.start).chain(self.columns.end..self.width) {
            rows[column..].iter_mut().step_by(self.width).for_each(|x| *x = F::zero());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Geometry;

    #[test]
    fn the_picture_above_is_right() {
        let axes = Geometry::<1>::new(3).padding(1).axes("test", &[4]).unwrap();
        let image = [1.0, 2.0, 3.0, 4.0];
        let mut rows = [[9.0; 4]; 3];
        for (tap, row) in taps(&axes).iter().zip(&mut rows) {
            gather(&axes, tap, &image, row);
        }
        assert_eq!(rows, [[0.0, 1.0, 2.0, 3.0], [1.0, 2.0, 3.0, 4.0], [2.0, 3.0, 4.0, 0.0]]);
        let mut sums = [0.0; 4];
        for (tap, row) in taps(&axes).iter().zip(&mut rows) {
            scatter(&axes, tap, row, &mut sums);
        }
        assert_eq!(sums, [2.0, 6.0, 9.0, 8.0]); // each as often as a window sees it
    }

    #[test]
    fn a_shifted_plane_does_not_wrap_around() {
        let axes = Geometry::<2>::new(3).padding(1).axes("test", &[2, 3]).unwrap();
        let plane = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
        let mut seen = [9.0; 6];
        gather(&axes, &taps(&axes)[0], &plane, &mut seen);
        assert_eq!(seen, [0.0, 0.0, 0.0, 0.0, 1.0, 2.0]);
        gather(&axes, &taps(&axes)[5], &plane, &mut seen);
        assert_eq!(seen, [2.0, 3.0, 0.0, 5.0, 6.0, 0.0]);
    }
}
