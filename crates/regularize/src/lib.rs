#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod batch_norm;
mod bias_variance;
mod dropout;
mod early_stopping;
pub mod ensemble;
mod error;
mod gap;
pub mod penalty;
#[cfg(feature = "decompose")]
mod random_features;
mod smoothing;
pub mod tree;
pub mod validation;

pub use batch_norm::{BatchNorm, BatchNorm1d, BatchNorm2d, BatchNorm3d};
pub use bias_variance::{
    BiasVariance, ErrorParts, ZeroOneBiasVariance, ZeroOneParts, bias_variance, zero_one_bias_variance,
};
pub use dropout::Dropout;
pub use early_stopping::{Decision, EarlyStopping};
pub use error::{Error, Result};
pub use gap::{EpochLosses, Finding, GapRecord, GeneralizationGap, Verdict};
pub use gradus_nn_layers::{Real, Tape, Var, ndarray};
#[cfg(feature = "decompose")]
pub use random_features::{RandomFeatureRegression, RandomFeatures};
pub use smoothing::smooth_labels;
