//! Chapter 2 of the course: a neural network trained by hand, forward and backward, beside the tape that does the same.
//!
//! `cargo run --release --example 02-backpropagation`; the text is `gradus::guide::backpropagation`.

use clap::Parser;
use gradus::autograd::{Gradients, Tape, Var};
use gradus::linalg::l2_norm;
use gradus::ndarray::{Array1, Array2, ArrayRef1, ArrayRef2, Axis, Ix2};
use gradus::nn_layers::{Losses, Parameter};
use gradus::prelude::{Digits, Labelled};
use gradus::rand::{Rng, RngExt, SeedableRng, rngs::StdRng};
use gradus_course::{Chapter, Kind, Plot};
use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

/// A neural network trained by hand, forward and backward, beside the tape that does the same.
#[derive(Parser)]
struct Options {
    /// The folder for the pictures and the page that shows them
    #[arg(value_name = "DIR", default_value = "target/gradus/02-backpropagation")]
    out: PathBuf,
    /// Where every random number comes from
    #[arg(long, default_value_t = 7)]
    seed: u64,
    /// Passes over the digits
    #[arg(long, default_value_t = 30)]
    epochs: usize,
}

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

fn main() -> ExitCode {
    gradus_examples::run(|options: Options| backpropagation(&options).map_err(|error| error.to_string()))
}

fn backpropagation(options: &Options) -> Outcome {
    let mut chapter = Chapter::new("02", "Training a neural network", &options.out);
    let mut rng = StdRng::seed_from_u64(options.seed);
    let digits = Digits::embedded().map_inputs(|pixel| f64::from(pixel) - 0.3);
    let (train, test) = digits.split(0.8, &mut rng)?;
    softmax(&mut chapter, &mut rng)?;
    let network = Network::draw([64, 32, 10], &mut rng);
    beside_the_tape(&mut chapter, &network, &train)?;
    training(&mut chapter, options, network, &train, &test, &mut rng)?;
    depth(&mut chapter, &train, &mut rng)?;
    Ok(chapter.finish()?)
}

/// Scores of so many samples for so many classes, and the class of each sample.
fn scores(samples: usize, classes: usize, rng: &mut impl Rng) -> (Array2<f64>, Array1<usize>) {
    let scores = Array2::from_shape_simple_fn((samples, classes), || rng.random_range(-3.0..3.0));
    (scores, (0..samples).map(|_| rng.random_range(0..classes)).collect())
}

/// `xᵢ − ln Σⱼ exp xⱼ` in each row. The largest is taken out first: `exp` of large scores is infinite.
fn log_softmax(scores: &ArrayRef2<f64>) -> Array2<f64> {
    let mut y = scores.to_owned();
    for mut row in y.rows_mut() {
        let most = row.fold(f64::NEG_INFINITY, |most, &x| most.max(x));
        let log_sum = most + row.fold(0.0, |sum, &x| sum + (x - most).exp()).ln();
        row -= log_sum;
    }
    y
}

/// The mean of `−ln p` of the right class.
fn cross_entropy(scores: &ArrayRef2<f64>, labels: &ArrayRef1<usize>) -> f64 {
    let log_p = log_softmax(scores);
    -labels.iter().enumerate().map(|(i, &label)| log_p[[i, label]]).sum::<f64>() / labels.len() as f64
}

/// `(p − onehot) / n`: the gradient of the mean cross-entropy by the scores.
fn cross_entropy_backward(scores: &ArrayRef2<f64>, labels: &ArrayRef1<usize>) -> Array2<f64> {
    let mut gradient = log_softmax(scores).mapv(f64::exp);
    labels.iter().enumerate().for_each(|(i, &label)| gradient[[i, label]] -= 1.0);
    gradient / labels.len() as f64
}

/// Probabilities from scores, and what is learnt from a wrong one.
fn softmax(chapter: &mut Chapter, rng: &mut StdRng) -> Outcome {
    chapter.section("From scores to probabilities");
    let curves = [0.5, 1.0, 4.0].map(|scale| {
        let point = move |k: i32| {
            let x = f64::from(k) / 20.0;
            (x, 1.0 / (1.0 + (-scale * x).exp()))
        };
        (format!("scores × {scale}"), (-80..=80).map(point))
    });
    let mut plot = Plot::new("The probability of the first of two classes", "its score − the other's", "probability");
    for (name, points) in curves {
        plot = plot.series(&name, Kind::Line, points);
    }
    chapter.figure(
        "softmax",
        "Softmax of two scores: only their difference counts, and larger scores are surer of themselves.",
        &plot.svg()?,
    )?;

    let (scores, labels) = scores(4, 5, rng);
    let p = log_softmax(&scores).mapv(f64::exp);
    chapter.check("probabilities add up to 1", p.sum_axis(Axis(1)).iter().all(|sum| (sum - 1.0).abs() < 1e-14));
    let by_hand = cross_entropy_backward(&scores, &labels);
    let mut worst = 0.0_f64;
    for (place, &gradient) in by_hand.indexed_iter() {
        const STEP: f64 = 1e-5;
        let moved = |by: f64| {
            let mut moved = scores.clone();
            moved[place] += by;
            cross_entropy(&moved, &labels)
        };
        worst = worst.max((gradient - (moved(STEP) - moved(-STEP)) / (2.0 * STEP)).abs());
    }
    chapter.check("p − onehot is the gradient, by differences", worst < 1e-9);
    Ok(())
}

/// Layers `a = x W + b`, with tanh between them.
struct Network {
    layers: Vec<(Array2<f64>, Array1<f64>)>,
}

impl Network {
    fn draw<const N: usize>(sizes: [usize; N], rng: &mut impl Rng) -> Self {
        let layer = |sizes: &[usize]| {
            let reach = (6.0 / (sizes[0] + sizes[1]) as f64).sqrt();
            let weight = Array2::from_shape_simple_fn((sizes[0], sizes[1]), || rng.random_range(-reach..reach));
            (weight, Array1::zeros(sizes[1]))
        };
        Self { layers: sizes.windows(2).map(layer).collect() }
    }

    /// What each layer reads, and the scores: `h₀ = x`, `hₖ = tanh(hₖ₋₁ Wₖ + bₖ)`, and no tanh after the last.
    fn forward(&self, x: &ArrayRef2<f64>) -> Vec<Array2<f64>> {
        let mut h = vec![x.to_owned()];
        for (k, (weight, bias)) in self.layers.iter().enumerate() {
            let a = h[k].dot(weight) + bias;
            h.push(if k + 1 < self.layers.len() { a.mapv(f64::tanh) } else { a });
        }
        h
    }

    /// The gradients of all weights and biases, the last layer first to be computed:
    ///
    /// ```text
    /// δ = ∂L/∂a    ∂L/∂W = hᵀ δ    ∂L/∂b = Σ δ    ∂L/∂h = δ Wᵀ    δ of the layer before = ∂L/∂h ∘ (1 − h²)
    /// ```
    fn backward(&self, h: &[Array2<f64>], labels: &ArrayRef1<usize>) -> Vec<(Array2<f64>, Array1<f64>)> {
        let mut delta = cross_entropy_backward(&h[self.layers.len()], labels);
        let mut gradients = Vec::new();
        for (k, (weight, _)) in self.layers.iter().enumerate().rev() {
            gradients.push((h[k].t().dot(&delta), delta.sum_axis(Axis(0))));
            delta = delta.dot(&weight.t()) * h[k].mapv(|h| 1.0 - h * h);
        }
        gradients.reverse();
        gradients
    }

    fn step(&mut self, gradients: &[(Array2<f64>, Array1<f64>)], lr: f64) {
        for ((weight, bias), (dw, db)) in self.layers.iter_mut().zip(gradients) {
            weight.scaled_add(-lr, dw);
            bias.scaled_add(-lr, db);
        }
    }
}

fn table(data: &Labelled<f64>) -> Outcome<Array2<f64>> {
    Ok(data.inputs().clone().into_dimensionality::<Ix2>()?)
}

/// The same gradients from the tape.
fn by_tape(network: &Network, x: &Array2<f64>, labels: &Array1<usize>) -> Outcome<Vec<(Array2<f64>, Array1<f64>)>> {
    let tape = Tape::recording();
    let parameters: Vec<(Var<f64>, Var<f64>)> = network
        .layers
        .iter()
        .map(|(weight, bias)| (tape.variable(weight.clone()), tape.variable(bias.clone())))
        .collect();
    let mut h = tape.input(x.clone());
    for (k, (weight, bias)) in parameters.iter().enumerate() {
        let a = h.matmul(weight)?.try_add(bias)?;
        h = if k + 1 < parameters.len() { a.tanh() } else { a };
    }
    let gradients: Gradients<f64> = h.cross_entropy(labels)?.backward()?;
    let of = |variable: &Var<f64>| gradients.get(variable).map(|gradient| gradient.clone().into_array());
    let missing = "every parameter takes part in the loss";
    parameters
        .iter()
        .map(|(weight, bias)| {
            let weight = of(weight).ok_or(missing)?.into_dimensionality()?;
            Ok((weight, of(bias).ok_or(missing)?.into_dimensionality()?))
        })
        .collect()
}

fn beside_the_tape(chapter: &mut Chapter, network: &Network, train: &Labelled<f64>) -> Outcome {
    chapter.section("Back-propagation by hand, and by the tape");
    let (x, labels) = (table(train)?, train.labels());
    let by_hand = network.backward(&network.forward(&x), labels);
    let by_tape = by_tape(network, &x, labels)?;
    let mut worst = 0.0_f64;
    for (k, ((dw, db), (dw_tape, db_tape))) in by_hand.iter().zip(&by_tape).enumerate() {
        let off = (dw - dw_tape).iter().chain(&(db - db_tape)).fold(0.0, |worst: f64, off| worst.max(off.abs()));
        chapter.say(format!("layer {}: ‖∂L/∂W‖ = {:.4}, the tape is {off:.0e} off at most", k + 1, l2_norm(dw)));
        worst = worst.max(off);
    }
    chapter.check("both find the same gradients, to 12 digits", worst < 1e-12);
    Ok(())
}

fn accuracy(network: &Network, data: &Labelled<f64>) -> Outcome<f64> {
    let h = network.forward(&table(data)?);
    let scores = &h[network.layers.len()];
    let best = |row: gradus::ndarray::ArrayView1<'_, f64>| (0..row.len()).max_by(|&a, &b| row[a].total_cmp(&row[b]));
    let right = scores.rows().into_iter().zip(data.labels()).filter(|(row, label)| best(*row) == Some(**label)).count();
    Ok(right as f64 / data.len() as f64)
}

fn training(
    chapter: &mut Chapter,
    options: &Options,
    mut network: Network,
    train: &Labelled<f64>,
    test: &Labelled<f64>,
    rng: &mut StdRng,
) -> Outcome {
    chapter.section("A network that reads digits");
    let untrained = accuracy(&network, test)?;
    let (mut losses, mut accuracies) = (Vec::new(), [Vec::new(), Vec::new()]);
    for epoch in 1..=options.epochs {
        for (x, labels) in train.batches(32).shuffled(rng) {
            let h = network.forward(&x.into_dimensionality::<Ix2>()?);
            let gradients = network.backward(&h, &labels);
            network.step(&gradients, 0.3);
        }
        let h = network.forward(&table(train)?);
        losses.push((epoch as f64, cross_entropy(&h[network.layers.len()], train.labels())));
        for (accuracies, data) in accuracies.iter_mut().zip([train, test]) {
            accuracies.push((epoch as f64, 100.0 * accuracy(&network, data)?));
        }
    }
    let loss = Plot::new("Loss on the training digits", "epoch", "cross-entropy in nats").logarithmic();
    let loss = loss.series("", Kind::Line, losses);
    chapter.figure("loss", "The loss falls from epoch to epoch.", &loss.svg()?)?;
    let [of_train, of_test] = accuracies;
    let end = of_test.last().map_or(0.0, |end| end.1);
    let plot = Plot::new("Digits read rightly", "epoch", "per cent");
    let plot = plot.series("training digits", Kind::Line, of_train).series("test digits", Kind::Line, of_test);
    chapter.figure(
        "accuracy",
        "Digits that it has never seen it reads a little less well than those that it was trained on.",
        &plot.svg()?,
    )?;
    chapter.say(format!("untrained it reads {:.1} % of the test digits, trained {end:.1} %", 100.0 * untrained));
    chapter.check("trained it reads more than 95 % of digits that it has not seen", end > 95.0);
    Ok(())
}

/// How much of the gradient is left at the first of many layers.
fn depth(chapter: &mut Chapter, train: &Labelled<f64>, rng: &mut StdRng) -> Outcome {
    chapter.section("Many layers: a product of many factors");
    const LAYERS: usize = 20;
    let x = table(&train.select(&(0..64).collect::<Vec<_>>())?)?;
    let mut plot =
        Plot::new("The gradient on its way back", "layer", "‖∂L/∂h‖, that at the last layer 1").logarithmic();
    let mut first = Vec::new();
    for (name, kind, gain) in [
        ("sigmoid", "sigmoid", 1.0),
        ("tanh, small weights", "tanh", 0.7),
        ("tanh", "tanh", 1.1),
        ("ReLU, He's weights", "relu", 2.0_f64.sqrt()),
    ] {
        let weights: Vec<Parameter<f64>> = (0..LAYERS)
            .map(|_| {
                // Uniform numbers up to √3 have deviation 1.
                let reach = gain * (3.0 / 64.0_f64).sqrt();
                Array2::from_shape_simple_fn((64, 64), || rng.random_range(-reach..reach)).into()
            })
            .collect();
        let tape = Tape::recording();
        let mut h = vec![tape.variable(x.clone())];
        for weight in &weights {
            let a = h[h.len() - 1].matmul(&tape.parameter(weight))?;
            h.push(match kind {
                "sigmoid" => a.sigmoid(),
                "tanh" => a.tanh(),
                _ => a.relu(),
            });
        }
        h.iter().for_each(Var::retain_gradient);
        let target = tape.input(Array2::from_shape_simple_fn((64, 64), || rng.random_range(-1.0..1.0)));
        let gradients = (&h[LAYERS] * &target).sum().backward()?;
        let norms: Vec<f64> = h.iter().map(|h| gradients.get(h).map_or(0.0, |gradient| l2_norm(gradient))).collect();
        let last = norms[LAYERS];
        first.push((name, norms[0] / last));
        plot = plot.series(name, Kind::Line, norms.iter().enumerate().map(|(k, norm)| (k as f64, norm / last)));
    }
    chapter.figure("depth", "The same loss at the end of 20 layers, and what of its gradient comes to the first. Each layer multiplies: factors below 1 make it vanish.", &plot.svg()?)?;
    for (name, share) in &first {
        chapter.say(format!("{name}: {share:.1e} of the gradient comes to the first layer"));
    }
    chapter.check("through 20 sigmoids less than a millionth comes", first[0].1 < 1e-6);
    chapter.check("through ReLU with He's weights more than a hundredth", first[3].1 > 1e-2);
    Ok(())
}
