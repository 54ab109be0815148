//! What is done with the sums of a convolution while they are still in the cache: ReLU, and max pooling.
//!
//! A large part of a convolutional network's memory is what lies between a convolution and the pooling behind it. With
//! windows side by side, `y = max over a window of max(sum, 0)` can be taken of each image as soon as its sums are there: of
//! four numbers one is written. For the way back a byte for each result says which number of the window it was, or
//! that it was none, since ReLU let none pass.

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

impl Windows {
    /// The largest positive number of each window of each plane, and where `winners` has room, which it was. Of equal numbers, the
    /// first of the window in row-major order wins.
    pub(super) fn forward<F: Real>(&self, sums: &[F], y: &mut [F], winners: &mut [u8]) {
        let [[rows, columns], [height, width], [_, out]] = [self.plane, self.window, self.out()];
        let places = self.places();
        if places == 0 {
            return;
        }
        let planes = sums.chunks_exact(rows * columns).zip(y.chunks_exact_mut(places));
        vectorized(
            #[inline(always)]
            || {
                for (plane, (sums, y)) in planes.enumerate() {
                    let winners = winners.get_mut(plane * places..(plane + 1) * places).unwrap_or(&mut []);
                    for (row, (band, y)) in sums.chunks_exact(height * columns).zip(y.chunks_exact_mut(out)).enumerate()
                    {
                        let winners = winners.get_mut(row * out..(row + 1) * out).unwrap_or(&mut []);
                        if self.window == [2, 2] {
                            let (upper, lower) = band.split_at(columns);
                            pairs(upper, lower, y, winners);
                        } else {
                            for (o, y) in y.iter_mut().enumerate() {
                                let numbers =
                                    (0..height * width).map(|k| band[k / width * columns + o * width + k % width]);
                                let (best, number) = largest(numbers);
                                *y = best;
                                winners.iter_mut().skip(o).take(1).for_each(|winner| *winner = number);
                            }
                        }
                    }
                }
            },
        );
    }

    /// Writes the gradients of the results to the numbers that they were, and 0 to all others.
    pub(super) fn backward<F: Real>(&self, dy: &[F], winners: &[u8], sums: &mut [F]) {
        let [[rows, columns], [height, width], [_, out]] = [self.plane, self.window, self.out()];
        let places = self.places();
        if places == 0 || self.window != [2, 2] || columns % 2 == 1 {
            sums.fill(F::zero()); // otherwise, all but a last row is written below
        }
        if places == 0 {
            return;
        }
        let planes = dy.chunks_exact(places).zip(winners.chunks_exact(places));
        vectorized(
            #[inline(always)]
            || {
                for ((dy, winners), sums) in planes.zip(sums.chunks_exact_mut(rows * columns)) {
                    let mut bands = sums.chunks_exact_mut(height * columns);
                    for ((dy, winners), band) in dy.chunks_exact(out).zip(winners.chunks_exact(out)).zip(&mut bands) {
                        if self.window == [2, 2] {
                            let (upper, lower) = band.split_at_mut(columns);
                            spread(dy, winners, 0, upper);
                            spread(dy, winners, 2, lower);
                        } else {
                            for (o, (&dy, &winner)) in dy.iter().zip(winners).enumerate() {
                                let k = usize::from(winner);
                                if winner != NONE {
                                    band[k / width * columns + o * width + k % width] = dy;
                                }
                            }
                        }
                    }
                    bands.into_remainder().fill(F::zero());
                }
            },
        );
    }
}

/// The largest of some numbers and which it is, after ReLU.
#[inline(always)]
fn largest<F: Real>(numbers: impl Iterator<Item = F>) -> (F, u8) {
    let (mut best, mut number) = (-F::INFINITY, 0);
    for (k, x) in numbers.enumerate() {
        if x > best || x.is_nan() {
            (best, number) = (x, k as u8);
        }
    }
    passed(best, number)
}

/// ReLU of the largest number of a window, and its mark.
#[inline(always)]
fn passed<F: Real>(best: F, number: u8) -> (F, u8) {
    (if best < F::zero() { F::zero() } else { best }, if best > F::zero() { number } else { NONE })
}

/// Cuts a row of `n` into blocks whose length the compiler knows, of which the last may overlap the one before: rows are short, and
/// a loop of any length would run mostly in what is left over from its vectors.
macro_rules! in_blocks {
    ($n:expr, |$start:ident, $len:ident| $body:expr) => {{
        let n = $n;
        macro_rules! of {
            ($size:literal) => {{
                const $len: usize = $size;
                for start in (0..n).step_by($len) {
                    let $start = start.min(n - $len);
                    $body
                }
            }};
        }
        match n {
            0 => {}
            1 => of!(1),
            2..=3 => of!(2),
            4..=7 => of!(4),
            _ => of!(8),
        }
    }};
}

/// Windows of two by two, a row of them.
#[inline(always)]
fn pairs<F: Real>(upper: &[F], lower: &[F], y: &mut [F], winners: &mut [u8]) {
    let (upper, lower) = (upper.as_chunks::<2>().0, lower.as_chunks::<2>().0);
    in_blocks!(y.len(), |start, N| {
        let part = start..start + N;
        let (upper, lower) = (exactly::<_, N>(&upper[part.clone()]), exactly::<_, N>(&lower[part.clone()]));
        let mut best: [F; N] = upper.map(|[x, _]| x);
        let mut marks = [0_u32; N];
        for i in 0..N {
            contend(&mut best[i], &mut marks[i], upper[i][1], 1);
        }
        for i in 0..N {
            contend(&mut best[i], &mut marks[i], lower[i][0], 2);
        }
        for i in 0..N {
            contend(&mut best[i], &mut marks[i], lower[i][1], 3);
        }
        for (y, &best) in y[part.clone()].iter_mut().zip(&best) {
            *y = passed(best, 0).0;
        }
        if let Some(winners) = winners.get_mut(part) {
            for ((winner, &best), &mark) in winners.iter_mut().zip(&best).zip(&marks) {
                *winner = passed(best, mark as u8).1;
            }
        }
    });
}

/// Takes a number for the largest so far, if it is.
#[inline(always)]
fn contend<F: Real>(best: &mut F, mark: &mut u32, x: F, k: u32) {
    let wins = (x > *best) | x.is_nan();
    *best = if wins { x } else { *best };
    *mark = if wins { k } else { *mark };
}

/// Of a row of windows of two by two, the numbers with the marks `first` and `first + 1`: a winner takes the gradient.
///
/// Gradients and marks are doubled first, so that each number of the row is chosen in a lane of its own: of pairs that are
/// chosen together the compiler makes branches, at four times the cost.
#[inline(always)]
fn spread<F: Real>(dy: &[F], winners: &[u8], first: u8, row: &mut [F]) {
    in_blocks!(dy.len(), |start, N| {
        let (dy, winners) = (exactly::<_, N>(&dy[start..start + N]), exactly::<_, N>(&winners[start..start + N]));
        let (mut doubled, mut marks) = ([F::zero(); 16], [0_u32; 16]);
        for i in 0..N {
            (doubled[2 * i], doubled[2 * i + 1]) = (dy[i], dy[i]);
            let mark = u32::from(winners[i]);
            (marks[2 * i], marks[2 * i + 1]) = (mark, mark.wrapping_sub(1));
        }
        for (x, (&dy, &mark)) in row[2 * start..2 * (start + N)].iter_mut().zip(doubled.iter().zip(&marks)) {
            *x = if mark == u32::from(first) { dy } else { F::zero() };
        }
    });
}

/// A slice of a length that is known.
#[inline(always)]
fn exactly<T, const N: usize>(slice: &[T]) -> &[T; N] {
    slice.try_into().expect("the part has this length")
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
    /// Of so many numbers, the gradient of sums of an image, of `len` results; `room` has room for the sums, unless there is
    /// nothing to be done.
    pub(super) fn image<'b>(&'b self, image: usize, len: usize, room: &'b mut [F]) -> &'b [F] {
        let part = image * len..(image + 1) * len;
        let dy = &self.dy[part.clone()];
        match self.kept {
            Kept::Nothing => return dy,
            Kept::Result(y) => vectorized(
                #[inline(always)]
                || {
                    for ((to, &dy), &y) in room.iter_mut().zip(dy).zip(&y[part]) {
                        *to = if y > F::zero() { dy } else { F::zero() };
                    }
                },
            ),
            Kept::Winners(windows, winners) => windows.backward(dy, &winners[part], room),
        }
        room
    }

    /// Whether [`image`](Self::image) needs room.
    pub(super) fn needs_room(&self) -> bool {
        !matches!(self.kept, Kept::Nothing)
    }

    /// The sum over a plane of results, of what reaches the sums.
    pub(super) fn sum(&self, plane: std::ops::Range<usize>, sum: impl Fn(&[F]) -> F, room: &mut [F]) -> F {
        let dy = &self.dy[plane.clone()];
        let reaches: &mut dyn FnMut(&mut [F]) = match self.kept {
            Kept::Nothing => return sum(dy),
            Kept::Result(y) => &mut move |room: &mut [F]| {
                let kept = room.iter_mut().zip(dy).zip(&y[plane.clone()]);
                kept.for_each(|((to, &dy), &y)| *to = if y > F::zero() { dy } else { F::zero() });
            },
            Kept::Winners(_, winners) => &mut move |room: &mut [F]| {
                let kept = room.iter_mut().zip(dy).zip(&winners[plane.clone()]);
                kept.for_each(|((to, &dy), &winner)| *to = if winner == NONE { F::zero() } else { dy });
            },
        };
        reaches(room);
        sum(room)
    }
}
