//! Batch normalization, forward and backward, written out.

use crate::Outcome;
use gradus::ndarray::{Array1, Array2, Axis, Dimension};
use gradus::nn_layers::{Sequential, init, sequential};
use gradus::prelude::{
    BatchNorm1d, Digits, Gradients, Layer, Linear, Losses, Optimizer, Relu, Sgd, Tape, Var, evaluate,
};
use gradus::rand::{SeedableRng, rngs::StdRng};
use gradus_course::{Chapter, Kind, Plot};

const EPS: f64 = 1e-5;

/// Batch normalization of a table with a row for each sample, and what its backward pass needs.
struct ByHand {
    mean: Array1<f64>,
    /// Divided by `n`.
    variance: Array1<f64>,
    normal: Array2<f64>,
    y: Array2<f64>,
}

impl ByHand {
    /// `x̂ = (x − μ) / √(v + ε)`, `y = γ x̂ + β`, column by column.
    fn forward(x: &Array2<f64>, gamma: &Array1<f64>, beta: &Array1<f64>) -> Self {
        let n = x.nrows() as f64;
        let mean = x.sum_axis(Axis(0)) / n;
        let variance = (x - &mean).pow2().sum_axis(Axis(0)) / n;
        let normal = (x - &mean) / variance.mapv(|v| (v + EPS).sqrt());
        let y = &normal * gamma + beta;
        Self { mean, variance, normal, y }
    }

    /// `∂L/∂β = Σ dy`, `∂L/∂γ = Σ dy x̂`, `∂L/∂x = γ/√(v + ε) (dy − mean dy − x̂ mean(dy x̂))`.
    fn backward(&self, dy: &Array2<f64>, gamma: &Array1<f64>) -> [Array2<f64>; 3] {
        let n = dy.nrows() as f64;
        let (beta, scale) = (dy.sum_axis(Axis(0)), (dy * &self.normal).sum_axis(Axis(0)));
        let inside = dy - &(&beta / n) - &self.normal * &(&scale / n);
        let x = inside * &(gamma / &self.variance.mapv(|v| (v + EPS).sqrt()));
        [x, scale.insert_axis(Axis(0)), beta.insert_axis(Axis(0))]
    }
}

fn off<A: Dimension, B: Dimension>(a: &gradus::ndarray::Array<f64, A>, b: &gradus::ndarray::ArrayRef<f64, B>) -> f64 {
    a.iter()
        .zip(b.iter())
        .fold(if a.len() == b.len() { 0.0 } else { f64::INFINITY }, |off, (a, b)| off.max((a - b).abs()))
}

/// Beside the library, and what it makes of the weights before it.
pub(crate) fn by_hand(chapter: &mut Chapter, rng: &mut StdRng) -> Outcome {
    chapter.section("Batch normalization, written out");
    let (n, channels) = (12, 5);
    let x: Array2<f64> = init::normal((n, channels), 3.0, 2.0, rng);
    let (gamma, beta): (Array1<f64>, Array1<f64>) =
        (init::normal(channels, 1.0, 0.5, rng), init::normal(channels, 0.0, 1.0, rng));
    let dy: Array2<f64> = init::normal((n, channels), 0.0, 1.0, rng);
    let hand = ByHand::forward(&x, &gamma, &beta);
    let [dx, dgamma, dbeta] = hand.backward(&dy, &gamma);

    let mut layer = BatchNorm1d::<f64>::new(channels);
    (layer.weight, layer.bias) = (Some(gamma.clone().into()), Some(beta.clone().into()));
    let tape = Tape::<f64>::training(rng);
    let input = tape.variable(x.clone());
    let y = layer.forward(&input)?;
    let gradients = (&y * &tape.input(dy.clone())).sum().backward()?;
    let missing = "everything takes part in the loss";
    let (weight, bias) = (layer.weight.as_ref().ok_or(missing)?, layer.bias.as_ref().ok_or(missing)?);
    let apart = [
        off(&hand.y, y.value()),
        off(&dx, gradients.get(&input).ok_or(missing)?),
        off(&dgamma, gradients.get(weight).ok_or(missing)?),
        off(&dbeta, gradients.get(bias).ok_or(missing)?),
    ];
    chapter.say(format!(
        "apart from the library: output {:.0e}, ∂L/∂x {:.0e}, ∂L/∂γ {:.0e}, ∂L/∂β {:.0e}",
        apart[0], apart[1], apart[2], apart[3]
    ));
    chapter.check("forward and backward are the library's, to 12 digits", apart.iter().all(|&off| off < 1e-12));
    let sums = dx
        .sum_axis(Axis(0))
        .iter()
        .chain(&(&dx * &hand.normal).sum_axis(Axis(0)))
        .fold(0.0_f64, |most, sum| most.max(sum.abs()));
    chapter.check("∂L/∂x adds up to 0 in each channel, and along x̂, but for ε", sums < 1e-4);

    // The running statistics travel with the gradients; a step of length 0 puts them in place.
    drop((input, y));
    Sgd::new(0.0).step(&mut layer, &gradients)?;
    let running = (layer.running_mean.as_ref().ok_or(missing)?, layer.running_var.as_ref().ok_or(missing)?);
    let expected = (0.1 * &hand.mean, 0.9 + 0.1 * &hand.variance * (n as f64 / (n as f64 - 1.0)));
    let apart = off(&expected.0, running.0.value()).max(off(&expected.1, running.1.value()));
    chapter.check("running mean and variance are 0.9 of the old and 0.1 of the batch's", apart < 1e-12);

    // Weights before a batch normalization: their length does not count, so the gradient is orthogonal to them.
    let w: Array2<f64> = init::normal((channels, 4), 0.0, 1.0, rng);
    let target: Array2<f64> = init::normal((n, 4), 0.0, 1.0, rng);
    let norm = BatchNorm1d::<f64>::new(4);
    let mut at = |scale: f64| -> Outcome<(Array2<f64>, f64)> {
        let tape = Tape::<f64>::training(rng);
        let variable: Var<f64> = tape.variable(&w * scale);
        let y = norm.forward(&tape.input(x.clone()).matmul(&variable)?)?;
        let loss = y.try_sub(&tape.input(target.clone()))?.square().mean();
        let value = loss.item().unwrap_or(f64::NAN);
        let gradients: Gradients<f64> = loss.backward()?;
        let gradient = gradients.get(&variable).ok_or(missing)?.clone().into_array().into_dimensionality()?;
        Ok((gradient, value))
    };
    let ((once, loss), (tenfold, same)) = (at(1.0)?, at(10.0)?);
    let length = |a: &Array2<f64>| a.pow2().sum().sqrt();
    let cosine = (&once * &w).sum() / (length(&once) * length(&w));
    chapter.say(format!(
        "weights ten times as long: loss {loss:.6} and {same:.6}, gradient {:.5} and {:.5}; the cosine of weights and gradient is {cosine:.0e}",
        length(&once),
        length(&tenfold)
    ));
    chapter.check(
        "ten times the weights have the same loss and a tenth of the gradient",
        (loss - same).abs() < 1e-4 && (10.0 * length(&tenfold) / length(&once) - 1.0).abs() < 1e-3,
    );
    chapter.check("the gradient is orthogonal to the weights", cosine.abs() < 1e-3);
    Ok(())
}

fn deep(normalized: bool, rng: &mut StdRng) -> Sequential {
    let norm = || normalized.then(|| BatchNorm1d::new(64));
    let [a, b, c, d] = [0; 4].map(|_| Linear::new(64, 64, rng));
    sequential![a, norm(), Relu, b, norm(), Relu, c, norm(), Relu, d, norm(), Relu, Linear::new(64, 10, rng)]
}

/// Five layers with plain descent and every rate.
pub(crate) fn rates(chapter: &mut Chapter, seed: u64) -> Outcome {
    chapter.section("Batch normalization and the learning rate");
    const STEPS: usize = 300;
    const TIMES: u64 = 3;
    let (data, _) = Digits::embedded().split(0.8, &mut StdRng::seed_from_u64(seed))?;
    let mut plot = Plot::new(
        &format!("Five layers, plain descent, {STEPS} steps"),
        "log₁₀ of the learning rate",
        "cross-entropy on the training digits",
    )
    .logarithmic();
    let mut good = Vec::new();
    for (name, normalized) in [("plain", false), ("batch normalization", true)] {
        let (mut line, mut count) = (Vec::new(), 0);
        for k in -6..=2 {
            let rate = 0.5 * f64::from(k);
            let mut mean = 0.0;
            for time in 0..TIMES {
                let rng = &mut StdRng::seed_from_u64(seed + time);
                let (mut model, mut sgd) = (deep(normalized, rng), Sgd::new(10_f64.powf(rate)));
                let mut batches: Vec<_> = Vec::new();
                while batches.len() < STEPS {
                    batches.extend(data.batches(32).shuffled(rng));
                }
                let mut ran = true;
                for (images, labels) in batches.into_iter().take(STEPS).filter(|(_, labels)| labels.len() > 1) {
                    let loss = model.forward(&Tape::training(&mut *rng).input(images))?.cross_entropy(&labels)?;
                    let Ok(gradients) = loss.backward() else {
                        ran = false;
                        break;
                    };
                    sgd.step(&mut model, &gradients)?;
                }
                let end = if ran { evaluate(&model, &data).map_or(10.0, |found| found.loss) } else { 10.0 };
                mean += end.min(10.0) / TIMES as f64;
            }
            count += usize::from(mean < 0.3);
            line.push((rate, mean));
        }
        plot = plot.series(name, Kind::Line, line);
        good.push(count);
    }
    chapter.figure(
        "rates",
        "With batch normalization far more rates train the network. What has run away is drawn at 10.",
        &plot.svg()?,
    )?;
    chapter
        .say(format!("rates that come below a loss of 0.3: {} without, {} with batch normalization", good[0], good[1]));
    chapter.check("with batch normalization more rates do", good[1] > good[0]);
    Ok(())
}
