#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod adam;
mod adamw;
mod clip;
mod clipper;
mod decay;
mod error;
mod groups;
mod hyper;
mod optimizer;
mod plot;
pub mod race;
pub mod schedule;
pub mod see;
mod sgd;
mod state;

pub use adam::Adam;
pub use adamw::AdamW;
pub use clip::{clip_global_norm, clip_norm, clip_value};
pub use clipper::Clipper;
pub use decay::{decays, without_decay};
pub use error::{Error, Result};
pub use gradus_nn_layers::{Gradients, Module, Real, ndarray};
pub use groups::Groups;
pub use optimizer::Optimizer;
pub use schedule::Schedule;
pub use sgd::Sgd;
pub use state::{OptimizerState, SavedSlot, Slot, State, fused};
