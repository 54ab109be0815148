//! How a batch is cut by channels, and what is known of each channel.

use super::lanes::{LANES, Lanes};
use gradus_linalg::{Real, rows};
use ndarray::{ArrayView3, ArrayViewMut3};

pub(super) const SLICE: &str = "a standard layout is a slice";

/// A batch `(N, C, …)` as three axes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Channels {
    pub(super) samples: usize,
    pub(super) channels: usize,
    /// Numbers of a channel in a sample.
    pub(super) inner: usize,
}

impl Channels {
    /// Of a shape with two axes or more.
    pub(super) fn of(shape: &[usize]) -> Self {
        Self { samples: shape[0], channels: shape[1], inner: shape[2..].iter().product() }
    }

    /// Numbers of a channel in the batch.
    pub(super) fn values(&self) -> usize {
        self.samples.saturating_mul(self.inner)
    }

    pub(super) fn len(&self) -> usize {
        self.values().saturating_mul(self.channels)
    }

    /// How many channels one thread takes at a time: one, or as many as fit into the lanes side by side.
    pub(super) fn band(&self) -> usize {
        (LANES / self.inner.max(1)).clamp(1, self.channels.max(1))
    }

    pub(super) fn view<'a, F>(&self, numbers: &'a [F]) -> ArrayView3<'a, F> {
        ArrayView3::from_shape((self.samples, self.channels, self.inner), numbers)
            .expect("it is the shape of the batch")
    }

    pub(super) fn view_mut<'a, F>(&self, numbers: &'a mut [F]) -> ArrayViewMut3<'a, F> {
        ArrayViewMut3::from_shape((self.samples, self.channels, self.inner), numbers)
            .expect("it is the shape of the batch")
    }

    /// A number of each channel of a band, in the lanes that the channel has.
    pub(super) fn spread<F: Real>(&self, band: usize, number: impl Fn(usize) -> F) -> Lanes<F> {
        if band == 1 {
            return [number(0); LANES];
        }
        std::array::from_fn(|lane| number((lane / self.inner).min(band - 1)))
    }

    /// The sum over the lanes of a channel of a band.
    pub(super) fn gather<F: Real>(&self, band: usize, channel: usize, lanes: &Lanes<F>) -> F {
        rows::sum(if band == 1 { lanes } else { &lanes[channel * self.inner..][..self.inner] })
    }
}

/// What normalizes a channel.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moments<F> {
    /// The mean, rounded.
    pub(super) center: F,
    /// What rounding took from it: the mean is `center + rest`.
    pub(super) rest: F,
    /// `1 / √(v + ε)`
    pub(super) scale: F,
    /// `Σ (x − m)² / (n − 1)`, for the running variance.
    pub(super) unbiased: F,
}

impl<F: Real> Moments<F> {
    /// Numbers that they take in memory.
    pub(super) const SIZE: usize = 4;

    pub(super) fn read(numbers: &[F]) -> Self {
        Self { center: numbers[0], rest: numbers[1], scale: numbers[2], unbiased: numbers[3] }
    }

    pub(super) fn write(&self, numbers: &mut [F]) {
        numbers.copy_from_slice(&[self.center, self.rest, self.scale, self.unbiased]);
    }

    /// `s` and `t` of `y = (x − center) s + t`.
    pub(super) fn line(&self, weight: F, bias: F) -> (F, F) {
        let slope = weight * self.scale;
        (slope, bias - self.rest * slope)
    }
}
