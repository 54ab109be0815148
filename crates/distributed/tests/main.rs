//! The tests that share one program.

#![allow(clippy::unwrap_used)] // also in the helpers of the tests

mod compression;
mod data_parallel;
mod error_feedback;
mod errors;
mod killed;
mod laws;
mod loss_curve;
mod lost;
