//! Adaptive pooling: as many windows as are asked for.

use super::avg::{Divisor, averages};
use super::max::{maxima, maxima_with_indices};
use super::windows::{Plan, spatial};
use super::{described, ranked};
use crate::{Error, PerAxis, Result};
use gradus_autograd::{Real, Var};
use gradus_nn_layers::{Description, Layer, Module, Walk, WalkMut};
use ndarray::ArrayD;

fn plan<F, const R: usize>(operation: &'static str, x: &[usize], output_size: PerAxis<R>) -> Result<Plan> {
    spatial::<R>(operation, x)?;
    Plan::adaptive::<F>(operation, x, &output_size.0)
}

/// The average of each of `output_size` windows that divide the input, whatever its size, in each channel by itself.
///
/// ```text
/// y[n, c, o] = 1 / (end − start) · Σ x[n, c, start..end]        start = ⌊o · size / output_size⌋, end = ⌈(o + 1) · size / output_size⌉
/// dx[n, c, i] = Σ dy[n, c, o] / (end − start) over the windows o that see i
/// ```
///
/// along each axis. Where `output_size` does not divide the size, neighbouring windows overlap by one number; where it is larger, they repeat numbers.
///
/// # Shapes
/// - `x (N, C, …)`, with `R` axes after the channels
/// - result `(N, C, output_size…)`
///
/// # Examples
/// ```
/// use gradus_conv::{Tape, adaptive_avg_pool, ndarray::array};
/// let tape = Tape::<f64>::recording();
/// let x = tape.variable(array![[[1.0, 2.0, 3.0, 4.0, 5.0]]]);
/// let y = adaptive_avg_pool::<1, _>(&x, 2)?; // 1 2 3 | 3 4 5
/// assert_eq!(y.value(), &array![[[2.0, 4.0]]]);
/// # Ok::<(), gradus_conv::Error>(())
/// ```
///
/// # Errors
/// [`Error::Rank`]; [`Error::Zero`] for an output size of 0; [`Error::EmptyAxis`] for an input without numbers in a channel; [`Error::TooLarge`] if
/// memory cannot hold the result.
///
/// # References
/// K. He et al., *Spatial pyramid pooling in deep convolutional networks for visual recognition*, 2014, <https://arxiv.org/abs/1406.4729>
#[doc(alias = "adaptive_avg_pool1d")]
#[doc(alias = "adaptive_avg_pool2d")]
#[doc(alias = "adaptive_avg_pool3d")]
#[track_caller]
pub fn adaptive_avg_pool<const R: usize, F: Real>(x: &Var<F>, output_size: impl Into<PerAxis<R>>) -> Result<Var<F>> {
    let plan = plan::<F, R>(avg_name::<R>(), x.shape(), output_size.into())?;
    let divisor = Divisor::inside(&plan);
    Ok(averages(avg_name::<R>(), x, plan, divisor))
}

/// The maximum of each of `output_size` windows that divide the input: the windows of [`adaptive_avg_pool`], the gradient, ties and NaN of
/// [`max_pool`](crate::max_pool).
///
/// # Examples
/// ```
/// use gradus_conv::{Tape, adaptive_max_pool, ndarray::array};
/// let x = Tape::<f64>::inference().input(array![[[1.0, 2.0, 3.0, 4.0, 5.0]]]);
/// assert_eq!(adaptive_max_pool::<1, _>(&x, 2)?.value(), &array![[[3.0, 5.0]]]); // 1 2 3 | 3 4 5
/// # Ok::<(), gradus_conv::Error>(())
/// ```
///
/// # Errors
/// As [`adaptive_avg_pool`].
///
/// # References
/// As of [`adaptive_avg_pool`].
#[doc(alias = "adaptive_max_pool1d")]
#[doc(alias = "adaptive_max_pool2d")]
#[doc(alias = "adaptive_max_pool3d")]
#[track_caller]
pub fn adaptive_max_pool<const R: usize, F: Real>(x: &Var<F>, output_size: impl Into<PerAxis<R>>) -> Result<Var<F>> {
    maxima(max_name::<R>(), x, plan::<F, R>(max_name::<R>(), x.shape(), output_size.into())?)
}

/// [`adaptive_max_pool`], and the position of each maximum in its channel.
///
/// # Examples
/// ```
/// use gradus_conv::{Tape, adaptive_max_pool_with_indices, ndarray::array};
/// let x = Tape::<f64>::inference().input(array![[[1.0, 2.0], [8.0, 4.0]]]);
/// let (_, indices) = adaptive_max_pool_with_indices::<1, _>(&x, 1)?;
/// assert_eq!(indices, array![[[1], [0]]].into_dyn());
/// # Ok::<(), gradus_conv::Error>(())
/// ```
///
/// # Errors
/// As [`adaptive_avg_pool`].
#[track_caller]
pub fn adaptive_max_pool_with_indices<const R: usize, F: Real>(
    x: &Var<F>,
    output_size: impl Into<PerAxis<R>>,
) -> Result<(Var<F>, ArrayD<usize>)> {
    maxima_with_indices(max_name::<R>(), x, plan::<F, R>(max_name::<R>(), x.shape(), output_size.into())?)
}

const fn avg_name<const R: usize>() -> &'static str {
    ranked::<R>(["adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_avg_pool3d", "adaptive_avg_pool"])
}

const fn max_name<const R: usize>() -> &'static str {
    ranked::<R>(["adaptive_max_pool1d", "adaptive_max_pool2d", "adaptive_max_pool3d", "adaptive_max_pool"])
}

macro_rules! layer {
    (
        $(#[$doc:meta])* $layer:ident, $name:ident, $operation:ident, |$plan:ident| $multiply_adds:expr;
        $($rank:literal $alias:ident $of:literal;)+
    ) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub struct $layer<const R: usize> {
            /// The number of windows along each axis; at least 1.
            pub output_size: [usize; R],
        }

        $(
            #[doc = concat!("[`", stringify!($layer), "`] ", $of)]
            pub type $alias = $layer<$rank>;
        )+

        impl<const R: usize> $layer<R> {
            /// So many windows along each axis.
            #[must_use]
            pub fn new(output_size: impl Into<PerAxis<R>>) -> Self {
                Self { output_size: output_size.into().0 }
            }

            /// Checks the settings without an input.
            ///
            /// # Errors
            /// [`Error::Zero`].
            pub fn validate(&self) -> Result<()> {
                if self.output_size.contains(&0) {
                    let value = self.output_size.to_vec();
                    return Err(Error::Zero { operation: $name::<R>(), name: "output_size", value });
                }
                Ok(())
            }
        }

        impl<const R: usize, F: Real> Module<F> for $layer<R> {
            fn walk<'module>(&'module self, _: &mut Walk<'module, '_, F>) {}
            fn walk_mut<'module>(&'module mut self, _: &mut WalkMut<'module, '_, F>) {}
        }

        impl<const R: usize, F: Real> Layer<F> for $layer<R> {
            #[doc = concat!("# Errors\nAs [`", stringify!($operation), "`].")]
            fn forward(&self, x: &Var<F>) -> gradus_nn_layers::Result<Var<F>> {
                Ok($operation::<R, F>(x, self.output_size)?)
            }

            fn describe(&self, input: &[usize]) -> gradus_nn_layers::Result<Description> {
                let $plan = plan::<F, R>($name::<R>(), input, PerAxis(self.output_size))?;
                Ok(described::<F, R>(self, stringify!($layer), &$plan, $multiply_adds))
            }
        }
    };
}

layer! {
    /// Adaptive average pooling: [`adaptive_avg_pool`] as a layer.
    ///
    /// ```text
    /// y[n, c, o] = 1 / (end − start) · Σ x[n, c, start..end]        start = ⌊o · size / output_size⌋, end = ⌈(o + 1) · size / output_size⌉
    /// ```
    ///
    /// # Shapes
    /// - input: `(N, C, …)` with `R` axes after the channels, of any size
    /// - output: `(N, C, output_size…)`
    ///
    /// # Examples
    /// ```
    /// use gradus_conv::{AdaptiveAvgPool2d, Layer, Tape, ndarray::Array4};
    /// let x = Tape::<f32>::inference().input(Array4::zeros((8, 16, 9, 13)));
    /// assert_eq!(AdaptiveAvgPool2d::new((3, 4)).forward(&x)?.shape(), [8, 16, 3, 4]);
    /// # Ok::<(), gradus_nn_layers::Error>(())
    /// ```
    AdaptiveAvgPool, avg_name, adaptive_avg_pool, |plan| plan.terms();
    1 AdaptiveAvgPool1d "over one axis, of sequences `(N, C, L)`.";
    2 AdaptiveAvgPool2d "over two axes, of images `(N, C, H, W)`.";
    3 AdaptiveAvgPool3d "over three axes, of volumes `(N, C, D, H, W)`.";
}

layer! {
    /// Adaptive max pooling: [`adaptive_max_pool`] as a layer.
    ///
    /// ```text
    /// y[n, c, o] = max x[n, c, start..end]        start = ⌊o · size / output_size⌋, end = ⌈(o + 1) · size / output_size⌉
    /// ```
    ///
    /// # Shapes
    /// - input: `(N, C, …)` with `R` axes after the channels, of any size
    /// - output: `(N, C, output_size…)`
    ///
    /// # Examples
    /// ```
    /// use gradus_conv::{AdaptiveMaxPool1d, Layer, Tape, ndarray::Array3};
    /// let x = Tape::<f32>::inference().input(Array3::zeros((8, 16, 13)));
    /// assert_eq!(AdaptiveMaxPool1d::new(5).forward(&x)?.shape(), [8, 16, 5]);
    /// # Ok::<(), gradus_nn_layers::Error>(())
    /// ```
    AdaptiveMaxPool, max_name, adaptive_max_pool, |_plan| 0;
    1 AdaptiveMaxPool1d "over one axis, of sequences `(N, C, L)`.";
    2 AdaptiveMaxPool2d "over two axes, of images `(N, C, H, W)`.";
    3 AdaptiveMaxPool3d "over three axes, of volumes `(N, C, D, H, W)`.";
}
