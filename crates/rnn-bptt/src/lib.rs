#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

pub mod bptt;
mod cell;
pub mod drivers;
mod each_place;
mod error;
pub mod generate;
mod nonlinearity;
mod recurrent;
pub mod seq2seq;
mod state;
pub mod tasks;
pub mod text;

pub use cell::{Cell, RnnCell, Sweep, unroll};
pub use error::{Error, Result};
pub use gradus_autograd::{Real, Tape, Value, Var, ndarray};
pub use gradus_nn_layers::{Layer, Module};
pub use nonlinearity::Nonlinearity;
pub use recurrent::{Recurrent, Rnn};
pub use state::State;
