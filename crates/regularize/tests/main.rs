//! The tests that share one program: what they have in common of the crate's generic code is compiled once.

#![allow(clippy::unwrap_used)] // also in the helpers of the tests

mod batch_norm;
mod ensemble;
mod errors;
mod properties;
mod regularizers;
mod validation;
