//! A recurrent network reads each handwritten digit row by row, from top to bottom, and says at the last row what it is.
//!
//! `cargo run --release --example digits-by-rows`

use clap::Parser;
use gradus::prelude::*;
use gradus::train::Result as TrainResult;
use std::process::ExitCode;

/// A recurrent network reads each handwritten digit row by row, and says at the last row what it is.
#[derive(Parser)]
struct Options {
    /// Passes over the training images
    #[arg(long, default_value_t = 30)]
    epochs: usize,
    /// Where every random number comes from
    #[arg(long, default_value_t = 7)]
    seed: u64,
    /// The learning rate of Adam
    #[arg(long, default_value_t = 2e-3)]
    lr: f64,
    /// Images a step
    #[arg(long, default_value_t = 32)]
    batch: usize,
}

/// Many to one: eight rows go in, the state after the last one is classified.
#[derive(Module)]
struct Reader {
    rnn: Rnn,
    head: Linear,
}

impl Layer for Reader {
    fn forward(&self, x: &Var) -> Result<Var> {
        self.head.forward(&self.rnn.last(x)?)
    }
}

fn train(options: &Options) -> TrainResult<()> {
    let mut rng = StdRng::seed_from_u64(options.seed);
    let (train, test) = Digits::embedded().split(0.8, &mut rng)?;
    let (train, test) = (train.reshape_inputs(&[8, 8])?, test.reshape_inputs(&[8, 8])?);

    let mut model = Reader { rnn: Rnn::new(8, 64, &mut rng).batch_first(), head: Linear::new(64, 10, &mut rng) };
    println!("{} parameters read {} digits of 8 rows", model.count_parameters(), train.len());

    let mut progress = Progress::new();
    let history = Trainer::new(options.epochs)
        .batch_size(options.batch)
        .clip_norm(1.0) // recurrent gradients can explode
        .callback(&mut progress)
        .run(&mut model, &mut Adam::new(options.lr), &train, &test, &mut rng)?;
    print!("\n{history}\n");
    println!("test accuracy {:.2} %", 100.0 * accuracy(&model, &test)?);
    Ok(())
}

fn main() -> ExitCode {
    gradus_examples::run(|options: Options| train(&options))
}
