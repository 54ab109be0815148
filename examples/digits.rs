//! Trains a small convolutional network on real handwritten digits, and draws a report of how it went.
//!
//! `cargo run --release --example digits`, and `-- --help` for the options.

use clap::Parser;
use gradus::data::Mnist;
use gradus::nn_layers::summary;
use gradus::prelude::*;
use gradus::train::metrics::{Average, F1, TopK};
use gradus::train::{Error as TrainError, Every, Result as TrainResult, stop_on_ctrl_c};
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

/// Two convolutions, a pooling after each that the image can afford, two linear layers.
#[derive(Module)]
struct Cnn {
    conv1: Conv2d,
    /// Images of 8 × 8 are too small for a pooling here.
    pool1: Option<MaxPool2d>,
    conv2: Conv2d,
    pool2: MaxPool2d,
    fc1: Linear,
    dropout: Dropout,
    fc2: Linear,
}

impl Cnn {
    fn new(side: usize, classes: usize, rng: &mut StdRng) -> Self {
        let pool1 = (side >= 16).then(|| MaxPool2d::new(2));
        let side = if pool1.is_some() { side / 4 } else { side / 2 };
        Self {
            conv1: Conv2d::new(1, 32, 3, rng).padding(1),
            pool1,
            conv2: Conv2d::new(32, 64, 3, rng).padding(1),
            pool2: MaxPool2d::new(2),
            fc1: Linear::new(64 * side * side, 128, rng),
            dropout: Dropout::new(0.5),
            fc2: Linear::new(128, classes, rng),
        }
    }
}

impl Layer for Cnn {
    fn forward(&self, x: &Var) -> Result<Var> {
        let x = match &self.pool1 {
            Some(pool) => self.conv1.forward_relu_pooled(x, pool)?,
            None => self.conv1.forward_relu(x)?,
        };
        let x = self.conv2.forward_relu_pooled(&x, &self.pool2)?;
        let x = self.fc1.forward(&x.flatten_from(1)?)?.relu();
        self.fc2.forward(&self.dropout.forward(&x)?)
    }
}

/// Images to train on and images to test with, each of `side` × `side` pixels.
struct Images {
    name: String,
    train: Labelled,
    test: Labelled,
    side: usize,
}

fn images(options: &Options, rng: &mut StdRng) -> TrainResult<Images> {
    let (name, train, test, side) = match &options.data {
        None => {
            let (train, test) = Digits::embedded().split(0.8, rng)?;
            ("the embedded digits".to_owned(), train, test, 8)
        }
        Some(folder) => {
            let mnist = Mnist::read(folder)?;
            let held_out = if mnist.held_out { ", 2,000 test images held out" } else { "" };
            (format!("{}{held_out}", folder.display()), mnist.train, mnist.test, mnist.image_size[0])
        }
    };
    let image = [1, side, side];
    Ok(Images { name, train: train.reshape_inputs(&image)?, test: test.reshape_inputs(&image)?, side })
}

fn train(options: &Options) -> TrainResult<()> {
    let mut rng = StdRng::seed_from_u64(options.seed);
    let Images { name, train, test, side } = images(options, &mut rng)?;
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
