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

/// Goes on to the next number of a window in row-major order; after the last comes the first.
pub(crate) fn next_tap(axes: &[Axis], tap: &mut [usize]) {
    for (k, axis) in tap.iter_mut().zip(axes).rev() {
        *k += 1;
        if *k < axis.kernel_size {
            return;
        }
        *k = 0;
    }
}

/// Writes what number `tap` of the window sees of `plane` at each of its places.
pub(crate) fn gather<F: Real>(axes: &[Axis], tap: &[usize], plane: &[F], seen: &mut [F]) {
    let ([axis, inner_axes @ ..], [k, inner_tap @ ..]) = (axes, tap) else {
        return seen.copy_from_slice(plane); // no axes: one number
    };
    let Reach { start, end, first } = axis.reach(*k);
    if inner_axes.is_empty() {
        seen[..start].fill(F::zero());
        seen[end..].fill(F::zero());
        let seen = &mut seen[start..end];
        if axis.stride == 1 {
            seen.copy_from_slice(&plane[first..][..end - start]);
        } else {
            plane[first..].iter().step_by(axis.stride).zip(seen).for_each(|(&x, seen)| *seen = x);
        }
        return;
    }
    let (size, out) = (volume(inner_axes, |axis| axis.size), volume(inner_axes, |axis| axis.out));
    seen[..start * out].fill(F::zero());
    seen[end * out..].fill(F::zero());
    if let Some(run) = Run::of(axes, tap) {
        seen[run.places()].copy_from_slice(&plane[run.positions()]);
        run.clear_edges(seen);
        return;
    }
    for o in 0..end - start {
        let plane = &plane[(first + o * axis.stride) * size..][..size];
        gather(inner_axes, inner_tap, plane, &mut seen[(start + o) * out..][..out]);
    }
}

/// The adjoint of [`gather`]: adds each number to the place of `plane` that it would be gathered from. Uses `seen` up.
pub(crate) fn scatter<F: Real>(axes: &[Axis], tap: &[usize], seen: &mut [F], plane: &mut [F]) {
    let ([axis, inner_axes @ ..], [k, inner_tap @ ..]) = (axes, tap) else {
        return add(plane, seen);
    };
    let Reach { start, end, first } = axis.reach(*k);
    if inner_axes.is_empty() {
        let seen = &seen[start..end];
        if axis.stride == 1 {
            add(&mut plane[first..][..end - start], seen);
        } else {
            plane[first..].iter_mut().step_by(axis.stride).zip(seen).for_each(|(x, &seen)| *x += seen);
        }
        return;
    }
    if let Some(run) = Run::of(axes, tap) {
        run.clear_edges(seen);
        return add(&mut plane[run.positions()], &seen[run.places()]);
    }
    let (size, out) = (volume(inner_axes, |axis| axis.size), volume(inner_axes, |axis| axis.out));
    for o in 0..end - start {
        let plane = &mut plane[(first + o * axis.stride) * size..][..size];
        scatter(inner_axes, inner_tap, &mut seen[(start + o) * out..][..out], plane);
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

/// Two axes along which a window moves in steps of 1, and the result is as wide as the input: what a number of the window
/// sees is then the plane itself, shifted, in one run. Only what the shift carries from the end of one row into the next
/// must be cleared.
struct Run {
    rows: Reach,
    columns: Reach,
    width: usize,
}

impl Run {
    fn of(axes: &[Axis], tap: &[usize]) -> Option<Self> {
        let ([row, column], [row_tap, column_tap]) = (axes, tap) else { return None };
        if row.stride != 1 || column.stride != 1 || column.out != column.size {
            return None;
        }
        let (rows, columns) = (row.reach(*row_tap), column.reach(*column_tap));
        let some = rows.start < rows.end && columns.start < columns.end;
        some.then_some(Self { rows, columns, width: column.out })
    }

    fn len(&self) -> usize {
        (self.rows.end - self.rows.start - 1) * self.width + self.columns.end - self.columns.start
    }

    /// The run among the places of the window.
    fn places(&self) -> std::ops::Range<usize> {
        let start = self.rows.start * self.width + self.columns.start;
        start..start + self.len()
    }

    /// The run among the positions of the plane.
    fn positions(&self) -> std::ops::Range<usize> {
        let start = self.rows.first * self.width + self.columns.first;
        start..start + self.len()
    }

    /// Clears the ends of the rows, which lie over padding.
    fn clear_edges<F: Real>(&self, seen: &mut [F]) {
        let rows = &mut seen[self.rows.start * self.width..self.rows.end * self.width];
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
        for (k, row) in rows.iter_mut().enumerate() {
            gather(&axes, &[k], &image, row);
        }
        assert_eq!(rows, [[0.0, 1.0, 2.0, 3.0], [1.0, 2.0, 3.0, 4.0], [2.0, 3.0, 4.0, 0.0]]);
        let mut sums = [0.0; 4];
        for (k, row) in rows.iter_mut().enumerate() {
            scatter(&axes, &[k], row, &mut sums);
        }
        assert_eq!(sums, [2.0, 6.0, 9.0, 8.0]); // each as often as a window sees it
    }

    #[test]
    fn a_shifted_plane_does_not_wrap_around() {
        let axes = Geometry::<2>::new(3).padding(1).axes("test", &[2, 3]).unwrap();
        let plane = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
        let mut seen = [9.0; 6];
        gather(&axes, &[0, 0], &plane, &mut seen);
        assert_eq!(seen, [0.0, 0.0, 0.0, 0.0, 1.0, 2.0]);
        gather(&axes, &[1, 2], &plane, &mut seen);
        assert_eq!(seen, [2.0, 3.0, 0.0, 5.0, 6.0, 0.0]);
    }
}
