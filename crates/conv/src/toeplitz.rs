//! A convolution as the matrix that it is.

use crate::correlation::{check_parameters, name};
use crate::geometry::{Axis, Geometry};
use crate::patches::volume;
use crate::{Error, Result};
use gradus_autograd::Real;
use ndarray::{Array2, ArrayRef, Dimension};

/// The numbers that a matrix may have at most: 2²⁴, which are 64 MiB of `f32`.
const LIMIT: usize = 1 << 24;

/// The matrix `T` of a convolution, which is linear in its input: `vec(conv(x)) = T vec(x)`.
///
/// `vec` lists the numbers of one image in row-major order, `(C, …)`; a batch is `T` with each image. What lies where:
///
/// ```text
/// T[(o, p), (c, i)] = W[o, c, k]   if number k of the kernel lies over position i at place p:   i = p · stride + k · dilation − before
///                     0            otherwise
/// ```
///
/// Over one axis each channel makes a *Toeplitz* matrix, constant along its diagonals: each row is the row above, moved by the stride. Over two axes
/// it is a Toeplitz matrix whose entries are Toeplitz matrices, one for each row of the kernel, and so on:
///
/// ```text
/// kernel (a b c), size 4, padding 1           kernel (a b), size 3 × 3, in blocks A (of row a b) and C (of row c d)
///                                                    (c d)
///   b c · ·                                                                             a b ·               c d ·
///   a b c ·                                     A C ·                    where   A =    · a b    and   C =  · c d
///   · a b c                                     · A C
///   · · a b                                                    (no padding: two places along each axis)
/// ```
///
/// Padding cuts columns off on either side, a stride leaves rows out, a dilation spreads the diagonals apart. The transpose is the way back:
/// `Tᵀ vec(dy)` is [`input_gradient`](crate::input_gradient()), and [`conv_transpose`](crate::conv_transpose()) by definition. Nearly all of the matrix is zeros,
/// and the others repeat: a convolution is a linear layer with few weights, shared.
///
/// # Shapes
/// - `weight (out_channels, C / groups, …)`, the last `R` axes as in `geometry`
/// - result `(out_channels · places, C · pixels)`
///
/// # Examples
/// ```
/// use gradus_conv::{Geometry, ndarray::array, toeplitz};
/// let t = toeplitz(&array![[[1.0, 2.0, 3.0]]], &Geometry::<1>::new(3).padding(1), [4], 1)?;
/// assert_eq!(
///     t,
///     array![
///         [2.0, 3.0, 0.0, 0.0],
///         [1.0, 2.0, 3.0, 0.0],
///         [0.0, 1.0, 2.0, 3.0],
///         [0.0, 0.0, 1.0, 2.0],
///     ]
/// );
/// # Ok::<(), gradus_conv::Error>(())
/// ```
///
/// # Errors
/// [`Error::MatrixTooLarge`] beyond 2²⁴ numbers; otherwise as [`conv`](crate::conv()) of an input of this size.
///
/// # References
/// G. Golub, C. Van Loan, *Matrix computations*, 4th edition, 2013, section 4.7; I. Goodfellow, Y. Bengio, A. Courville, *Deep learning*, 2016,
/// <https://www.deeplearningbook.org>, section 9.1.
pub fn toeplitz<const R: usize, F: Real, D: Dimension>(
    weight: &ArrayRef<F, D>,
    geometry: &Geometry<R>,
    input_size: [usize; R],
    groups: usize,
) -> Result<Array2<F>> {
    check_parameters(geometry, weight.shape(), None, groups)?;
    let (out_channels, inputs) = (weight.shape()[0], weight.shape()[1]);
    let operation = name::<R>();
    let axes = geometry.axes(operation, &input_size)?;
    let sizes = |channels: usize, size: fn(&Axis) -> usize| -> Vec<usize> {
        std::iter::once(channels).chain(axes.iter().map(size)).collect()
    };
    let (result, input) =
        (sizes(out_channels, |axis| axis.out), sizes(inputs.saturating_mul(groups), |axis| axis.size));
    let product = |sizes: &[usize]| sizes.iter().fold(1_usize, |n, &size| n.saturating_mul(size));
    // Neither side alone may be beyond the limit, though the other be 0.
    let (rows, columns) = (product(&result), product(&input));
    if rows.max(1).saturating_mul(columns.max(1)) > LIMIT {
        return Err(Error::MatrixTooLarge { operation, result, input, rows, columns, limit: LIMIT });
    }

    let (places, pixels) = (volume(&axes, |axis| axis.out), volume(&axes, |axis| axis.size));
    let (outputs, met) = (out_channels / groups, meetings(&axes));
    let mut matrix = Array2::zeros((rows, columns));
    let weight = weight.as_standard_layout();
    let kernels = weight
        .as_slice()
        .expect("the array is in standard layout")
        .chunks_exact(volume(&axes, |axis| axis.kernel_size));
    for (pair, kernel) in kernels.enumerate() {
        let (o, channel) = (pair / inputs, pair % inputs);
        let c = o / outputs * inputs + channel;
        for &Meeting { place, number, pixel } in &met {
            matrix[[o * places + place, c * pixels + pixel]] = kernel[number];
        }
    }
    Ok(matrix)
}

/// At a place of the kernel, one of its numbers lies over a pixel. All three are counted in row-major order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Meeting {
    place: usize,
    number: usize,
    pixel: usize,
}

/// Every meeting: those along the first axis, with each of them those along the second, and so on.
fn meetings(axes: &[Axis]) -> Vec<Meeting> {
    let mut met = vec![Meeting { place: 0, number: 0, pixel: 0 }];
    for axis in axes {
        let along = meetings_along(axis);
        let with = |outer: &Meeting, inner: &Meeting| Meeting {
            place: outer.place * axis.out + inner.place,
            number: outer.number * axis.kernel_size + inner.number,
            pixel: outer.pixel * axis.size + inner.pixel,
        };
        met = met.iter().flat_map(|outer| along.iter().map(move |inner| with(outer, inner))).collect();
    }
    met
}

fn meetings_along(axis: &Axis) -> Vec<Meeting> {
    let of_number = |number: usize| {
        let reach = axis.reach(number);
        let pixel = move |place: usize| reach.first + (place - reach.start) * axis.stride;
        (reach.start..reach.end).map(move |place| Meeting { place, number, pixel: pixel(place) })
    };
    (0..axis.kernel_size).flat_map(of_number).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn the_blocks_of_two_axes_are_those_of_the_picture() {
        let weight = array![[[[1.0, 2.0], [3.0, 4.0]]]];
        let t = toeplitz(&weight, &Geometry::<2>::new(2), [3, 3], 1).unwrap();
        let a = array![[1.0, 2.0, 0.0], [0.0, 1.0, 2.0]];
        let c = array![[3.0, 4.0, 0.0], [0.0, 3.0, 4.0]];
        let mut expected = Array2::zeros((4, 9));
        for (block, row, column) in [(&a, 0, 0), (&c, 0, 3), (&a, 2, 3), (&c, 2, 6)] {
            block.indexed_iter().for_each(|((i, j), &number)| expected[[row + i, column + j]] = number);
        }
        assert_eq!(t, expected);
    }

    #[test]
    fn groups_are_blocks_on_the_diagonal() {
        let t = toeplitz(&array![[[5.0]], [[7.0]]], &Geometry::<1>::new(1), [2], 2).unwrap();
        let expected = array![[5.0, 0.0, 0.0, 0.0], [0.0, 5.0, 0.0, 0.0], [0.0, 0.0, 7.0, 0.0], [0.0, 0.0, 0.0, 7.0]];
        assert_eq!(t, expected);
    }
}
