//! Weights between PyTorch and here, both ways: a network that PyTorch has trained gives the same logits here, and one that is trained
//! here gives them there.
//!
//! `cargo run --release --example from-pytorch`, and `-- --help` for the options. `train.py` beside this file has written what is loaded;
//! `load.py` loads what is written. Both need PyTorch and the package safetensors; this program needs neither.

use clap::Parser;
use gradus::data::Labelled;
use gradus::ndarray::{Axis, Slice, arr0};
use gradus::nn_layers::StateDict;
use gradus::prelude::*;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Weights between PyTorch and here, both ways.
///
/// Loads a network that PyTorch has trained, from a .safetensors and from a .pt file, and compares its logits with those that PyTorch computed. Then
/// trains the same network here, and saves it with its logits for `python3 examples/from-pytorch/load.py`.
#[derive(Parser)]
struct Options {
    /// The folder that `train.py` has written model.pt, model.safetensors and logits.safetensors to
    #[arg(long, value_name = "DIR", default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/from-pytorch"), hide_default_value = true)]
    weights: PathBuf,
    /// The folder for model.safetensors and logits.safetensors of the network that is trained here
    #[arg(long, value_name = "DIR", default_value = "target/gradus/from-pytorch")]
    out: PathBuf,
    /// Passes over the training images
    #[arg(long, default_value_t = 15)]
    epochs: usize,
    /// Where every random number comes from
    #[arg(long, default_value_t = 7)]
    seed: u64,
}

/// The digits from here on, in the order of their file, are those to test with: as in `network.py`.
const FIRST_TEST_IMAGE: usize = 1437;

/// How many of them have their logits in the file.
const COMPARED: usize = 50;

/// What rounding explains: sums of up to 128 products, in another order.
const TOLERANCE: f32 = 1e-4;

/// The `Network` of `network.py`: the same layers under the same names.
#[derive(Module)]
struct Network {
    conv: Conv2d,
    norm: BatchNorm2d,
    pool: MaxPool2d,
    hidden: Linear,
    out: Linear,
}

impl Network {
    fn new(rng: &mut StdRng) -> Self {
        Self {
            conv: Conv2d::new(1, 8, 3, rng).padding(1),
            norm: BatchNorm2d::new(8),
            pool: MaxPool2d::new(2),
            hidden: Linear::new(8 * 4 * 4, 32, rng),
            out: Linear::new(32, 10, rng),
        }
    }
}

impl Layer for Network {
    fn forward(&self, x: &Var) -> Result<Var> {
        let x = self.pool.forward(&self.norm.forward(&self.conv.forward(x)?)?.relu())?;
        self.out.forward(&self.hidden.forward(&x.flatten_from(1)?)?.relu())
    }
}

type Outcome<T = ()> = std::result::Result<T, Box<dyn std::error::Error>>;

/// The digits to train with, and those to test with.
fn digits() -> Outcome<(Labelled, Labelled)> {
    let digits = Digits::embedded().reshape_inputs(&[1, 8, 8])?;
    let of = |range: std::ops::Range<usize>| digits.select(&range.collect::<Vec<_>>());
    Ok((of(0..FIRST_TEST_IMAGE)?, of(FIRST_TEST_IMAGE..digits.len())?))
}

/// The logits of the first test images.
fn logits(model: &Network, test: &Labelled) -> Result<Value> {
    let images = test.inputs().slice_axis(Axis(0), Slice::from(..COMPARED)).to_owned();
    Ok(model.forward(&Tape::inference().input(images))?.value().clone())
}

/// Loads what PyTorch has trained, in both formats, and compares what it answers.
fn from_pytorch(folder: &Path, test: &Labelled) -> Outcome {
    let saved: StateDict = StateDict::load(folder.join("logits.safetensors"))?;
    let missing = |name| format!("{}: it has no `{name}`", folder.join("logits.safetensors").display());
    let expected = saved.get("logits").ok_or_else(|| missing("logits"))?;
    let there = saved.get("accuracy").ok_or_else(|| missing("accuracy"))?.sum();
    for (name, load) in
        [("model.safetensors", StateDict::load as fn(PathBuf) -> Result<StateDict>), ("model.pt", StateDict::load_pt)]
    {
        let mut model = Network::new(&mut StdRng::seed_from_u64(0)); // to be overwritten
        model.load_state_dict(&load(folder.join(name))?)?; // strict: every name and every shape
        let found = logits(&model, test)?;
        if found.shape() != expected.shape() {
            return Err(format!("the logits have shape {:?}, PyTorch's {:?}", found.shape(), expected.shape()).into());
        }
        let apart = found.iter().zip(expected.iter()).map(|(a, b)| (a - b).abs()).fold(0.0, Real::maximum);
        let here = accuracy(&model, test)?;
        println!("{name}: the logits of {COMPARED} images differ by at most {apart:.1e};");
        println!("    test accuracy {:.2} %, in PyTorch {:.2} %", 100.0 * here, 100.0 * there);
        if apart.is_nan() || apart > TOLERANCE {
            return Err(format!("{name}: the logits differ by {apart:.1e}; rounding explains {TOLERANCE:.0e}").into());
        }
    }
    Ok(())
}

/// Trains here, and saves for PyTorch.
fn to_pytorch(options: &Options, train: &Labelled, test: &Labelled) -> Outcome {
    let mut rng = StdRng::seed_from_u64(options.seed);
    let mut model = Network::new(&mut rng);
    Trainer::new(options.epochs).batch_size(32).run(&mut model, &mut Adam::new(2e-3), train, test, &mut rng)?;
    let right = accuracy(&model, test)?;
    let saved: StateDict =
        [("logits", logits(&model, test)?), ("accuracy", arr0(right as f32).into_dyn().into())].into_iter().collect();

    let out = &options.out;
    std::fs::create_dir_all(out).map_err(|error| format!("{}: {error}", out.display()))?;
    model.state_dict().save(out.join("model.safetensors"))?;
    saved.save(out.join("logits.safetensors"))?;
    println!("trained here: test accuracy {:.2} %, saved in {}", 100.0 * right, out.display());
    println!("    python3 examples/from-pytorch/load.py {} compares it in PyTorch", out.display());
    Ok(())
}

fn exchange(options: &Options) -> Outcome {
    let (train, test) = digits()?;
    from_pytorch(&options.weights, &test)?;
    to_pytorch(options, &train, &test)
}

fn main() -> ExitCode {
    gradus_examples::run(|options: Options| exchange(&options))
}
