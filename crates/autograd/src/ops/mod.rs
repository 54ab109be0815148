//! The operations: forward and backward of each side by side, in one function.

mod arith;
mod axes;
mod elementwise;
mod matmul;
mod reduce;
mod select;
mod shape;
mod softmax;

pub use select::{concatenate, stack};
