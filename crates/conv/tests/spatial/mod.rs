//! Padding, resampling, patches and the flipped kernel.

mod common;
mod errors;
mod layers;
mod sampling;
mod windows;
mod wrong_calls;
