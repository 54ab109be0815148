#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]

mod agree;
mod callback;
mod checkpoint;
mod error;
mod evaluate;
mod gradients;
mod history;
#[cfg(feature = "ctrlc")]
mod interrupt;
mod logs;
pub mod metrics;
mod progress;
mod ranks;
mod report;
mod source;
mod step;
mod trainer;

pub use callback::{Callback, EpochRecord, MetricRecord, StepRecord};
pub use checkpoint::{
    BestSoFar, Checkpoint, CheckpointError, CheckpointFolder, Disk, Every, Found, OpenFolder, Position, Storage,
    StorageFile,
};
pub use error::{Error, Result};
pub use evaluate::{Evaluation, Mistake, accuracy, evaluate};
pub use gradients::{GradientFinding, GradientRecord};
pub use history::History;
#[cfg(feature = "ctrlc")]
pub use interrupt::stop_on_ctrl_c;
pub use logs::{Log, TensorBoard};
pub use metrics::ConfusionMatrix;
pub use progress::Progress;
pub use ranks::{Ranks, Start, gradients_from};
pub use report::{Comparison, Report};
pub use source::{Batches, Part, PartBatches, Rows, Source};
pub use trainer::Trainer;
