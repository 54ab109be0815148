//! The gradients of a convolution as functions of arrays, each of them the convolution that it is.

use crate::correlation::{self, Plan, check_parameters, slice};
use crate::{Error, Geometry, Result};
use gradus_autograd::{Real, Value};
use gradus_linalg::elementwise;
use ndarray::{ArrayD, ArrayRef, Axis, Dimension, IxDyn};

/// The gradient of a convolution with respect to its input: a convolution of `dy` with the flipped kernel.
///
/// ```text
/// dx[n, c, i] = Σ_o Σ_{p, k: p · stride + k · dilation − before = i} W[o, c, k] · dy[n, o, p]
/// ```
///
/// With `E = dilation · (kernel − 1) + 1`, what the kernel spans, this is a cross-correlation, moved in steps of 1, of
///
/// 1. `dy` with `stride − 1` zeros inserted between its neighbours, and zeros behind it for the rest of a stride that the forward pass left over,
/// 2. padded *fully*, by `E − 1` on each side,
/// 3. with the kernel *flipped* along each axis in space, dilated as before, its two axes of channels exchanged;
/// 4. of the result, which is the gradient of the padded input, the padding is cut off.
///
/// Cross-correlation with a flipped kernel is convolution proper: forward cross-correlation, backward convolution.
///
/// ```text
/// kernel (1 2 3), stride 2        dy = a b
///
///   0 0 a 0 b 0 0                 zeros inserted, padded by 3 − 1
///   3 2 1                         the kernel flipped:     1a
///     3 2 1                                               2a
///       3 2 1                                             3a + 1b
///         3 2 1                                           2b
///           3 2 1                                         3b
/// ```
///
/// It is what [`conv_transpose`](crate::conv_transpose()) computes, and, as a matrix, the transpose of [`toeplitz`](crate::toeplitz()). The sum is not
/// taken in this form, in which most factors are zeros, but as a product whose numbers are added to where they belong (see [`conv`](crate::conv())).
///
/// # Shapes
/// - `input_shape`: `(N, C, …)`, which neither `weight` nor `dy` says in full, as several sizes lead to the same
/// - `weight (out_channels, C / groups, …)`, `dy (N, out_channels, …)`
/// - result `(N, C, …)`
///
/// # Examples
/// ```
/// use gradus_conv::{Geometry, input_gradient, ndarray::array};
/// let (weight, dy) = (array![[[1.0, 2.0, 3.0]]], array![[[1.0, 10.0]]]);
/// let dx = input_gradient(&[1, 1, 5], &weight, &dy, &Geometry::<1>::new(3).stride(2), 1)?;
/// assert_eq!(dx, array![[[1.0, 2.0, 13.0, 20.0, 30.0]]].into_dyn());
/// # Ok::<(), gradus_conv::Error>(())
/// ```
///
/// # Errors
/// As [`conv`](crate::conv()) of an input of this shape; [`Error::Parameter`] if `dy` is not of the shape of its result.
///
/// # References
/// I. Goodfellow, Y. Bengio, A. Courville, *Deep learning*, 2016, <https://www.deeplearningbook.org>, section 9.5.
#[doc(alias = "conv2d_input")]
pub fn input_gradient<const R: usize, F: Real, D1: Dimension, D2: Dimension>(
    input_shape: &[usize],
    weight: &ArrayRef<F, D1>,
    dy: &ArrayRef<F, D2>,
    geometry: &Geometry<R>,
    groups: usize,
) -> Result<ArrayD<F>> {
    let plan = plan::<R, F>(input_shape, weight.shape(), dy.shape(), geometry, groups)?;
    let (weight, dy) = (weight.as_standard_layout(), dy.as_standard_layout());
    let mut dx = ArrayD::zeros(IxDyn(input_shape));
    let fresh = dx.as_slice_mut().expect(ROW_MAJOR);
    plan.input_gradient(weight.as_slice().expect(ROW_MAJOR), dy.as_slice().expect(ROW_MAJOR), F::zero(), fresh);
    Ok(dx)
}

/// The gradient of a convolution with respect to its weight: a cross-correlation of the input with `dy`.
///
/// ```text
/// dW[o, c, k] = Σ_n Σ_p dy[n, o, p] · x[n, c, p · stride + k · dilation − before]
/// ```
///
/// Here `dy` is the kernel, and nothing is flipped. It is a cross-correlation of
///
/// 1. `x`, padded as in the forward pass, with its axes of images and channels exchanged: `(C, N, …)`,
/// 2. with `dy`, exchanged likewise, `(out_channels, N, …)`: the images are what is summed over,
/// 3. in which stride and dilation exchange their roles: `dy` is dilated by the stride and moves in steps of the dilation;
/// 4. of the result `(C, out_channels, …)` the first `kernel` places count; the stride may have left over some more.
///
/// With groups, each group of channels is one such correlation.
///
/// ```text
/// stride 2        dy = a b
///
///   x0 x1 x2 x3 x4
///   a  ·  b                dW[0] = a x0 + b x2
///      a  ·  b             dW[1] = a x1 + b x3
///         a  ·  b          dW[2] = a x2 + b x4
/// ```
///
/// # Shapes
/// - `x (N, C, …)`, `dy (N, out_channels, …)`
/// - `weight_shape`: `(out_channels, C / groups, …)`, which is the shape of the result
///
/// # Examples
/// ```
/// use gradus_conv::{Geometry, ndarray::array, weight_gradient};
/// let (x, dy) = (array![[[1.0, 2.0, 3.0, 4.0, 5.0]]], array![[[1.0, 10.0]]]);
/// let dw = weight_gradient(&x, &[1, 1, 3], &dy, &Geometry::<1>::new(3).stride(2), 1)?;
/// assert_eq!(dw, array![[[31.0, 42.0, 53.0]]].into_dyn());
/// # Ok::<(), gradus_conv::Error>(())
/// ```
///
/// # Errors
/// As [`conv`](crate::conv()) with a weight of this shape; [`Error::Parameter`] if `dy` is not of the shape of its result.
///
/// # References
/// As of [`input_gradient`].
#[doc(alias = "conv2d_weight")]
pub fn weight_gradient<const R: usize, F: Real, D1: Dimension, D2: Dimension>(
    x: &ArrayRef<F, D1>,
    weight_shape: &[usize],
    dy: &ArrayRef<F, D2>,
    geometry: &Geometry<R>,
    groups: usize,
) -> Result<ArrayD<F>> {
    let plan = plan::<R, F>(x.shape(), weight_shape, dy.shape(), geometry, groups)?;
    crate::geometry::count::<F>(correlation::name::<R>(), "weight of shape", weight_shape)?;
    let (x, dy) = (x.as_standard_layout(), dy.as_standard_layout());
    let mut dw = ArrayD::zeros(IxDyn(weight_shape));
    let fresh = dw.as_slice_mut().expect(ROW_MAJOR);
    plan.weight_gradient(x.as_slice().expect(ROW_MAJOR), dy.as_slice().expect(ROW_MAJOR), F::zero(), fresh);
    Ok(dw)
}

/// The gradient of a convolution, of a transposed one, too, with respect to its bias: a cross-correlation of `dy` with ones.
///
/// ```text
/// db[o] = Σ_n Σ_p dy[n, o, p]
/// ```
///
/// It is a cross-correlation of `dy`, its axes of images and channels exchanged, `(out_channels, N, …)`, with one kernel of ones that is as large as
/// `dy`, `(1, N, …)`: it has one place, and sees all from there. (The bias is the weight of a further channel of the input that is 1 wherever the kernel
/// stands.)
///
/// # Shapes
/// - `dy (N, out_channels, …)`, any number of axes in space
/// - result `(out_channels,)`
///
/// # Examples
/// ```
/// use gradus_conv::{bias_gradient, ndarray::array};
/// let dy = array![[[1.0, 2.0], [3.0, 4.0]], [[5.0, 6.0], [7.0, 8.0]]];
/// assert_eq!(bias_gradient(&dy)?, array![14.0, 22.0].into_dyn());
/// # Ok::<(), gradus_conv::Error>(())
/// ```
///
/// # Errors
/// [`Error::Rank`] if `dy` has no axis of channels.
pub fn bias_gradient<F: Real, D: Dimension>(dy: &ArrayRef<F, D>) -> Result<ArrayD<F>> {
    if dy.ndim() < 2 {
        return Err(Error::Rank { operation: "bias gradient", found: dy.shape().to_vec(), rank: 0 });
    }
    let dy: Value<F> = dy.to_owned().into_dyn().into();
    Ok(sums_of_channels(&dy.into_standard_layout()).into_array())
}

const ROW_MAJOR: &str = "the array is in standard layout";

/// The sum over all but the channels of a row-major `dy (N, channels, …)`.
pub(crate) fn sums_of_channels<F: Real>(dy: &Value<F>) -> Value<F> {
    let channels = dy.len_of(Axis(1));
    let mut sums = vec![F::zero(); channels];
    let places: usize = dy.shape()[2..].iter().product();
    if places > 0 {
        let planes = slice(dy).chunks_exact(places).map(elementwise::sum_slice);
        planes.enumerate().for_each(|(plane, sum)| sums[plane % channels] += sum);
    }
    ArrayD::from_shape_vec(IxDyn(&[channels]), sums).expect("one number for each channel").into()
}

/// The plan of the convolution whose gradient is asked for.
fn plan<const R: usize, F: Real>(
    x: &[usize],
    weight: &[usize],
    dy: &[usize],
    geometry: &Geometry<R>,
    groups: usize,
) -> Result<Plan> {
    let operation = correlation::name::<R>();
    check_parameters(geometry, weight, None, groups)?;
    crate::geometry::count::<F>(operation, "input of shape", x)?;
    let (plan, y) = Plan::new::<F, R>(x, weight, geometry, groups)?;
    if dy != y {
        let expected = format!("the input {x:?} and the weight {weight:?} make {y:?}; that would fit");
        return Err(Error::Parameter { operation, parameter: "dy", found: dy.to_vec(), expected });
    }
    Ok(plan)
}
