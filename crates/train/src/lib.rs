#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod callback;
mod checkpoint;
mod error;
mod evaluate;
mod history;
mod progress;
mod report;
mod step;
mod trainer;

pub use callback::{Callback, EpochRecord, StepRecord};
pub use checkpoint::{
    BestSoFar, Checkpoint, CheckpointError, CheckpointFolder, Disk, Every, Found, OpenFolder, Position, Storage,
    StorageFile,
};
pub use error::{Error, Result};
pub use evaluate::{ConfusionMatrix, Evaluation, Mistake, accuracy, evaluate};
pub use history::History;
pub use progress::Progress;
pub use report::Report;
pub use trainer::Trainer;
