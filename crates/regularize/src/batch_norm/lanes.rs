//! Loops over the numbers of a few channels: sums with the same terms in every lane, and results written number by number.
//!
//! A row is cut into chunks of as many numbers as there are lanes, and every lane has coefficients of its own. Over a long
//! row of one channel these are all alike; over a row that holds a few numbers of each of several channels, each lane has
//! those of its channel. So there is one kind of loop for images and for vectors.

use gradus_linalg::Real;

/// Numbers side by side: two registers of 512 bits of `f32`, so that one sum need not wait for the one before.
pub(super) const LANES: usize = 32;

/// A number for each lane.
pub(super) type Lanes<F> = [F; LANES];

/// Chunks that are added one after the other before their sum is put to the others: both chains of additions stay short.
const BLOCK: usize = 64;

/// `K` sums in each lane, by blocks.
pub(super) struct Sums<F, const K: usize> {
    block: [Lanes<F>; K],
    done: [Lanes<F>; K],
    chunks: usize,
}

impl<F: Real, const K: usize> Sums<F, K> {
    #[inline(always)]
    pub(super) fn new() -> Self {
        let zeros = [[F::zero(); LANES]; K];
        Self { block: zeros, done: zeros, chunks: 0 }
    }

    /// Adds the terms of two rows of the same length, `terms(lane, x, y)` for each of their pairs.
    #[inline(always)]
    pub(super) fn add(&mut self, x: &[F], y: &[F], terms: impl Fn(usize, F, F) -> [F; K]) {
        for (x, y) in x.chunks(BLOCK * LANES).zip(y.chunks(BLOCK * LANES)) {
            let sums = added(x, y, &terms);
            for (block, sums) in self.block.iter_mut().zip(sums) {
                *block = each(*block, sums, |a, b| a + b);
            }
            self.chunks += x.len().div_ceil(LANES);
            if self.chunks >= BLOCK {
                self.close();
            }
        }
    }

    #[inline(always)]
    fn close(&mut self) {
        for (done, block) in self.done.iter_mut().zip(&mut self.block) {
            *done = each(*done, *block, |a, b| a + b);
            *block = [F::zero(); LANES];
        }
        self.chunks = 0;
    }

    #[inline(always)]
    pub(super) fn finish(mut self) -> [Lanes<F>; K] {
        self.close();
        self.done
    }
}

/// The terms of two rows added up in each lane.
#[inline(always)]
fn added<F: Real, const K: usize>(x: &[F], y: &[F], terms: &impl Fn(usize, F, F) -> [F; K]) -> [Lanes<F>; K] {
    let ((xs, x_rest), (ys, y_rest)) = (x.as_chunks::<LANES>(), y.as_chunks::<LANES>());
    let mut sums = [[F::zero(); LANES]; K];
    // One loop over the lanes with all of the terms in it: of several, the compiler would keep the sums in memory.
    for (x, y) in xs.iter().zip(ys) {
        for lane in 0..LANES {
            let terms = terms(lane, x[lane], y[lane]);
            for k in 0..K {
                sums[k][lane] += terms[k];
            }
        }
    }
    for (lane, (&x, &y)) in x_rest.iter().zip(y_rest).enumerate() {
        let terms = terms(lane, x, y);
        for k in 0..K {
            sums[k][lane] += terms[k];
        }
    }
    sums
}

/// A function of two numbers in each lane.
#[inline(always)]
pub(super) fn each<F: Real>(mut a: Lanes<F>, b: Lanes<F>, f: impl Fn(F, F) -> F) -> Lanes<F> {
    for lane in 0..LANES {
        a[lane] = f(a[lane], b[lane]);
    }
    a
}

/// `y ← f(lane, y, a, b)` for rows of the same length.
#[inline(always)]
pub(super) fn write<F: Real>(y: &mut [F], a: &[F], b: &[F], f: impl Fn(usize, F, F, F) -> F) {
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
    let (y, y_rest) = y.as_chunks_mut::<LANES>();
    for ((y, a), b) in y.iter_mut().zip(a).zip(b) {
        for lane in 0..LANES {
            y[lane] = f(lane, y[lane], a[lane], b[lane]);
        }
    }
    for (lane, ((y, &a), &b)) in y_rest.iter_mut().zip(a_rest).zip(b_rest).enumerate() {
        *y = f(lane, *y, a, b);
    }
}
