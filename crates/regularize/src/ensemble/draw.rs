//! Random choices.

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

/// Uniform numbers from any generator, the same on every machine.
pub(crate) trait Draw {
    /// From `[0, 1)`, of 53 bits.
    fn unit(&mut self) -> f64;
}

impl<R: Rng + ?Sized> Draw for R {
    fn unit(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 * (0.5 / (1_u64 << 52) as f64)
    }
}

/// A whole number below `bound`, which is positive: the high half of a product of 128 bits. Its bias is below `bound / 2⁶⁴`.
pub(crate) fn below(rng: &mut dyn Rng, bound: usize) -> usize {
    ((u128::from(rng.next_u64()) * bound as u128) >> 64) as usize
}

/// Puts the first `count` places in random order (Fisher, Yates): they are a choice without replacement.
pub(crate) fn shuffle_first<T>(items: &mut [T], count: usize, rng: &mut dyn Rng) {
    for place in 0..count.min(items.len().saturating_sub(1)) {
        let other = place + below(rng, items.len() - place);
        items.swap(place, other);
    }
}

/// A stream of its own for each learner: how much one draws does not change what the next one sees, and the first five of ten learners are
/// those of five.
pub(crate) fn child(rng: &mut dyn Rng) -> StdRng {
    StdRng::seed_from_u64(rng.next_u64())
}
