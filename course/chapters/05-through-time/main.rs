//! Chapter 5 of the course: back-propagation through time, derived and executed, and where gradients vanish and explode.
//!
//! `cargo run --release --example 05-through-time`; the text is `gradus::guide::through_time`.

mod by_hand;
mod costs;
mod flow;
mod lag;

use clap::Parser;
use gradus::rand::{SeedableRng, rngs::StdRng};
use gradus_course::Chapter;
use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

/// Back-propagation through time, derived and executed, and where gradients vanish and explode.
#[derive(Parser)]
struct Options {
    /// The folder for the pictures and the page that shows them
    #[arg(value_name = "DIR", default_value = "target/gradus/05-through-time")]
    out: PathBuf,
    /// Where every random number comes from
    #[arg(long, default_value_t = 7)]
    seed: u64,
    /// Batches that each network is trained on, in the task with a lag
    #[arg(long, default_value_t = 500)]
    batches: usize,
}

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

fn main() -> ExitCode {
    gradus_examples::run(|options: Options| through_time(&options).map_err(|error| error.to_string()))
}

fn through_time(options: &Options) -> Outcome {
    let mut chapter = Chapter::new("05", "Back-propagation through time", &options.out);
    let rng = &mut StdRng::seed_from_u64(options.seed);
    by_hand::unrolled(&mut chapter)?;
    by_hand::one_unit(&mut chapter);
    by_hand::beside_the_tape(&mut chapter, rng)?;
    by_hand::shares(&mut chapter, rng)?;
    flow::bounds(&mut chapter, rng)?;
    flow::scaled(&mut chapter, rng)?;
    flow::carousel(&mut chapter, rng)?;
    flow::cells(&mut chapter, rng)?;
    costs::clipping(&mut chapter)?;
    costs::truncation(&mut chapter, rng)?;
    costs::memory(&mut chapter, rng)?;
    lag::lag(&mut chapter, options.batches, rng)?;
    Ok(chapter.finish()?)
}
