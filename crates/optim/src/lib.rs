#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod adadelta;
mod adagrad;
mod adam;
mod adamax;
mod adamw;
mod clip;
mod error;
mod groups;
mod hyper;
mod lamb;
mod lion;
mod muon;
mod nadam;
mod optimizer;
mod radam;
mod rmsprop;
mod rprop;
pub mod schedule;
mod sgd;
mod state;

pub use adadelta::Adadelta;
pub use adagrad::Adagrad;
pub use adam::Adam;
pub use adamax::Adamax;
pub use adamw::AdamW;
pub use clip::{clip_global_norm, clip_norm, clip_value};
pub use error::{Error, Result};
pub use gradus_nn_layers::{Gradients, Module, Real, ndarray};
pub use groups::Groups;
pub use lamb::Lamb;
pub use lion::Lion;
pub use muon::{Muon, orthogonalize};
pub use nadam::NAdam;
pub use optimizer::Optimizer;
pub use radam::RAdam;
pub use rmsprop::RmsProp;
pub use rprop::Rprop;
pub use schedule::Schedule;
pub use sgd::Sgd;
pub use state::{OptimizerState, SavedSlot, Slot, State, fused};
