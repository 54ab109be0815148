//! Padding, resampling, patches and the flipped kernel.

mod common;
mod errors;
mod golden;
mod layers;
mod sampling;
mod windows;
mod wrong_calls;
