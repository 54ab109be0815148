//! Which places are dropped.

use gradus_autograd::{Real, Tape, Value};
use gradus_linalg::simd::vectorized;
use rand::Rng;

/// A random choice of blocks of places; a block is one place or more, one after the other in row-major order.
///
/// The i-th block is decided by the i-th number of the SplitMix64 generator, which can be computed without those before
/// it: a loop over all places has no chain of dependencies, and compiles to vectors. Nothing is stored.
///
/// # References
/// G. Steele, D. Lea, C. Flood, *Fast splittable pseudorandom number generators*, OOPSLA 2014
#[derive(Clone, Copy)]
pub(super) struct Mask {
    seed: u64,
    /// Numbers below it are dropped.
    threshold: u64,
    block: usize,
}

impl Mask {
    /// A choice in which each block is dropped with probability `p`; none outside training, and if nothing is to be dropped.
    pub(super) fn draw<F: Real>(tape: &Tape<F>, p: f64, block: usize) -> Option<Self> {
        if p == 0.0 {
            return None;
        }
        Some(Self::new(tape.random(|rng| rng.next_u64())?, p, block))
    }

    fn new(seed: u64, p: f64, block: usize) -> Self {
        /// 2⁶⁴, how many values a number of the generator can have.
        const VALUES: f64 = 18_446_744_073_709_551_616.0;
        Self { seed, threshold: (p * VALUES) as u64, block: block.max(1) }
    }

    #[inline(always)]
    fn keeps(self, block: usize) -> bool {
        let z = self.seed.wrapping_add((block as u64).wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) >= self.threshold
    }

    /// `kept(x)` where a place is kept, `dropped` where it is not.
    pub(super) fn choose<F: Real>(self, x: &Value<F>, kept: impl Fn(F) -> F, dropped: F) -> Value<F> {
        let mut y = Value::unspecified(x.raw_dim());
        let ys = y.as_slice_mut().expect("fresh memory is row-major");
        match x.as_slice() {
            Some(xs) if self.block == 1 => vectorized(
                #[inline(always)]
                || {
                    for (place, (y, &x)) in ys.iter_mut().zip(xs).enumerate() {
                        *y = if self.keeps(place) { kept(x) } else { dropped };
                    }
                },
            ),
            Some(xs) => {
                for (block, (ys, xs)) in ys.chunks_mut(self.block).zip(xs.chunks(self.block)).enumerate() {
                    if self.keeps(block) {
                        ys.iter_mut().zip(xs).for_each(|(y, &x)| *y = kept(x));
                    } else {
                        ys.fill(dropped);
                    }
                }
            }
            None => {
                for (place, (y, &x)) in ys.iter_mut().zip(x.iter()).enumerate() {
                    *y = if self.keeps(place / self.block) { kept(x) } else { dropped };
                }
            }
        }
        y
    }

    /// [`choose`](Self::choose) in the memory of `x`.
    pub(super) fn choose_in_place<F: Real>(self, x: &mut Value<F>, kept: impl Fn(F) -> F, dropped: F) {
        match x.as_slice_mut() {
            Some(xs) if self.block == 1 => vectorized(
                #[inline(always)]
                || {
                    for (place, x) in xs.iter_mut().enumerate() {
                        *x = if self.keeps(place) { kept(*x) } else { dropped };
                    }
                },
            ),
            Some(xs) => {
                for (block, xs) in xs.chunks_mut(self.block).enumerate() {
                    if self.keeps(block) {
                        xs.iter_mut().for_each(|x| *x = kept(*x));
                    } else {
                        xs.fill(dropped);
                    }
                }
            }
            None => {
                for (place, x) in x.iter_mut().enumerate() {
                    *x = if self.keeps(place / self.block) { kept(*x) } else { dropped };
                }
            }
        }
    }
}
