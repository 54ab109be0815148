//! Takes the regularizers one by one: what each does to a network that has too few digits to learn from.
//!
//! `cargo run --release --example ablation`, and `-- --help` for the options.

use clap::Parser;
use gradus::conv::picture::{Panel, Scale as Colours, svg};
use gradus::data::{Labelled, Streams};
use gradus::ndarray::{Array1, Array2, ArrayD, Ix2, Ix3, Ix4};
use gradus::nn_layers::{CrossEntropy, Parameter, Relu, Sequential, sequential};
use gradus::prelude::*;
use gradus::rand::seq::SliceRandom;
use gradus::regularize::augment::{Compose, Maybe, Rotate, Scale, Shift, each};
use gradus::regularize::calibration::{Bins, Reliability, Temperature};
use gradus::regularize::{Ablation, Decision, penalty};
use gradus::train::Result as TrainResult;
use gradus_examples::picture;
use std::path::PathBuf;
use std::process::ExitCode;

/// Takes the regularizers one by one: what each does to a network that has too few digits to learn from.
///
/// Trains the same network on a few of the embedded digits, plain and with each regularizer, over the same seeds: same initial weights,
/// same samples, same order. Prints the table of test accuracies; draws it, what augmentation does to digits, the calibration of the plain network before and after
/// temperature scaling, and what an L2 penalty and decoupled decay leave of weights under SGD and Adam. Ends with the line `best NAME`.
#[derive(Parser)]
struct Options {
    /// The folder for the pictures, as SVG: open them in a browser
    #[arg(value_name = "DIR", default_value = "target/gradus/ablation")]
    out: PathBuf,
    /// Digits to train on; as many again decide when to stop
    #[arg(long, default_value_t = 150)]
    samples: usize,
    /// Passes over them
    #[arg(long, default_value_t = 60)]
    epochs: usize,
    /// Seeds to repeat it with: 1, 2, …
    #[arg(long, default_value_t = 5)]
    seeds: u64,
    /// Threads to compute with; the result does not depend on it [default: one for each processor]
    #[arg(long)]
    threads: Option<usize>,
}

/// What is switched; all off is the plain network.
#[derive(Clone, Debug, Default)]
struct Settings {
    dropout: f64,
    l2: f64,
    label_smoothing: f64,
    early_stopping: bool,
    augmentation: Augmentation,
    batch_norm: bool,
}

/// How the digits are changed.
#[derive(Clone, Copy, Debug, Default)]
enum Augmentation {
    #[default]
    None,
    /// Half of them, by a little: it was chosen on the held-out digits.
    Gentle,
    /// All of them, by what is common for large images. These have 8 by 8 pixels and their digits fill them, those to test with too: a shift is a
    /// change that never comes, and cuts off strokes; each interpolation blurs what will be sharp.
    TooStrong,
}

impl Augmentation {
    fn transform(self) -> Option<Compose<f32, Ix3>> {
        let turned =
            |degrees, scale| Compose::new().then(Rotate::new(degrees)).then(Scale::new(1.0 - scale, 1.0 + scale));
        match self {
            Self::None => None,
            Self::Gentle => {
                let shifted = Maybe::new(Shift::new(1, 1), 0.2);
                Some(Compose::new().then(Maybe::new(turned(5.0, 0.05).then(shifted), 0.5)))
            }
            Self::TooStrong => Some(turned(10.0, 0.1).then(Shift::new(1, 1))),
        }
    }
}

/// Few digits to train on, as many to decide when to stop, the rest to test with.
struct Data {
    train: Labelled,
    held_out: Labelled,
    test: Labelled,
}

fn data(samples: usize, streams: &Streams) -> TrainResult<Data> {
    let digits = Digits::embedded();
    let mut order: Vec<usize> = (0..digits.len()).collect();
    order.shuffle(&mut streams.named("split"));
    let samples = samples.min(order.len() / 3);
    Ok(Data {
        train: digits.select(&order[..samples])?,
        held_out: digits.select(&order[samples..2 * samples])?,
        test: digits.select(&order[2 * samples..])?,
    })
}

fn network(settings: &Settings, rng: &mut StdRng) -> Sequential {
    let [first, second, last] = [(64, 128), (128, 128), (128, 10)].map(|(from, to)| Linear::new(from, to, rng));
    let norm = || settings.batch_norm.then(|| BatchNorm1d::new(128));
    let dropout = || Dropout::new(settings.dropout);
    sequential![first, norm(), Relu, dropout(), second, norm(), Relu, dropout(), last]
}

/// Trains a network with these settings.
fn trained(settings: &Settings, data: &Data, epochs: usize, streams: &Streams) -> TrainResult<Sequential> {
    let mut model = network(settings, &mut streams.named("initialization"));
    let (mut adam, mut stopping) = (Adam::new(2e-3), EarlyStopping::new(10));
    let loss = CrossEntropy::new().label_smoothing(settings.label_smoothing);
    let augmentation = settings.augmentation.transform();
    let mut dropout = streams.named("dropout");
    for epoch in 0..epochs {
        let batches = data.train.batches(32).shuffled(&mut streams.numbered("shuffle", epoch as u64));
        for (step, (images, labels)) in batches.enumerate() {
            let images = match &augmentation {
                Some(transform) => {
                    let samples = streams.child("augmentation").child(&format!("{epoch}/{step}"));
                    augmented(transform, images, &samples)?
                }
                None => images,
            };
            let tape = Tape::training(&mut dropout);
            let mut value = loss.loss(&model.forward(&tape.input(images))?, &labels)?;
            if settings.l2 > 0.0 {
                value = value + &penalty::l2(&tape, &model, penalty::all_but_biases, settings.l2)?;
            }
            adam.step(&mut model, &value.backward()?)?;
        }
        if settings.early_stopping {
            let metric = CrossEntropy::new().loss(&logits(&model, &data.held_out)?, data.held_out.labels())?;
            let metric = metric.item().map_or(f64::NAN, f64::from);
            if stopping.observe(epoch, metric, &model)? == Decision::Stop {
                break;
            }
        }
    }
    if settings.early_stopping {
        stopping.restore_best(&mut model)?;
    }
    Ok(model)
}

fn augmented(transform: &Compose<f32, Ix3>, images: ArrayD<f32>, samples: &Streams) -> TrainResult<ArrayD<f32>> {
    let n = images.shape()[0];
    let images = images.into_shape_with_order((n, 1, 8, 8)).expect("the digits are of 8 by 8 pixels");
    let images: gradus::ndarray::Array<f32, Ix4> =
        each(transform, images.view(), |i| samples.numbered("sample", i as u64))?;
    Ok(images.into_shape_with_order((n, 64)).expect("no transform changes the size").into_dyn())
}

/// The same digits as they are and as the network sees them.
fn look_at_augmentation(
    digits: &Labelled,
    streams: &Streams,
    options: &Options,
) -> Result<(), Box<dyn std::error::Error>> {
    let shown = digits.select(&(0..digits.len().min(8)).collect::<Vec<_>>())?;
    let mut panels = Vec::new();
    for (title, augmentation) in
        [("as they are", Augmentation::None), ("gentle", Augmentation::Gentle), ("too strong", Augmentation::TooStrong)]
    {
        let images = shown.inputs().clone();
        let images = match augmentation.transform() {
            Some(transform) => augmented(&transform, images, &streams.child("augmentation"))?,
            None => images,
        };
        let mut panel = Panel::new(title, Colours::Ink).columns(2);
        for (image, label) in images.outer_iter().zip(shown.labels()) {
            panel = panel.tile(label.to_string(), &image.to_shape((8, 8))?)?;
        }
        panels.push(panel);
    }
    picture(&options.out, "augmentation.svg", &svg("What augmentation does to digits of 8 by 8 pixels", &panels)?)?;
    Ok(())
}

fn logits(model: &Sequential, data: &Labelled) -> Result<Var> {
    model.forward(&Tape::inference().input(data.inputs().clone()))
}

fn matrix(logits: &Var) -> Array2<f32> {
    logits.value().clone().into_array().into_dimensionality::<Ix2>().expect("there is a row for each sample")
}

/// How much larger what is left of a weight with much noise in its gradient is than of one with little.
fn spared(mut optimizer: impl Optimizer<f64>, l2: f64) -> TrainResult<f64> {
    const STEPS: usize = 1500;
    let noise: Array1<f64> = [0.1, 10.0].into_iter().collect();
    let mut w: Parameter<f64> = Array1::ones(2).into();
    for step in 0..STEPS {
        let tape = Tape::recording();
        let sign = if step % 2 == 0 { 1.0 } else { -1.0 };
        let loss = tape.parameter(&w).try_mul(&tape.input(&noise * sign))?.sum();
        let loss = loss + &penalty::l2(&tape, &w, |_| true, l2)?;
        optimizer.step(&mut w, &loss.backward()?)?;
    }
    Ok(w.value()[[1]] / w.value()[[0]])
}

/// Penalty and decay are the same under SGD and not under Adam.
fn penalty_or_decay(options: &Options) -> Result<(), Box<dyn std::error::Error>> {
    let (lr, strength) = (1e-3, 0.5);
    let table = Ablation::new("SGD, L2 penalty", 0)
        .switch("SGD, weight decay", |which| *which = 1)
        .switch("Adam, L2 penalty", |which| *which = 2)
        .switch("AdamW, decoupled decay", |which| *which = 3)
        .run(&[0], |which, _| -> TrainResult<f64> {
            match which {
                0 => spared(Sgd::new(lr), strength),
                1 => spared(Sgd::new(lr).weight_decay(strength), 0.0),
                2 => spared(Adam::new(lr), strength),
                _ => spared(AdamW::new(lr).weight_decay(strength), 0.0),
            }
        })?;
    println!(
        "\nA weight whose gradients are a hundred times as noisy: how much more of it is left after 1,500 steps\n\n{table}"
    );
    let svg = table.to_svg(
        "Penalty or decay: who spares weights with noisy gradients?",
        "left of the noisy weight / left of the other",
    );
    picture(&options.out, "penalty-or-decay.svg", &svg)?;
    Ok(())
}

fn study(options: &Options) -> Result<(), Box<dyn std::error::Error>> {
    let seeds: Vec<u64> = (1..=options.seeds).collect();
    let program = |settings: &Settings, seed: u64| -> TrainResult<f64> {
        let streams = Streams::new(seed);
        let data = data(options.samples, &streams)?;
        accuracy(&trained(settings, &data, options.epochs, &streams)?, &data.test)
    };
    let table = Ablation::new("plain", Settings::default())
        .switch("dropout 0.3", |s| s.dropout = 0.3)
        .switch("L2 penalty 0.001", |s| s.l2 = 1e-3)
        .switch("early stopping", |s| s.early_stopping = true)
        .switch("label smoothing 0.1", |s| s.label_smoothing = 0.1)
        .switch("augmentation, gentle", |s| s.augmentation = Augmentation::Gentle)
        .switch("augmentation, too strong", |s| s.augmentation = Augmentation::TooStrong)
        .switch("batch normalization", |s| s.batch_norm = true)
        .switch("all but early stopping", |s| {
            *s = Settings {
                dropout: 0.3,
                l2: 1e-3,
                label_smoothing: 0.1,
                early_stopping: false,
                augmentation: Augmentation::Gentle,
                batch_norm: true,
            };
        })
        .run(&seeds, program)?;
    println!(
        "Test accuracy of a network of 3 layers, trained on {} digits, over {} seeds\n\n{table}",
        options.samples, options.seeds
    );
    picture(
        &options.out,
        "ablation.svg",
        &table
            .to_svg("Which regularizer does what", "test accuracy: a dot for each seed, a bar from plain to the mean"),
    )?;
    let best = table.rows().iter().max_by(|a, b| a.mean().total_cmp(&b.mean())).map_or("", |row| row.name.as_str());

    let streams = Streams::new(1);
    let data = data(options.samples, &streams)?;
    look_at_augmentation(&data.train, &streams, options)?;
    let model = trained(&Settings::default(), &data, options.epochs, &streams)?;
    let temperature = Temperature::fit(&matrix(&logits(&model, &data.held_out)?), data.held_out.labels())?;
    let test = matrix(&logits(&model, &data.test)?);
    println!("\nThe plain network's confidence, temperature {:.2} fitted to the held-out digits", temperature.value);
    for (name, title, temperature) in [
        ("calibration.svg", "The plain network's confidence", Temperature { value: 1.0 }),
        ("calibration-scaled.svg", "The plain network's confidence after temperature scaling", temperature),
    ] {
        let diagram = Reliability::of(&temperature.probabilities(&test)?, data.test.labels(), Bins::EqualWidth(10))?;
        println!("expected calibration error {:.4} at temperature {:.2}", diagram.expected_error(), temperature.value);
        picture(&options.out, name, &diagram.to_svg(title))?;
    }
    penalty_or_decay(options)?;
    println!("\nbest {best}");
    Ok(())
}

fn main() -> ExitCode {
    gradus_examples::run(|options: Options| gradus_examples::on_threads(options.threads, || study(&options)))
}
