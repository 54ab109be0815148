#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

pub mod bptt;
mod cell;
mod checkpointed;
mod clip;
pub mod drivers;
mod each_place;
mod error;
pub mod generate;
mod nonlinearity;
mod recurrent;
mod rtrl;
pub mod seq2seq;
mod state;
pub mod tasks;
mod tbptt;
pub mod text;

pub use cell::{Cell, Gru, GruCell, Lstm, LstmCell, LstmState, Reset, RnnCell, Sweep, unroll};
pub use checkpointed::{checkpointed, checkpointed_state};
pub use clip::ClipLog;
pub use error::{Error, Result};
pub use gradus_autograd::{Real, Tape, Value, Var, ndarray};
pub use gradus_nn_layers::{Layer, Module};
pub use nonlinearity::Nonlinearity;
pub use recurrent::{Recurrent, Rnn};
pub use rtrl::Rtrl;
pub use state::State;
pub use tbptt::{Pass, Passes, Start, Tbptt};
