//! Kernels over a row of numbers that lie side by side: sums, extremes, moments, softmax and its kin.
//!
//! Each is compiled for the widest vectors of the processor at hand, and reduces in a tree that depends on the length
//! alone ([`sum`], [`sum_of`]): the same input gives the same bits, on every processor and for any number of threads.
//! Those that work on many rows take the length of one and slices of as many as there are.

mod exponentials;
mod extremes;
mod moments;
mod softmax;
mod sum;

pub use extremes::{max, min};
pub use moments::{mean, squared_deviations, variance};
pub use softmax::{log_softmax, log_softmax_backward, log_sum_exp, softmax, softmax_backward};
pub use sum::{dot, sum, sum_of};
