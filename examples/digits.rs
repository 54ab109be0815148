//! Trains a small convolutional network on real handwritten digits, and draws a report of how it went.
//!
//! `cargo run --release --example digits`, and `-- --help` for the options.

use clap::Parser;
use gradus::nn_layers::summary;
use gradus::prelude::*;
use gradus::train::metrics::{Average, F1, TopK};
use gradus::train::{Error as TrainError, Every, Result as TrainResult, stop_on_ctrl_c};
use gradus_examples::digits::{Cnn, Images};
use std::path::PathBuf;
use std::process::ExitCode;

/// Trains a small convolutional network on real handwritten digits, and draws a report of how it went.
///
/// The digits are 1,797 images of 8 × 8 pixels, which travel with the program. Ends with the line `test accuracy NN.NN %`;
/// the same options give the same line.
#[derive(Parser)]
struct Options {
    /// A folder of IDX files named as MNIST's, plain or gzip, to train on instead of the embedded digits. Where only
    /// the 10,000 test images are there, the last 2,000 of them are held out
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Passes over the training images [default: 30; with --data 6]
    #[arg(long)]
    epochs: Option<usize>,
    /// Where every random number comes from: initial weights, the split, the order of the images, dropout
    #[arg(long, default_value_t = 7)]
    seed: u64,
    /// Threads to compute with; the result does not depend on it [default: one for each processor]
    #[arg(long)]
    threads: Option<usize>,
    /// The folder for report.html and the curves as SVG
    #[arg(long, value_name = "DIR", default_value = "target/gradus/digits")]
    out: PathBuf,
    /// Saves the run in this folder after every epoch and at Ctrl-C, and goes on from what is there: the same command ends as
    /// if it had never stopped
    #[arg(long, value_name = "DIR")]
    checkpoints: Option<PathBuf>,
    /// The learning rate of Adam
    #[arg(long, default_value_t = 2e-3)]
    lr: f64,
    /// Images a step
    #[arg(long, default_value_t = 32)]
    batch: usize,
}

fn train(options: &Options) -> TrainResult<()> {
    let mut rng = StdRng::seed_from_u64(options.seed);
    let Images { name, train, test, side } = Images::read(options.data.as_deref(), &mut rng)?;
    let epochs = options.epochs.unwrap_or(if options.data.is_some() { 6 } else { 30 });
    let mut model = Cnn::new(side, train.classes(), &mut rng);
    println!("{} training and {} test images of {name}", train.len(), test.len());
    println!("{} parameters, seed {}", model.count_parameters(), options.seed);

    let steps = train.len().div_ceil(options.batch.max(1)) as u64 * epochs as u64;
    let mut progress = Progress::new();
    let mut trainer = Trainer::new(epochs)
        .batch_size(options.batch)
        .schedule(gradus::optim::schedule::CosineAnnealing::new(options.lr, steps))
        .metric(F1(Average::Macro))
        .metric(TopK(2))
        .gradient_health(Every::Epochs(1))
        .callback(&mut progress);
    if let Some(folder) = &options.checkpoints {
        trainer = trainer.checkpoint(folder, Every::Epochs(1)).resume().stop_when(stop_on_ctrl_c()?);
    }
    let history = match trainer.run(&mut model, &mut Adam::new(options.lr), &train, &test, &mut rng) {
        Err(TrainError::Interrupted { epoch, step, checkpoint: Some(path) }) => {
            println!("stopped in epoch {epoch}, after step {step}; saved in {}", path.display());
            println!("the same command goes on from there");
            return Ok(());
        }
        history => history?,
    };
    drop(trainer);
    print!("\n{history}\n");

    let evaluation = evaluate(&model, &test)?;
    let report = Report::new("Digits", &history)
        .evaluation(&evaluation)
        .draw_mistakes(&test, side, side)?
        .summary(summary(&model, &[1, 1, side, side])?)
        .model(&model)
        .setting("data", &name)
        .setting("training images", train.len())
        .setting("test images", test.len())
        .setting("seed", options.seed)
        .setting("epochs", epochs)
        .setting("batch size", options.batch)
        .setting("optimizer", "Adam")
        .setting("learning rate", format!("{}, falling to 0 as a cosine", options.lr))
        .setting("dropout", "0.5 before the last layer");
    println!("report: {}", report.write(&options.out)?.display());
    println!("test accuracy {:.2} %", 100.0 * evaluation.accuracy);
    Ok(())
}

fn main() -> ExitCode {
    gradus_examples::run(|options: Options| gradus_examples::on_threads(options.threads, || train(&options)))
}
