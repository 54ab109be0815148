#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]

mod ablation;
pub mod augment;
mod averaging;
mod batch_norm;
mod bias_variance;
pub mod calibration;
mod constraint;
mod dropout;
mod early_stopping;
pub mod ensemble;
mod error;
mod gap;
pub mod noise;
pub mod penalty;
#[cfg(feature = "decompose")]
mod random_features;
mod reparametrize;
mod smoothing;
mod statistics;
mod substitute;
mod svg;
pub mod tree;
pub mod validation;

pub use ablation::{Ablation, AblationRow, AblationTable};
pub use averaging::{Ema, Swa, update_batch_norm};
pub use batch_norm::{BatchNorm, BatchNorm1d, BatchNorm2d, BatchNorm3d};
pub use bias_variance::{
    BiasVariance, ErrorParts, ZeroOneBiasVariance, ZeroOneParts, bias_variance, zero_one_bias_variance,
};
pub use constraint::Constraint;
pub use dropout::{
    AlphaDropout, ChannelDropout, DropConnect, Dropout, Dropout1d, Dropout2d, Dropout3d, McDropout, StochasticDepth,
    StochasticDepthMode, Uncertain, UncertainClasses,
};
pub use early_stopping::{Decision, EarlyStopping};
pub use error::{Error, Result};
pub use gap::{EpochLosses, Finding, GapRecord, GeneralizationGap, Verdict};
pub use gradus_nn_layers::{Real, Tape, Var, ndarray};
#[cfg(feature = "decompose")]
pub use random_features::{RandomFeatureRegression, RandomFeatures};
pub use reparametrize::{SpectralNorm, WeightNorm};
pub use smoothing::smooth_labels;
