//! Random streams with names, all from one seed.

use rand::SeedableRng;
use rand::rngs::StdRng;

/// Random streams that share one seed and nothing else: each has a name, and none depends on what was drawn from another.
///
/// With a single generator for everything, one dropout layer more draws more numbers, and from then on the data are shuffled
/// differently too: two things change where one was meant to. Here each use has its own stream.
///
/// ```text
/// key(name)  = mix(key, FNV-1a(name))        key(name, i) = mix(key(name), i)
/// ```
///
/// where `mix` is the finalizer of SplitMix64. A key stays the same from version to version; what a generator makes of it is
/// [`StdRng`]'s affair.
///
/// # Examples
/// ```
/// use gradus_data::{Digits, Streams};
///
/// let streams = Streams::new(7);
/// let (train, _test) = Digits::embedded().split(0.8, &mut streams.named("split"))?;
/// for epoch in 0..2 {
///     for (_images, _labels) in train.batches(64).shuffled(&mut streams.numbered("shuffle", epoch)) {}
/// }
/// # Ok::<(), gradus_data::Error>(())
/// ```
///
/// # References
/// - G. L. Steele, D. Lea and C. H. Flood, *Fast Splittable Pseudorandom Number Generators*, OOPSLA 2014, <https://doi.org/10.1145/2660193.2660195>
/// - G. Fowler, L. C. Noll and K.-P. Vo, *The FNV Non-Cryptographic Hash Algorithm*, <https://datatracker.ietf.org/doc/draft-eastlake-fnv/>
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Streams {
    key: u64,
}

impl Streams {
    /// The streams of a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { key: mix(seed, 0) }
    }

    /// The generator with this name, at its beginning.
    #[must_use]
    pub fn named(&self, name: &str) -> StdRng {
        self.child(name).rng()
    }

    /// The generator with this name and number, such as that of one epoch or of one sample.
    #[must_use]
    pub fn numbered(&self, name: &str, number: u64) -> StdRng {
        self.child(name).at(number).rng()
    }

    /// A family of streams below this one, for a part of a program that names its own.
    #[must_use]
    pub fn child(&self, name: &str) -> Self {
        let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
        Self { key: mix(self.key, hash) }
    }

    /// A family of streams below this one, told from its neighbours by a number.
    #[must_use]
    pub fn at(&self, number: u64) -> Self {
        // Numbers are mixed once more than names, so that no name stands for a number.
        Self { key: mix(mix(self.key, 1), number) }
    }

    /// What tells these streams from all others.
    #[must_use]
    pub fn key(&self) -> u64 {
        self.key
    }

    /// The generator of this family itself.
    #[must_use]
    pub fn rng(&self) -> StdRng {
        StdRng::seed_from_u64(self.key)
    }
}

/// Two numbers to one, in which every bit depends on every bit of both.
fn mix(key: u64, value: u64) -> u64 {
    split_mix(split_mix(key) ^ value)
}

/// The first number of SplitMix64 with this seed.
fn split_mix(seed: u64) -> u64 {
    let z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::Rng;
    use std::collections::HashSet;

    #[test]
    fn keys_keep_their_values() {
        assert_eq!(split_mix(0), 0xe220_a839_7b1d_cdaf); // as in Vigna's reference code
        let streams = Streams::new(7);
        let keys = [streams.key(), streams.child("shuffle").key(), streams.child("shuffle").at(3).key()];
        assert_eq!(keys, [0xb8b4_c297_7eab_ce45, 0x6e71_7b75_2652_f386, 0x1195_13ec_0532_9841], "{keys:#x?}");
    }

    #[test]
    fn streams_do_not_touch_each_other() {
        let streams = Streams::new(1);
        let alone = streams.named("shuffle").next_u64();
        streams.named("dropout").next_u64();
        assert_eq!(streams.named("shuffle").next_u64(), alone);
    }

    #[test]
    fn names_numbers_and_seeds_all_differ() {
        let mut seen = HashSet::new();
        for seed in 0..20 {
            for name in ["", "a", "b", "ab", "shuffle", "dropout"] {
                assert!(seen.insert(Streams::new(seed).named(name).next_u64()));
                for number in 0..20 {
                    assert!(seen.insert(Streams::new(seed).numbered(name, number).next_u64()));
                }
            }
        }
    }
}
