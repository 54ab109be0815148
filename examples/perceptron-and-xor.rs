//! What one unit can learn and what it cannot: the perceptron of 1958 on AND, OR and XOR, and two layers on XOR.
//!
//! `cargo run --release --example perceptron-and-xor`, and `-- --help` for the options. It writes a picture of each.

use clap::Parser;
use gradus::ndarray::{Array1, Array2, Axis, array};
use gradus::nn_layers::{BceWithLogits, Convergence, Perceptron, decision_regions};
use gradus::prelude::*;
use std::path::PathBuf;
use std::process::ExitCode;

/// What one unit can learn and what it cannot: the perceptron of 1958 on AND, OR and XOR, and two layers on XOR.
///
/// Writes four pictures of the plane of the two inputs: each region in the colour of the class that the model gives it, and
/// each of the four samples in that of its own, crossed out where the model is wrong.
#[derive(Parser)]
struct Options {
    /// The folder for the pictures, as SVG [default: gradus/perceptron-and-xor in the system's folder for temporary files]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// The most passes over the four samples that a perceptron gets
    #[arg(long, default_value_t = 1000)]
    passes: usize,
    /// Steps of the two-layer network
    #[arg(long, default_value_t = 2000)]
    steps: usize,
    /// Where the first weights of the two-layer network come from
    #[arg(long, default_value_t = 7)]
    seed: u64,
}

/// Two layers: what no line does, a few lines and one unit that weighs them do.
#[derive(Module)]
struct TwoLayers {
    hidden: Linear,
    out: Linear,
}

impl Layer for TwoLayers {
    fn forward(&self, x: &Var) -> Result<Var> {
        self.out.forward_at("out", &self.hidden.forward_at("hidden", x)?.tanh())
    }
}

/// The two inputs, and what comes of them.
fn inputs() -> Array2<f32> {
    array![[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]
}

fn text(error: Error) -> String {
    error.to_string()
}

/// Where the pictures go.
struct Pictures(PathBuf);

impl Pictures {
    fn draw(&self, name: &str, title: &str, model: &dyn Layer, labels: &Array1<usize>) -> Result<(), String> {
        let regions = decision_regions(model, &inputs(), labels).map_err(text)?;
        let path = self.0.join(format!("{name}.svg"));
        std::fs::write(&path, regions.svg(title)).map_err(|error| format!("{}: {error}", path.display()))?;
        println!("    {} of 4 right: {}", 4 - regions.mistakes().len(), path.display());
        Ok(())
    }
}

/// Trains a perceptron on a function of two inputs, and says how that ended.
fn perceptron(pictures: &Pictures, name: &str, labels: &Array1<usize>, passes: usize) -> Result<(), String> {
    let mut model = Perceptron::new(2);
    let fit = model.fit(&inputs(), labels, passes).map_err(text)?;
    let upper = name.to_uppercase();
    println!("{upper}, a perceptron: {fit}.");
    if let Convergence::Cycles { multiplicities, residual: 0.0, .. } = &fit.convergence {
        println!(
            "    The proof: t (x₁, x₂, 1) of each sample, t = ±1 its class, times its mistakes in a round, add up to 0:"
        );
        let x = inputs();
        let terms = x.rows().into_iter().zip(labels).zip(multiplicities).map(|((x, &label), times)| {
            let t = if label == 1 { '+' } else { '−' };
            format!("{t} {times} · ({}, {}, 1)", x[0], x[1])
        });
        println!("    {} = (0, 0, 0)", terms.collect::<Vec<_>>().join(" "));
        println!("    A line that is right about all four would make each term positive, and the sum with them.");
        println!(
            "    The picture shows a line that is right about the first three, and what that makes of the fourth."
        );
        model.fit(&x.select(Axis(0), &[0, 1, 2]), &labels.select(Axis(0), &[0, 1, 2]), passes).map_err(text)?;
    }
    pictures.draw(&format!("{name}-perceptron"), &format!("{upper}: one unit"), &model, labels)
}

/// Trains two layers by gradient descent.
fn two_layers(options: &Options, labels: &Array1<usize>) -> Result<TwoLayers> {
    let mut rng = StdRng::seed_from_u64(options.seed);
    let mut model = TwoLayers { hidden: Linear::new(2, 4, &mut rng), out: Linear::new(4, 1, &mut rng) };
    let target =
        labels.mapv(|label| label as f32).into_shape_with_order((labels.len(), 1)).expect("as many in a column");
    let mut adam = Adam::new(0.02);
    let mut last = None;
    for _ in 0..options.steps {
        let tape = Tape::training(&mut rng);
        let logits = model.forward(&tape.input(inputs()))?;
        let loss = BceWithLogits::new().loss(&logits, &tape.input(target.clone()))?;
        last = loss.item();
        adam.step(&mut model, &loss.backward()?)?;
    }
    println!("XOR, two layers: a loss of {:.4} after {} steps.", last.unwrap_or(f32::NAN), options.steps);
    Ok(model)
}

fn run(options: &Options) -> Result<(), String> {
    let folder = options.out.clone().unwrap_or_else(|| std::env::temp_dir().join("gradus").join("perceptron-and-xor"));
    std::fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let pictures = Pictures(folder);
    let xor = array![0, 1, 1, 0];
    perceptron(&pictures, "and", &array![0, 0, 0, 1], options.passes)?;
    perceptron(&pictures, "or", &array![0, 1, 1, 1], options.passes)?;
    perceptron(&pictures, "xor", &xor, options.passes)?;
    let model = two_layers(options, &xor).map_err(text)?;
    pictures.draw("xor-two-layers", "XOR: two layers", &model, &xor)?;
    println!("pictures: {}", pictures.0.display());
    Ok(())
}

fn main() -> ExitCode {
    gradus_examples::run(|options: Options| run(&options))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_unit_fails_where_two_layers_do_not() {
        let out = std::env::temp_dir().join(format!("gradus-perceptron-and-xor-{}", std::process::id()));
        let options = Options { out: Some(out.clone()), passes: 1000, steps: 2000, seed: 7 };
        run(&options).expect("it writes its pictures");
        let crossed = ["and-perceptron", "or-perceptron", "xor-perceptron", "xor-two-layers"].map(|name| {
            let svg = std::fs::read_to_string(out.join(format!("{name}.svg"))).expect("the picture is there");
            svg.contains(">wrong</text>")
        });
        std::fs::remove_dir_all(&out).expect("the folder can be removed");
        assert_eq!(crossed, [false, false, true, false]);
    }

    #[test]
    fn two_layers_learn_it_from_other_weights_too() {
        for seed in 0..10 {
            let options = Options { out: None, passes: 0, steps: 2000, seed };
            let xor = array![0, 1, 1, 0];
            let model = two_layers(&options, &xor).expect("it trains");
            let mistakes = decision_regions(&model, &inputs(), &xor).expect("it has two inputs").mistakes();
            assert!(mistakes.is_empty(), "seed {seed}: {mistakes:?}");
        }
    }
}
