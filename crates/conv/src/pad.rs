//! Continuing an array beyond its edges.

use crate::geometry::{PerAxis, count};
use crate::sampling::{Line, NOWHERE, Sampling};
use crate::shape::{Planes, describe, no_parameters};
use crate::{Error, Result};
use gradus_autograd::{Real, Var};
use gradus_nn_layers::{Description, Layer};
use std::fmt;

/// What lies beyond the edges of an input.
///
/// ```text
/// zeros        0 0 0 | a b c d | 0 0 0
/// reflect      d c b | a b c d | c b a        a mirror on the last number, which is not repeated
/// replicate    a a a | a b c d | d d d        the last number, again and again
/// circular     b c d | a b c d | a b c        the other end: the axis is a ring
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum PaddingMode {
    /// Zeros.
    #[default]
    Zeros,
    /// The numbers before the edge in reverse, without the edge itself.
    Reflect,
    /// The number at the edge.
    Replicate,
    /// The numbers of the other end.
    Circular,
}

impl PaddingMode {
    /// The most that a side can be padded by: beyond that a number would have to be met twice. `None`: there is no limit.
    fn limit(self, size: usize) -> Option<usize> {
        match self {
            Self::Zeros => None,
            Self::Reflect => Some(size.saturating_sub(1)),
            Self::Replicate => (size == 0).then_some(0),
            Self::Circular => Some(size),
        }
    }

    /// Which number of the input stands at place `o` of the result.
    fn position(self, o: usize, before: usize, size: usize) -> usize {
        let inside = before..before + size;
        match self {
            _ if inside.contains(&o) => o - before,
            Self::Zeros => NOWHERE,
            Self::Reflect if o < before => before - o,
            Self::Reflect => 2 * (size - 1) - (o - before),
            Self::Replicate if o < before => 0,
            Self::Replicate => size - 1,
            Self::Circular if o < before => size - (before - o),
            Self::Circular => o - inside.end,
        }
    }
}

impl fmt::Display for PaddingMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Zeros => "zeros",
            Self::Reflect => "reflect",
            Self::Replicate => "replicate",
            Self::Circular => "circular",
        })
    }
}

/// How far an input is continued on each side, for each axis in space.
///
/// # Examples
/// ```
/// use gradus_conv::Padding;
/// assert_eq!(Padding::<2>::from(1), Padding::Explicit([(1, 1), (1, 1)]));
/// assert_eq!(Padding::<2>::from((1, 2)), Padding::Explicit([(1, 1), (2, 2)])); // height, width
/// assert_eq!(Padding::<2>::from([(0, 1), (2, 3)]), Padding::Explicit([(0, 1), (2, 3)])); // top, bottom; left, right
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Padding<const R: usize> {
    /// None: only places at which the whole kernel lies over the input.
    Valid,
    /// As much as makes the output as large as the input, `dilation · (kernel − 1)` in all: half of it before, rounded down, and the rest
    /// after. Only with a stride of 1.
    Same,
    /// This much before and after.
    Explicit([(usize, usize); R]),
}

impl<const R: usize> From<PerAxis<R>> for Padding<R> {
    fn from(PerAxis(both): PerAxis<R>) -> Self {
        Self::Explicit(both.map(|width| (width, width)))
    }
}

impl<const R: usize> From<usize> for Padding<R> {
    fn from(all: usize) -> Self {
        PerAxis::from(all).into()
    }
}

impl<const R: usize> From<[usize; R]> for Padding<R> {
    fn from(each: [usize; R]) -> Self {
        PerAxis::from(each).into()
    }
}

impl From<(usize, usize)> for Padding<2> {
    fn from(each: (usize, usize)) -> Self {
        PerAxis::from(each).into()
    }
}

impl From<(usize, usize, usize)> for Padding<3> {
    fn from(each: (usize, usize, usize)) -> Self {
        PerAxis::from(each).into()
    }
}

impl<const R: usize> From<[(usize, usize); R]> for Padding<R> {
    fn from(each: [(usize, usize); R]) -> Self {
        Self::Explicit(each)
    }
}

const NAME: &str = "pad";

/// Continues an array beyond the edges of its `R` axes in space: for each axis, how many numbers before and how many after.
///
/// ```text
/// y[n, c, o] = x[n, c, i(o)], or 0                 i(o) as the mode says; between the margins i(o) = o − before
/// dx[n, c, i] = Σ dy[n, c, o] over all o with i(o) = i
/// ```
///
/// So each number of a margin gives its gradient back to the number that it is a copy of. Along several axes, corners are copies of
/// copies.
///
/// # Shapes
/// - `x (N, C, …)`, with `R` axes after the channels
/// - result `(N, C, …)`, along each axis `before + size + after`
///
/// # Examples
/// ```
/// use gradus_conv::{PaddingMode, Tape, ndarray::array, pad};
/// let tape = Tape::<f64>::recording();
/// let x = tape.variable(array![[[1.0, 2.0, 3.0]]]);
/// let y = pad(&x, [(2, 1)], PaddingMode::Reflect)?;
/// assert_eq!(y.value(), &array![[[3.0, 2.0, 1.0, 2.0, 3.0, 2.0]]]);
/// assert_eq!(y.sum().backward()?.get(&x).unwrap(), &array![[[1.0, 3.0, 2.0]]]); // how often each was copied
/// # Ok::<(), gradus_conv::Error>(())
/// ```
///
/// # Errors
/// [`Error::Rank`]; [`Error::PadWidth`] if a margin would need numbers that are not there (reflect: at most `size − 1`, circular:
/// at most `size`); [`Error::TooLarge`] if memory cannot hold the result.
#[track_caller]
pub fn pad<const R: usize, F: Real>(x: &Var<F>, widths: [(usize, usize); R], mode: PaddingMode) -> Result<Var<F>> {
    let out_shape = padded_shape::<R, F>(x.shape(), widths, mode)?;
    let planes = Planes::of(NAME, x.shape(), R)?;
    // Without a result there is nothing to list positions for, however long the list would be.
    let sized = planes.size.iter().zip(widths).filter(|_| !out_shape.contains(&0));
    let lines = sized
        .map(|(&size, (before, after))| Line::copies(size, before + size + after, |o| mode.position(o, before, size)));
    Ok(Sampling::new(planes.number, lines.collect()).record(NAME, x, &out_shape))
}

/// The shape of the result, if there is one.
pub(crate) fn padded_shape<const R: usize, F: Real>(
    x: &[usize],
    widths: [(usize, usize); R],
    mode: PaddingMode,
) -> Result<Vec<usize>> {
    let planes = Planes::of(NAME, x, R)?;
    let mut out_shape = x[..2].to_vec();
    for (axis, (&size, padding)) in planes.size.iter().zip(widths).enumerate() {
        let (before, after) = padding;
        if let Some(limit) = mode.limit(size).filter(|&limit| before.max(after) > limit) {
            return Err(Error::PadWidth { operation: NAME, mode, axis, size, padding, limit });
        }
        let padded = before.checked_add(size).and_then(|sum| sum.checked_add(after));
        let sizes = || vec![before, size, after];
        let what = "padded size, the sum of";
        out_shape.push(padded.ok_or_else(|| Error::TooLarge { operation: NAME, what, sizes: sizes() })?);
    }
    count::<F>(NAME, "result of shape", &out_shape)?;
    Ok(out_shape)
}

/// Padding as a layer: see [`pad`].
///
/// # Shapes
/// - input: `(N, C, …)` with `R` axes after the channels: `(N, C, H, W)` for [`Pad2d`]
/// - output: `(N, C, …)`, along each axis `before + size + after`
///
/// # Examples
/// ```
/// use gradus_conv::{Layer, Pad2d, PaddingMode, Tape, ndarray::Array4};
/// let layer = Pad2d::new([(1, 1), (0, 2)], PaddingMode::Replicate);
/// let y = layer.forward(&Tape::<f32>::inference().input(Array4::zeros((8, 3, 5, 5))))?;
/// assert_eq!(y.shape(), [8, 3, 7, 7]);
/// # Ok::<(), gradus_nn_layers::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pad<const R: usize> {
    /// How many numbers before and after, for each axis in space.
    pub widths: [(usize, usize); R],
    /// What they are.
    pub mode: PaddingMode,
}

/// Padding of sequences `(N, C, L)`.
pub type Pad1d = Pad<1>;
/// Padding of images `(N, C, H, W)`.
pub type Pad2d = Pad<2>;
/// Padding of volumes `(N, C, D, H, W)`.
pub type Pad3d = Pad<3>;

impl<const R: usize> Pad<R> {
    /// A layer with these margins.
    #[must_use]
    pub fn new(widths: [(usize, usize); R], mode: PaddingMode) -> Self {
        Self { widths, mode }
    }
}

no_parameters!([const R: usize] Pad<R>);

impl<const R: usize, F: Real> Layer<F> for Pad<R> {
    /// # Errors
    /// As [`pad`].
    fn forward(&self, x: &Var<F>) -> gradus_nn_layers::Result<Var<F>> {
        Ok(pad(x, self.widths, self.mode)?)
    }

    fn describe(&self, input: &[usize]) -> gradus_nn_layers::Result<Description> {
        let output = padded_shape::<R, F>(input, self.widths, self.mode)?;
        Ok(describe::<F>(self, "Pad", R, &output))
    }
}
