#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

pub mod bptt;
mod cell;
mod error;
pub mod flow;
mod nonlinearity;
mod recurrent;
mod state;

pub use cell::{Cell, Gru, GruCell, Lstm, LstmCell, LstmState, Reset, RnnCell, Sweep, unroll};
pub use error::{Error, Result};
pub use gradus_autograd::{Real, Tape, Value, Var, ndarray};
pub use gradus_nn_layers::{Layer, Module};
pub use nonlinearity::Nonlinearity;
pub use recurrent::{Recurrent, Rnn};
pub use state::State;
