//! The operations: forward and backward of each side by side, in one function.

mod activation;
mod arith;
mod axes;
mod binary;
mod elementwise;
mod erf;
mod extremes;
mod mask;
mod matmul;
mod moments;
mod norm;
mod reduce;
mod rows;
mod select;
mod shape;
mod softmax;

pub(crate) use arith::sum_to;
pub use mask::choose;
pub use select::{concatenate, stack};
