//! Where the error on unseen data comes from, and what makes it smaller: noise, bias and variance; more data; more of a model.
//!
//! `cargo run --release --example generalization`, and `-- --help` for the options. Double descent needs matrix decompositions:
//! `cargo run --release --example generalization --features decompose`.

mod chart;

use chart::{Axes, Curve, Scale};
use clap::Parser;
use gradus::ndarray::{Array1, Array2, ArrayRef2, Ix2};
use gradus::prelude::*;
use gradus::rand::{Rng, RngExt, SeedableRng, rngs::StdRng};
use gradus::regularize::ensemble::{Bagging, Samples, prediction_error};
use gradus::regularize::validation::{ErrorCurve, learning_curve, shuffled_stratified_k_fold};
use gradus::regularize::{bias_variance, tree::DecisionTree};
use gradus_examples::picture;
use std::path::PathBuf;
use std::process::ExitCode;

/// Where the error on unseen data comes from, and what makes it smaller: noise, bias and variance; more data; more of a model.
///
/// Fits decision trees of growing depth to a noisy curve and takes their error apart; fits a tree and a bag of trees to more and more of the
/// embedded digits; and, built with the feature `decompose`, adds random features to a regression until its error falls a second time.
/// Prints a table of each, and draws it as SVG.
#[derive(Parser)]
struct Options {
    /// The folder for the pictures: open them in a browser
    #[arg(value_name = "DIR", default_value = "target/gradus/generalization")]
    out: PathBuf,
    /// How often samples are drawn and a model is fitted, for the decomposition
    #[arg(long, default_value_t = 200)]
    rounds: usize,
    /// The deepest tree of the decomposition
    #[arg(long, default_value_t = 9)]
    depth: usize,
    /// Trees in the bag of the learning curve
    #[arg(long, default_value_t = 25)]
    trees: usize,
    /// Samples that the random features are fitted to
    #[cfg(feature = "decompose")]
    #[arg(long, default_value_t = 40)]
    samples: usize,
    /// Where every random number comes from
    #[arg(long, default_value_t = 7)]
    seed: u64,
}

type Outcome = std::result::Result<(), Box<dyn std::error::Error>>;

fn main() -> ExitCode {
    gradus_examples::run(|options: Options| study(&options).map_err(|error| error.to_string()))
}

fn study(options: &Options) -> Outcome {
    decomposition(options)?;
    more_data(options)?;
    #[cfg(feature = "decompose")]
    double_descent::descend(options)?;
    #[cfg(not(feature = "decompose"))]
    println!("Double descent: with --features decompose.");
    Ok(())
}

/// The truth, and what is seen of it.
fn noisy(x: &ArrayRef2<f64>, rng: &mut dyn Rng) -> Array1<f64> {
    x.column(0).mapv(|x| (6.0 * x).sin() + 0.5 * (rng.random::<f64>() - 0.5) + 0.5 * (rng.random::<f64>() - 0.5))
}

/// Trees from one leaf to one for each sample.
fn decomposition(options: &Options) -> Outcome {
    println!("A tree on 60 samples of sin 6x + noise: error = noise + bias² + variance\n");
    println!("| model | error | noise | bias² | variance |\n| :-- | --: | --: | --: | --: |");
    let rng = &mut StdRng::seed_from_u64(options.seed);
    let x = Array2::from_shape_fn((50, 1), |(i, _)| (i as f64 + 0.5) / 50.0);
    let mut targets = Array2::zeros((200, 50));
    targets.rows_mut().into_iter().for_each(|mut row| row.assign(&noisy(&x, rng)));
    let draw = |rng: &mut dyn Rng| {
        let x = Array2::from_shape_simple_fn((60, 1), || rng.random());
        let y = noisy(&x, rng);
        Ok(Samples::values(x, y)?)
    };
    let mut curves = ["error", "noise", "bias²", "variance"].map(|name| (name, Vec::new()));
    for depth in 0..=options.depth {
        let tree = DecisionTree::new().max_depth(depth);
        let parts = bias_variance(&tree, options.rounds, draw, &x, &targets, rng)?.mean();
        let numbers = [parts.error, parts.noise, parts.bias_squared, parts.variance];
        println!("| depth {depth} | {} |", numbers.map(|number| format!("{number:.4}")).join(" | "));
        curves.iter_mut().zip(numbers).for_each(|((_, points), number)| points.push((depth as f64, number)));
    }
    let bag = Bagging::new(DecisionTree::new(), options.trees);
    let parts = bias_variance(&bag, options.rounds.min(50), draw, &x, &targets, rng)?.mean();
    let numbers = [parts.error, parts.noise, parts.bias_squared, parts.variance].map(|number| format!("{number:.4}"));
    println!("| {} deep trees | {} |\n", options.trees, numbers.join(" | "));
    let curves = curves.map(|(name, points)| Curve { name: name.to_owned(), points });
    let axes =
        Axes { x: ("depth of the tree", Scale::Linear), y: ("squared error", Scale::Linear), most: f64::INFINITY };
    let svg = chart::draw("Noise, bias and variance of a decision tree", &axes, &curves, None)?;
    Ok(picture(&options.out, "decomposition.svg", &svg)?)
}

/// A tree and a bag of trees on more and more digits.
fn more_data(options: &Options) -> Outcome {
    let (images, labels, classes) = Digits::embedded().into_parts();
    let images = images.to_shape((labels.len(), 64))?.into_dimensionality::<Ix2>()?.to_owned();
    let samples = Samples::classes(images, labels, classes)?;
    let rng = &mut StdRng::seed_from_u64(options.seed);
    let splits = shuffled_stratified_k_fold(samples.labels()?, 4, rng)?;
    let most = splits.iter().map(|split| split.train.len()).min().unwrap_or(0);
    let sizes: Vec<usize> = [25, 50, 100, 200, 400, 800, most].into_iter().filter(|&size| size <= most).collect();
    let mut curves = Vec::new();
    let mut look = |name: &str, curve: &ErrorCurve<usize>| {
        println!("\n{name} on digits, the share that is wrong, by the number of samples\n\n{curve}");
        let points = curve.points().iter().map(|point| (point.at as f64, point.test.mean())).collect();
        curves.push(Curve { name: format!("{name}, test"), points });
        let points = curve.points().iter().map(|point| (point.at as f64, point.train.mean())).collect();
        curves.push(Curve { name: format!("{name}, train"), points });
    };
    let tree = DecisionTree::new();
    look("one tree", &learning_curve(&tree, &samples, &splits, &sizes, rng, prediction_error)?);
    let shallow = DecisionTree::new().max_depth(3);
    look("a tree of depth 3", &learning_curve(&shallow, &samples, &splits, &sizes, rng, prediction_error)?);
    let bag = Bagging::new(DecisionTree::new().max_features(8), options.trees);
    look("a forest", &learning_curve(&bag, &samples, &splits, &sizes, rng, prediction_error)?);
    let axes = Axes {
        x: ("samples to train on", Scale::Logarithmic),
        y: ("share of digits classified wrongly", Scale::Linear),
        most: 1.0,
    };
    let svg = chart::draw("Learning curves on handwritten digits", &axes, &curves, None)?;
    Ok(picture(&options.out, "learning-curve.svg", &svg)?)
}

#[cfg(feature = "decompose")]
mod double_descent {
    //! More features than samples.

    use super::*;
    use gradus::regularize::RandomFeatures;
    use gradus::regularize::validation::{Scores, Split, validation_curve};

    pub(super) fn descend(options: &Options) -> Outcome {
        const DRAWS: usize = 15;
        let rng = &mut StdRng::seed_from_u64(options.seed);
        let (n, tests) = (options.samples, 500);
        let x = Array2::from_shape_simple_fn((DRAWS * n + tests, 5), || 2.0 * rng.random::<f64>() - 1.0);
        let y =
            Array1::from_shape_fn(x.nrows(), |i| x[[i, 0]] * x[[i, 1]] + x[[i, 2]] + 0.6 * (rng.random::<f64>() - 0.5));
        let samples = Samples::values(x, y)?;
        let test: Vec<usize> = (DRAWS * n..DRAWS * n + tests).collect();
        let splits: Vec<Split> =
            (0..DRAWS).map(|k| Split { train: (k * n..k * n + n).collect(), test: test.clone() }).collect();
        let mut sizes: Vec<usize> =
            [0.05, 0.1, 0.2, 0.35, 0.5, 0.7, 0.85, 0.95, 1.0, 1.05, 1.15, 1.4, 2.0, 3.0, 5.0, 10.0, 20.0]
                .iter()
                .map(|share| ((share * n as f64).round() as usize).max(1))
                .collect();
        sizes.dedup();
        let curve = validation_curve(|&p| RandomFeatures::new(p), &sizes, &samples, &splits, rng, prediction_error)?;
        println!("\n{n} samples, random ReLU features, shortest least squares: medians over {DRAWS} draws\n");
        println!("| features | train error | test error |\n| --: | --: | --: |");
        let (mut train, mut test) = (Vec::new(), Vec::new());
        for point in curve.points() {
            let (seen, unseen) = (median(&point.train), median(&point.test));
            println!("| {} | {seen:.4} | {unseen:.4} |", point.at);
            train.push((point.at as f64, seen));
            test.push((point.at as f64, unseen));
        }
        let curves = [("test", test), ("train", train)].map(|(name, points)| Curve { name: name.to_owned(), points });
        let axes = Axes {
            x: ("random features", Scale::Logarithmic),
            y: ("squared error", Scale::Logarithmic),
            most: f64::INFINITY,
        };
        let title = format!("Double descent: {n} samples, marked by the line");
        let svg = chart::draw(&title, &axes, &curves, Some(n as f64))?;
        Ok(picture(&options.out, "double-descent.svg", &svg)?)
    }

    /// At the peak one draw may have any error.
    fn median(scores: &Scores) -> f64 {
        let mut values = scores.values().to_vec();
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    }
}
