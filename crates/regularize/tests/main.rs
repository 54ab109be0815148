//! Tests that share one program: each program costs a build.

#![allow(clippy::unwrap_used)] // also in the helpers of the tests

mod ensemble;
