//! Average pooling.

use super::fold::{Stages, Sum};
use super::windows::Plan;
use super::{described, ranked};
use crate::correlation::{slice, slice_mut};
use crate::{Error, Geometry, PerAxis, Result};
use gradus_autograd::{Real, Value, Var};
use gradus_linalg::elementwise::sum_slice;
use gradus_linalg::memory;
use gradus_linalg::parallel::for_each_band;
use gradus_linalg::simd::vectorized;
use gradus_nn_layers::{Description, Layer, Module, Walk, WalkMut};
use ndarray::IxDyn;

/// The average under a window that moves over `R` axes in space, in each channel by itself.
///
/// ```text
/// y[n, c, p] = Σ_k x[n, c, p · stride + k · dilation − padding] / d[p]        padding is 0
/// dx[n, c, i] = Σ dy[n, c, p] / d[p] over the places p whose window sees i
/// ```
///
/// `d[p]` is `divisor_override` if it is given; else how many numbers of the window lie over the input or, with `count_include_pad`, over the
/// padding. What overhangs the padded input, in ceil mode, never counts. PyTorch's defaults are `true` and `None`.
///
/// # Shapes
/// - `x (N, C, …)`, with `R` axes after the channels
/// - result `(N, C, …)`, the last `R` axes as [`Geometry::output_size`] says
///
/// # Examples
/// ```
/// use gradus_conv::{Geometry, Tape, avg_pool, ndarray::array};
/// let tape = Tape::<f64>::recording();
/// let x = tape.variable(array![[[1.0, 3.0, 5.0, 7.0]]]);
/// let window = Geometry::<1>::new(2).stride(2).padding(1); // · 1 | 3 5 | 7 ·
/// assert_eq!(avg_pool(&x, &window, true, None)?.value(), &array![[[0.5, 4.0, 3.5]]]);
/// let y = avg_pool(&x, &window, false, None)?;
/// assert_eq!(y.value(), &array![[[1.0, 4.0, 7.0]]]);
/// assert_eq!(y.sum().backward()?.get(&x).unwrap(), &array![[[1.0, 0.5, 0.5, 1.0]]]);
/// # Ok::<(), gradus_conv::Error>(())
/// ```
///
/// # Errors
/// [`Error::Rank`]; the errors of [`Geometry::output_size`]; [`Error::PoolPadding`] if a window is padded by more than half of what it spans;
/// [`Error::EmptyWindow`] if one holds nothing but padding; [`Error::Zero`] for a divisor of 0; [`Error::TooLarge`] if memory cannot hold the
/// result.
///
/// # References
/// Y. LeCun et al., *Gradient-based learning applied to document recognition*, 1998 (there as "sub-sampling").
#[doc(alias = "avg_pool1d")]
#[doc(alias = "avg_pool2d")]
#[doc(alias = "avg_pool3d")]
#[track_caller]
pub fn avg_pool<const R: usize, F: Real>(
    x: &Var<F>,
    geometry: &Geometry<R>,
    count_include_pad: bool,
    divisor_override: Option<usize>,
) -> Result<Var<F>> {
    let plan = Plan::regular::<F, R>(name::<R>(), x.shape(), geometry)?;
    let divisor = match divisor_override {
        Some(0) => return Err(no_divisor(name::<R>())),
        Some(divisor) => Divisor::All(F::from_f64(divisor as f64)),
        None if count_include_pad => Divisor::padded(&plan, geometry),
        None => Divisor::inside(&plan),
    };
    Ok(averages(name::<R>(), x, plan, divisor))
}

fn no_divisor(operation: &'static str) -> Error {
    Error::Zero { operation, name: "divisor_override", value: vec![0] }
}

/// What sums are divided by.
#[derive(Debug, Clone)]
pub(super) enum Divisor<F> {
    /// The same number at every place.
    All(F),
    /// One for each place of a channel.
    Each(Vec<F>),
}

impl<F: Real> Divisor<F> {
    /// How many numbers of each window lie over the input or the padding.
    pub(super) fn padded<const R: usize>(plan: &Plan, geometry: &Geometry<R>) -> Self {
        let axes = plan.axes.iter().zip(geometry.padding);
        Self::of(&axes.map(|(axis, (_, after))| axis.padded(after)).collect::<Vec<_>>())
    }

    /// How many numbers of each window lie over the input.
    pub(super) fn inside(plan: &Plan) -> Self {
        Self::of(&plan.axes.iter().map(|axis| axis.inside()).collect::<Vec<_>>())
    }

    fn of(numbers: &[Vec<usize>]) -> Self {
        let numbers = Plan::products(numbers);
        match numbers[..] {
            [first, ref others @ ..] if others.iter().all(|&other| other == first) => {
                Self::All(F::from_f64(first as f64))
            }
            _ => Self::Each(numbers.into_iter().map(|n| F::from_f64(n as f64)).collect()),
        }
    }

    /// `y ← x / d`, for the places of a channel. To be called inside `vectorized`.
    #[inline(always)]
    fn divide_into(&self, x: &[F], y: &mut [F]) {
        match self {
            Self::All(divisor) => y.iter_mut().zip(x).for_each(
                #[inline(always)]
                |(y, &x)| *y = x / *divisor,
            ),
            Self::Each(divisors) => y.iter_mut().zip(x.iter().zip(divisors)).for_each(
                #[inline(always)]
                |(y, (&x, &d))| *y = x / d,
            ),
        }
    }

    /// `y ← y / d`.
    #[inline(always)]
    fn divide(&self, y: &mut [F]) {
        match self {
            Self::All(divisor) => y.iter_mut().for_each(
                #[inline(always)]
                |y| *y /= *divisor,
            ),
            Self::Each(divisors) => y.iter_mut().zip(divisors).for_each(
                #[inline(always)]
                |(y, &d)| *y /= d,
            ),
        }
    }
}

/// The sum of each window of a plan, divided.
#[track_caller]
pub(super) fn averages<F: Real>(operation: &'static str, x: &Var<F>, plan: Plan, divisor: Divisor<F>) -> Var<F> {
    let x_value = x.value().clone().into_standard_layout();
    let x_slice = slice(&x_value);
    let mut y = Value::unspecified(IxDyn(&plan.out_shape));
    for_each_band(slice_mut(&mut y), &mut vec![(); plan.channels], [plan.places, 1], |first, y, _| {
        let channels = x_slice[first * plan.pixels..].chunks_exact(plan.pixels).zip(y.chunks_exact_mut(plan.places));
        if plan.is_global() {
            return channels.for_each(
                #[inline(always)]
                |(x, y)| {
                    y[0] = sum_slice(x);
                    divisor.divide(y);
                },
            );
        }
        let (mut stages, mut codes) = (Stages::<F, ()>::new(&plan), vec![(); plan.places]);
        vectorized(
            #[inline(always)]
            || {
                for (x, y) in channels {
                    plan.fold::<F, Sum, ()>(x, y, &mut codes, &mut stages);
                    divisor.divide(y);
                }
            },
        );
    });

    x.tape().record_into(operation, [x], y, move |dy, slots| {
        let dy = dy.into_standard_layout();
        slots.accumulate(0, |dx, beta| {
            let (dx, dy) = (dx.into_slice().expect("gradients are row-major"), slice(&dy));
            let is_global = plan.is_global();
            for_each_band(dx, &mut vec![(); plan.channels], [plan.pixels, 1], |first, dx, _| {
                let (mut stages, mut quotients) = (Stages::<F, ()>::new(&plan), memory::take(plan.places));
                let channels =
                    dy[first * plan.places..].chunks_exact(plan.places).zip(dx.chunks_exact_mut(plan.pixels));
                vectorized(
                    #[inline(always)]
                    || {
                        for (dy, dx) in channels {
                            divisor.divide_into(dy, &mut quotients);
                            if is_global {
                                spread_evenly(quotients[0], beta, dx);
                                continue;
                            }
                            plan.spread(&quotients, beta, dx, &mut stages);
                        }
                    },
                );
                memory::give(quotients);
            });
        });
    })
}

/// The adjoint of the sum of a whole channel.
#[inline(always)]
fn spread_evenly<F: Real>(quotient: F, beta: F, dx: &mut [F]) {
    if beta == F::zero() {
        return dx.fill(quotient);
    }
    for dx in dx {
        *dx += quotient;
    }
}

const fn name<const R: usize>() -> &'static str {
    ranked::<R>(["avg_pool1d", "avg_pool2d", "avg_pool3d", "avg_pool"])
}

/// Average pooling: the average under each window, in each channel by itself.
///
/// ```text
/// y[n, c, p] = Σ_k x[n, c, p · stride + k − padding] / d[p]
/// ```
///
/// Windows lie side by side (the stride is the size of the window) unless a stride is set. What the divisor `d` counts is told at [`avg_pool`].
///
/// # Shapes
/// - input: `(N, C, …)` with `R` axes after the channels: `(N, C, H, W)` for [`AvgPool2d`]
/// - output: `(N, C, …)`, along each axis `⌊(size + 2 · padding − kernel) / stride⌋ + 1`
///
/// # Examples
/// ```
/// use gradus_conv::{AvgPool2d, Layer, Tape, ndarray::Array4};
/// let x = Tape::<f32>::inference().input(Array4::ones((8, 16, 28, 28)));
/// let y = AvgPool2d::new(3).stride(2).padding(1).count_include_pad(false).forward(&x)?;
/// assert_eq!(y.value(), &Array4::ones((8, 16, 14, 14)));
/// # Ok::<(), gradus_nn_layers::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AvgPool<const R: usize> {
    /// How the window moves.
    pub geometry: Geometry<R>,
    /// Whether padding counts as numbers that are 0; default true.
    pub count_include_pad: bool,
    /// The divisor, whatever the window holds; default none.
    pub divisor_override: Option<usize>,
}

/// Average pooling over one axis, of sequences `(N, C, L)`.
pub type AvgPool1d = AvgPool<1>;
/// Average pooling over two axes, of images `(N, C, H, W)`.
pub type AvgPool2d = AvgPool<2>;
/// Average pooling over three axes, of volumes `(N, C, D, H, W)`.
pub type AvgPool3d = AvgPool<3>;

impl<const R: usize> AvgPool<R> {
    /// Windows of this size side by side.
    #[must_use]
    pub fn new(kernel_size: impl Into<PerAxis<R>>) -> Self {
        let kernel_size = kernel_size.into();
        let geometry = Geometry::new(kernel_size).stride(kernel_size);
        Self { geometry, count_include_pad: true, divisor_override: None }
    }

    /// Sets the distance between two windows.
    #[must_use]
    pub fn stride(self, stride: impl Into<PerAxis<R>>) -> Self {
        Self { geometry: self.geometry.stride(stride), ..self }
    }

    /// Sets how far windows may reach over each edge: at most half of what they span.
    #[must_use]
    pub fn padding(self, padding: impl Into<PerAxis<R>>) -> Self {
        Self { geometry: self.geometry.padding(padding), ..self }
    }

    /// Lets a last window count that overhangs the end.
    #[must_use]
    pub fn ceil_mode(self) -> Self {
        Self { geometry: self.geometry.ceil_mode(), ..self }
    }

    /// Sets whether padding counts.
    #[must_use]
    pub fn count_include_pad(self, count_include_pad: bool) -> Self {
        Self { count_include_pad, ..self }
    }

    /// Sets the divisor, whatever the window holds.
    #[must_use]
    pub fn divisor_override(self, divisor: usize) -> Self {
        Self { divisor_override: Some(divisor), ..self }
    }

    /// Checks the settings without an input.
    ///
    /// # Errors
    /// [`Error::Zero`].
    pub fn validate(&self) -> Result<()> {
        if self.divisor_override == Some(0) {
            return Err(no_divisor(name::<R>()));
        }
        self.geometry.check(name::<R>())
    }
}

impl<const R: usize, F: Real> Module<F> for AvgPool<R> {
    fn walk<'module>(&'module self, _: &mut Walk<'module, '_, F>) {}
    fn walk_mut<'module>(&'module mut self, _: &mut WalkMut<'module, '_, F>) {}
}

impl<const R: usize, F: Real> Layer<F> for AvgPool<R> {
    /// # Errors
    /// As [`avg_pool`].
    fn forward(&self, x: &Var<F>) -> gradus_nn_layers::Result<Var<F>> {
        Ok(avg_pool(x, &self.geometry, self.count_include_pad, self.divisor_override)?)
    }

    /// One multiply–add for each number of each window that lies over the input.
    fn describe(&self, input: &[usize]) -> gradus_nn_layers::Result<Description> {
        self.validate()?;
        let plan = Plan::regular::<F, R>(name::<R>(), input, &self.geometry)?;
        Ok(described::<F, R>(self, "AvgPool", &plan, plan.terms()))
    }
}
