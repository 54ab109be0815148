//! Calls with arguments drawn at random: however wrong, none panics.

use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use std::cell::Cell;
use std::fmt::{Debug, Display};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Makes a call with many arguments: 64, or as many as the environment's `PROPTEST_CASES` says. It may return errors that
/// say something, and must be right once at least: where few arguments fit, more are drawn until one did.
///
/// # Panics
/// With the name of the call, if it panics, if an error has no message, or if no arguments fit.
///
/// # Examples
/// ```
/// use gradus_testing::calls;
/// calls::never_panic("parse", "[0-9a]{1,3}", |text: &String| text.parse::<u32>().map(drop));
/// ```
pub fn never_panic<A: Debug, E: Display>(
    name: &str,
    arguments: impl Strategy<Value = A>,
    call: impl Fn(&A) -> Result<(), E>,
) {
    const DRAWN_AGAIN: usize = 1000;
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(64);
    let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(cases) };
    let right = Cell::new(0);
    for _ in 0..DRAWN_AGAIN {
        let outcome = TestRunner::new(config.clone()).run(&arguments, |arguments| {
            let outcome = catch_unwind(AssertUnwindSafe(|| call(&arguments)));
            match outcome.map_err(|_| TestCaseError::fail("it panics"))? {
                Ok(()) => right.set(right.get() + 1),
                Err(error) => prop_assert!(!error.to_string().is_empty(), "an error without a message"),
            }
            Ok(())
        });
        if let Err(error) = outcome {
            panic!("{name}: {error}");
        }
        if right.get() > 0 {
            return;
        }
    }
    panic!("{name}: no call was right");
}
