#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]
// MPI reads and writes buffers after the call that named them, and cannot be made to stop when the rank at the other
// end is dead. The buffers then have to outlive the call, which the types of the crate `mpi` only allow for ever:
// `transport/mpi/in_flight.rs` takes them back.
#![cfg_attr(not(feature = "mpi"), forbid(unsafe_code))]
#![cfg_attr(feature = "mpi", deny(unsafe_code))]

mod collectives;
mod communicator;
mod data_parallel;
mod error;
mod group;
mod numbers;
pub mod scaling;
mod transport;

pub use communicator::{Communicator, Pending};
pub use data_parallel::{Compression, DataParallel};
pub use error::{Error, Result};
pub use group::Group;
pub use numbers::Numbers;
#[cfg(feature = "mpi")]
#[cfg_attr(docsrs, doc(cfg(feature = "mpi")))]
pub use transport::Mpi;
pub use transport::{Bytes, Leaving, Threads, Transport};
