//! All tests of the crate that use it as its users do, in one program.

#![allow(clippy::unwrap_used)] // also in the helpers of the tests

mod checkpoints;
mod feeding;
mod logs;
mod metrics;
mod ranks;
mod report;
mod steps;
mod training;
