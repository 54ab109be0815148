//! Replaces the matrix-product engine: a network learns handwritten digits on an engine of sixty lines, beside the built-in one.
//!
//! `cargo run --release --example swap-engine`, and `-- --help` for the options.
//!
//! An engine belongs to a scalar: [`scalar::Own`] is an `f32` in all but its products, and a model of `Own`s multiplies by `engine::product`
//! alone.

mod engine;
mod scalar;

use clap::Parser;
use gradus::data::Labelled;
use gradus::linalg::testing::{check_engine, check_gemm};
use gradus::prelude::*;
use gradus_examples::within_a_point;
use scalar::{Own, PRODUCTS};
use std::process::ExitCode;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Instant;

/// Replaces the matrix-product engine: a network learns handwritten digits on an engine of sixty lines, beside the built-in one.
///
/// The engine first passes the kit that the seam brings for engines. Then the same network learns from the same weights on both: the losses of the
/// first epoch must agree to rounding, the accuracies at the end to one point.
#[derive(Parser)]
struct Options {
    /// Passes over the training images
    #[arg(long, default_value_t = 12)]
    epochs: usize,
    /// Where every random number comes from: initial weights, the split, the order of the images
    #[arg(long, default_value_t = 7)]
    seed: u64,
}

#[derive(Module)]
struct Mlp<F: Real> {
    hidden: Linear<F>,
    out: Linear<F>,
}

impl<F: Real> Layer<F> for Mlp<F> {
    fn forward(&self, x: &Var<F>) -> Result<Var<F>> {
        self.out.forward(&self.hidden.forward(x)?.relu())
    }
}

/// What training came to.
struct Outcome {
    first_loss: f64,
    accuracy: f64,
}

/// Trains on the engine of `F`.
fn train<F: Real>(options: &Options, name: &str) -> gradus::train::Result<Outcome> {
    let mut rng = StdRng::seed_from_u64(options.seed);
    let (train, test) = Digits::embedded().split(0.8, &mut rng)?;
    let own = |data: Labelled| data.map_inputs(|x| F::from_f64(x.into()));
    let (train, test) = (own(train), own(test));
    let mut model = Mlp { hidden: Linear::new(64, 128, &mut rng), out: Linear::new(128, 10, &mut rng) };
    let start = Instant::now();
    let history =
        Trainer::new(options.epochs).batch_size(64).run(&mut model, &mut Adam::new(2e-3), &train, &test, &mut rng)?;
    let seconds = start.elapsed().as_secs_f64();
    let outcome = Outcome { first_loss: history.epochs[0].train_loss, accuracy: accuracy(&model, &test)? };
    println!(
        "{name}: loss of the first epoch {:.6}, test accuracy {:.2} %, {seconds:.1} s",
        outcome.first_loss,
        100.0 * outcome.accuracy
    );
    Ok(outcome)
}

fn swap(options: &Options) -> std::result::Result<(), Box<dyn std::error::Error>> {
    println!("the function: {} products pass the kit", check_gemm::<f32>(engine::product)?);
    println!("the scalar with it: {} products through four doors pass the kit", check_engine::<Own>()?);

    let built_in = train::<f32>(options, "built-in engine")?;
    let before = PRODUCTS.load(Relaxed);
    let own = train::<Own>(options, "own engine")?;
    println!("products by the own engine: {}", PRODUCTS.load(Relaxed) - before);

    let apart = (own.first_loss - built_in.first_loss).abs() / built_in.first_loss;
    println!("the losses of the first epoch differ by {apart:.1e} of their size");
    if apart.is_nan() || apart > 1e-4 {
        return Err(format!("the losses of the first epoch differ by {apart:.1e}; rounding explains 1e-4").into());
    }
    Ok(within_a_point(own.accuracy, built_in.accuracy)?)
}

fn main() -> ExitCode {
    gradus_examples::run(|options: Options| swap(&options))
}
