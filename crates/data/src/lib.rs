#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]

mod batch_size;
mod batches;
mod dataset;
mod digits;
mod error;
mod generate;
mod idx;
mod labelled;
mod loader;
mod mnist;
mod split;
mod streams;
mod table;

pub use batch_size::BatchSize;
pub use batches::Batches;
pub use dataset::{Concatenated, Dataset, Mapped, Samples, Subset, Zipped};
pub use digits::Digits;
pub use error::{Error, Result};
pub use generate::{Gaussian, Generate};
pub use idx::{ElementType, Encoding, IdxArray};
pub use labelled::Labelled;
pub use loader::{Collate, Epoch, Loader, PaddedBatch, Position, pad_sequences};
pub use mnist::Mnist;
pub use streams::Streams;
pub use table::{Csv, EncodedColumn, Encoder, Features, Fill, Standardize, Table};
