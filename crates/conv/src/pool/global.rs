//! Global pooling: each channel becomes one number.

use super::avg::{Divisor, averages};
use super::max::maxima;
use super::windows::Plan;
use crate::{Error, Result};
use gradus_autograd::{Real, Var};
use gradus_nn_layers::{Description, Layer, Module, Walk, WalkMut};

const AVG: &str = "global_avg_pool";
const MAX: &str = "global_max_pool";

/// One window, which is the channel; an input of any rank with an axis in space.
fn plan<F>(operation: &'static str, x: &[usize]) -> Result<Plan> {
    if x.len() < 3 {
        return Err(Error::Rank { operation, found: x.to_vec(), rank: 1 });
    }
    Plan::adaptive::<F>(operation, x, &vec![1; x.len() - 2])
}

/// The shape of the result.
fn out_shape(x: &[usize], keep_dims: bool) -> Vec<usize> {
    let ones = if keep_dims { x.len() - 2 } else { 0 };
    x[..2].iter().copied().chain(vec![1; ones]).collect()
}

/// The average of each channel, over however many axes in space there are.
///
/// ```text
/// y[n, c] = 1 / size · Σ_p x[n, c, p]
/// dx[n, c, p] = dy[n, c] / size
/// ```
///
/// # Shapes
/// - `x (N, C, …)`, with at least one axis after the channels
/// - result `(N, C)`, or `(N, C, 1, …)` with `keep_dims`
///
/// # Examples
/// ```
/// use gradus_conv::{Tape, global_avg_pool, ndarray::array};
/// let x = Tape::<f64>::inference().input(array![[[[1.0, 2.0], [3.0, 6.0]]]]);
/// assert_eq!(global_avg_pool(&x, false)?.value(), &array![[3.0]]);
/// assert_eq!(global_avg_pool(&x, true)?.value(), &array![[[[3.0]]]]);
/// # Ok::<(), gradus_conv::Error>(())
/// ```
///
/// # Errors
/// [`Error::Rank`]; [`Error::EmptyAxis`] for an input without numbers in a channel.
///
/// # References
/// M. Lin, Q. Chen, S. Yan, *Network in network*, 2014, <https://arxiv.org/abs/1312.4400>
#[track_caller]
pub fn global_avg_pool<F: Real>(x: &Var<F>, keep_dims: bool) -> Result<Var<F>> {
    let plan = plan::<F>(AVG, x.shape())?;
    let divisor = Divisor::inside(&plan);
    let y = averages(AVG, x, plan, divisor);
    if keep_dims { Ok(y) } else { Ok(y.reshape(&out_shape(x.shape(), false))?) }
}

/// The maximum of each channel, over however many axes in space there are; gradient, ties and NaN as of [`max_pool`](crate::max_pool).
///
/// ```text
/// y[n, c] = max_p x[n, c, p]
/// ```
///
/// # Shapes
/// - `x (N, C, …)`, with at least one axis after the channels
/// - result `(N, C)`, or `(N, C, 1, …)` with `keep_dims`
///
/// # Examples
/// ```
/// use gradus_conv::{Tape, global_max_pool, ndarray::array};
/// let x = Tape::<f64>::inference().input(array![[[1.0, 6.0, 3.0], [4.0, 2.0, 0.0]]]);
/// assert_eq!(global_max_pool(&x, false)?.value(), &array![[6.0, 4.0]]);
/// # Ok::<(), gradus_conv::Error>(())
/// ```
///
/// # Errors
/// As [`global_avg_pool`].
#[track_caller]
pub fn global_max_pool<F: Real>(x: &Var<F>, keep_dims: bool) -> Result<Var<F>> {
    let y = maxima(MAX, x, plan::<F>(MAX, x.shape())?)?;
    if keep_dims { Ok(y) } else { Ok(y.reshape(&out_shape(x.shape(), false))?) }
}

macro_rules! layer {
    ($(#[$doc:meta])* $layer:ident, $name:ident, $operation:ident, |$plan:ident| $multiply_adds:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub struct $layer {
            /// Whether the axes in space stay, with size 1.
            pub keep_dims: bool,
        }

        impl $layer {
            /// Gives `(N, C)`, or `(N, C, 1, …)` with `keep_dims`.
            #[must_use]
            pub fn new(keep_dims: bool) -> Self {
                Self { keep_dims }
            }
        }

        impl<F: Real> Module<F> for $layer {
            fn walk<'module>(&'module self, _: &mut Walk<'module, '_, F>) {}
            fn walk_mut<'module>(&'module mut self, _: &mut WalkMut<'module, '_, F>) {}
        }

        impl<F: Real> Layer<F> for $layer {
            #[doc = concat!("# Errors\nAs [`", stringify!($operation), "`].")]
            fn forward(&self, x: &Var<F>) -> gradus_nn_layers::Result<Var<F>> {
                Ok($operation(x, self.keep_dims)?)
            }

            fn describe(&self, input: &[usize]) -> gradus_nn_layers::Result<Description> {
                let $plan = plan::<F>($name, input)?;
                let output = out_shape(input, self.keep_dims);
                Ok(Description::of::<F>(self, stringify!($layer), &output).multiply_adds($multiply_adds))
            }
        }
    };
}

layer! {
    /// Global average pooling: [`global_avg_pool`] as a layer, which takes inputs of any rank.
    ///
    /// ```text
    /// y[n, c] = 1 / size · Σ_p x[n, c, p]
    /// ```
    ///
    /// # Shapes
    /// - input: `(N, C, …)` with at least one axis after the channels
    /// - output: `(N, C)`, or `(N, C, 1, …)` with `keep_dims`
    ///
    /// # Examples
    /// ```
    /// use gradus_conv::{GlobalAvgPool, Layer, Tape, ndarray::Array4};
    /// let x = Tape::<f32>::inference().input(Array4::zeros((8, 16, 7, 7)));
    /// assert_eq!(GlobalAvgPool::new(false).forward(&x)?.shape(), [8, 16]);
    /// assert_eq!(GlobalAvgPool::new(true).forward(&x)?.shape(), [8, 16, 1, 1]);
    /// # Ok::<(), gradus_nn_layers::Error>(())
    /// ```
    GlobalAvgPool, AVG, global_avg_pool, |plan| plan.terms()
}

layer! {
    /// Global max pooling: [`global_max_pool`] as a layer, which takes inputs of any rank.
    ///
    /// ```text
    /// y[n, c] = max_p x[n, c, p]
    /// ```
    ///
    /// # Shapes
    /// - input: `(N, C, …)` with at least one axis after the channels
    /// - output: `(N, C)`, or `(N, C, 1, …)` with `keep_dims`
    ///
    /// # Examples
    /// ```
    /// use gradus_conv::{GlobalMaxPool, Layer, Tape, ndarray::Array3};
    /// let x = Tape::<f32>::inference().input(Array3::zeros((8, 16, 7)));
    /// assert_eq!(GlobalMaxPool::new(true).forward(&x)?.shape(), [8, 16, 1]);
    /// # Ok::<(), gradus_nn_layers::Error>(())
    /// ```
    GlobalMaxPool, MAX, global_max_pool, |_plan| 0
}
