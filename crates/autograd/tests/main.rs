//! The tests that share one program: what they have in common of the crate's generic code is compiled once.

#![allow(clippy::unwrap_used)] // also in the helpers of the tests

mod derivatives;
mod errors;
mod explain;
mod fused;
mod gradcheck;
mod hooks;
mod kinks;
mod leak;
mod peak;
mod plants;
mod properties;
mod registry;
mod tape;
mod views;
mod wrong_calls;
