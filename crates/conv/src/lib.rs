#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

pub mod blocks;
mod conv;
mod correlation;
mod cost;
mod error;
pub mod geometry;
mod maps;
pub mod models;
mod patches;
pub mod picture;
mod pool;
mod receptive_field;
mod table;

pub use conv::{Conv, Conv1d, Conv2d, Conv3d};
pub use correlation::conv;
pub use cost::{Cost, CostRow, Costs, costs};
pub use error::{Error, Result};
pub use geometry::{Geometry, PerAxis};
pub use gradus_autograd::{Real, Tape, Value, Var, ndarray};
pub use gradus_nn_layers::{Layer, Module};
pub use maps::{Occlusion, occlusion, saliency};
pub use pool::{MaxPool, MaxPool1d, MaxPool2d, MaxPool3d, max_pool};
pub use receptive_field::{ReceptiveField, ReceptiveFields, output_sizes, receptive_fields};
