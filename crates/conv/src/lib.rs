#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod conv;
mod correlation;
mod error;
pub mod geometry;
mod patches;
mod pool;
mod stage;

pub use conv::{Conv, Conv1d, Conv2d, Conv3d};
pub use correlation::{conv, conv_relu, conv_relu_max_pool};
pub use error::{Error, Result};
pub use geometry::{Geometry, PerAxis};
pub use gradus_autograd::{Real, Tape, Value, Var, ndarray};
pub use gradus_nn_layers::{Layer, Module};
pub use pool::{MaxPool, MaxPool1d, MaxPool2d, MaxPool3d, max_pool};
