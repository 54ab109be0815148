//! Pooling by the L_p norm.

use super::fold::{Stages, Sum};
use super::windows::Plan;
use super::{described, ranked};
use crate::correlation::{slice, slice_mut};
use crate::{Error, Geometry, PerAxis, Result};
use gradus_autograd::{Real, Value, Var};
use gradus_linalg::memory;
use gradus_linalg::parallel::for_each_band;
use gradus_linalg::simd::vectorized;
use gradus_nn_layers::{Description, Layer, Module, Walk, WalkMut};
use ndarray::IxDyn;

/// The L_p norm under a window that moves over `R` axes in space, in each channel by itself, as PyTorch defines it: of the powers, not of
/// the absolute values.
///
/// ```text
/// s[n, c, q] = Σ_k x[n, c, q · stride + k · dilation − padding]ᵖ        y = s^(1/p)
/// dx[n, c, i] = x[n, c, i]ᵖ⁻¹ · Σ dy[n, c, q] · y[n, c, q]¹⁻ᵖ over the places q whose window sees i
/// ```
///
/// With p = 1 it is the sum, towards p = ∞ it becomes the maximum of positive numbers. Where `s` is 0, the gradient is 0 (the norm has a kink there if p = 1 or
/// 2). Where `s` is negative, as it can be for odd `p`, or a power is that of a negative number to a broken `p`, the result is NaN.
///
/// A last window that overhangs, in ceil mode, holds fewer numbers; PyTorch takes the average of the powers times the size of a whole window, and so does
/// this function: there `s` is larger by that ratio.
///
/// # Shapes
/// - `x (N, C, …)`, with `R` axes after the channels
/// - result `(N, C, …)`, the last `R` axes as [`Geometry::output_size`] says
///
/// # Examples
/// ```
/// use gradus_conv::{Geometry, Tape, lp_pool, ndarray::array};
/// let tape = Tape::<f64>::recording();
/// let x = tape.variable(array![[[3.0, -4.0, 0.0, 0.0]]]);
/// let y = lp_pool(&x, 2.0, &Geometry::<1>::new(2).stride(2))?;
/// assert_eq!(y.value(), &array![[[5.0, 0.0]]]);
/// assert_eq!((y * 5.0).sum().backward()?.get(&x).unwrap(), &array![[[3.0, -4.0, 0.0, 0.0]]]);
/// # Ok::<(), gradus_conv::Error>(())
/// ```
///
/// # Errors
/// [`Error::Norm`] unless `p` is finite and positive; else as [`avg_pool`](crate::avg_pool).
///
/// # References
/// J. Bruna, A. Szlam, Y. LeCun, *Signal recovery from pooling representations*, 2014, <https://arxiv.org/abs/1311.4025>
#[doc(alias = "lp_pool1d")]
#[doc(alias = "lp_pool2d")]
#[doc(alias = "lp_pool3d")]
#[track_caller]
pub fn lp_pool<const R: usize, F: Real>(x: &Var<F>, p: f64, geometry: &Geometry<R>) -> Result<Var<F>> {
    let plan = check::<F, R>(p, x.shape(), geometry)?;
    let (scales, p) = (scales(&plan, geometry), Power::new(p));
    let x_value = x.value().clone().into_standard_layout();
    let x_slice = slice(&x_value);
    let mut y = Value::unspecified(IxDyn(&plan.out_shape));
    for_each_band(slice_mut(&mut y), &mut vec![(); plan.channels], [plan.places, 1], |first, y, _| {
        let (mut stages, mut codes) = (Stages::<F, ()>::new(&plan), vec![(); plan.places]);
        let mut powers = memory::take(plan.pixels);
        let channels = x_slice[first * plan.pixels..].chunks_exact(plan.pixels).zip(y.chunks_exact_mut(plan.places));
        vectorized(
            #[inline(always)]
            || {
                for (x, y) in channels {
                    for (power, &x) in powers.iter_mut().zip(x) {
                        *power = p.of(x);
                    }
                    plan.fold::<F, Sum, ()>(&powers, y, &mut codes, &mut stages);
                    for (y, &scale) in y.iter_mut().zip(&scales) {
                        *y = p.root(*y * scale);
                    }
                }
            },
        );
        memory::give(powers);
    });

    let saved = x.needs_gradient().then(|| (x_value.clone(), y.clone()));
    Ok(x.tape().record_into(name::<R>(), [x], y, move |dy, slots| {
        let Some((x, y)) = saved else { return };
        let dy = dy.into_standard_layout();
        slots.accumulate(0, |dx, beta| {
            let dx = dx.into_slice().expect("gradients are row-major");
            let (x, y, dy) = (slice(&x), slice(&y), slice(&dy));
            for_each_band(dx, &mut vec![(); plan.channels], [plan.pixels, 1], |first, dx, _| {
                let mut stages = Stages::<F, ()>::new(&plan);
                let (mut slopes, mut spread) = (memory::take(plan.places), memory::take(plan.pixels));
                let channels = dx.chunks_exact_mut(plan.pixels).enumerate();
                vectorized(
                    #[inline(always)]
                    || {
                        for (i, dx) in channels {
                            let places = (first + i) * plan.places;
                            let results = y[places..].iter().zip(&dy[places..]).zip(&scales);
                            for (slope, ((&y, &dy), &scale)) in slopes.iter_mut().zip(results) {
                                *slope = dy * scale * p.root_slope(y);
                            }
                            plan.spread(&slopes, F::zero(), &mut spread, &mut stages);
                            for ((dx, &x), &sum) in dx.iter_mut().zip(&x[(first + i) * plan.pixels..]).zip(&spread) {
                                let term = p.slope(x) * sum;
                                *dx = if beta == F::zero() { term } else { *dx + term };
                            }
                        }
                    },
                );
                memory::give(slopes);
                memory::give(spread);
            });
        });
    }))
}

/// The plan of a pooling whose `p` makes a norm.
fn check<F, const R: usize>(p: f64, x: &[usize], geometry: &Geometry<R>) -> Result<Plan> {
    check_norm(name::<R>(), p)?;
    Plan::regular::<F, R>(name::<R>(), x, geometry)
}

fn check_norm(operation: &'static str, p: f64) -> Result<()> {
    if p.is_finite() && p > 0.0 { Ok(()) } else { Err(Error::Norm { operation, p }) }
}

/// By how much each sum is larger, as its window overhangs the padded input.
fn scales<F: Real, const R: usize>(plan: &Plan, geometry: &Geometry<R>) -> Vec<F> {
    let axes = plan.axes.iter().zip(geometry.padding);
    let numbers: Vec<_> = axes.map(|(axis, (_, after))| axis.padded(after)).collect();
    let whole = Plan::volume(&plan.axes, |axis| axis.taps) as f64;
    Plan::products(&numbers).into_iter().map(|n| F::from_f64(whole / n as f64)).collect()
}

/// `xᵖ` and its root, by multiplication for a whole `p`.
#[derive(Debug, Clone, Copy)]
struct Power {
    p: f64,
    whole: Option<i32>,
}

impl Power {
    fn new(p: f64) -> Self {
        let whole = p.fract() == 0.0 && p <= f64::from(i32::MAX);
        Self { p, whole: whole.then_some(p as i32) }
    }

    /// `xᵖ`.
    #[inline(always)]
    fn of<F: Real>(self, x: F) -> F {
        match self.whole {
            Some(2) => x * x,
            Some(p) => x.powi(p),
            None => x.powf(F::from_f64(self.p)),
        }
    }

    /// `xᵖ⁻¹`: the derivative of `xᵖ` without the factor `p`, which the derivative of the root cancels. The factor that goes with it is 0 where
    /// all of a window is 0.
    #[inline(always)]
    fn slope<F: Real>(self, x: F) -> F {
        match self.whole {
            Some(p) => x.powi(p - 1),
            None if x == F::zero() => F::zero(),
            None => x.powf(F::from_f64(self.p - 1.0)),
        }
    }

    /// `s^(1/p)`.
    #[inline(always)]
    fn root<F: Real>(self, s: F) -> F {
        match self.whole {
            Some(1) => s,
            Some(2) => s.sqrt(),
            _ => s.powf(F::from_f64(1.0 / self.p)),
        }
    }

    /// `y¹⁻ᵖ`, and 0 where `y` is 0.
    #[inline(always)]
    fn root_slope<F: Real>(self, y: F) -> F {
        if y == F::zero() {
            return F::zero();
        }
        match self.whole {
            Some(p) => y.powi(1 - p),
            None => y.powf(F::from_f64(1.0 - self.p)),
        }
    }
}

const fn name<const R: usize>() -> &'static str {
    ranked::<R>(["lp_pool1d", "lp_pool2d", "lp_pool3d", "lp_pool"])
}

/// Pooling by the L_p norm: [`lp_pool`] as a layer.
///
/// ```text
/// y[n, c, q] = (Σ_k x[n, c, q · stride + k]ᵖ)^(1/p)
/// ```
///
/// Windows lie side by side (the stride is the size of the window) unless a stride is set.
///
/// # Shapes
/// - input: `(N, C, …)` with `R` axes after the channels: `(N, C, H, W)` for [`LpPool2d`]
/// - output: `(N, C, …)`, along each axis `⌊(size − kernel) / stride⌋ + 1`
///
/// # Examples
/// ```
/// use gradus_conv::{Layer, LpPool2d, Tape, ndarray::Array4};
/// let x = Tape::<f32>::inference().input(Array4::ones((8, 16, 28, 28)));
/// assert_eq!(LpPool2d::new(2.0, 2).forward(&x)?.value(), &Array4::from_elem((8, 16, 14, 14), 2.0));
/// # Ok::<(), gradus_nn_layers::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LpPool<const R: usize> {
    /// The exponent `p`, finite and positive.
    pub norm_type: f64,
    /// How the window moves.
    pub geometry: Geometry<R>,
}

/// Pooling by the L_p norm over one axis, of sequences `(N, C, L)`.
pub type LpPool1d = LpPool<1>;
/// Pooling by the L_p norm over two axes, of images `(N, C, H, W)`.
pub type LpPool2d = LpPool<2>;
/// Pooling by the L_p norm over three axes, of volumes `(N, C, D, H, W)`.
pub type LpPool3d = LpPool<3>;

impl<const R: usize> LpPool<R> {
    /// The norm of this exponent under windows of this size side by side.
    #[must_use]
    pub fn new(norm_type: f64, kernel_size: impl Into<PerAxis<R>>) -> Self {
        let kernel_size = kernel_size.into();
        Self { norm_type, geometry: Geometry::new(kernel_size).stride(kernel_size) }
    }

    /// Sets the distance between two windows.
    #[must_use]
    pub fn stride(self, stride: impl Into<PerAxis<R>>) -> Self {
        Self { geometry: self.geometry.stride(stride), ..self }
    }

    /// Lets a last window count that overhangs the end.
    #[must_use]
    pub fn ceil_mode(self) -> Self {
        Self { geometry: self.geometry.ceil_mode(), ..self }
    }

    /// Checks the settings without an input.
    ///
    /// # Errors
    /// [`Error::Norm`], [`Error::Zero`].
    pub fn validate(&self) -> Result<()> {
        check_norm(name::<R>(), self.norm_type)?;
        self.geometry.check(name::<R>())
    }
}

impl<const R: usize, F: Real> Module<F> for LpPool<R> {
    fn walk<'module>(&'module self, _: &mut Walk<'module, '_, F>) {}
    fn walk_mut<'module>(&'module mut self, _: &mut WalkMut<'module, '_, F>) {}
}

impl<const R: usize, F: Real> Layer<F> for LpPool<R> {
    /// # Errors
    /// As [`lp_pool`].
    fn forward(&self, x: &Var<F>) -> gradus_nn_layers::Result<Var<F>> {
        Ok(lp_pool(x, self.norm_type, &self.geometry)?)
    }

    /// One multiply–add for each number of each window that lies over the input; powers and roots are elementwise.
    fn describe(&self, input: &[usize]) -> gradus_nn_layers::Result<Description> {
        let plan = check::<F, R>(self.norm_type, input, &self.geometry)?;
        Ok(described::<F, R>(self, "LpPool", &plan, plan.terms()))
    }
}
