#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

extern crate self as gradus_nn_layers; // the derive macro names the crate so

mod activation;
mod apply;
mod attention;
mod embedding;
mod error;
pub mod init;
mod layer;
mod linear;
mod loss;
mod module;
mod normalization;
mod parameter;
mod sequential;
mod state_dict;
pub mod testing;

pub use activation::{Relu, Sigmoid, Tanh};
pub use apply::{Apply, Flatten, Identity};
pub use attention::{Attention, MultiheadAttention, TransformerBlock, scaled_dot_product_attention};
pub use embedding::Embedding;
pub use error::{Error, Result};
pub use gradus_autograd::{Gradients, Real, Tape, Value, Var, ndarray};
/// Implements [`Module`](trait@Module) for a struct of layers and parameters.
pub use gradus_nn_layers_derive::Module;
pub use layer::Layer;
pub use linear::Linear;
pub use loss::{
    Bce, BceWithLogits, CrossEntropy, Hinge, Huber, KlDivergence, L1, Losses, Mse, MultiMargin, Nll, Reduction,
    SmoothL1,
};
pub use module::{Item, ItemMut, Module, Walk, WalkMut};
pub use normalization::{GroupNorm, InstanceNorm, LayerNorm, RmsNorm};
pub use parameter::{Buffer, Parameter};
pub use sequential::Sequential;
pub use state_dict::{LoadReport, ShapeDiffers, StateDict, Unmatched};
