//! Pooling: the largest number under a moving window.

use crate::correlation::{slice, slice_mut};
use crate::geometry::{Axis, Geometry, PerAxis, Reach, count};
use crate::patches::volume;
use crate::{Error, Result};
use gradus_autograd::{Real, Value, Var};
use gradus_linalg::memory;
use gradus_linalg::simd::vectorized;
use gradus_nn_layers::{Layer, Module, Walk, WalkMut};
use ndarray::IxDyn;

/// The largest number under a window that moves over `R` axes in space, in each channel by itself.
///
/// ```text
/// y[n, c, p] = max_k x[n, c, p · stride + k · dilation − padding]
/// dx[n, c, i] = Σ dy[n, c, p] over the places p whose maximum is x[n, c, i]
/// ```
///
/// Padding never wins. Of equal numbers the first in row-major order is the maximum, and a NaN is larger than any number: it is passed on.
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
    let operation = name::<R>();
    let (plan, out_shape) = Plan::new::<F, R>(operation, x.shape(), geometry)?;
    let x_value = x.value().clone().into_standard_layout();
    let mut y = Value::unspecified(IxDyn(&out_shape));
    let mut winners = if x.needs_gradient() { vec![0; y.len()] } else { Vec::new() };
    plan.forward(slice(&x_value), slice_mut(&mut y), &mut winners);

    Ok(x.tape().record_into(operation, [x], y, move |dy, slots| {
        let dy = dy.into_standard_layout();
        slots.accumulate(0, |dx, beta| {
            let dx = dx.into_slice().expect("gradients are row-major");
            if beta == F::zero() {
                dx.fill(F::zero());
            }
            plan.backward(slice(&dy), &winners, dx);
        });
    }))
}

const fn name<const R: usize>() -> &'static str {
    match R {
        1 => "max_pool1d",
        2 => "max_pool2d",
        3 => "max_pool3d",
        _ => "max_pool",
    }
}

/// The sizes of a pooling.
///
/// The maximum over a window is a maximum along one axis of maxima along the others, so each channel is reduced along one axis after
/// the other. With each maximum travels its position in the channel, which also settles ties: the smaller one comes first.
struct Plan {
    axes: Vec<Axis>,
    /// Numbers of one channel of the input and of the output.
    pixels: usize,
    places: usize,
}

/// The position of a maximum that has not been found.
const NOWHERE: u32 = u32::MAX;

impl Plan {
    fn new<F: Real, const R: usize>(
        operation: &'static str,
        x: &[usize],
        geometry: &Geometry<R>,
    ) -> Result<(Self, Vec<usize>)> {
        let rank = || Error::Rank { operation, found: x.to_vec(), rank: R };
        let [images, channels, size @ ..] = x else { return Err(rank()) };
        if size.len() != R {
            return Err(rank());
        }
        let axes = geometry.axes(operation, size)?;
        let mut out_shape = vec![*images, *channels];
        out_shape.extend(axes.iter().map(|axis| axis.out));
        count::<F>(operation, "result of shape", &out_shape)?;
        for (i, axis) in axes.iter().enumerate() {
            let padding = geometry.padding[i];
            if padding.0.max(padding.1) > axis.extent / 2 {
                return Err(Error::PoolPadding { operation, axis: i, padding, extent: axis.extent });
            }
            if let Some(window) = (0..axis.out).find(|&o| axis.first_inside(o).is_none()) {
                let &Axis { stride, before, dilation, size, .. } = axis;
                return Err(Error::EmptyWindow { operation, axis: i, window, stride, before, dilation, size });
            }
        }
        let (pixels, places) = (volume(&axes, |axis| axis.size), volume(&axes, |axis| axis.out));
        if pixels >= NOWHERE as usize {
            return Err(Error::TooLarge { operation, what: "channel of size", sizes: size.to_vec() });
        }
        Ok((Self { axes, pixels, places }, out_shape))
    }

    /// The maxima of every channel, and, where `winners` has room for them, their positions.
    fn forward<F: Real>(&self, x: &[F], y: &mut [F], winners: &mut [u32]) {
        let tracked = !winners.is_empty();
        let positions: Vec<u32> = if tracked { (0..self.pixels as u32).collect() } else { Vec::new() };
        let maxima =
            |len| Maxima { values: memory::take(len), positions: vec![NOWHERE; if tracked { len } else { 0 }] };
        // What is left of a channel after each axis but the last, whose results are the output.
        let outer = self.axes.len().saturating_sub(1);
        let reduced = (0..outer).map(|i| self.axes.split_at(i + 1));
        let reduced = reduced.map(|(done, left)| volume(done, |axis| axis.out) * volume(left, |axis| axis.size));
        let mut stages: Vec<Maxima<F>> = reduced.map(maxima).collect();
        let mut spare = maxima(stages.iter().map(|stage| stage.values.len()).fold(self.places, usize::max));
        vectorized(
            #[inline(always)]
            || {
                for (channel, (x, y)) in x.chunks_exact(self.pixels).zip(y.chunks_exact_mut(self.places)).enumerate() {
                    let mut from = (x, &positions[..]);
                    for (i, stage) in stages.iter_mut().enumerate() {
                        self.reduce(i, from, (&mut stage.values, &mut stage.positions), &mut spare);
                        from = (&stage.values, &stage.positions);
                    }
                    let room = channel * self.places..(channel + 1) * self.places;
                    self.reduce(self.axes.len() - 1, from, (y, winners.get_mut(room).unwrap_or(&mut [])), &mut spare);
                }
            },
        );
        stages.into_iter().chain([spare]).for_each(|stage| memory::give(stage.values));
    }

    /// Reduces along one axis; those before it have been reduced already.
    #[inline(always)]
    fn reduce<F: Real>(
        &self,
        i: usize,
        (x, from): (&[F], &[u32]),
        (y, to): (&mut [F], &mut [u32]),
        spare: &mut Maxima<F>,
    ) {
        let axis = &self.axes[i];
        let inner = volume(&self.axes[i + 1..], |axis| axis.size);
        y.fill(-F::INFINITY);
        to.fill(NOWHERE);
        for k in 0..axis.kernel_size {
            let Reach { start, end, first } = axis.reach(k);
            if start == end {
                continue;
            }
            if inner > 1 {
                // Rows of the axes inside lie side by side.
                for block in 0..y.len() / (axis.out * inner) {
                    for o in start..end {
                        let row = (block * axis.size + first + (o - start) * axis.stride) * inner;
                        let place = (block * axis.out + o) * inner;
                        let (x, from) = (&x[row..][..inner], part(from, row, inner));
                        contest(x, from, &mut y[place..][..inner], part_mut(to, place, inner));
                    }
                }
            } else {
                // All rows are one where the windows move from the end of one to the begin of the next.
                let whole = (start, end) == (0, axis.out) && axis.size == axis.out * axis.stride;
                let (rows, n) = if whole { (1, y.len()) } else { (y.len() / axis.out, end - start) };
                for row in 0..rows {
                    let (place, at) = (row * axis.out + start, row * axis.size + first);
                    let len = (n - 1) * axis.stride + 1;
                    let (x, from) = (&x[at..][..len], part(from, at, len));
                    let (y, to) = (&mut y[place..][..n], part_mut(to, place, n));
                    if axis.stride == 1 {
                        contest(x, from, y, to);
                        continue;
                    }
                    let (values, positions) = (&mut spare.values[..n], part_mut(&mut spare.positions, 0, n));
                    every(axis.stride, x, values);
                    every(axis.stride, from, positions);
                    contest(values, positions, y, to);
                }
            }
        }
    }

    /// Adds each cotangent to the position of its maximum.
    fn backward<F: Real>(&self, dy: &[F], winners: &[u32], dx: &mut [F]) {
        let channels = dy.chunks_exact(self.places).zip(winners.chunks_exact(self.places));
        for ((dy, winners), dx) in channels.zip(dx.chunks_exact_mut(self.pixels)) {
            for (&dy, &winner) in dy.iter().zip(winners) {
                dx[winner as usize] += dy;
            }
        }
    }
}

/// A channel that has been reduced along some axes.
struct Maxima<F> {
    values: Vec<F>,
    positions: Vec<u32>,
}

/// A part of the positions, if there are any.
#[inline(always)]
fn part(positions: &[u32], start: usize, len: usize) -> &[u32] {
    positions.get(start..start + len).unwrap_or(&[])
}

#[inline(always)]
fn part_mut(positions: &mut [u32], start: usize, len: usize) -> &mut [u32] {
    positions.get_mut(start..start + len).unwrap_or(&mut [])
}

/// Lets each number of `x` contend for its place in `y`. Without positions, `from` and `to` are empty.
#[inline(always)]
fn contest<F: Real>(x: &[F], from: &[u32], y: &mut [F], to: &mut [u32]) {
    if to.is_empty() {
        return y.iter_mut().zip(x).for_each(|(y, &x)| *y = if x > *y || x.is_nan() { x } else { *y });
    }
    for ((y, to), (&x, &from)) in y.iter_mut().zip(to).zip(x.iter().zip(from)) {
        let wins = (x > *y) | x.is_nan() | ((x == *y) & (from < *to));
        *y = if wins { x } else { *y };
        *to = if wins { from } else { *to };
    }
}

/// Every `stride`-th number of `x`, side by side: what is contiguous can be compared a vector at a time.
#[inline(always)]
fn every<T: Copy>(stride: usize, x: &[T], side_by_side: &mut [T]) {
    if stride == 2 {
        let (pairs, rest) = x.as_chunks::<2>();
        side_by_side.iter_mut().zip(pairs).for_each(|(to, pair)| *to = pair[0]);
        if let (Some(to), [last]) = (side_by_side.get_mut(pairs.len()), rest) {
            *to = *last; // nothing need follow the last number
        }
    } else {
        side_by_side.iter_mut().zip(x.iter().step_by(stride)).for_each(|(to, &x)| *to = x);
    }
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
}
