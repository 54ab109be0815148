//! Activation functions as layers, for [`Sequential`](crate::Sequential), and those that the tape does not bring as
//! functions.
//!
//! - `functions`: what [`Var`] lacks, as methods of the trait [`Activations`];
//! - `plain`, `tuned`: layers without and with a setting;
//! - `prelu`, `glu`: the one that learns, and the one that halves an axis.

mod functions;
mod glu;
mod plain;
mod prelu;
mod tuned;

pub use functions::Activations;
pub use glu::Glu;
pub use plain::{
    Gelu, GeluTanh, Hardsigmoid, Hardswish, LogSigmoid, Mish, Relu, Relu6, Selu, Sigmoid, Silu, Softsign, Tanh,
    Tanhshrink,
};
pub use prelu::Prelu;
pub use tuned::{Celu, Elu, Hardshrink, Hardtanh, LeakyRelu, LogSoftmax, Softmax, Softplus, Softshrink};
