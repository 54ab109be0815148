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
    /// The largest positive number of each window of each plane, and where `winners` has room, which it was. Uses the sums up.
    pub(super) fn forward<F: Real>(&self, sums: &mut [F], y: &mut [F], winners: &mut [u8]) {
        let [rows, columns] = self.plane;
        let places = self.places();
        if places == 0 || rows * columns == 0 {
            return;
        }
        let mut seen = vec![0; self.out()[0] * columns];
        vectorized(
            #[inline(always)]
            || {
                for (plane, (sums, y)) in
                    sums.chunks_exact_mut(rows * columns).zip(y.chunks_exact_mut(places)).enumerate()
                {
                    self.down(sums, &mut seen);
                    match winners.get_mut(plane * places..(plane + 1) * places) {
                        Some(winners) => self.across(sums, &seen, y, winners),
                        None => self.across_alone(sums, y),
                    }
                }
            },
        );
    }

    /// Down the rows of each window: its first row takes the largest numbers, and `seen` where they were.
    #[inline(always)]
    fn down<F: Real>(&self, sums: &mut [F], seen: &mut [u8]) {
        let ([_, columns], [height, width]) = (self.plane, self.window);
        for (band, seen) in sums.chunks_exact_mut(height * columns).zip(seen.chunks_exact_mut(columns)) {
            let (first, others) = band.split_at_mut(columns);
            seen.fill(0);
            for (number, row) in others.chunks_exact(columns).enumerate() {
                let number = ((number + 1) * width) as u8;
                for ((best, seen), &x) in first.iter_mut().zip(&mut *seen).zip(row) {
                    let wins = (x > *best) | x.is_nan();
                    *best = if wins { x } else { *best };
                    *seen = if wins { number } else { *seen };
                }
            }
        }
    }

    /// Across the columns of each window. Of equal numbers, the first of the window in row-major order wins.
    #[inline(always)]
    fn across<F: Real>(&self, sums: &[F], seen: &[u8], y: &mut [F], winners: &mut [u8]) {
        let ([_, columns], [height, width], [_, out]) = (self.plane, self.window, self.out());
        if width == 2 && columns == 2 * out {
            // The rows of a plane are one: windows go on from the end of one to the begin of the next.
            let bands = sums.chunks_exact(height * columns).zip(seen.chunks_exact(columns));
            for ((sums, seen), (y, winners)) in bands.zip(y.chunks_exact_mut(out).zip(winners.chunks_exact_mut(out))) {
                let pairs = sums[..columns].as_chunks::<2>().0.iter().zip(seen.as_chunks::<2>().0);
                for ((y, winner), (&[a, b], &[at, bt])) in y.iter_mut().zip(winners).zip(pairs) {
                    let bt = bt + 1;
                    let wins = (b > a) | b.is_nan() | ((b == a) & (bt < at));
                    let (best, number) = if wins { (b, bt) } else { (a, at) };
                    (*y, *winner) = passed(best, number);
                }
            }
            return;
        }
        let bands = sums.chunks_exact(height * columns).zip(seen.chunks_exact(columns));
        for ((sums, seen), (y, winners)) in bands.zip(y.chunks_exact_mut(out).zip(winners.chunks_exact_mut(out))) {
            for (o, (y, winner)) in y.iter_mut().zip(winners).enumerate() {
                let (mut best, mut number) = (sums[o * width], seen[o * width]);
                for k in 1..width {
                    let (x, at) = (sums[o * width + k], seen[o * width + k] + k as u8);
                    if x > best || x.is_nan() || (x == best && at < number) {
                        (best, number) = (x, at);
                    }
                }
                (*y, *winner) = passed(best, number);
            }
        }
    }

    /// As [`across`](Self::across), where nobody asks for the winners.
    #[inline(always)]
    fn across_alone<F: Real>(&self, sums: &[F], y: &mut [F]) {
        let ([_, columns], [height, width], [_, out]) = (self.plane, self.window, self.out());
        for (sums, y) in sums.chunks_exact(height * columns).zip(y.chunks_exact_mut(out)) {
            if width == 2 {
                for (y, &[a, b]) in y.iter_mut().zip(sums[..columns].as_chunks::<2>().0) {
                    *y = passed(if (b > a) | b.is_nan() { b } else { a }, 0).0;
                }
            } else {
                for (y, window) in y.iter_mut().zip(sums[..columns].chunks_exact(width)) {
                    *y = passed(window.iter().copied().fold(window[0], F::maximum), 0).0;
                }
            }
        }
    }

    /// Writes the gradients of the results to the numbers that they were, and 0 to all others.
    pub(super) fn backward<F: Real>(&self, dy: &[F], winners: &[u8], sums: &mut [F]) {
        let ([rows, columns], [height, width], [_, out]) = (self.plane, self.window, self.out());
        let places = self.places();
        if places == 0 || rows * columns == 0 {
            return sums.fill(F::zero());
        }
        let planes = dy.chunks_exact(places).zip(winners.chunks_exact(places));
        for ((dy, winners), sums) in planes.zip(sums.chunks_exact_mut(rows * columns)) {
            let mut bands = sums.chunks_exact_mut(height * columns);
            for ((dy, winners), band) in dy.chunks_exact(out).zip(winners.chunks_exact(out)).zip(&mut bands) {
                vectorized(
                    #[inline(always)]
                    || {
                        for (number, row) in band.chunks_exact_mut(columns).enumerate() {
                            spread(dy, winners, (number * width) as u8, width, row);
                        }
                    },
                );
            }
            bands.into_remainder().fill(F::zero());
        }
    }
}

/// One row of windows: each number that is a winner takes the gradient.
#[inline(always)]
fn spread<F: Real>(dy: &[F], winners: &[u8], first: u8, width: usize, row: &mut [F]) {
    if width == 2 {
        let (pairs, rest) = row.as_chunks_mut::<2>();
        for ((&dy, &winner), pair) in dy.iter().zip(winners).zip(pairs) {
            *pair = [0, 1].map(|k| if winner == first + k { dy } else { F::zero() });
        }
        return rest.fill(F::zero());
    }
    row.fill(F::zero());
    for ((&dy, &winner), window) in dy.iter().zip(winners).zip(row.chunks_exact_mut(width)) {
        if winner != NONE && (first..first + width as u8).contains(&winner) {
            window[usize::from(winner - first)] = dy;
        }
    }
}

/// ReLU of the largest number of a window, and its mark.
#[inline(always)]
fn passed<F: Real>(best: F, number: u8) -> (F, u8) {
    let y = if best < F::zero() { F::zero() } else { best };
    (y, if best > F::zero() { number } else { NONE })
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
