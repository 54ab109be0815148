//! Interpolation: another number of places for the same picture.

use crate::geometry::{PerAxis, count};
use crate::sampling::{Line, Sampling, multiply_adds};
use crate::shape::{Planes, describe, no_parameters};
use crate::{Error, Result};
use gradus_autograd::{Real, Var};
use gradus_nn_layers::{Description, Layer};

/// How the numbers between the numbers are found, along each axis.
///
/// ```text
///                     place s in the input of place o in the result                        weights
/// Nearest             s = ⌊o · step⌋                                                       1
/// NearestExact        s = ⌊(o + ½) · step⌋                                                 1
/// Linear              s = max(0, (o + ½) · step − ½)                                       1 − t, t
/// Cubic               s = (o + ½) · step − ½                                               w(1 + t), w(t), w(1 − t), w(2 − t)
/// with corners        s = o · (size − 1) / (out − 1)
/// ```
///
/// `step` is `size / out`, or one over the factor where a factor is given. `t = s − ⌊s⌋` is how far `s` lies beyond the number
/// before it, and `w` the cubic convolution kernel with `a = −¾`. Numbers beyond the ends are those at the ends.
///
/// Without corners aligned, numbers are squares with the number in the middle, and the outer edges of the first and the last lie on those
/// of the result; with corners, the first and the last number themselves do.
///
/// # References
/// R. G. Keys, *Cubic convolution interpolation for digital image processing*, 1981, <https://doi.org/10.1109/TASSP.1981.1163711>
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Interpolation {
    /// The number in whose square the place's left edge lies.
    #[default]
    Nearest,
    /// The number in whose square the place's middle lies.
    NearestExact,
    /// The two neighbours: linear along one axis, bilinear along two, trilinear along three.
    Linear {
        /// Whether the first and the last number stay first and last.
        align_corners: bool,
    },
    /// Four neighbours: bicubic along two axes.
    Cubic {
        /// Whether the first and the last number stay first and last.
        align_corners: bool,
    },
}

/// How large a result of [`upsample`] is.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Target<const R: usize> {
    /// Of this size.
    Size([usize; R]),
    /// So many times as large, `⌊size · factor⌋`.
    Factor([f64; R]),
}

impl<const R: usize> Target<R> {
    /// This size along all axes, or along each.
    #[must_use]
    pub fn size(size: impl Into<PerAxis<R>>) -> Self {
        Self::Size(size.into().0)
    }

    /// This factor along all axes.
    #[must_use]
    pub fn factor(factor: f64) -> Self {
        Self::Factor([factor; R])
    }

    /// The size of the result along one axis, and the step between its places if the factor says so.
    fn along(&self, axis: usize, size: usize) -> Result<(usize, Option<f64>)> {
        let operation = NAME;
        if size == 0 {
            return Err(Error::NothingBetween { operation, axis });
        }
        match self {
            Self::Size(out) if out.contains(&0) => Err(Error::Zero { operation, name: "size", value: out.to_vec() }),
            Self::Size(out) => Ok((out[axis], None)),
            Self::Factor(factors) => {
                let factor = factors[axis];
                if !(factor.is_finite() && factor > 0.0) {
                    return Err(Error::Factor { operation, factors: factors.to_vec() });
                }
                match (size as f64 * factor).floor() {
                    out if out < 1.0 => Err(Error::EmptyOutput { operation, axis, size, factor }),
                    out => Ok((out as usize, Some(factor))), // what is too large for `usize` is too large for memory
                }
            }
        }
    }
}

const NAME: &str = "upsample";

/// Resamples an array along its `R` axes in space: `interpolate` of PyTorch.
///
/// ```text
/// y[n, c, o] = Σ_t w_t(o) · x[n, c, i_t(o)]                along each axis, as the mode says
/// dx[n, c, i] = Σ_o Σ_{t: i_t(o) = i} w_t(o) · dy[n, c, o]
/// ```
///
/// The axes are gone along one after the other. A smaller result is sampled, not averaged: no filter goes before.
///
/// Positions of the nearest number are exact. PyTorch computes them in single precision, and, along two axes, without the factor where the result
/// has the size of the input or twice that, which differs for factors such as 1.1.
///
/// # Shapes
/// - `x (N, C, …)`, with `R` axes after the channels
/// - result `(N, C, …)`, along each axis the size asked for, or `⌊size · factor⌋`
///
/// # Examples
/// ```
/// use gradus_conv::{Interpolation, Tape, Target, ndarray::array, upsample};
/// let tape = Tape::<f64>::recording();
/// let x = tape.variable(array![[[0.0, 4.0]]]);
/// let y = upsample(&x, Target::<1>::factor(2.0), Interpolation::Linear { align_corners: false })?;
/// assert_eq!(y.value(), &array![[[0.0, 1.0, 3.0, 4.0]]]);
/// assert_eq!(y.sum().backward()?.get(&x).unwrap(), &array![[[2.0, 2.0]]]);
/// let y = upsample(&x, Target::Size([3]), Interpolation::Linear { align_corners: true })?;
/// assert_eq!(y.value(), &array![[[0.0, 2.0, 4.0]]]);
/// # Ok::<(), gradus_conv::Error>(())
/// ```
///
/// # Errors
/// [`Error::Rank`]; [`Error::NothingBetween`] if there is nothing to interpolate between; [`Error::Zero`] for a size of 0;
/// [`Error::Factor`] for a factor that is none, [`Error::EmptyOutput`] for one that leaves nothing; [`Error::TooLarge`] if memory cannot hold
/// the result.
///
/// # References
/// As of [`Interpolation`].
#[doc(alias = "interpolate")]
#[track_caller]
pub fn upsample<const R: usize, F: Real>(x: &Var<F>, target: Target<R>, mode: Interpolation) -> Result<Var<F>> {
    let (axes, out_shape) = axes::<R, F>(x.shape(), target)?;
    let number = Planes::of(NAME, x.shape(), R)?.number;
    // Without a result there is nothing to list positions for, however long the list would be.
    let lines = axes.iter().filter(|_| number > 0).map(|axis| line(axis, mode));
    Ok(Sampling::new(number, lines.collect()).record(NAME, x, &out_shape))
}

/// One axis: its sizes in the input and in the result, and the factor between them if it is given.
struct Axis {
    size: usize,
    out: usize,
    factor: Option<f64>,
}

/// The axes, and the shape of the result.
fn axes<const R: usize, F: Real>(x: &[usize], target: Target<R>) -> Result<(Vec<Axis>, Vec<usize>)> {
    let planes = Planes::of(NAME, x, R)?;
    let mut out_shape = x[..2].to_vec();
    let mut axes = Vec::with_capacity(R);
    for (axis, &size) in planes.size.iter().enumerate() {
        let (out, factor) = target.along(axis, size)?;
        out_shape.push(out);
        axes.push(Axis { size, out, factor });
    }
    count::<F>(NAME, "result of shape", &out_shape)?;
    Ok((axes, out_shape))
}

/// The map along one axis.
fn line<F: Real>(&Axis { size, out, factor }: &Axis, mode: Interpolation) -> Line<F> {
    let last = size - 1;
    let middle = |o: usize| match factor {
        Some(factor) => (o as f64 + 0.5) / factor - 0.5,
        None => (o as f64 + 0.5) * (size as f64 / out as f64) - 0.5,
    };
    let corners = last as f64 / (out - 1).max(1) as f64;
    let place = |align_corners, o: usize| if align_corners { o as f64 * corners } else { middle(o) };
    match mode {
        Interpolation::Nearest => Line::copies(size, out, |o| match factor {
            Some(factor) => ((o as f64 / factor) as usize).min(last),
            None => (o as u128 * size as u128 / out as u128) as usize,
        }),
        Interpolation::NearestExact => Line::copies(size, out, |o| match factor {
            Some(factor) => (((o as f64 + 0.5) / factor) as usize).min(last),
            None => ((2 * o as u128 + 1) * size as u128 / (2 * out as u128)) as usize,
        }),
        Interpolation::Linear { .. } if size == out => Line::copies(size, out, |o| o), // whatever the factor
        Interpolation::Linear { align_corners } => Line::sums(size, out, |o| {
            let place = place(align_corners, o).max(0.0);
            let before = (place as usize).min(last);
            let t = (place - before as f64).clamp(0.0, 1.0);
            [(before, 1.0 - t), ((before + 1).min(last), t)]
        }),
        Interpolation::Cubic { align_corners } => Line::sums(size, out, |o| {
            let place = place(align_corners, o);
            let before = place.floor();
            let t = place - before;
            let at = |step: f64| (before + step).clamp(0.0, last as f64) as usize;
            [(at(-1.0), outer(1.0 + t)), (at(0.0), inner(t)), (at(1.0), inner(1.0 - t)), (at(2.0), outer(2.0 - t))]
        }),
    }
}

/// Of the cubic convolution kernels, which are 1 at 0 and 0 at the other whole numbers, the one of this slope at 1.
const A: f64 = -0.75;

/// The kernel at a distance up to 1.
fn inner(t: f64) -> f64 {
    ((A + 2.0) * t - (A + 3.0)) * t * t + 1.0
}

/// The kernel at a distance from 1 to 2.
fn outer(t: f64) -> f64 {
    ((A * t - 5.0 * A) * t + 8.0 * A) * t - 4.0 * A
}

/// Resampling as a layer: see [`upsample`].
///
/// # Shapes
/// - input: `(N, C, …)` with `R` axes after the channels: `(N, C, H, W)` for [`Upsample2d`]
/// - output: `(N, C, …)`, along each axis the size asked for, or `⌊size · factor⌋`
///
/// # Examples
/// ```
/// use gradus_conv::{Layer, Tape, Upsample2d, ndarray::Array4};
/// let x = Tape::<f32>::inference().input(Array4::zeros((8, 3, 5, 7)));
/// assert_eq!(Upsample2d::by(2.0).forward(&x)?.shape(), [8, 3, 10, 14]);
/// assert_eq!(Upsample2d::to((32, 48)).linear().align_corners().forward(&x)?.shape(), [8, 3, 32, 48]);
/// # Ok::<(), gradus_nn_layers::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Upsample<const R: usize> {
    /// How large the result is.
    pub target: Target<R>,
    /// How the numbers between the numbers are found.
    pub mode: Interpolation,
}

/// Resampling of sequences `(N, C, L)`.
pub type Upsample1d = Upsample<1>;
/// Resampling of images `(N, C, H, W)`.
pub type Upsample2d = Upsample<2>;
/// Resampling of volumes `(N, C, D, H, W)`.
pub type Upsample3d = Upsample<3>;

impl<const R: usize> Upsample<R> {
    /// As many times as large, to the nearest number.
    #[must_use]
    pub fn by(factor: f64) -> Self {
        Self { target: Target::factor(factor), mode: Interpolation::Nearest }
    }

    /// Of this size, to the nearest number.
    #[must_use]
    pub fn to(size: impl Into<PerAxis<R>>) -> Self {
        Self { target: Target::size(size), mode: Interpolation::Nearest }
    }

    /// Interpolates linearly between the neighbours: bilinear along two axes, trilinear along three.
    #[must_use]
    pub fn linear(self) -> Self {
        Self { mode: Interpolation::Linear { align_corners: false }, ..self }
    }

    /// Interpolates by cubic convolution: bicubic along two axes.
    #[must_use]
    pub fn cubic(self) -> Self {
        Self { mode: Interpolation::Cubic { align_corners: false }, ..self }
    }

    /// Lets the first and the last number stay first and last; nothing to the nearest number, which does not know of corners.
    #[must_use]
    pub fn align_corners(self) -> Self {
        let mode = match self.mode {
            Interpolation::Linear { .. } => Interpolation::Linear { align_corners: true },
            Interpolation::Cubic { .. } => Interpolation::Cubic { align_corners: true },
            nearest => nearest,
        };
        Self { mode, ..self }
    }
}

no_parameters!([const R: usize] Upsample<R>);

impl<const R: usize, F: Real> Layer<F> for Upsample<R> {
    /// # Errors
    /// As [`upsample`].
    fn forward(&self, x: &Var<F>) -> gradus_nn_layers::Result<Var<F>> {
        Ok(upsample(x, self.target, self.mode)?)
    }

    fn describe(&self, input: &[usize]) -> gradus_nn_layers::Result<Description> {
        let (axes, output) = axes::<R, F>(input, self.target)?;
        let terms = |axis: &Axis| match self.mode {
            Interpolation::Nearest | Interpolation::NearestExact => 0,
            Interpolation::Linear { .. } => {
                if axis.size == axis.out {
                    0
                } else {
                    2
                }
            }
            Interpolation::Cubic { .. } => 4,
        };
        let axes: Vec<_> = axes.iter().map(|axis| (axis.size, axis.out, terms(axis))).collect();
        let planes = Planes::of(NAME, input, R).map_err(gradus_nn_layers::Error::from)?;
        Ok(describe::<F>(self, "Upsample", R, &output).multiply_adds(multiply_adds(planes.number, &axes)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cubic_kernel_has_the_weights_of_its_definition() {
        for t in [0.0, 0.1, 0.5, 0.99, 1.0] {
            let weights = [outer(1.0 + t), inner(t), inner(1.0 - t), outer(2.0 - t)];
            assert!((weights.iter().sum::<f64>() - 1.0).abs() < 1e-15); // a constant stays what it is
        }
        assert_eq!([inner(0.0), inner(1.0), outer(1.0), outer(2.0)], [1.0, 0.0, 0.0, 0.0]);
        let slope = (outer(1.0 + 1e-6) - outer(1.0)) / 1e-6;
        assert!((slope - A).abs() < 1e-5);
    }
}
