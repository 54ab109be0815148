//! Everything but the golden cases and the laws of back-propagation, as one program: each program costs a build.

#![allow(clippy::unwrap_used)] // a test fails by panicking

mod flow;
mod gated;
mod layers;
