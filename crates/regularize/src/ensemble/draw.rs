//! Streams of random numbers for the parts of an ensemble.

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

/// A stream of its own for each learner: how much one draws does not change what the next one sees, and the first five of ten learners are
/// those of five.
pub(crate) fn child(rng: &mut dyn Rng) -> StdRng {
    StdRng::seed_from_u64(rng.next_u64())
}
