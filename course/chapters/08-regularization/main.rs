//! Chapter 8 of the course: regularization, from early stopping to batch normalization, each switched on alone.
//!
//! `cargo run --release --example 08-regularization`; the text is `gradus::guide::regularization`.

mod masks;
mod normalize;
mod table;
mod targets;
mod weights;

use clap::Parser;
use gradus::rand::{SeedableRng, rngs::StdRng};
use gradus_course::Chapter;
use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

/// Regularization, from early stopping to batch normalization: formulas beside the library, and each switched on alone.
#[derive(Parser)]
struct Options {
    /// The folder for the pictures and the page that shows them
    #[arg(value_name = "DIR", default_value = "target/gradus/08-regularization")]
    out: PathBuf,
    /// Where every random number comes from
    #[arg(long, default_value_t = 7)]
    seed: u64,
}

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

fn main() -> ExitCode {
    gradus_examples::run(|options: Options| regularization(&options).map_err(|error| error.to_string()))
}

fn regularization(options: &Options) -> Outcome {
    let mut chapter = Chapter::new("08", "Regularization", &options.out);
    let mut rng = StdRng::seed_from_u64(options.seed);
    table::overfitting(&mut chapter, options.seed)?;
    weights::shrinkage(&mut chapter)?;
    weights::histograms(&mut chapter, &mut rng)?;
    weights::stopping_and_l2(&mut chapter, &mut rng)?;
    masks::exact(&mut chapter, &mut rng)?;
    masks::ensemble(&mut chapter, options.seed)?;
    targets::smoothing(&mut chapter, &mut rng)?;
    targets::seen(&mut chapter, options.seed)?;
    normalize::by_hand(&mut chapter, &mut rng)?;
    normalize::rates(&mut chapter, options.seed)?;
    table::all(&mut chapter, options.seed)?;
    Ok(chapter.finish()?)
}
