//! Replaces the convolution: a network learns handwritten digits with a layer of one's own where `Conv2d` was.
//!
//! `cargo run --release --example swap-convolution`, and `-- --help` for the options.

mod shifted;

use clap::Parser;
use gradus::conv::testing::{Setting, check_convolution};
use gradus::data::Labelled;
use gradus::prelude::*;
use gradus_examples::within_a_point;
use shifted::ShiftedConv2d;
use std::process::ExitCode;
use std::time::Instant;

/// Replaces the convolution: a network learns handwritten digits with a layer of one's own where `Conv2d` was.
///
/// The layer first passes the kit that the seam brings for convolutions. Then the same network learns from the same weights with either: the
/// logits before training must agree to rounding, the accuracies after it to one point.
#[derive(Parser)]
struct Options {
    /// Passes over the training images
    #[arg(long, default_value_t = 8)]
    epochs: usize,
    /// Where every random number comes from: initial weights, the split, the order of the images
    #[arg(long, default_value_t = 7)]
    seed: u64,
}

/// Two convolutions of either kind, a pooling, a linear layer.
#[derive(Module)]
struct Cnn<C: Layer> {
    conv1: C,
    conv2: C,
    pool: MaxPool2d,
    fc: Linear,
}

impl<C: Layer> Layer for Cnn<C> {
    fn forward(&self, x: &Var) -> Result<Var> {
        let x = self.conv2.forward(&self.conv1.forward(x)?.relu())?.relu();
        self.fc.forward(&self.pool.forward(&x)?.flatten_from(1)?)
    }
}

/// A convolution of one's own with the parameters of the library's.
fn replace(conv: &Conv2d) -> ShiftedConv2d {
    let (weight, bias) = (conv.weight.clone(), conv.bias.clone());
    ShiftedConv2d { weight, bias, geometry: conv.geometry, groups: conv.groups }
}

/// The layer of a setting of the kit.
fn of_setting(setting: &Setting<2>) -> Option<ShiftedConv2d<f64>> {
    let Setting { geometry, groups, weight, bias } = setting.clone();
    Some(ShiftedConv2d { weight: weight.into(), bias: bias.map(Into::into), geometry, groups })
}

fn logits(model: &impl Layer, images: &Labelled) -> Result<Value> {
    Ok(model.forward(&Tape::inference().input(images.inputs().clone()))?.value().clone())
}

/// Trains, and returns the test accuracy.
fn train(
    options: &Options,
    name: &str,
    mut model: impl Layer,
    (train, test): (&Labelled, &Labelled),
) -> gradus::train::Result<f64> {
    let (mut rng, start) = (StdRng::seed_from_u64(options.seed), Instant::now());
    Trainer::new(options.epochs).batch_size(32).run(&mut model, &mut Adam::new(2e-3), train, test, &mut rng)?;
    let (accuracy, seconds) = (accuracy(&model, test)?, start.elapsed().as_secs_f64());
    println!("{name}: test accuracy {:.2} %, {seconds:.1} s", 100.0 * accuracy);
    Ok(accuracy)
}

fn swap(options: &Options) -> std::result::Result<(), Box<dyn std::error::Error>> {
    let settings = check_convolution(of_setting)?;
    println!("{settings} settings drawn at random pass the kit: results, gradients, refusals");

    let mut rng = StdRng::seed_from_u64(options.seed);
    let (train_set, test) = Digits::embedded().reshape_inputs(&[1, 8, 8])?.split(0.8, &mut rng)?;
    let built_in = Cnn {
        conv1: Conv2d::new(1, 16, 3, &mut rng).padding(1),
        conv2: Conv2d::new(16, 32, 3, &mut rng).padding(1),
        pool: MaxPool2d::new(2),
        fc: Linear::new(32 * 4 * 4, 10, &mut rng),
    };
    let own = Cnn {
        conv1: replace(&built_in.conv1),
        conv2: replace(&built_in.conv2),
        pool: MaxPool2d::new(2),
        fc: built_in.fc.clone(),
    };
    let (theirs, ours) = (logits(&built_in, &test)?, logits(&own, &test)?);
    let apart = theirs.iter().zip(ours.iter()).map(|(a, b)| (a - b).abs()).fold(0.0, Real::maximum);
    println!("before training, the logits of {} images differ by at most {apart:.1e}", test.len());
    if apart.is_nan() || apart > 1e-5 {
        return Err(format!("the logits differ by {apart:.1e}; rounding explains 1e-5").into());
    }

    let built_in = train(options, "Conv2d", built_in, (&train_set, &test))?;
    let own = train(options, "ShiftedConv2d", own, (&train_set, &test))?;
    Ok(within_a_point(own, built_in)?)
}

fn main() -> ExitCode {
    gradus_examples::run(|options: Options| swap(&options))
}
