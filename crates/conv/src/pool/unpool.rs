//! Max unpooling: maxima back in their places.

use super::ranked;
use super::windows::spatial;
use crate::correlation::{slice, slice_mut};
use crate::geometry::count;
use crate::{Error, Geometry, PerAxis, Result};
use gradus_autograd::{Real, Value, Var};
use gradus_linalg::parallel::for_each_band;
use ndarray::{ArrayRef, Dimension, IxDyn};

/// Puts each number in the place that its index names, and zeros elsewhere: a partial inverse of
/// [`max_pool_with_indices`](crate::max_pool_with_indices).
///
/// ```text
/// y[n, c, indices[n, c, q]] = x[n, c, q]
/// dx[n, c, q] = dy[n, c, indices[n, c, q]]
/// ```
///
/// An index is a position in a channel of the result, in row-major order. Several numbers with one index should be equal, as they are when overlapping
/// windows have one maximum; the last of them stands, and, as in PyTorch, each gets the whole gradient.
///
/// # Shapes
/// - `x (N, C, …)`, with `R` axes after the channels; `indices` of the same shape
/// - result `(N, C, output_size…)`
///
/// Without an `output_size` it is the smallest that `geometry` makes `x` of, `(size − 1) · stride + dilation · (kernel − 1) + 1 − before − after`. Given, it differs
/// from that by less than the stride.
///
/// # Examples
/// ```
/// use gradus_conv::{Geometry, Tape, max_pool_with_indices, max_unpool, ndarray::array};
/// let x = Tape::<f64>::inference().input(array![[[1.0, 3.0, 4.0, 2.0, 5.0]]]);
/// let window = Geometry::<1>::new(2).stride(2);
/// let (y, indices) = max_pool_with_indices(&x, &window)?;
/// assert_eq!(max_unpool(&y, &indices, &window, None)?.value(), &array![[[0.0, 3.0, 4.0, 0.0]]]);
/// assert_eq!(max_unpool(&y, &indices, &window, Some(5.into()))?.value(), &array![[[0.0, 3.0, 4.0, 0.0, 0.0]]]);
/// # Ok::<(), gradus_conv::Error>(())
/// ```
///
/// # Errors
/// [`Error::Rank`]; [`Error::Zero`]; [`Error::Parameter`] for indices of another shape; [`Error::UnpoolSize`] for an output size that `geometry` does not make `x` of;
/// [`Error::IndexOutOfRange`]; [`Error::TooLarge`] if memory cannot hold the result.
///
/// # References
/// M. Zeiler, R. Fergus, *Visualizing and understanding convolutional networks*, 2014, <https://arxiv.org/abs/1311.2901>
#[doc(alias = "max_unpool1d")]
#[doc(alias = "max_unpool2d")]
#[doc(alias = "max_unpool3d")]
#[track_caller]
pub fn max_unpool<const R: usize, F: Real, D: Dimension>(
    x: &Var<F>,
    indices: &ArrayRef<usize, D>,
    geometry: &Geometry<R>,
    output_size: Option<PerAxis<R>>,
) -> Result<Var<F>> {
    let operation = name::<R>();
    let size = spatial::<R>(operation, x.shape())?;
    geometry.check(operation)?;
    if indices.shape() != x.shape() {
        let expected = format!("an index for each number of the input, {:?}, would fit", x.shape());
        let found = indices.shape().to_vec();
        return Err(Error::Parameter { operation, parameter: "indices", found, expected });
    }
    let mut shape = x.shape()[..2].to_vec();
    for (axis, &size) in size.iter().enumerate() {
        shape.push(unpooled(operation, geometry, axis, size, output_size.map(|size| size.0[axis]))?);
    }
    count::<F>(operation, "result of shape", &shape)?;
    let (pixels, places): (usize, usize) = (shape[2..].iter().product(), size.iter().product());
    if let Some((at, &index)) = indices.view().into_dyn().indexed_iter().find(|(_, index)| **index >= pixels) {
        let at = at.slice().to_vec();
        return Err(Error::IndexOutOfRange { operation, index, at, size: shape[2..].to_vec() });
    }

    let indices: Vec<usize> = indices.iter().copied().collect();
    let x_value = x.value().clone().into_standard_layout();
    let x_slice = slice(&x_value);
    let mut y = Value::zeros(IxDyn(&shape));
    let channels = shape[0] * shape[1];
    for_each_band(slice_mut(&mut y), &mut vec![(); channels], [pixels, 1], |first, y, _| {
        let numbers = x_slice[first * places..].chunks_exact(places.max(1));
        let all = numbers.zip(indices[first * places..].chunks_exact(places.max(1)));
        for (y, (x, indices)) in y.chunks_exact_mut(pixels).zip(all) {
            indices.iter().zip(x).for_each(|(&index, &x)| y[index] = x);
        }
    });

    Ok(x.tape().record_into(operation, [x], y, move |dy, slots| {
        let dy = dy.into_standard_layout();
        slots.accumulate(0, |dx, beta| {
            let (dx, dy) = (dx.into_slice().expect("gradients are row-major"), slice(&dy));
            for_each_band(dx, &mut vec![(); channels], [places, 1], |first, dx, _| {
                let all = dx.chunks_exact_mut(places.max(1)).zip(indices[first * places..].chunks_exact(places.max(1)));
                for ((dx, indices), dy) in all.zip(dy[first * pixels..].chunks_exact(pixels)) {
                    for (dx, &index) in dx.iter_mut().zip(indices) {
                        *dx = if beta == F::zero() { dy[index] } else { *dx + dy[index] };
                    }
                }
            });
        });
    }))
}

/// The size of an axis that was pooled to `size`.
fn unpooled<const R: usize>(
    operation: &'static str,
    geometry: &Geometry<R>,
    axis: usize,
    size: usize,
    given: Option<usize>,
) -> Result<usize> {
    let (kernel_size, stride, dilation) = (geometry.kernel_size[axis], geometry.stride[axis], geometry.dilation[axis]);
    let padding = geometry.padding[axis];
    let too_large = || Error::TooLarge {
        operation,
        what: "(size, stride, dilation, kernel)",
        sizes: vec![size, stride, dilation, kernel_size],
    };
    let extent = dilation.checked_mul(kernel_size - 1).and_then(|span| span.checked_add(1)).ok_or_else(too_large)?;
    if padding.0.max(padding.1) > extent / 2 {
        return Err(Error::PoolPadding { operation, axis, padding, extent });
    }
    let padded = size.saturating_sub(1).checked_mul(stride).and_then(|moved| moved.checked_add(extent));
    // The padding is at most what one window spans; an input of nothing is pooled from nothing.
    let smallest = if size == 0 { 0 } else { padded.ok_or_else(too_large)? - padding.0 - padding.1 };
    let chosen = given.unwrap_or(smallest);
    if chosen == 0 || chosen.abs_diff(smallest) >= stride {
        return Err(Error::UnpoolSize { operation, axis, given, size, stride, padding, extent, smallest });
    }
    Ok(chosen)
}

const fn name<const R: usize>() -> &'static str {
    ranked::<R>(["max_unpool1d", "max_unpool2d", "max_unpool3d", "max_unpool"])
}

/// Max unpooling, [`max_unpool`] with settings of its own. It takes indices beside the input, so it is no [`Layer`](crate::Layer).
///
/// # Examples
/// ```
/// use gradus_conv::{MaxPool2d, MaxUnpool2d, Tape, ndarray::Array4};
/// let x = Tape::<f32>::inference().input(Array4::ones((8, 16, 28, 28)));
/// let (y, indices) = MaxPool2d::new(2).forward_with_indices(&x)?;
/// assert_eq!(MaxUnpool2d::new(2).forward(&y, &indices)?.shape(), [8, 16, 28, 28]);
/// assert_eq!(MaxUnpool2d::new(2).forward_to(&y, &indices, (29, 28))?.shape(), [8, 16, 29, 28]);
/// # Ok::<(), gradus_conv::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MaxUnpool<const R: usize> {
    /// How the window moved.
    pub geometry: Geometry<R>,
}

/// Max unpooling over one axis, of sequences `(N, C, L)`.
pub type MaxUnpool1d = MaxUnpool<1>;
/// Max unpooling over two axes, of images `(N, C, H, W)`.
pub type MaxUnpool2d = MaxUnpool<2>;
/// Max unpooling over three axes, of volumes `(N, C, D, H, W)`.
pub type MaxUnpool3d = MaxUnpool<3>;

impl<const R: usize> MaxUnpool<R> {
    /// Of windows of this size side by side.
    #[must_use]
    pub fn new(kernel_size: impl Into<PerAxis<R>>) -> Self {
        let kernel_size = kernel_size.into();
        Self { geometry: Geometry::new(kernel_size).stride(kernel_size) }
    }

    /// Sets the distance between two windows.
    #[must_use]
    pub fn stride(self, stride: impl Into<PerAxis<R>>) -> Self {
        Self { geometry: self.geometry.stride(stride) }
    }

    /// Sets how far windows reached over each edge: at most half of what they span.
    #[must_use]
    pub fn padding(self, padding: impl Into<PerAxis<R>>) -> Self {
        Self { geometry: self.geometry.padding(padding) }
    }

    /// Unpools to the smallest size that fits.
    ///
    /// # Errors
    /// As [`max_unpool`].
    pub fn forward<F: Real, D: Dimension>(&self, x: &Var<F>, indices: &ArrayRef<usize, D>) -> Result<Var<F>> {
        max_unpool(x, indices, &self.geometry, None)
    }

    /// Unpools to this size, one of several that are pooled to the size of `x`.
    ///
    /// # Errors
    /// As [`max_unpool`].
    pub fn forward_to<F: Real, D: Dimension>(
        &self,
        x: &Var<F>,
        indices: &ArrayRef<usize, D>,
        output_size: impl Into<PerAxis<R>>,
    ) -> Result<Var<F>> {
        max_unpool(x, indices, &self.geometry, Some(output_size.into()))
    }

    /// Checks the settings without an input.
    ///
    /// # Errors
    /// [`Error::Zero`].
    pub fn validate(&self) -> Result<()> {
        self.geometry.check(name::<R>())
    }
}
