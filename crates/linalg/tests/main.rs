//! The tests that share one program: what they have in common of the crate's generic code is compiled once.

#![allow(clippy::unwrap_used)] // also in the helpers of the tests

mod contraction;
mod decompose;
mod decompose_edges;
mod errors;
mod kit;
mod properties;
mod rows;
mod statistics;
mod wrong_calls;
