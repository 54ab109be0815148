//! What is done with the sums of a convolution while they are still in the cache: ReLU, and max pooling.
//!
//! A large part of a convolutional network's memory is what lies between a convolution and the pooling behind it. With
//! windows side by side, `y = max over a window of max(sum, 0)` can be taken of each image as soon as its sums are there: of
//! four numbers one is written. For the way back a byte for each result says which number of the window it was, or
//! that it was none, since ReLU let none pass.
//!
//! Sums that are pooled are rows of channels, one for each place, as the product makes them: the largest of four rows is taken
//! channel by channel, in whole vectors, and only what is left of them is turned over into planes.

use gradus_autograd::Real;
use gradus_linalg::simd::vectorized;

/// What follows the sums.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum After {
    /// Nothing: the sums are the result.
    Nothing,
    /// `max(sum, 0)`.
    Relu,
    /// `max(sum, 0)`, and of these the largest of each window.
    ReluPool(Windows),
}

/// Windows that lie side by side over the rows and columns of a plane; what does not fill one at the end is left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Windows {
    /// Rows and columns of the plane.
    pub(crate) plane: [usize; 2],
    /// Rows and columns of a window, at most 255 numbers.
    pub(crate) window: [usize; 2],
}

/// The mark of a window in which no number is positive.
const NONE: u8 = u8::MAX;

impl Windows {
    /// Rows and columns of the result.
    pub(crate) fn out(&self) -> [usize; 2] {
        std::array::from_fn(|axis| self.plane[axis] / self.window[axis])
    }

    /// Results of a plane.
    pub(crate) fn places(&self) -> usize {
        self.out().iter().product()
    }
}

impl After {
    /// Numbers of a plane of the result, for so many sums.
    pub(crate) fn places(&self, sums: usize) -> usize {
        match self {
            Self::Nothing | Self::Relu => sums,
            Self::ReluPool(windows) => windows.places(),
        }
    }

    /// Whether the sums are kept apart from the result.
    pub(super) fn is_apart(&self) -> bool {
        matches!(self, Self::ReluPool(_))
    }
}

/// `x ← max(x, 0)`; NaN stays.
pub(super) fn relu<F: Real>(x: &mut [F]) {
    vectorized(
        #[inline(always)]
        || x.iter_mut().for_each(|x| *x = if *x < F::zero() { F::zero() } else { *x }),
    );
}

/// Of a plane whose places are rows of channels: so every step here is one of whole vectors, whatever the windows are.
impl Windows {
    /// The largest positive number of each window, and which of the window's it was: of equal ones the first, in row-major order.
    pub(super) fn forward<F: Real>(&self, channels: usize, sums: &[F], y: &mut [F], marks: &mut [u8]) {
        vectorized(
            #[inline(always)]
            || {
                for (window, (y, marks)) in
                    y.chunks_exact_mut(channels).zip(marks.chunks_exact_mut(channels)).enumerate()
                {
                    let row = |k: usize| &sums[self.place(window, k) * channels..][..channels];
                    y.copy_from_slice(row(0));
                    marks.fill(0);
                    for k in 1..self.numbers() {
                        let numbers = y.iter_mut().zip(&mut *marks).zip(row(k));
                        for ((best, mark), &x) in numbers {
                            let wins = (x > *best) | x.is_nan();
                            *best = if wins { x } else { *best };
                            *mark = if wins { k as u8 } else { *mark };
                        }
                    }
                    for (best, mark) in y.iter_mut().zip(marks) {
                        *mark = if *best > F::zero() { *mark } else { NONE };
                        *best = if *best < F::zero() { F::zero() } else { *best };
                    }
                }
            },
        );
    }

    /// As [`forward`](Self::forward), where nobody asks which it was.
    pub(super) fn forward_alone<F: Real>(&self, channels: usize, sums: &[F], y: &mut [F]) {
        vectorized(
            #[inline(always)]
            || {
                for (window, y) in y.chunks_exact_mut(channels).enumerate() {
                    let row = |k: usize| &sums[self.place(window, k) * channels..][..channels];
                    y.copy_from_slice(row(0));
                    for k in 1..self.numbers() {
                        for (best, &x) in y.iter_mut().zip(row(k)) {
                            *best = if (x > *best) | x.is_nan() { x } else { *best };
                        }
                    }
                    y.iter_mut().for_each(|best| *best = if *best < F::zero() { F::zero() } else { *best });
                }
            },
        );
    }

    /// Writes the gradient of each result to the number that it was, and 0 to the others of its window. `at` says where a place of the
    /// plane is a row of channels; those that no window covers are left alone.
    pub(super) fn backward<F: Real>(
        &self,
        channels: usize,
        dy: &[F],
        marks: &[u8],
        at: impl Fn(usize) -> usize,
        sums: &mut [F],
    ) {
        vectorized(
            #[inline(always)]
            || {
                for (window, (dy, marks)) in dy.chunks_exact(channels).zip(marks.chunks_exact(channels)).enumerate() {
                    for k in 0..self.numbers() {
                        let row = &mut sums[at(self.place(window, k))..][..channels];
                        for ((x, &dy), &mark) in row.iter_mut().zip(dy).zip(marks) {
                            *x = if mark == k as u8 { dy } else { F::zero() };
                        }
                    }
                }
            },
        );
    }

    /// Numbers of a window.
    fn numbers(&self) -> usize {
        self.window.iter().product()
    }

    /// The place of a window's number in the plane.
    #[inline(always)]
    fn place(&self, window: usize, k: usize) -> usize {
        let ([_, columns], [height, width], [_, out]) = (self.plane, self.window, self.out());
        let (row, column) = (window / out * height + k / width, window % out * width + k % width);
        row * columns + column
    }
}

/// The gradient of the result, from which that of the sums is made image by image.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cotangent<'a, F> {
    pub(crate) dy: &'a [F],
    pub(crate) kept: Kept<'a, F>,
}

/// What the way back needs of the result.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kept<'a, F> {
    Nothing,
    /// The result, of ReLU.
    Result(&'a [F]),
    /// Which number of each window it was.
    Winners(Windows, &'a [u8]),
}

impl<F: Real> Cotangent<'_, F> {
    /// The windows, if there are any.
    pub(super) fn windows(&self) -> Option<(Windows, &[u8])> {
        match self.kept {
            Kept::Winners(windows, winners) => Some((windows, winners)),
            _ => None,
        }
    }

    /// The gradient of an image's sums, of `len` results, where there are no windows; `room` has room for them if ReLU is undone.
    pub(super) fn image<'b>(&'b self, image: usize, len: usize, room: &'b mut [F]) -> &'b [F] {
        let part = image * len..(image + 1) * len;
        let dy = &self.dy[part.clone()];
        let Kept::Result(y) = self.kept else { return dy };
        vectorized(
            #[inline(always)]
            || {
                for ((to, &dy), &y) in room.iter_mut().zip(dy).zip(&y[part]) {
                    *to = if y > F::zero() { dy } else { F::zero() };
                }
            },
        );
        room
    }

    /// Whether [`image`](Self::image) needs room.
    pub(super) fn needs_room(&self) -> bool {
        matches!(self.kept, Kept::Result(_))
    }

    /// Whether all of it reaches the sums.
    pub(super) fn is_plain(&self) -> bool {
        matches!(self.kept, Kept::Nothing)
    }

    /// What of the gradient of an image's results reaches the sums, result by result; `room` has room for it, unless all does.
    pub(super) fn reaching<'b>(&'b self, image: usize, len: usize, channels: usize, room: &'b mut [F]) -> &'b [F] {
        let Some((windows, marks)) = self.windows() else { return self.image(image, len, room) };
        let part = image * len..(image + 1) * len;
        let places = windows.places();
        let groups =
            room.chunks_exact_mut(places * channels).zip(self.dy[part.clone()].chunks_exact(places * channels));
        for ((room, dy), marks) in groups.zip(marks[part].chunks_exact(places * channels)) {
            for (channel, (room, dy)) in room.chunks_exact_mut(places).zip(dy.chunks_exact(places)).enumerate() {
                let marks = marks[channel..].iter().step_by(channels);
                room.iter_mut().zip(dy).zip(marks).for_each(|((to, &dy), &mark)| {
                    *to = if mark == NONE { F::zero() } else { dy };
                });
            }
        }
        room
    }
}
