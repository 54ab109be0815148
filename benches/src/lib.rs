//! The workloads of the benchmark contract: what every contestant runs, from the same numbers.
//!
//! `cargo run --release -p gradus-benches -- --threads 1` times them; `cargo bench -p gradus-benches` times single operations.

pub mod draw;
pub mod hold;
pub mod measure;
pub mod models;
pub mod training;
pub mod workloads;
