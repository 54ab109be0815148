//! How far synchronous data-parallel training scales, computed from the network's latency and bandwidth before the
//! machines are rented.
//!
//! Every step each rank computes the gradients of its rows, and all ranks add them up. With N ranks there are N times
//! as many rows in a step, so the gain is N times the *efficiency*: the share of a step's time that goes into
//! computing. What is lost is the part of the all-reduce that is not hidden behind the backward pass.
//!
//! - [`Link`]: a message of S bytes takes α + o + S / B (Hockney, with a cost for each message);
//! - [`Algorithm`]: how many latencies, messages and bytes stand behind each other in one all-reduce: direct exchange,
//!   ring, tree, double tree;
//! - [`Workload`], [`Plan`]: a step as a simulation of events: gradients become ready layer by layer, fill buckets, and
//!   each bucket is all-reduced while the backward pass goes on; with accumulation and compression;
//! - [`fit`]: α, o and B from measurements, by least squares.
//!
//! ```
//! use gradus_distributed::scaling::{Algorithm, Link, Plan, Workload};
//! // A million parameters in 20 layers: 5 ms forward, 10 ms backward. 10 Gbit/s, 0.1 ms.
//! let work = Workload::uniform(1_000_000, 20, 5e-3, 10e-3)?;
//! let link = Link::new(1e-4, 1.25e9)?;
//! let plan = Plan::new(Algorithm::Direct).bucket(1_000_000);
//! let [few, many] = [8, 64].map(|ranks| plan.step(&work, ranks, &link));
//! assert!(few?.efficiency() > 0.85);
//! // A ring has 2 · 63 latencies behind each other, for each bucket.
//! let ring = Plan { algorithm: Algorithm::Ring, ..plan }.step(&work, 64, &link)?;
//! assert!(ring.efficiency() < 0.4 && many?.efficiency() > 0.85);
//! # Ok::<(), gradus_distributed::scaling::Error>(())
//! ```
//!
//! # What it says
//! `docs/scaling.md` in the crate's folder has measurements between network namespaces, how far the model's predictions
//! are off there, and pictures for 8 to 1,024 ranks. In short, for dense models with 128 rows for each rank, 0.1 ms and
//! 20 µs of a processor for each message:
//!
//! | ends it | where | what pushes it out |
//! | --- | --- | --- |
//! | bytes: 8 for each parameter, however many ranks | at 1 Gbit/s from 2 ranks on | accumulation, bf16; top-k for few ranks (N < 1 / share) |
//! | messages: 2 (N − 1) for each bucket of a direct exchange | at 10 Gbit/s from 16 (0.1 million parameters) to 128 ranks (25 million) | larger buckets, accumulation |
//! | latencies: 2 (N − 1) for each bucket of a ring | at 10 Gbit/s from 4 to 32 ranks | direct exchange |
//!
//! The program that made them is the example `scaling`.
//!
//! What the model leaves out makes real runs slower: ranks that are slower than others, links that several ranks share,
//! messages that are lost, the time to compress, and processors that serve the network while they compute.

mod algorithm;
mod error;
mod fit;
mod link;
mod plan;
mod workload;

pub use crate::Compression;
pub use algorithm::{Algorithm, Terms};
pub use error::Error;
pub use fit::{Fit, Measurement, fit};
pub use link::Link;
pub use plan::{Plan, Step};
pub use workload::Workload;
