//! The tests that share one program: what they have in common of the crate's generic code is compiled once.

#![allow(clippy::unwrap_used)] // also in the helpers of the tests

mod kit;
mod layers;
mod networks;
mod pictures;
mod pool;
mod properties;
mod spatial;
mod stages;
mod transposed;
mod winograd;
