#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]

mod batch_size;
mod batches;
mod cifar;
mod dataset;
mod digits;
mod element;
mod error;
mod generate;
mod idx;
#[cfg(feature = "images")]
mod images;
mod labelled;
mod loader;
mod mnist;
mod npy;
mod source;
mod split;
mod streams;
mod table;
mod text;
mod windows;

pub use batch_size::BatchSize;
pub use batches::Batches;
pub use cifar::Cifar10;
pub use dataset::{Concatenated, Dataset, Mapped, Samples, Subset, Zipped};
pub use digits::Digits;
pub use element::Element;
pub use error::{Error, Result};
pub use generate::{Gaussian, Generate};
#[cfg(feature = "text")]
pub use gradus_rnn_bptt::text::Vocabulary;
pub use idx::{ElementType, Encoding, IdxArray};
#[cfg(feature = "images")]
pub use images::ImageFolder;
pub use labelled::Labelled;
pub use loader::{Collate, Epoch, Loader, PaddedBatch, Position, pad_sequences};
pub use mnist::Mnist;
#[cfg(feature = "npz")]
pub use npy::Npz;
pub use npy::{NpyArray, NpyType};
pub use streams::Streams;
pub use table::{Csv, EncodedColumn, Encoder, Features, Fill, Standardize, Table};
pub use text::{Text, TextWindows};
pub use windows::{CsvRows, Windows};
