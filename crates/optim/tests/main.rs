//! The tests that share one program: what they have in common of the crate's generic code is compiled once.

#![allow(clippy::unwrap_used)] // also in the helpers of the tests

mod clipping;
mod closures;
mod explanations;
mod kit;
mod properties;
mod rules;
mod schedules;
mod see;
mod table;
mod wrong_calls;
