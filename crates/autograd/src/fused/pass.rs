//! The loop around a chain: blocks that the compiler turns into vectors, in pieces that threads share.

#![allow(clippy::needless_range_loop)] // indices are what the vectorizer sees through

use super::Jet;
use gradus_linalg::elementwise::{LEAF, sum_slice};
use gradus_linalg::simd::vectorized;
use gradus_linalg::{Real, parallel};

/// Numbers that pass through the function together. They are copied into small arrays of their own, which cannot overlap:
/// only then does the compiler turn the loop over them into vectors.
const BLOCK: usize = 64;

/// Some of the elements: what goes in, and where to write. Without `y` the results are added up.
pub(super) struct Piece<'a, F, const N: usize> {
    pub(super) len: usize,
    pub(super) x: [&'a [F]; N],
    pub(super) y: Option<&'a mut [F]>,
    pub(super) slopes: [Option<&'a mut [F]>; N],
}

impl<F, const N: usize> Piece<'_, F, N> {
    /// The first `len` elements and the others.
    fn split(self, len: usize) -> (Self, Self) {
        let parts = |whole: Option<_>| whole.map(|whole: &mut [F]| whole.split_at_mut(len)).unzip();
        let (y, later_y) = parts(self.y);
        let mut later_slopes = [const { None }; N];
        let mut later = later_slopes.iter_mut();
        let slopes = self.slopes.map(|slopes| {
            let (slopes, rest) = parts(slopes);
            if let Some(later) = later.next() {
                *later = rest;
            }
            slopes
        });
        let first = Self { len, x: self.x.map(|x| &x[..len]), y, slopes };
        let rest = Self { len: self.len - len, x: self.x.map(|x| &x[len..]), y: later_y, slopes: later_slopes };
        (first, rest)
    }
}

/// Writes `y = f(x)` and the slopes `∂f/∂x` that are wanted; without `y`, returns `Σ f(x)` in the fixed tree of
/// [`sum_slice`].
pub(super) fn run<F: Real, const N: usize>(
    piece: Piece<'_, F, N>,
    f: &(impl Fn([Jet<F, N>; N]) -> Jet<F, N> + Sync),
) -> F {
    let len = piece.len;
    if len <= LEAF {
        return leaf(piece, f);
    }
    let (first, rest) = piece.split((len / 2).next_multiple_of(LEAF));
    let (first, rest) = parallel::join(len, || run(first, f), || run(rest, f));
    first + rest
}

fn leaf<F: Real, const N: usize>(mut piece: Piece<'_, F, N>, f: &impl Fn([Jet<F, N>; N]) -> Jet<F, N>) -> F {
    let mut values = [F::zero(); LEAF];
    vectorized(
        #[inline(always)]
        || {
            let mut x = [[F::zero(); BLOCK]; N];
            for start in (0..piece.len).step_by(BLOCK) {
                for k in 0..N {
                    load(&mut x[k], &piece.x[k][start..]);
                }
                let mut block = [F::zero(); BLOCK];
                let mut slopes = [[F::zero(); BLOCK]; N];
                for l in 0..BLOCK {
                    let jet = f(Jet::variables(at(&x, l)));
                    block[l] = jet.value;
                    for k in 0..N {
                        slopes[k][l] = jet.slopes[k];
                    }
                }
                for k in 0..N {
                    if let Some(to) = &mut piece.slopes[k] {
                        store(&slopes[k], &mut to[start..]);
                    }
                }
                store(&block, &mut values[start..]);
            }
        },
    );
    match piece.y {
        Some(y) => {
            y.copy_from_slice(&values[..piece.len]);
            F::zero()
        }
        None => sum_slice(&values[..piece.len]),
    }
}

/// The first numbers of a slice; beyond its end the block stays as it was, and its results are not used.
#[inline(always)]
fn load<F: Real>(block: &mut [F; BLOCK], from: &[F]) {
    match from.first_chunk() {
        Some(whole) => *block = *whole, // of a known length: vectors, and no call
        None => block[..from.len()].copy_from_slice(from),
    }
}

/// As much of a block as there is room for.
#[inline(always)]
fn store<F: Real>(block: &[F; BLOCK], to: &mut [F]) {
    match to.first_chunk_mut() {
        Some(whole) => *whole = *block,
        None => to.copy_from_slice(&block[..to.len()]),
    }
}

/// The inputs in lane `l`.
#[inline(always)]
fn at<F: Real, const N: usize>(x: &[[F; BLOCK]; N], l: usize) -> [F; N] {
    let mut values = [F::zero(); N];
    for k in 0..N {
        values[k] = x[k][l];
    }
    values
}
