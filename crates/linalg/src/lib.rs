#![doc = include_str!("../README.md")]
#![deny(unsafe_code)] // allowed only in the kernels, each use with its reason

pub use ndarray;

pub mod elementwise;
mod engine;
mod error;
mod functions;
pub mod memory;
mod product;
mod real;
pub mod simd;

pub use engine::Pack;
pub use error::{Error, FamilyError, Result};
pub use product::{gemm, gemm_packed, matmul};
pub use real::Real;
