//! Chapter 7 of the course: what is learnt and what is only remembered, the parts of an error, ensembles; and the way down, from
//! gradient descent to Adam.
//!
//! `cargo run --release --example 07-optimization`; the text is `gradus::guide::optimization`.

mod ensembles;
mod generalize;
mod network;
mod optimize;

use clap::Parser;
use gradus::rand::{SeedableRng, rngs::StdRng};
use gradus_course::Chapter;
use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

/// Under- and over-fitting, the parts of an error, ensembles; and the optimizers from gradient descent to Adam, raced.
#[derive(Parser)]
struct Options {
    /// The folder for the pictures and the page that shows them
    #[arg(value_name = "DIR", default_value = "target/gradus/07-optimization")]
    out: PathBuf,
    /// Where every random number comes from
    #[arg(long, default_value_t = 7)]
    seed: u64,
}

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

fn main() -> ExitCode {
    gradus_examples::run(|options: Options| optimization(&options).map_err(|error| error.to_string()))
}

fn optimization(options: &Options) -> Outcome {
    let mut chapter = Chapter::new("07", "Optimization and generalization", &options.out);
    let mut rng = StdRng::seed_from_u64(options.seed);
    generalize::polynomials(&mut chapter, &mut rng)?;
    generalize::bias_and_variance(&mut chapter, &mut rng)?;
    ensembles::many_trees(&mut chapter, &mut rng)?;
    ensembles::digits(&mut chapter, &mut rng)?;
    ensembles::coverage(&mut chapter, &mut rng)?;
    optimize::step_size(&mut chapter)?;
    optimize::condition(&mut chapter)?;
    optimize::beside_the_library(&mut chapter)?;
    optimize::valleys(&mut chapter)?;
    optimize::noise(&mut chapter, &mut rng)?;
    network::race(&mut chapter, options.seed)?;
    network::schedules(&mut chapter, options.seed)?;
    Ok(chapter.finish()?)
}
