//! Shows three of the promises that the family makes, by trying to break them.
//!
//! `cargo run --release --example promises -- threads`, `-- resume`, `-- leaks`, and `-- --help` for how much of each.

mod leaks;
mod resume;
mod runs;
mod threads;

use clap::{Parser, Subcommand};
use runs::{How, Kind, train};
use std::path::PathBuf;
use std::process::ExitCode;

/// Shows promises that the family makes, by trying to break them.
///
/// Ends with an error if one does not hold.
#[derive(Parser)]
struct Options {
    #[command(subcommand)]
    promise: Promise,
}

#[derive(Subcommand)]
enum Promise {
    /// Six networks give the same bits with 1, 2, 4, 8 and 16 threads and with 0 to 4 threads of a loader
    Threads {
        /// Runs of each
        #[arg(long, default_value_t = 3)]
        times: usize,
    },
    /// Six networks that are stopped anywhere and go on in another process give the bits of never having stopped
    Resume {
        /// Random steps at which each is stopped
        #[arg(long, default_value_t = 50)]
        stops: usize,
    },
    /// Memory does not grow over 100,000 steps, 1,000,000 tokens, 1,000 fits
    Leaks {
        /// The share of those lengths
        #[arg(long, default_value_t = 1.0)]
        share: f64,
    },
    /// One run of those that `resume` stops
    #[command(hide = true)]
    Run {
        kind: Kind,
        #[arg(long)]
        folder: PathBuf,
        #[arg(long)]
        stop_after: Option<u64>,
    },
}

fn main() -> ExitCode {
    gradus_examples::run(|options: Options| match options.promise {
        Promise::Threads { times } => threads::show(times),
        Promise::Resume { stops } => resume::show(stops),
        Promise::Leaks { share } => leaks::show(share).map_err(|error| error.to_string()),
        Promise::Run { kind, folder, stop_after } => {
            let how = How { folder: Some(&folder), stop_after, ..How::default() };
            train(kind, &how).map(|outcome| println!("{outcome:?}")).map_err(|error| error.to_string())
        }
    })
}
