//! Replaces the optimizer: a network learns handwritten digits by a rule that the library does not have, beside Adam.
//!
//! `cargo run --release --example swap-optimizer`, and `-- --help` for the options.

mod adabelief;

use adabelief::AdaBelief;
use clap::Parser;
use gradus::optim::schedule::CosineAnnealing;
use gradus::optim::testing::check_optimizer;
use gradus::prelude::*;
use gradus_examples::within_a_point;
use std::process::ExitCode;

/// Replaces the optimizer: a network learns handwritten digits by AdaBelief, which the library does not have, beside Adam.
///
/// The rule first passes the kit that the seam brings for optimizers. Then the same network learns from the same weights by both: with schedule,
/// clipping and all else that a trainer does with an optimizer. The accuracies must agree to one point.
#[derive(Parser)]
struct Options {
    /// Passes over the training images
    #[arg(long, default_value_t = 20)]
    epochs: usize,
    /// Where every random number comes from: initial weights, the split, the order of the images
    #[arg(long, default_value_t = 7)]
    seed: u64,
    /// The learning rate of both rules at the start; it falls to 0 as a cosine
    #[arg(long, default_value_t = 2e-3)]
    lr: f64,
}

#[derive(Module)]
struct Mlp {
    hidden: Linear,
    out: Linear,
}

impl Layer for Mlp {
    fn forward(&self, x: &Var) -> Result<Var> {
        self.out.forward(&self.hidden.forward(x)?.relu())
    }
}

/// Trains by any rule, and returns the test accuracy.
fn train(options: &Options, name: &str, mut optimizer: impl Optimizer) -> gradus::train::Result<f64> {
    let mut rng = StdRng::seed_from_u64(options.seed);
    let (train, test) = Digits::embedded().split(0.8, &mut rng)?;
    let mut model = Mlp { hidden: Linear::new(64, 128, &mut rng), out: Linear::new(128, 10, &mut rng) };
    let steps = (train.len().div_ceil(32) * options.epochs) as u64;
    let history = Trainer::new(options.epochs)
        .batch_size(32)
        .schedule(CosineAnnealing::new(options.lr, steps))
        .clip_norm(5.0)
        .run(&mut model, &mut optimizer, &train, &test, &mut rng)?;
    let accuracy = accuracy(&model, &test)?;
    let last = history.epochs.last().map_or(f64::NAN, |epoch| epoch.train_loss);
    println!("{name}: training loss {last:.4}, test accuracy {:.2} %", 100.0 * accuracy);
    Ok(accuracy)
}

fn swap(options: &Options) -> std::result::Result<(), Box<dyn std::error::Error>> {
    println!("what holds of AdaBelief as of every optimizer:");
    for law in check_optimizer::<f32, _>(AdaBelief::new, 0.05)? {
        println!("- {law}");
    }
    let built_in = train(options, "Adam", Adam::new(options.lr))?;
    let own = train(options, "AdaBelief", AdaBelief::new(options.lr))?;
    Ok(within_a_point(own, built_in)?)
}

fn main() -> ExitCode {
    gradus_examples::run(|options: Options| swap(&options))
}
