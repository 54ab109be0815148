//! What does not fit is a typed error whose message says what was asked, what is wrong and what would fit. Each message
//! stands beside a call that gives it.

#![allow(clippy::unwrap_used)] // the helpers are tests, too

mod files;
mod folders;
mod samples;
mod tables;

#[test]
fn every_variant_is_met() {
    let unpinned = gradus_testing::refusals::unpinned(env!("CARGO_MANIFEST_DIR"));
    assert!(unpinned.is_empty(), "pin the message of {unpinned:?} with `refuses!` in tests/errors");
}
