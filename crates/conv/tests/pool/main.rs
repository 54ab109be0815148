//! Pooling as a user meets it, and its laws over random geometries.

#![allow(clippy::unwrap_used)] // also in what the tests call

mod laws;
mod layers;
mod loops;
mod refusals;
