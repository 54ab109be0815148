//! Max pooling: the largest number under a moving window.

use super::code::Code;
use super::fold::{Largest, Stages};
use super::windows::Plan;
use super::winner::Winner;
use super::{described, ranked};
use crate::correlation::{slice, slice_mut};
use crate::{Error, Geometry, PerAxis, Result};
use gradus_autograd::{Real, Value, Var};
use gradus_linalg::parallel::for_each_band;
use gradus_linalg::simd::vectorized;
use gradus_nn_layers::{Description, Layer, Module, Walk, WalkMut};
use ndarray::{ArrayD, IxDyn};

/// The largest number under a window that moves over `R` axes in space, in each channel by itself.
///
/// ```text
/// y[n, c, p] = max_k x[n, c, p · stride + k · dilation − padding]
/// dx[n, c, i] = Σ dy[n, c, p] over the places p whose maximum is x[n, c, i]
/// ```
///
/// Padding never wins. Of equal numbers the first in row-major order is the maximum. A NaN is larger than any number: it is passed on, and of
/// several the last one is the maximum. So it is in PyTorch.
///
/// # Shapes
/// - `x (N, C, …)`, with `R` axes after the channels
/// - result `(N, C, …)`, the last `R` axes as [`Geometry::output_size`] says
///
/// # Examples
/// ```
/// use gradus_conv::{Geometry, Tape, max_pool, ndarray::array};
/// let tape = Tape::<f64>::recording();
/// let x = tape.variable(array![[[1.0, 3.0, 3.0, 2.0, 5.0]]]);
/// let y = max_pool(&x, &Geometry::<1>::new(2).stride(2))?;
/// assert_eq!(y.value(), &array![[[3.0, 3.0]]]);
/// assert_eq!(y.sum().backward()?.get(&x).unwrap(), &array![[[0.0, 1.0, 1.0, 0.0, 0.0]]]);
/// # Ok::<(), gradus_conv::Error>(())
/// ```
///
/// # Errors
/// [`Error::Rank`]; the errors of [`Geometry::output_size`]; [`Error::PoolPadding`] if a window is padded by more than half of what it spans;
/// [`Error::EmptyWindow`] if one holds nothing but padding (PyTorch gives −∞ there); [`Error::TooLarge`] if memory cannot hold the
/// result.
///
/// # References
/// K. Yamaguchi et al., *A neural network for speaker-independent isolated word recognition*, 1990; D. Scherer, A. Müller, S. Behnke,
/// *Evaluation of pooling operations in convolutional architectures for object recognition*, 2010.
#[doc(alias = "max_pool1d")]
#[doc(alias = "max_pool2d")]
#[doc(alias = "max_pool3d")]
#[track_caller]
pub fn max_pool<const R: usize, F: Real>(x: &Var<F>, geometry: &Geometry<R>) -> Result<Var<F>> {
    let plan = Plan::regular::<F, R>(name::<R>(), x.shape(), geometry)?;
    maxima(name::<R>(), x, plan)
}

/// [`max_pool`], and where each maximum stands: its position in its channel, in row-major order, as PyTorch's `return_indices` gives it and
/// [`max_unpool`](crate::max_unpool) takes it.
///
/// # Examples
/// ```
/// use gradus_conv::{Geometry, Tape, max_pool_with_indices, ndarray::array};
/// let x = Tape::<f64>::inference().input(array![[[1.0, 3.0, 3.0, 2.0, 5.0]]]);
/// let (y, indices) = max_pool_with_indices(&x, &Geometry::<1>::new(2).stride(2))?;
/// assert_eq!((y.value(), indices), (&array![[[3.0, 3.0]]].into_dyn().into(), array![[[1, 2]]].into_dyn()));
/// # Ok::<(), gradus_conv::Error>(())
/// ```
///
/// # Errors
/// As [`max_pool`].
#[doc(alias = "return_indices")]
#[track_caller]
pub fn max_pool_with_indices<const R: usize, F: Real>(
    x: &Var<F>,
    geometry: &Geometry<R>,
) -> Result<(Var<F>, ArrayD<usize>)> {
    let plan = Plan::regular::<F, R>(name::<R>(), x.shape(), geometry)?;
    maxima_with_indices(name::<R>(), x, plan)
}

/// The maximum of each window of a plan.
#[track_caller]
pub(super) fn maxima<F: Real>(operation: &'static str, x: &Var<F>, plan: Plan) -> Result<Var<F>> {
    check_positions(operation, &plan, x.shape())?;
    let x_value = x.value().clone().into_standard_layout();
    if !x.needs_gradient() {
        return Ok(x.tape().record_into(operation, [x], forward::<F, ()>(&plan, &x_value).0, |_, _| {}));
    }
    if fits_byte(&plan) {
        let (y, codes) = forward::<F, u8>(&plan, &x_value);
        Ok(record(operation, x, plan, y, codes))
    } else {
        let (y, codes) = forward::<F, u32>(&plan, &x_value);
        Ok(record(operation, x, plan, y, codes))
    }
}

#[track_caller]
pub(super) fn maxima_with_indices<F: Real>(
    operation: &'static str,
    x: &Var<F>,
    plan: Plan,
) -> Result<(Var<F>, ArrayD<usize>)> {
    check_positions(operation, &plan, x.shape())?;
    let x_value = x.value().clone().into_standard_layout();
    let indices = |positions| {
        ArrayD::from_shape_vec(IxDyn(&plan.out_shape), positions)
            .expect("there is a winner for each number of the result")
    };
    if fits_byte(&plan) {
        let (y, codes) = forward::<F, u8>(&plan, &x_value);
        let indices = indices(u8::positions(&plan, &codes));
        Ok((record(operation, x, plan, y, codes), indices))
    } else {
        let (y, codes) = forward::<F, u32>(&plan, &x_value);
        let indices = indices(u32::positions(&plan, &codes));
        Ok((record(operation, x, plan, y, codes), indices))
    }
}

/// A winner is remembered as a byte if it can be, which is a quarter of what its position takes.
fn fits_byte(plan: &Plan) -> bool {
    Plan::volume(&plan.axes, |axis| axis.taps) <= 256 && !plan.is_global()
}

/// Refuses channels whose positions a `u32` does not count.
fn check_positions(operation: &'static str, plan: &Plan, x: &[usize]) -> Result<()> {
    if plan.pixels < u32::MAX as usize {
        return Ok(());
    }
    Err(Error::TooLarge { operation, what: "channel of size", sizes: x[2..].to_vec() })
}

#[track_caller]
fn record<F: Real, W: Winner>(operation: &'static str, x: &Var<F>, plan: Plan, y: Value<F>, codes: Vec<W>) -> Var<F> {
    x.tape().record_into(operation, [x], y, move |dy, slots| {
        let dy = dy.into_standard_layout();
        slots.accumulate(0, |dx, beta| {
            let dx = dx.into_slice().expect("gradients are row-major");
            W::backward(&plan, &codes, slice(&dy), beta, dx);
        });
    })
}

/// The maxima of every channel, and which number of its window each is.
fn forward<F: Real, C: Code>(plan: &Plan, x: &Value<F>) -> (Value<F>, Vec<C>) {
    let x = slice(x);
    let mut y = Value::unspecified(IxDyn(&plan.out_shape));
    let mut codes = vec![C::default(); y.len()];
    for_each_band(slice_mut(&mut y), &mut codes, [plan.places; 2], |first, y, codes| {
        let channels = y.chunks_exact_mut(plan.places).zip(codes.chunks_exact_mut(plan.places));
        let channels = x[first * plan.pixels..].chunks_exact(plan.pixels).zip(channels);
        if plan.is_global() {
            for (x, (y, codes)) in channels {
                let position = first_largest(x);
                (y[0], codes[0]) = (x[position], C::term(1, position, position));
            }
            return;
        }
        let mut stages = Stages::new(plan);
        vectorized(
            #[inline(always)]
            || {
                for (x, (y, codes)) in channels {
                    plan.fold::<F, Largest, C>(x, y, codes, &mut stages);
                }
            },
        );
    });
    (y, codes)
}

/// Where the maximum of a whole channel stands: its value is found several numbers at a time, and then its place.
fn first_largest<F: Real>(x: &[F]) -> usize {
    const LANES: usize = 16;
    let maximum = vectorized(
        #[inline(always)]
        || {
            let mut lanes = [-F::INFINITY; LANES];
            let (chunks, rest) = x.as_chunks::<LANES>();
            for chunk in chunks {
                lanes.iter_mut().zip(chunk).for_each(|(lane, &x)| *lane = x.maximum(*lane));
            }
            lanes.iter_mut().zip(rest).for_each(|(lane, &x)| *lane = x.maximum(*lane));
            lanes.into_iter().fold(-F::INFINITY, F::maximum)
        },
    );
    let position = if maximum.is_nan() {
        x.iter().rposition(|x| x.is_nan()) // as `Largest` has it
    } else {
        x.iter().position(|&x| x == maximum)
    };
    position.expect("the maximum is one of the numbers")
}

const fn name<const R: usize>() -> &'static str {
    ranked::<R>(["max_pool1d", "max_pool2d", "max_pool3d", "max_pool"])
}

/// Max pooling: the largest number under each window, in each channel by itself.
///
/// ```text
/// y[n, c, p] = max_k x[n, c, p · stride + k · dilation − padding]
/// ```
///
/// Windows lie side by side (the stride is the size of the window) unless a stride is set. The gradient, ties and NaN are as [`max_pool`] says.
///
/// # Shapes
/// - input: `(N, C, …)` with `R` axes after the channels: `(N, C, H, W)` for [`MaxPool2d`]
/// - output: `(N, C, …)`, along each axis `⌊(size + 2 · padding − dilation · (kernel − 1) − 1) / stride⌋ + 1`
///
/// # Examples
/// ```
/// use gradus_conv::{Layer, MaxPool2d, Tape, ndarray::Array4};
/// let x = Tape::<f32>::inference().input(Array4::zeros((8, 16, 28, 28)));
/// assert_eq!(MaxPool2d::new(2).forward(&x)?.shape(), [8, 16, 14, 14]);
/// assert_eq!(MaxPool2d::new(3).stride(2).padding(1).forward(&x)?.shape(), [8, 16, 14, 14]);
/// # Ok::<(), gradus_nn_layers::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MaxPool<const R: usize> {
    /// How the window moves.
    pub geometry: Geometry<R>,
}

/// Max pooling over one axis, of sequences `(N, C, L)`.
pub type MaxPool1d = MaxPool<1>;
/// Max pooling over two axes, of images `(N, C, H, W)`.
pub type MaxPool2d = MaxPool<2>;
/// Max pooling over three axes, of volumes `(N, C, D, H, W)`.
pub type MaxPool3d = MaxPool<3>;

impl<const R: usize> MaxPool<R> {
    /// Windows of this size side by side.
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

    /// Sets how far windows may reach over each edge: at most half of what they span.
    #[must_use]
    pub fn padding(self, padding: impl Into<PerAxis<R>>) -> Self {
        Self { geometry: self.geometry.padding(padding) }
    }

    /// Sets the distance between two numbers of a window.
    #[must_use]
    pub fn dilation(self, dilation: impl Into<PerAxis<R>>) -> Self {
        Self { geometry: self.geometry.dilation(dilation) }
    }

    /// Lets a last window count that overhangs the end.
    #[must_use]
    pub fn ceil_mode(self) -> Self {
        Self { geometry: self.geometry.ceil_mode() }
    }

    /// The maxima, and where each of them stands: see [`max_pool_with_indices`].
    ///
    /// # Errors
    /// As [`max_pool`].
    pub fn forward_with_indices<F: Real>(&self, x: &Var<F>) -> Result<(Var<F>, ArrayD<usize>)> {
        max_pool_with_indices(x, &self.geometry)
    }

    /// Checks the settings without an input.
    ///
    /// # Errors
    /// [`Error::Zero`].
    pub fn validate(&self) -> Result<()> {
        self.geometry.check(name::<R>())
    }
}

impl<const R: usize, F: Real> Module<F> for MaxPool<R> {
    fn walk<'module>(&'module self, _: &mut Walk<'module, '_, F>) {}
    fn walk_mut<'module>(&'module mut self, _: &mut WalkMut<'module, '_, F>) {}
}

impl<const R: usize, F: Real> Layer<F> for MaxPool<R> {
    /// # Errors
    /// As [`max_pool`].
    fn forward(&self, x: &Var<F>) -> gradus_nn_layers::Result<Var<F>> {
        Ok(max_pool(x, &self.geometry)?)
    }

    /// Comparisons are no multiply–adds.
    fn describe(&self, input: &[usize]) -> gradus_nn_layers::Result<Description> {
        let plan = Plan::regular::<F, R>(name::<R>(), input, &self.geometry)?;
        Ok(described::<F, R>(self, "MaxPool", &plan, 0))
    }
}
