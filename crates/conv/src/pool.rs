//! Pooling: the largest number under a moving window.

use crate::correlation::{slice, slice_mut};
use crate::geometry::{Axis, Geometry, PerAxis, Reach, count};
use crate::patches::volume;
use crate::{Error, Result};
use gradus_autograd::{Real, Value, Var};
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

/// The sizes of a pooling, and where its windows look.
struct Plan {
    /// Numbers of one channel of the input.
    pixels: usize,
    /// The last axis, along which the inner loops run.
    last: Axis,
    /// What each number of the window reaches along the last axis.
    reaches: Vec<Reach>,
    /// For each place along the last axis, the first position that the window sees there.
    first: Vec<u32>,
    /// For each place along the other axes, the rows of the input that the window sees there: where each begins.
    rows: Vec<Vec<usize>>,
}

impl Plan {
    fn new<F: Real, const R: usize>(
        operation: &'static str,
        x: &[usize],
        geometry: &Geometry<R>,
    ) -> Result<(Self, Vec<usize>)> {
        let rank = |()| Error::Rank { operation, found: x.to_vec(), rank: R };
        let [images, channels, size @ ..] = x else { return Err(rank(())) };
        if size.len() != R {
            return Err(rank(()));
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
        let pixels = volume(&axes, |axis| axis.size);
        if u32::try_from(pixels).is_err() {
            return Err(Error::TooLarge { operation, what: "channel of size", sizes: size.to_vec() });
        }
        let Some((&last, outer)) = axes.split_last() else { return Err(rank(())) };
        let reaches = (0..last.kernel_size).map(|k| last.reach(k)).filter(|reach| reach.start < reach.end).collect();
        let first = (0..last.out).filter_map(|o| last.first_inside(o)).map(|position| position as u32).collect();
        Ok((Self { pixels, last, reaches, first, rows: rows(outer, last.size) }, out_shape))
    }

    /// Calls `f` with each channel of the input, and the same channel of the results.
    fn forward<F: Real>(&self, x: &[F], y: &mut [F], winners: &mut [u32]) {
        let out = self.last.out;
        let places = out * self.rows.len();
        for (channel, (x, y)) in x.chunks_exact(self.pixels).zip(y.chunks_exact_mut(places)).enumerate() {
            let mut winners = winners.get_mut(channel * places..(channel + 1) * places);
            for (line, (rows, best)) in self.rows.iter().zip(y.chunks_exact_mut(out)).enumerate() {
                match winners.as_deref_mut() {
                    Some(winners) => self.line(x, rows, best, &mut winners[line * out..][..out]),
                    None => self.line(x, rows, best, &mut []),
                }
            }
        }
    }

    /// The maxima at all places along the last axis, and, if asked for, where they were found.
    fn line<F: Real>(&self, x: &[F], rows: &[usize], best: &mut [F], winners: &mut [u32]) {
        best.fill(-F::INFINITY);
        if let ([row, ..], false) = (rows, winners.is_empty()) {
            // The first number that the window sees, for a window in which none is larger than −∞.
            let row = *row as u32;
            winners.iter_mut().zip(&self.first).for_each(|(winner, &first)| *winner = row + first);
        }
        for row in rows {
            for &Reach { start, end, first } in &self.reaches {
                let at = row + first;
                let (seen, best) = (&x[at..], &mut best[start..end]);
                let winners = if winners.is_empty() { &mut [][..] } else { &mut winners[start..end] };
                vectorized(
                    #[inline(always)]
                    || match self.last.stride {
                        1 => contest::<F, 1>(seen, 1, at as u32, best, winners),
                        2 => contest::<F, 2>(seen, 2, at as u32, best, winners),
                        stride => contest::<F, 0>(seen, stride, at as u32, best, winners),
                    },
                );
            }
        }
    }

    fn backward<F: Real>(&self, dy: &[F], winners: &[u32], dx: &mut [F]) {
        let places = self.last.out * self.rows.len();
        let channels = dy.chunks_exact(places).zip(winners.chunks_exact(places));
        for ((dy, winners), dx) in channels.zip(dx.chunks_exact_mut(self.pixels)) {
            for (&dy, &winner) in dy.iter().zip(winners) {
                dx[winner as usize] += dy;
            }
        }
    }
}

/// Lets every `stride`-th number contend for its place; `S` is the stride, if the compiler is to know it.
#[inline(always)]
fn contest<F: Real, const S: usize>(seen: &[F], stride: usize, at: u32, best: &mut [F], winners: &mut [u32]) {
    let stride = if S == 0 { stride } else { S };
    let better = |x: F, best: F| x > best || x.is_nan();
    let (inner, last) = (best.len() - 1, (best.len() - 1) * stride);
    // The last number is by itself: nothing need follow it.
    let (body, rest) = seen.split_at(last);
    let (best, best_last) = best.split_at_mut(inner);
    if winners.is_empty() {
        let contest = |best: &mut F, x: F| *best = if better(x, *best) { x } else { *best };
        best.iter_mut().zip(body.chunks_exact(stride)).for_each(|(best, x)| contest(best, x[0]));
        contest(&mut best_last[0], rest[0]);
    } else {
        let (winners, winner_last) = winners.split_at_mut(inner);
        let contest = |best: &mut F, winner: &mut u32, x: F, i: usize| {
            let wins = better(x, *best);
            *best = if wins { x } else { *best };
            *winner = if wins { at + (i * stride) as u32 } else { *winner };
        };
        let places = best.iter_mut().zip(winners).zip(body.chunks_exact(stride)).enumerate();
        places.for_each(|(i, ((best, winner), x))| contest(best, winner, x[0], i));
        contest(&mut best_last[0], &mut winner_last[0], rest[0], inner);
    }
}

/// For each place of a window along these axes, where the rows that it sees begin, in row-major order; a row is `width` long.
fn rows(axes: &[Axis], width: usize) -> Vec<Vec<usize>> {
    let Some((axis, inner)) = axes.split_first() else { return vec![vec![0]] };
    let (below, step) = (rows(inner, width), width * volume(inner, |axis| axis.size));
    let mut all = Vec::new();
    for o in 0..axis.out {
        let inside =
            |k: &usize| (o * axis.stride + k * axis.dilation).checked_sub(axis.before).filter(|&i| i < axis.size);
        let positions: Vec<usize> = (0..axis.kernel_size).filter_map(|k| inside(&k)).collect();
        let seen =
            |rows: &Vec<usize>| positions.iter().flat_map(|i| rows.iter().map(move |row| i * step + row)).collect();
        all.extend(below.iter().map(seen));
    }
    all
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
