#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]

pub mod blocks;
mod conv;
mod conv_transpose;
mod convolve;
mod correlation;
mod cost;
mod error;
mod fft;
pub mod geometry;
mod gradients;
mod maps;
pub mod models;
mod pad;
mod patches;
pub mod picture;
mod pool;
mod receptive_field;
mod sampling;
mod shape;
mod shuffle;
mod stage;
mod table;
pub mod testing;
mod toeplitz;
mod transposed;
mod unfold;
mod upsample;

pub use conv::{Conv, Conv1d, Conv2d, Conv3d};
pub use conv_transpose::{ConvTranspose, ConvTranspose1d, ConvTranspose2d, ConvTranspose3d};
pub use convolve::{convolve, cross_correlate};
pub use correlation::{conv, conv_relu, conv_relu_max_pool};
pub use cost::{Cost, CostRow, Costs, costs};
pub use error::{Error, Result};
pub use fft::conv_fft;
pub use geometry::{Geometry, PerAxis};
pub use gradients::{bias_gradient, input_gradient, weight_gradient};
pub use gradus_autograd::{Real, Tape, Value, Var, ndarray};
pub use gradus_nn_layers::{Layer, Module};
pub use maps::{Occlusion, occlusion, saliency};
pub use pad::{Pad, Pad1d, Pad2d, Pad3d, Padding, PaddingMode, pad};
pub use pool::{
    AdaptiveAvgPool, AdaptiveAvgPool1d, AdaptiveAvgPool2d, AdaptiveAvgPool3d, AdaptiveMaxPool, AdaptiveMaxPool1d,
    AdaptiveMaxPool2d, AdaptiveMaxPool3d, AvgPool, AvgPool1d, AvgPool2d, AvgPool3d, GlobalAvgPool, GlobalMaxPool,
    LpPool, LpPool1d, LpPool2d, LpPool3d, MaxPool, MaxPool1d, MaxPool2d, MaxPool3d, MaxUnpool, MaxUnpool1d,
    MaxUnpool2d, MaxUnpool3d, adaptive_avg_pool, adaptive_max_pool, adaptive_max_pool_with_indices, avg_pool,
    global_avg_pool, global_max_pool, lp_pool, max_pool, max_pool_with_indices, max_unpool,
};
pub use receptive_field::{ReceptiveField, ReceptiveFields, output_sizes, receptive_fields};
pub use shuffle::{PixelShuffle, PixelUnshuffle, pixel_shuffle, pixel_unshuffle};
pub use toeplitz::toeplitz;
pub use transposed::conv_transpose;
pub use unfold::{Fold, Unfold, fold, unfold};
pub use upsample::{Interpolation, Target, Upsample, Upsample1d, Upsample2d, Upsample3d, upsample};
