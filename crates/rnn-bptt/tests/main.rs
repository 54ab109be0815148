//! What the layers must keep, one module for each topic.

#![allow(clippy::unwrap_used)] // a test fails by panicking

mod gated;
