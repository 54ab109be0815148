//! Chapter 6 of the course: the four ingredients — data, model, loss, algorithm — and their history in small experiments.
//!
//! `cargo run --release --example 06-ingredients`; the text is `gradus::guide::ingredients`.

mod attention;
mod deep;
mod four;
mod perceptron;

use clap::Parser;
use gradus::prelude::*;
use gradus_course::Chapter;
use std::path::PathBuf;
use std::process::ExitCode;

/// The four ingredients — data, model, loss, algorithm — and their history in small experiments.
#[derive(Parser)]
struct Options {
    /// The folder for the pictures and the page that shows them
    #[arg(value_name = "DIR", default_value = "target/gradus/06-ingredients")]
    out: PathBuf,
    /// Where every random number comes from
    #[arg(long, default_value_t = 7)]
    seed: u64,
}

type Outcome<T = ()> = std::result::Result<T, Box<dyn std::error::Error>>;

fn main() -> ExitCode {
    gradus_examples::run(|options: Options| ingredients(&options).map_err(|error| error.to_string()))
}

fn ingredients(options: &Options) -> Outcome {
    let mut chapter = Chapter::new("06", "Data, model, loss, algorithm", &options.out);
    let mut rng = StdRng::seed_from_u64(options.seed);
    four::four(&mut chapter, &mut rng)?;
    perceptron::perceptron(&mut chapter, &mut rng)?;
    perceptron::xor(&mut chapter, &mut rng)?;
    deep::lstm(&mut chapter, &mut rng)?;
    deep::lenet(&mut chapter, &mut rng)?;
    deep::alexnet(&mut chapter, &mut rng)?;
    attention::attention(&mut chapter, &mut rng)?;
    Ok(chapter.finish()?)
}
