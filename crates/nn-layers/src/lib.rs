#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]

extern crate self as gradus_nn_layers; // the derive macro names the crate so

mod activation;
mod apply;
mod attention;
mod bilinear;
mod embedding;
mod error;
pub mod init;
mod layer;
mod linear;
mod loss;
mod module;
mod normalization;
mod parallel;
mod parameter;
mod perceptron;
mod report;
mod residual;
mod sequential;
mod state_dict;
pub mod testing;

pub use activation::{
    Activations, Celu, Elu, Gelu, GeluTanh, Glu, Hardshrink, Hardsigmoid, Hardswish, Hardtanh, LeakyRelu, LogSigmoid,
    LogSoftmax, Mish, Prelu, Relu, Relu6, Selu, Sigmoid, Silu, Softmax, Softplus, Softshrink, Softsign, Tanh,
    Tanhshrink,
};
pub use apply::{Apply, Flatten, Identity};
pub use attention::{Attention, MultiheadAttention, TransformerBlock, scaled_dot_product_attention};
pub use bilinear::Bilinear;
pub use embedding::Embedding;
pub use error::{Error, Result};
pub use gradus_autograd::{Gradients, Real, Tape, Value, Var, ndarray};
/// Implements [`Module`](trait@Module) for a struct of layers and parameters.
pub use gradus_nn_layers_derive::Module;
pub use layer::Layer;
pub use linear::Linear;
pub use loss::{
    Bce, BceWithLogits, BinaryFocal, CosineEmbedding, CrossEntropy, Dice, Focal, GaussianNll, Hinge, Huber,
    KlDivergence, L1, Losses, MarginRanking, Mse, MultiMargin, Nll, PoissonNll, Reduction, SmoothL1, TripletMargin,
};
pub use module::{Glob, Item, ItemMut, Module, Walk, WalkMut};
pub use normalization::{GroupNorm, InstanceNorm, LayerNorm, RmsNorm};
pub use parallel::Parallel;
pub use parameter::{Buffer, Parameter};
pub use perceptron::{Convergence, Perceptron, PerceptronFit};
pub use report::{
    DecisionRegions, Description, Health, Moments, ParameterHealth, Propagation, Signal, Summary, SummaryRow, Verdict,
    decision_regions, health, signal_propagation, summary,
};
pub use residual::Residual;
pub use sequential::Sequential;
pub use state_dict::{LoadReport, ShapeDiffers, StateDict, Unmatched};
