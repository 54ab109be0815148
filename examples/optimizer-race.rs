//! Races twelve optimizers, from gradient descent to Adam and beyond, on the same network, the same digits and the same seed.
//!
//! `cargo run --release --example optimizer-race`, and `-- --help` for the options.

use clap::Parser;
use gradus::optim::race::Race;
use gradus::optim::{Adagrad, Adamax, Lion, Muon, NAdam, RAdam, RmsProp};
use gradus::prelude::*;
use gradus_examples::picture;
use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

/// Races optimizers, from gradient descent to Adam and beyond, on the same network, the same digits and the same seed.
///
/// Prints the table of who got how far, and draws the losses. Ends with the line `first: NAME`.
#[derive(Parser)]
struct Options {
    /// The folder for the picture, as SVG: open it in a browser
    #[arg(value_name = "DIR", default_value = "target/gradus/optimizer-race")]
    out: PathBuf,
    /// Steps of each
    #[arg(long, default_value_t = 300)]
    steps: u64,
    /// Images a step
    #[arg(long, default_value_t = 512)]
    batch: usize,
    /// A factor for every learning rate: how much does who wins depend on it?
    #[arg(long, default_value_t = 1.0)]
    scale: f64,
    /// Where every random number comes from: initial weights, the order of the images
    #[arg(long, default_value_t = 7)]
    seed: u64,
}

fn race(options: &Options) -> Result<(), Box<dyn Error>> {
    let digits = Digits::embedded();
    let start = || {
        let mut rng = StdRng::seed_from_u64(options.seed);
        Sequential::new().push(Linear::new(64, 64, &mut rng)).push(Relu).push(Linear::new(64, 10, &mut rng))
    };
    // Every optimizer sees the same batch at the same step.
    let mut rng = StdRng::seed_from_u64(options.seed);
    let mut batches = Vec::new();
    while batches.len() <= options.steps as usize {
        batches.extend(digits.batches(options.batch).shuffled(&mut rng));
    }
    // Near the best of each, by factors of two: try `--scale`.
    let lr = |lr: f64| options.scale * lr;
    let race = Race::new(options.steps)
        .target(0.01)
        .entrant("gradient descent", Sgd::new(lr(1.0)))
        .entrant("momentum", Sgd::new(lr(0.2)).momentum(0.9))
        .entrant("Nesterov", Sgd::new(lr(0.2)).momentum(0.9).nesterov())
        .entrant("AdaGrad", Adagrad::new(lr(0.06)))
        .entrant("RMSProp", RmsProp::new(lr(0.008)))
        .entrant("Adam", Adam::new(lr(0.02)))
        .entrant("Adamax", Adamax::new(lr(0.04)))
        .entrant("NAdam", NAdam::new(lr(0.02)))
        .entrant("RAdam", RAdam::new(lr(0.05)))
        .entrant("AdamW", AdamW::new(lr(0.02)))
        .entrant("Lion", Lion::new(lr(0.004)))
        .entrant("Muon", Muon::new(lr(0.05), AdamW::new(lr(0.02))));
    let results = race.run(start, |model: &Sequential, step| {
        let (images, labels) = &batches[step as usize];
        model.forward(&Tape::recording().input(images.clone()))?.cross_entropy(labels)
    })?;
    println!("{results}");
    picture(&options.out, "losses.svg", &results.to_svg())?;
    println!("first: {}", results.best().map_or("nobody", |first| &first.name));
    Ok(())
}

fn main() -> ExitCode {
    gradus_examples::run(|options: Options| race(&options).map_err(|error| error.to_string()))
}
