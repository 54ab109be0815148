#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]

pub mod bptt;
mod cell;
mod checkpointed;
mod clip;
pub mod drivers;
mod each_place;
mod error;
pub mod flow;
pub mod generate;
mod nonlinearity;
mod packed;
mod padding;
mod recurrent;
mod rtrl;
pub mod seq2seq;
mod state;
pub mod tasks;
mod tbptt;
pub mod text;

pub use cell::{Cell, Gru, GruCell, Lstm, LstmCell, LstmState, Reset, RnnCell, Sweep, unroll};
pub use cell::{LayerNormCell, LayerNormGruCell, LayerNormLstmCell, LayerNormRnnCell, Norm, Normalized};
pub use checkpointed::{checkpointed, checkpointed_state};
pub use clip::ClipLog;
pub use error::{Error, Result};
pub use gradus_autograd::{Real, Tape, Value, Var, ndarray};
pub use gradus_nn_layers::{Layer, Module};
pub use nonlinearity::Nonlinearity;
pub use packed::{PackedSequence, pack_padded, pack_padded_sorted, pad_packed};
pub use padding::{masked_mean, padding_mask};
pub use recurrent::{ForgetGate, Recurrent, Rnn};
pub use rtrl::Rtrl;
pub use state::State;
pub use tbptt::{Pass, Passes, Start, Tbptt};
