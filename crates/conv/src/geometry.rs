//! Where a window stands: pure arithmetic, the same along every axis and for every rank.
//!
//! Along one axis, a window of `kernel` numbers stands at `out` places. At place `o` its number `k` lies over position
//!
//! ```text
//! i = o · stride + k · dilation − before
//! ```
//!
//! of the input, or over padding where `i` is negative or not below the input's size:
//!
//! ```text
//! kernel 3, stride 2, dilation 1, padding 1 on both sides        size 5, padded 7, out (7 − 3) / 2 + 1 = 3
//!
//!   ·  0  1  2  3  4  ·
//!   └─ o=0 ┘
//!         └─ o=1 ┘
//!               └─ o=2 ┘
//! ```

use crate::{Error, Result};

/// One number for each axis in space: give one for all, or one for each.
///
/// # Examples
/// ```
/// use gradus_conv::PerAxis;
/// assert_eq!(PerAxis::<2>::from(3), PerAxis([3, 3]));
/// assert_eq!(PerAxis::<2>::from((3, 5)), PerAxis([3, 5]));
/// assert_eq!(PerAxis::<3>::from([1, 2, 3]), PerAxis([1, 2, 3]));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PerAxis<const R: usize>(pub [usize; R]);

impl<const R: usize> From<usize> for PerAxis<R> {
    fn from(all: usize) -> Self {
        Self([all; R])
    }
}

impl<const R: usize> From<[usize; R]> for PerAxis<R> {
    fn from(each: [usize; R]) -> Self {
        Self(each)
    }
}

impl From<(usize, usize)> for PerAxis<2> {
    fn from((height, width): (usize, usize)) -> Self {
        Self([height, width])
    }
}

impl From<(usize, usize, usize)> for PerAxis<3> {
    fn from((depth, height, width): (usize, usize, usize)) -> Self {
        Self([depth, height, width])
    }
}

/// How a window moves over an input with `R` axes in space.
///
/// ```text
/// out = ⌊(before + size + after − (dilation · (kernel − 1) + 1)) / stride⌋ + 1        along each axis
/// ```
///
/// # Examples
/// ```
/// use gradus_conv::Geometry;
/// let halving = Geometry::<2>::new(3).stride(2).padding(1);
/// assert_eq!(halving.output_size([224, 17])?, [112, 9]); // (1 + 17 + 1 − 3) / 2 + 1 = 9
/// # Ok::<(), gradus_conv::Error>(())
/// ```
///
/// # References
/// V. Dumoulin, F. Visin, *A guide to convolution arithmetic for deep learning*, 2016, <https://arxiv.org/abs/1603.07285>
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Geometry<const R: usize = 2> {
    /// The size of the window; at least 1.
    pub kernel_size: [usize; R],
    /// The distance between two places of the window; at least 1, default 1.
    pub stride: [usize; R],
    /// How far the input is continued before its begin and after its end; default 0.
    pub padding: [(usize, usize); R],
    /// The distance between two numbers under the window; at least 1, default 1.
    pub dilation: [usize; R],
    /// Whether a last window counts that overhangs the padded end, but begins before the padding after the input; the
    /// quotient above is then rounded up. Default false.
    pub ceil_mode: bool,
}

impl<const R: usize> Geometry<R> {
    /// A window of this size that moves in steps of 1 over an input without padding.
    #[must_use]
    pub fn new(kernel_size: impl Into<PerAxis<R>>) -> Self {
        Self {
            kernel_size: kernel_size.into().0,
            stride: [1; R],
            padding: [(0, 0); R],
            dilation: [1; R],
            ceil_mode: false,
        }
    }

    /// Sets the distance between two places of the window.
    #[must_use]
    pub fn stride(self, stride: impl Into<PerAxis<R>>) -> Self {
        Self { stride: stride.into().0, ..self }
    }

    /// Sets the padding, the same before and after.
    #[must_use]
    pub fn padding(self, padding: impl Into<PerAxis<R>>) -> Self {
        Self { padding: padding.into().0.map(|p| (p, p)), ..self }
    }

    /// Sets the padding before and after, for each axis.
    #[must_use]
    pub fn padding_each(self, padding: [(usize, usize); R]) -> Self {
        Self { padding, ..self }
    }

    /// Sets the padding with which, at a stride of 1, the result is as large as the input: `dilation · (kernel − 1)` in all, half
    /// of it before, rounded down, and the rest after. Set the dilation first.
    ///
    /// # Examples
    /// ```
    /// use gradus_conv::Geometry;
    /// let geometry = Geometry::<2>::new((3, 4)).same_padding();
    /// assert_eq!(geometry.padding, [(1, 1), (1, 2)]);
    /// assert_eq!(geometry.output_size([7, 9])?, [7, 9]);
    /// # Ok::<(), gradus_conv::Error>(())
    /// ```
    #[must_use]
    pub fn same_padding(self) -> Self {
        let padding = std::array::from_fn(|axis| {
            let all = self.dilation[axis].saturating_mul(self.kernel_size[axis].saturating_sub(1));
            (all / 2, all - all / 2)
        });
        Self { padding, ..self }
    }

    /// Sets the distance between two numbers under the window.
    #[must_use]
    pub fn dilation(self, dilation: impl Into<PerAxis<R>>) -> Self {
        Self { dilation: dilation.into().0, ..self }
    }

    /// Lets a last window count that overhangs the end.
    #[must_use]
    pub fn ceil_mode(self) -> Self {
        Self { ceil_mode: true, ..self }
    }

    /// Checks what can be checked without an input: no size, stride or dilation is 0.
    ///
    /// # Errors
    /// [`Error::Zero`].
    pub fn validate(&self) -> Result<()> {
        self.check("geometry")
    }

    pub(crate) fn check(&self, operation: &'static str) -> Result<()> {
        let settings = [("kernel_size", self.kernel_size), ("stride", self.stride), ("dilation", self.dilation)];
        match settings.into_iter().find(|(_, value)| value.contains(&0)) {
            Some((name, value)) => Err(Error::Zero { operation, name, value: value.to_vec() }),
            None => Ok(()),
        }
    }

    /// The number of places of the window along each axis of an input of this size.
    ///
    /// # Errors
    /// [`Error::Zero`]; [`Error::KernelTooLarge`] if there is no place for the window; [`Error::TooLarge`] if a sum
    /// overflows.
    pub fn output_size(&self, input_size: [usize; R]) -> Result<[usize; R]> {
        let axes = self.axes("output size", &input_size)?;
        Ok(std::array::from_fn(|axis| axes[axis].out))
    }

    /// Every axis of an input of this size, which has one number for each.
    pub(crate) fn axes(&self, operation: &'static str, input_size: &[usize]) -> Result<Vec<Axis>> {
        self.check(operation)?;
        let axis = |(axis, &size): (usize, &usize)| self.axis(operation, axis, size);
        input_size.iter().take(R).enumerate().map(axis).collect()
    }

    fn axis(&self, operation: &'static str, axis: usize, size: usize) -> Result<Axis> {
        let (kernel_size, stride, dilation) = (self.kernel_size[axis], self.stride[axis], self.dilation[axis]);
        let (before, after) = self.padding[axis];
        let too_large = |what, sizes: &[usize]| Error::TooLarge { operation, what, sizes: sizes.to_vec() };
        let padded = before.checked_add(size).and_then(|sum| sum.checked_add(after));
        let padded = padded.ok_or_else(|| too_large("padded size, the sum of", &[before, size, after]))?;
        let extent = dilation.checked_mul(kernel_size - 1).and_then(|span| span.checked_add(1));
        let extent = extent.ok_or_else(|| too_large("dilated kernel", &[dilation, kernel_size]))?;
        let places = match padded.checked_sub(extent) {
            Some(room) if self.ceil_mode => Some(room.div_ceil(stride) + 1),
            Some(room) => Some(room / stride + 1),
            None if self.ceil_mode && extent - padded < stride => Some(1),
            None => None,
        };
        let Some(mut out) = places else {
            let padding = (before, after);
            return Err(Error::KernelTooLarge {
                operation,
                axis,
                size,
                padding,
                padded,
                kernel_size,
                dilation,
                extent,
            });
        };
        if self.ceil_mode && out > 1 && (out - 1).saturating_mul(stride) >= before + size {
            out -= 1; // it would begin in the padding after the input
        }
        Ok(Axis { size, out, kernel_size, stride, dilation, before, extent })
    }
}

/// One axis of an input under a moving window.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Axis {
    /// The size of the input.
    pub(crate) size: usize,
    /// The number of places of the window.
    pub(crate) out: usize,
    pub(crate) kernel_size: usize,
    pub(crate) stride: usize,
    pub(crate) dilation: usize,
    /// The padding before the input.
    pub(crate) before: usize,
    /// What the dilated window spans.
    pub(crate) extent: usize,
}

/// The places at which one number of a window lies over the input and not over padding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Reach {
    /// The first such place.
    pub(crate) start: usize,
    /// The first place after them; all between are such places.
    pub(crate) end: usize,
    /// The position of the input at the first place.
    pub(crate) first: usize,
}

impl Axis {
    /// Where number `k` of the window lies over the input: `0 ≤ o · stride + k · dilation − before < size`, solved for `o`.
    pub(crate) fn reach(&self, k: usize) -> Reach {
        let ahead = k * self.dilation; // less than the extent, which does not overflow
        let end = (self.size + self.before).saturating_sub(ahead).div_ceil(self.stride).min(self.out);
        let start = self.before.saturating_sub(ahead).div_ceil(self.stride).min(end);
        let first = if start < end { start * self.stride + ahead - self.before } else { 0 };
        Reach { start, end, first }
    }

    /// How long the input is with as much padding as windows reach into.
    pub(crate) fn spanned(&self) -> usize {
        ((self.out - 1) * self.stride + self.extent).max(self.before + self.size)
    }

    /// How many places before the first one would still see the input, if there were any.
    pub(crate) fn seen_before(&self) -> usize {
        (self.extent - 1).saturating_sub(self.before) / self.stride
    }

    /// Of positions `i = q · stride + remainder`, number `k` of the window sees those from place `q + shift`, if any: the shift,
    /// counted from [`seen_before`](Self::seen_before) places before the first.
    pub(crate) fn seen_from(&self, remainder: usize, k: usize) -> Option<usize> {
        let ahead = k * self.dilation;
        let moved = remainder + self.before + self.seen_before() * self.stride;
        (moved >= ahead && (moved - ahead).is_multiple_of(self.stride)).then(|| (moved - ahead) / self.stride)
    }

    /// The remainders by the stride of the positions that some number of the window sees, in order.
    pub(crate) fn seen_remainders(&self) -> Vec<usize> {
        let before = self.before % self.stride;
        let remainders = (0..self.kernel_size).map(|k| {
            let ahead = k * self.dilation % self.stride;
            if ahead < before { self.stride - (before - ahead) } else { ahead - before }
        });
        let mut remainders: Vec<usize> = remainders.filter(|&r| r < self.size).collect();
        remainders.sort_unstable();
        remainders.dedup();
        remainders
    }

    /// The first number of the window at place `o` that lies over the input, if one does: its position there.
    pub(crate) fn first_inside(&self, o: usize) -> Option<usize> {
        let moved = o * self.stride; // at most the padded size
        let short = self.before.saturating_sub(moved);
        let k = short.div_ceil(self.dilation);
        if k >= self.kernel_size {
            return None;
        }
        let position = moved.saturating_sub(self.before) + (k * self.dilation - short);
        (position < self.size).then_some(position)
    }
}

/// The product of sizes, if an array of so many numbers of `F` can exist.
pub(crate) fn count<F>(operation: &'static str, what: &'static str, sizes: &[usize]) -> Result<usize> {
    let bytes = sizes.iter().filter(|&&n| n != 0).try_fold(size_of::<F>().max(1), |n, &size| n.checked_mul(size));
    if bytes.is_some_and(|bytes| isize::try_from(bytes).is_ok()) {
        return Ok(sizes.iter().product());
    }
    Err(Error::TooLarge { operation, what, sizes: sizes.to_vec() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn axis(geometry: Geometry<1>, size: usize) -> Axis {
        geometry.axes("test", &[size]).unwrap()[0]
    }

    #[test]
    fn the_picture_above_is_right() {
        let axis = axis(Geometry::new(3).stride(2).padding(1), 5);
        assert_eq!(axis.out, 3);
        assert_eq!(axis.reach(0), Reach { start: 1, end: 3, first: 1 });
        assert_eq!(axis.reach(1), Reach { start: 0, end: 3, first: 0 });
        assert_eq!(axis.reach(2), Reach { start: 0, end: 2, first: 1 });
        assert_eq!([0, 1, 2].map(|o| axis.first_inside(o)), [Some(0), Some(1), Some(3)]);
    }

    #[test]
    fn reaches_are_what_their_definition_says() {
        for (size, kernel, stride) in [(1, 1, 1), (4, 3, 1), (5, 2, 3), (7, 3, 2), (0, 2, 1)] {
            for (before, after, dilation) in [(0, 0, 1), (1, 0, 1), (2, 3, 2), (4, 4, 3)] {
                for ceil_mode in [false, true] {
                    let geometry = Geometry::<1>::new(kernel).stride(stride).dilation(dilation);
                    let geometry = Geometry { padding: [(before, after)], ceil_mode, ..geometry };
                    let Ok(axes) = geometry.axes("test", &[size]) else { continue };
                    let position = |o: usize, k: usize| (o * stride + k * dilation).checked_sub(before);
                    let inside = |o: usize, k: usize| position(o, k).filter(|&i| i < size);
                    for k in 0..kernel {
                        let Reach { start, end, first } = axes[0].reach(k);
                        let expected: Vec<usize> = (0..axes[0].out).filter(|&o| inside(o, k).is_some()).collect();
                        assert_eq!((start..end).collect::<Vec<_>>(), expected, "{geometry:?} of {size}, {k}");
                        assert!(start == end || inside(start, k) == Some(first), "{geometry:?} of {size}, {k}");
                    }
                    for o in 0..axes[0].out {
                        assert_eq!(axes[0].first_inside(o), (0..kernel).find_map(|k| inside(o, k)), "{geometry:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn rounding_up_counts_windows_that_overhang_but_begin_inside() {
        let geometry = Geometry::<1>::new(2).stride(2);
        assert_eq!(geometry.output_size([5]).unwrap(), [2]);
        assert_eq!(geometry.ceil_mode().output_size([5]).unwrap(), [3]);
        assert_eq!(geometry.ceil_mode().output_size([1]).unwrap(), [1]);
        // (1 + 4 + 1 − 2) / 3 + 1 = 3 rounded up, but the third window would begin at 6 − 1 = 5, after the input.
        assert_eq!(Geometry::<1>::new(2).stride(3).padding(1).ceil_mode().output_size([4]).unwrap(), [2]);
    }

    #[test]
    fn no_size_overflows() {
        let max = usize::MAX;
        for geometry in [
            Geometry::<1>::new(max),
            Geometry::new(2).dilation(max),
            Geometry::new(3).dilation(max / 2 + 1),
            Geometry::new(1).padding(max),
            Geometry::new(max).padding(max / 2),
        ] {
            assert!(geometry.output_size([5]).is_err() || geometry.padding[0].0 == max / 2, "{geometry:?}");
            let _ = geometry.ceil_mode().output_size([5]);
        }
        assert_eq!(Geometry::<1>::new(1).stride(max).ceil_mode().output_size([5]).unwrap(), [1]);
        assert_eq!(Geometry::<1>::new(2).stride(max).padding(1).output_size([5]).unwrap(), [1]);
        assert_eq!(axis(Geometry::new(2).stride(max).padding(1), 5).reach(1), Reach { start: 0, end: 1, first: 0 });
    }
}
