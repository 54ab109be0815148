//! Trains a small convolutional network on real handwritten digits, and draws what it learned and what it looks at.
//!
//! `cargo run --release --example see-a-cnn`, and `-- --help` for the options.

use clap::Parser;
use gradus::conv::picture::{Panel, Scale, svg};
use gradus::conv::{Geometry, Occlusion, costs, occlusion, receptive_fields, saliency};
use gradus::data::Labelled;
use gradus::ndarray::{Axis, Ix3};
use gradus::prelude::*;
use gradus::train::Result as TrainResult;
use gradus_examples::picture;
use std::path::PathBuf;
use std::process::ExitCode;

/// Trains a small convolutional network on real handwritten digits, and draws what it learned and what it looks at.
///
/// Prints what each layer costs and how much of the image it sees; draws the kernels of the first layer, the feature maps of one digit,
/// and which pixels of some digits the decision rests on. Ends with the line `test accuracy NN.NN %`.
#[derive(Parser)]
struct Options {
    /// The folder for the pictures, as SVG: open them in a browser
    #[arg(value_name = "DIR", default_value = "target/gradus/see-a-cnn")]
    out: PathBuf,
    /// Passes over the training images
    #[arg(long, default_value_t = 12)]
    epochs: usize,
    /// Where every random number comes from: initial weights, the split, the order of the images
    #[arg(long, default_value_t = 7)]
    seed: u64,
    /// Threads to compute with; the result does not depend on it [default: one for each processor]
    #[arg(long)]
    threads: Option<usize>,
}

/// Two convolutions, a pooling, a linear layer.
#[derive(Module)]
struct Cnn {
    conv1: Conv2d,
    conv2: Conv2d,
    pool: MaxPool2d,
    fc: Linear,
}

impl Cnn {
    fn new(rng: &mut StdRng) -> Self {
        Self {
            conv1: Conv2d::new(1, 16, 3, rng).padding(1),
            conv2: Conv2d::new(16, 32, 3, rng).padding(1),
            pool: MaxPool2d::new(2),
            fc: Linear::new(32 * 4 * 4, 10, rng),
        }
    }

    /// The layers that change what a pixel sees.
    fn geometries(&self) -> [(&'static str, Geometry<2>); 3] {
        [("conv1", self.conv1.geometry), ("conv2", self.conv2.geometry), ("pool", self.pool.geometry)]
    }
}

impl Layer for Cnn {
    fn forward(&self, x: &Var) -> Result<Var> {
        self.stages().into_iter().try_fold(x.clone(), |x, (_, layer)| layer.forward(&x))
    }

    fn describe(&self, input: &[usize]) -> Result<gradus::nn_layers::Description> {
        gradus::nn_layers::Description::in_sequence(self, "Cnn", input, self.stages())
    }

    fn stages(&self) -> Vec<(&str, &dyn Layer)> {
        vec![
            ("conv1", &self.conv1),
            ("relu1", &Relu),
            ("conv2", &self.conv2),
            ("relu2", &Relu),
            ("pool", &self.pool),
            ("flatten", &Flatten),
            ("fc", &self.fc),
        ]
    }
}

/// The first image of each of these digits.
fn examples(images: &Labelled, digits: impl IntoIterator<Item = usize>) -> Vec<(usize, gradus::ndarray::Array3<f32>)> {
    let first = |digit: usize| {
        let place = images.labels().iter().position(|&label| label == digit)?;
        let image = images.inputs().index_axis(Axis(0), place).to_owned().into_dimensionality::<Ix3>().ok()?;
        Some((digit, image))
    };
    digits.into_iter().filter_map(first).collect()
}

/// What the network makes of one image, layer by layer.
fn feature_maps(model: &Cnn, image: &gradus::ndarray::Array3<f32>) -> Result<String> {
    let mut x = Tape::inference().input(image.clone().insert_axis(Axis(0)));
    let mut panels = vec![Panel::ink("image", &image.index_axis(Axis(0), 0))?];
    for (name, layer) in model.stages() {
        x = layer.forward(&x)?;
        if matches!(name, "relu1" | "relu2" | "pool") {
            panels.push(Panel::feature_maps(name, &x.value().index_axis(Axis(0), 0))?);
        }
    }
    Ok(svg("feature maps", &panels)?)
}

/// For some digits: the image, the saliency map and the occlusion map of the score of the right class.
fn attention(model: &Cnn, images: &Labelled) -> Result<String> {
    let mut panels = [
        Panel::new("image", Scale::Ink).columns(1),
        Panel::new("saliency: |∂ score / ∂ pixel|", Scale::Sequential).columns(1),
        Panel::new("occlusion: score lost under a 3 × 3 patch", Scale::Diverging).columns(1),
    ];
    let patch: Occlusion = Occlusion::new(Geometry::new(3).padding(1));
    for (digit, image) in examples(images, [0, 3, 7]) {
        let maps = [saliency(model, &image, digit)?, occlusion(model, &image, digit, &patch)?];
        let pixels = image.index_axis_move(Axis(0), 0);
        let [ink, slopes, drops] = panels;
        let name = digit.to_string();
        panels = [
            ink.tile(&name, &pixels)?,
            slopes.tile_with_marks(&name, &maps[0], &pixels)?,
            drops.tile_with_marks(&name, &maps[1], &pixels)?,
        ];
    }
    Ok(svg("what the decision rests on (dots: ink)", &panels)?)
}

fn see(options: &Options) -> std::result::Result<(), Box<dyn std::error::Error>> {
    let mut rng = StdRng::seed_from_u64(options.seed);
    let digits = Digits::embedded().reshape_inputs(&[1, 8, 8])?;
    let (train, test) = digits.split(0.8, &mut rng)?;
    let mut model = Cnn::new(&mut rng);

    println!("what each layer costs for one image");
    println!("{}", costs(&model, &[1, 1, 8, 8])?);
    println!("how much of the image each layer sees");
    println!("{}", receptive_fields(&model.geometries())?);

    let history = fit(options, &mut model, &train, &test, &mut rng)?;
    println!("{history}");

    let kernels = Panel::kernels("conv1", model.conv1.weight.value())?;
    picture(&options.out, "kernels.svg", &svg("kernels of the first layer", &[kernels])?)?;
    if let Some((_, image)) = examples(&test, [3]).first() {
        picture(&options.out, "feature-maps.svg", &feature_maps(&model, image)?)?;
    }
    picture(&options.out, "attention.svg", &attention(&model, &test)?)?;
    println!("test accuracy {:.2} %", 100.0 * accuracy(&model, &test)?);
    Ok(())
}

fn fit(
    options: &Options,
    model: &mut Cnn,
    train: &Labelled,
    test: &Labelled,
    rng: &mut StdRng,
) -> TrainResult<gradus::train::History> {
    Trainer::new(options.epochs).batch_size(32).run(model, &mut Adam::new(2e-3), train, test, rng)
}

fn main() -> ExitCode {
    gradus_examples::run(|options: Options| {
        gradus_examples::on_threads(options.threads, || see(&options).map_err(|error| error.to_string()))
    })
}
