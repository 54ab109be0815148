//! How many cases a law is tried on.

use proptest::test_runner::Config;

/// proptest's own number, which `PROPTEST_CASES` takes the place of.
const ORDINARY: u32 = 256;

/// The settings of a law that is tried on so many cases in the ordinary check.
///
/// Where the environment's `PROPTEST_CASES` asks for another number than proptest's 256, these become as many times more or
/// fewer, but never none: a nightly run draws more cases of expensive laws, too. (`with_cases` would not look at it.)
///
/// # Examples
/// ```
/// use proptest::prelude::*;
///
/// proptest! {
///     #![proptest_config(gradus_testing::proptest_cases(100))]
///
///     fn addition_commutes(a: i32, b: i32) {
///         prop_assert_eq!(a.wrapping_add(b), b.wrapping_add(a));
///     }
/// }
/// addition_commutes();
/// ```
#[must_use]
pub fn proptest_cases(cases: u32) -> Config {
    let asked = Config::default();
    Config { cases: scaled(cases, asked.cases), ..asked }
}

fn scaled(cases: u32, asked: u32) -> u32 {
    let scaled = u64::from(cases) * u64::from(asked) / u64::from(ORDINARY);
    u32::try_from(scaled.max(1)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::scaled;

    #[test]
    fn as_many_times_more_as_are_asked_for() {
        assert_eq!(scaled(100, 256), 100);
        assert_eq!(scaled(100, 2560), 1000);
        assert_eq!(scaled(12, 64), 3);
        assert_eq!(scaled(12, 1), 1);
        assert_eq!(scaled(u32::MAX, 3000), u32::MAX);
    }
}
