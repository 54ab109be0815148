//! The crate from outside, each topic in a file of its own.

#![allow(clippy::unwrap_used)] // a test fails by panicking

mod checkpoints;
mod hand;
mod judges;
mod truncated;
