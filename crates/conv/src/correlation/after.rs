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
use std::ops::Range;

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
    /// Without room for marks, nobody asks which it was.
    pub(super) fn forward<F: Real>(&self, channels: usize, sums: &[F], y: &mut [F], marks: &mut [u8]) {
        let numbers = self.numbers();
        let mut unmarked = vec![0; channels];
        vectorized(
            #[inline(always)]
            || {
                for (window, (first, y)) in self.firsts().zip(y.chunks_exact_mut(channels)).enumerate() {
                    let row = |k: usize| &sums[(first + numbers[k]) * channels..][..channels];
                    match marks.get_mut(window * channels..(window + 1) * channels) {
                        None if numbers.len() == 4 => largest_of_four([0, 1, 2, 3].map(row), y),
                        marks => largest(row, numbers.len(), y, marks.unwrap_or(&mut unmarked)),
                    }
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
        let numbers = self.numbers();
        vectorized(
            #[inline(always)]
            || {
                let windows = dy.chunks_exact(channels).zip(marks.chunks_exact(channels));
                for (first, (dy, marks)) in self.firsts().zip(windows) {
                    for (k, number) in numbers.iter().enumerate() {
                        let row = &mut sums[at(first + number)..][..channels];
                        for ((x, &dy), &mark) in row.iter_mut().zip(dy).zip(marks) {
                            *x = if mark == k as u8 { dy } else { F::zero() };
                        }
                    }
                }
            },
        );
    }

    /// The place of the first number of each window.
    #[inline(always)]
    fn firsts(&self) -> impl Iterator<Item = usize> + use<> {
        let ([_, columns], [height, width], [rows, across]) = (self.plane, self.window, self.out());
        (0..rows).flat_map(move |row| (0..across).map(move |column| row * height * columns + column * width))
    }

    /// How far the numbers of a window lie behind its first.
    fn numbers(&self) -> Vec<usize> {
        let ([_, columns], [height, width]) = (self.plane, self.window);
        (0..height * width).map(|k| k / width * columns + k % width).collect()
    }
}

/// The largest of each channel of some rows, and which row it is in, after ReLU.
#[inline(always)]
fn largest<'a, F: Real>(row: impl Fn(usize) -> &'a [F], rows: usize, y: &mut [F], marks: &mut [u8]) {
    y.copy_from_slice(row(0));
    marks.fill(0);
    for k in 1..rows {
        for ((best, mark), &x) in y.iter_mut().zip(&mut *marks).zip(row(k)) {
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

/// The largest of each channel of four rows, after ReLU, in one go.
#[inline(always)]
fn largest_of_four<F: Real>([a, b, c, d]: [&[F]; 4], y: &mut [F]) {
    let larger = |a: F, b: F| if (b > a) | b.is_nan() { b } else { a };
    for (y, ((&a, &b), (&c, &d))) in y.iter_mut().zip(a.iter().zip(b).zip(c.iter().zip(d))) {
        let best = larger(larger(larger(a, b), c), d);
        *y = if best < F::zero() { F::zero() } else { best };
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
    /// Which number of each window it was, and the result.
    Winners(Windows, &'a [u8], &'a [F]),
}

impl<F: Real> Cotangent<'_, F> {
    /// The windows, if there are any.
    pub(super) fn windows(&self) -> Option<(Windows, &[u8])> {
        match self.kept {
            Kept::Winners(windows, winners, _) => Some((windows, winners)),
            _ => None,
        }
    }

    /// What of the gradient of an image's `len` results reaches the sums; `room` has room for it, unless all does. Without windows
    /// it is the gradient of the sums.
    pub(super) fn image<'b>(&'b self, image: usize, len: usize, room: &'b mut [F]) -> &'b [F] {
        self.part(image * len..(image + 1) * len, room)
    }

    /// As [`image`](Self::image), of some of the results.
    pub(super) fn part<'b>(&'b self, part: Range<usize>, room: &'b mut [F]) -> &'b [F] {
        let dy = &self.dy[part.clone()];
        let (Kept::Result(y) | Kept::Winners(_, _, y)) = self.kept else { return dy };
        vectorized(
            #[inline(always)]
            || {
                for ((to, &dy), &y) in room.iter_mut().zip(dy).zip(&y[part]) {
                    *to = if y > F::zero() { dy } else { F::zero() };
                }
            },
        );
        &room[..dy.len()]
    }

    /// Whether all of it reaches the sums.
    pub(super) fn is_plain(&self) -> bool {
        matches!(self.kept, Kept::Nothing)
    }
}
