#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]

#[cfg(feature = "autograd")]
#[doc(inline)]
pub use gradus_autograd as autograd;
#[cfg(feature = "conv")]
#[doc(inline)]
pub use gradus_conv as conv;
#[cfg(feature = "data")]
#[doc(inline)]
pub use gradus_data as data;
#[cfg(feature = "distributed")]
#[doc(inline)]
pub use gradus_distributed as distributed;
#[cfg(feature = "linalg")]
#[doc(inline)]
pub use gradus_linalg as linalg;
#[cfg(feature = "nn-layers")]
#[doc(inline)]
pub use gradus_nn_layers as nn_layers;
#[cfg(feature = "optim")]
#[doc(inline)]
pub use gradus_optim as optim;
#[cfg(feature = "regularize")]
#[doc(inline)]
pub use gradus_regularize as regularize;
#[cfg(feature = "rnn-bptt")]
#[doc(inline)]
pub use gradus_rnn_bptt as rnn_bptt;
#[cfg(feature = "train")]
#[doc(inline)]
pub use gradus_train as train;
pub use {ndarray, rand};

#[cfg(feature = "train")]
pub mod guide;

/// What most programs need: the traits and the commonest types. `use gradus::prelude::*;`
///
/// [`Result`](prelude::Result) is that of the layers: the error of every crate of the family converts into it with `?`.
pub mod prelude {
    #[cfg(feature = "autograd")]
    #[doc(no_inline)]
    pub use crate::autograd::{Gradients, Real, Tape, Value, Var};
    #[cfg(feature = "conv")]
    #[doc(no_inline)]
    pub use crate::conv::{Conv2d, MaxPool2d};
    #[cfg(feature = "data")]
    #[doc(no_inline)]
    pub use crate::data::{Digits, Labelled};
    #[cfg(feature = "nn-layers")]
    #[doc(no_inline)]
    pub use crate::nn_layers::{
        Error, Flatten, Layer, Linear, Losses, Module, Parameter, Relu, Result, Sequential, Sigmoid, Tanh,
    };
    #[cfg(feature = "optim")]
    #[doc(no_inline)]
    pub use crate::optim::{Adam, AdamW, Optimizer, Sgd};
    #[cfg(feature = "regularize")]
    #[doc(no_inline)]
    pub use crate::regularize::{BatchNorm1d, BatchNorm2d, BatchNorm3d, Dropout, EarlyStopping};
    #[cfg(feature = "rnn-bptt")]
    #[doc(no_inline)]
    pub use crate::rnn_bptt::{Gru, Lstm, Rnn};
    #[cfg(feature = "train")]
    #[doc(no_inline)]
    pub use crate::train::{Progress, Report, Trainer, accuracy, evaluate};
    #[doc(no_inline)]
    pub use rand::{Rng, SeedableRng, rngs::StdRng};
}
