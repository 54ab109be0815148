//! Where the windows of a pooling stand, along each axis by itself.
//!
//! A regular window moves in equal steps; an adaptive one divides the input into as many windows as are asked for. Both are a list of spans:
//!
//! ```text
//! regular    place o of the output: positions o · stride + k · dilation − before, k < kernel
//! adaptive   place o of `out`:      positions ⌊o · size / out⌋ … ⌈(o + 1) · size / out⌉ − 1
//! ```

use crate::geometry::{Axis, Geometry, count};
use crate::{Error, Result};
use std::ops::Range;

/// What one window sees along one axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    /// The position of number 0 of the window, which is over padding where it is negative.
    pub(super) origin: isize,
    /// The numbers of the window that lie over the input, `start..end`; never none.
    pub(super) start: usize,
    pub(super) end: usize,
}

/// The windows along one axis.
#[derive(Debug)]
pub(super) struct Windows {
    pub(super) size: usize,
    pub(super) out: usize,
    /// The distance between two numbers of a window.
    pub(super) step: usize,
    /// The numbers of the largest window.
    pub(super) taps: usize,
    pub(super) spans: Vec<Span>,
    /// If the windows move in equal steps.
    pub(super) regular: Option<Axis>,
    /// The distance between two windows, if they move in equal steps.
    pub(super) stride: usize,
    /// The places whose windows lie over the input as a whole, if windows move in equal steps.
    pub(super) inner: Range<usize>,
    /// Whether the windows are pairs of neighbours, one after the other.
    pub(super) halves: bool,
}

impl Windows {
    fn regular(axis: Axis) -> Option<Self> {
        let Axis { size, out, kernel_size, stride, dilation, before, .. } = axis;
        let span = |o: usize| {
            let first = axis.first_inside(o)?;
            let origin = (o * stride) as isize - before as isize; // both are at most the padded size
            let start = ((first as isize - origin) / dilation as isize) as usize;
            let inside = (size - first).div_ceil(dilation);
            Some(Span { origin, start, end: kernel_size.min(start + inside) })
        };
        let spans = (0..out).map(span).collect::<Option<Vec<Span>>>()?;
        let halves = (kernel_size, stride, dilation, before) == (2, 2, 1, 0) && out <= size / 2;
        let whole = |span: &Span| (span.start, span.end) == (0, kernel_size);
        let first = spans.iter().position(whole).unwrap_or(0);
        let inner = first..spans.iter().rposition(whole).map_or(first, |last| last + 1);
        Some(Self { size, out, step: dilation, taps: kernel_size, spans, regular: Some(axis), stride, inner, halves })
    }

    /// `size` is not 0, and its product with `out` does not overflow.
    fn adaptive(size: usize, out: usize) -> Self {
        if size.is_multiple_of(out) {
            let kernel_size = size / out;
            let (before, extent) = (0, kernel_size);
            let axis = Axis { size, out, kernel_size, stride: kernel_size, dilation: 1, before, extent };
            if let Some(windows) = Self::regular(axis) {
                return windows;
            }
        }
        let span = |o: usize| {
            let (first, end) = (o * size / out, ((o + 1) * size).div_ceil(out));
            Span { origin: first as isize, start: 0, end: end - first }
        };
        let spans: Vec<Span> = (0..out).map(span).collect();
        let taps = spans.iter().map(|span| span.end).max().unwrap_or(0);
        Self { size, out, step: 1, taps, spans, regular: None, stride: 1, inner: 0..0, halves: false }
    }

    /// The position of number `k` of a window, which lies over the input.
    #[inline(always)]
    pub(super) fn position(&self, span: &Span, k: usize) -> usize {
        (span.origin + (k * self.step) as isize) as usize
    }

    /// How many numbers of each window lie over the input.
    pub(super) fn inside(&self) -> Vec<usize> {
        self.spans.iter().map(|span| span.end - span.start).collect()
    }

    /// How many numbers of each window lie over the input or the padding, of which there are `after` after the input.
    pub(super) fn padded(&self, after: usize) -> Vec<usize> {
        let room = (self.size + after) as isize; // less than the padded size, which does not overflow
        let number = |span: &Span| ((room - span.origin) as usize).div_ceil(self.step).min(self.taps);
        self.spans.iter().map(number).collect()
    }
}

/// The sizes of a pooling.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) axes: Vec<Windows>,
    /// Numbers of one channel of the input and of the output.
    pub(super) pixels: usize,
    pub(super) places: usize,
    /// Channels of all images.
    pub(super) channels: usize,
    pub(super) out_shape: Vec<usize>,
}

impl Plan {
    /// Windows that move over an input of shape `x`.
    pub(super) fn regular<F, const R: usize>(
        operation: &'static str,
        x: &[usize],
        geometry: &Geometry<R>,
    ) -> Result<Self> {
        let size = spatial::<R>(operation, x)?;
        let axes = geometry.axes(operation, size)?;
        let mut windows = Vec::with_capacity(R);
        for (i, axis) in axes.into_iter().enumerate() {
            let padding = geometry.padding[i];
            if padding.0.max(padding.1) > axis.extent / 2 {
                return Err(Error::PoolPadding { operation, axis: i, padding, extent: axis.extent });
            }
            count::<Span>(operation, "windows", &[axis.out])?;
            let Axis { stride, before, dilation, size, .. } = axis;
            windows.push(Windows::regular(axis).ok_or_else(|| {
                let window = (0..axis.out).find(|&o| axis.first_inside(o).is_none()).unwrap_or(0);
                Error::EmptyWindow { operation, axis: i, window, stride, before, dilation, size }
            })?);
        }
        Self::new::<F>(operation, x, windows)
    }

    /// As many windows along each axis as are asked for.
    pub(super) fn adaptive<F>(operation: &'static str, x: &[usize], out: &[usize]) -> Result<Self> {
        if out.contains(&0) {
            return Err(Error::Zero { operation, name: "output_size", value: out.to_vec() });
        }
        let size = x.get(2..).unwrap_or(&[]);
        let mut windows = Vec::with_capacity(out.len());
        for (axis, (&size, &out)) in size.iter().zip(out).enumerate() {
            if size == 0 {
                return Err(Error::EmptyAxis { operation, axis, out, found: x.to_vec() });
            }
            count::<Span>(operation, "windows", &[size, out])?; // the largest number in their formula
            windows.push(Windows::adaptive(size, out));
        }
        Self::new::<F>(operation, x, windows)
    }

    fn new<F>(operation: &'static str, x: &[usize], axes: Vec<Windows>) -> Result<Self> {
        let mut out_shape = x[..2].to_vec();
        out_shape.extend(axes.iter().map(|axis| axis.out));
        count::<F>(operation, "result of shape", &out_shape)?;
        let pixels = count::<F>(operation, "channel of size", &x[2..])?;
        let places = axes.iter().map(|axis| axis.out).product();
        let channels = count::<F>(operation, "channels", &x[..2])?;
        Ok(Self { axes, pixels, places, channels, out_shape })
    }

    /// The product of one number of each axis, or the largest number if it is larger.
    pub(super) fn volume(axes: &[Windows], number: impl Fn(&Windows) -> usize) -> usize {
        axes.iter().map(number).fold(1, usize::saturating_mul)
    }

    /// Whether the one window of a channel is the channel.
    pub(super) fn is_global(&self) -> bool {
        self.places == 1 && self.axes.iter().all(|axis| axis.step == 1 && axis.inside() == [axis.size])
    }

    /// One number for each place of a channel: the product of those along the axes.
    pub(super) fn products(numbers: &[Vec<usize>]) -> Vec<usize> {
        numbers.iter().fold(vec![1], |products, along| {
            products.iter().flat_map(|&product| along.iter().map(move |&n| product * n)).collect()
        })
    }

    /// The terms of the sums over all windows, of all channels.
    pub(super) fn terms(&self) -> u64 {
        let along = self.axes.iter().map(|axis| axis.inside().iter().sum::<usize>() as u64);
        along.fold(self.channels as u64, u64::saturating_mul)
    }
}

/// The sizes of the axes in space.
pub(super) fn spatial<'x, const R: usize>(operation: &'static str, x: &'x [usize]) -> Result<&'x [usize]> {
    match x {
        [_, _, size @ ..] if size.len() == R => Ok(size),
        _ => Err(Error::Rank { operation, found: x.to_vec(), rank: R }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adaptive_windows_are_those_of_the_formula() {
        let windows = Windows::adaptive(7, 3); // ⌊0⌋…⌈7/3⌉, ⌊7/3⌋…⌈14/3⌉, ⌊14/3⌋…7
        let spans: Vec<_> = windows.spans.iter().map(|span| (span.origin, span.end)).collect();
        assert_eq!(spans, [(0, 3), (2, 3), (4, 3)]);
        assert!(Windows::adaptive(8, 4).halves);
        assert_eq!(Windows::adaptive(2, 5).inside(), [1, 1, 2, 1, 1]);
    }

    #[test]
    fn regular_windows_see_what_lies_over_the_input() {
        let geometry = Geometry::<1>::new(3).stride(2).padding(1).ceil_mode();
        let plan = Plan::regular::<f32, 1>("test", &[1, 1, 4], &geometry).unwrap();
        assert_eq!(plan.axes[0].inside(), [2, 3, 1]);
        assert_eq!(plan.axes[0].padded(1), [3, 3, 2]);
        assert_eq!(plan.terms(), 6);
        assert_eq!(Plan::products(&[vec![1, 2], vec![3, 5]]), [3, 5, 6, 10]);
    }
}
