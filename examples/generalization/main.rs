//! Where the error on unseen data comes from, and what makes it smaller: noise, bias and variance; more data; more of a model.
//!
//! `cargo run --release --example generalization`, and `-- --help` for the options. Double descent needs matrix decompositions:
//! `cargo run --release --example generalization --features decompose`.

mod chart;

use chart::{Axis, Curve, Shape};
use clap::Parser;
use gradus::ndarray::{Array1, Array2, ArrayRef2, Ix2};
use gradus::prelude::*;
use gradus::rand::{Rng, RngExt, SeedableRng, rngs::StdRng};
use gradus::regularize::ensemble::{Bagging, Samples, prediction_error};
use gradus::regularize::validation::{ErrorCurve, learning_curve, shuffled_stratified_k_fold};
use gradus::regularize::{ErrorParts, bias_variance, tree::DecisionTree};
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

/// Trees from a stump to one leaf for each sample.
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
    // Bars over bars: the whole error, the share of it below the variance, the noise alone.
    let (mut whole, mut still, mut noise) = (Vec::new(), Vec::new(), Vec::new());
    let mut ticks = Vec::new();
    let mut look = |at: f64, name: String, label: String, parts: ErrorParts| {
        let numbers = [parts.error, parts.noise, parts.bias_squared, parts.variance];
        println!("| {name} | {} |", numbers.map(|number| format!("{number:.4}")).join(" | "));
        whole.push((at, parts.error));
        still.push((at, parts.noise + parts.bias_squared));
        noise.push((at, parts.noise));
        ticks.push((at, label));
    };
    for depth in 1..=options.depth {
        let tree = DecisionTree::new().max_depth(depth);
        let parts = bias_variance(&tree, options.rounds, draw, &x, &targets, rng)?.mean();
        look(depth as f64, format!("depth {depth}"), depth.to_string(), parts);
    }
    let bag = Bagging::new(DecisionTree::new(), options.trees);
    let parts = bias_variance(&bag, options.rounds.min(50), draw, &x, &targets, rng)?.mean();
    let name = format!("{} trees", options.trees);
    look(options.depth as f64 + 1.5, name.clone(), format!("{name}, bagged"), parts);
    println!();
    let x = Axis { name: "depth of the tree", logarithmic: false, ticks, further: 0.06 };
    let y = Axis { name: "squared error", logarithmic: false, ticks: decimals(0.05, highest(&whole)), further: 0.0 };
    let bars = [("variance", 0, whole), ("bias²", 1, still), ("noise", 3, noise)];
    let bars = bars.map(|(name, colour, points)| Curve { name: name.to_owned(), colour, shape: Shape::Bars, points });
    let svg = chart::draw("What the error of a decision tree is made of", [x, y], &bars, None)?;
    Ok(picture(&options.out, "decomposition.svg", &svg)?)
}

/// Ticks from 0 in steps of this size, until one is not below `most`.
fn decimals(step: f64, most: f64) -> Vec<(f64, String)> {
    (0..=(most / step).ceil() as usize)
        .map(|i| (i as f64 * step, format!("{}", (i as f64 * step * 100.0).round() / 100.0)))
        .collect()
}

fn highest(points: &[(f64, f64)]) -> f64 {
    points.iter().map(|point| point.1).fold(0.0, f64::max)
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
        let colour = curves.len() / 2;
        let points = curve.points().iter().map(|point| (point.at as f64, point.test.mean())).collect();
        curves.push(Curve { name: format!("{name}, test"), colour, shape: Shape::Line, points });
        let points = curve.points().iter().map(|point| (point.at as f64, point.train.mean())).collect();
        curves.push(Curve { name: format!("{name}, train"), colour, shape: Shape::Dashed, points });
    };
    let tree = DecisionTree::new();
    look("one tree", &learning_curve(&tree, &samples, &splits, &sizes, rng, prediction_error)?);
    let shallow = DecisionTree::new().max_depth(3);
    look("a tree of depth 3", &learning_curve(&shallow, &samples, &splits, &sizes, rng, prediction_error)?);
    let bag = Bagging::new(DecisionTree::new().max_features(8), options.trees);
    look("a forest", &learning_curve(&bag, &samples, &splits, &sizes, rng, prediction_error)?);
    let most = curves.iter().map(|curve| highest(&curve.points)).fold(0.0, f64::max);
    let ticks = sizes.iter().map(|&size| (size as f64, size.to_string())).collect();
    let x = Axis { name: "digits to train on", logarithmic: true, ticks, further: 0.03 };
    let y = Axis {
        name: "share that is classified wrongly",
        logarithmic: false,
        ticks: decimals(0.1, most),
        further: 0.02,
    };
    let svg = chart::draw("More data: who learns from it?", [x, y], &curves, None)?;
    Ok(picture(&options.out, "learning-curve.svg", &svg)?)
}

#[cfg(feature = "decompose")]
mod double_descent {
    //! More features than samples.

    use super::*;
    use gradus::nn_layers::init;
    use gradus::regularize::RandomFeatures;
    use gradus::regularize::validation::{Scores, Split, validation_curve};

    pub(super) fn descend(options: &Options) -> Outcome {
        const DRAWS: usize = 15;
        /// Errors below this power of ten are drawn as if they were there.
        const LEAST: i32 = -3;
        let rng = &mut StdRng::seed_from_u64(options.seed);
        let (n, tests) = (options.samples, 500);
        let x: Array2<f64> = init::normal((DRAWS * n + tests, 6), 0.0, 1.0, rng);
        let y = Array1::from_shape_fn(x.nrows(), |i| x[[i, 0]] - x[[i, 1]] + 2.0 * (rng.random::<f64>() - 0.5));
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
        let most = highest(&test).max(1.0).log10().ceil() as i32;
        let ticks = (LEAST..=most).map(|power| {
            let label =
                if power == LEAST { format!("≤ {}", 10_f64.powi(power)) } else { 10_f64.powi(power).to_string() };
            (10_f64.powi(power), label)
        });
        let y = Axis { name: "squared error", logarithmic: true, ticks: ticks.collect(), further: 0.02 };
        let ticks = sizes.iter().filter(|&&size| [sizes[0], n / 5, n, 5 * n, 20 * n].contains(&size));
        let ticks = ticks.map(|&size| (size as f64, size.to_string())).collect();
        let x = Axis { name: "random features", logarithmic: true, ticks, further: 0.03 };
        let curves = [("test", 1, Shape::Line, test), ("train", 0, Shape::Dashed, train)];
        let curves = curves.map(|(name, colour, shape, points)| Curve { name: name.to_owned(), colour, shape, points });
        let mark = format!("as many as samples: {n}");
        let svg = chart::draw("Double descent", [x, y], &curves, Some((n as f64, &mark)))?;
        Ok(picture(&options.out, "double-descent.svg", &svg)?)
    }

    /// At the peak one draw may have any error.
    fn median(scores: &Scores) -> f64 {
        let mut values = scores.values().to_vec();
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    }
}
