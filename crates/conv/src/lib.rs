#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod conv;
mod convolve;
mod correlation;
mod error;
pub mod geometry;
mod pad;
mod patches;
mod pool;
mod sampling;
mod shape;
mod shuffle;
mod unfold;
mod upsample;

pub use conv::{Conv, Conv1d, Conv2d, Conv3d};
pub use convolve::{convolve, cross_correlate};
pub use correlation::conv;
pub use error::{Error, Result};
pub use geometry::{Geometry, PerAxis};
pub use gradus_autograd::{Real, Tape, Value, Var, ndarray};
pub use gradus_nn_layers::{Layer, Module};
pub use pad::{Pad, Pad1d, Pad2d, Pad3d, Padding, PaddingMode, pad};
pub use pool::{MaxPool, MaxPool1d, MaxPool2d, MaxPool3d, max_pool};
pub use shuffle::{PixelShuffle, PixelUnshuffle, pixel_shuffle, pixel_unshuffle};
pub use unfold::{Fold, Unfold, fold, unfold};
pub use upsample::{Interpolation, Target, Upsample, Upsample1d, Upsample2d, Upsample3d, upsample};
