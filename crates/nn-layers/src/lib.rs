#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

extern crate self as gradus_nn_layers; // the derive macro names the crate so

mod error;
mod layer;
mod module;
mod parameter;

pub use error::{Error, Result};
pub use gradus_autograd::{Gradients, Real, Tape, Value, Var, ndarray};
/// Implements [`Module`](trait@Module) for a struct of layers and parameters.
pub use gradus_nn_layers_derive::Module;
pub use layer::Layer;
pub use module::{Item, ItemMut, Module, Walk, WalkMut};
pub use parameter::{Buffer, Parameter};
