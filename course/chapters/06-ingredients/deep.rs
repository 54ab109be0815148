//! The LSTM, LeNet and the ideas of AlexNet, each measured.

use crate::Outcome;
use gradus::conv::AvgPool2d;
use gradus::ndarray::{Array4, Ix4, s};
use gradus::prelude::*;
use gradus::regularize::augment::{Shift, each};
use gradus::rnn_bptt::drivers::ManyToOne;
use gradus::rnn_bptt::tasks::{Adding, Task};
use gradus::rnn_bptt::{Cell, ClipLog, Recurrent};
use gradus_course::{Chapter, Kind, Plot};

/// LeNet's plan for images of 8 × 8: convolution, mean, convolution, mean, and a linear layer.
#[derive(Module)]
struct LeNet {
    c1: Conv2d,
    c3: Conv2d,
    out: Linear,
}

impl Layer for LeNet {
    fn forward(&self, x: &Var) -> Result<Var> {
        let half = AvgPool2d::new(2);
        let x = half.forward(&self.c1.forward(x)?.tanh())?;
        let x = half.forward(&self.c3.forward(&x)?.tanh())?;
        self.out.forward(&x.flatten_from(1)?)
    }
}

/// Linear layers with tanh or ReLU between them, and dropout before the last.
#[derive(Module)]
struct Net {
    layers: Vec<Linear>,
    #[module(skip)]
    relu: bool,
    dropout: Dropout,
}

impl Net {
    /// Weights whose deviation keeps the size of what goes through: `√(2/n)` with ReLU, `√(1/n)` with tanh.
    fn new(sizes: &[usize], relu: bool, dropout: f64, rng: &mut StdRng) -> Self {
        let layer = |sizes: &[usize]| {
            let mut layer = Linear::new(sizes[0], sizes[1], rng);
            // They are drawn with a deviation of √(1/3n).
            let gain = if relu { 6.0_f32.sqrt() } else { 3.0_f32.sqrt() };
            layer.weight.value_mut().mapv_inplace(|w| w * gain);
            layer
        };
        Self { layers: sizes.windows(2).map(layer).collect(), relu, dropout: Dropout::new(dropout) }
    }
}

impl Layer for Net {
    fn forward(&self, x: &Var) -> Result<Var> {
        let mut h = x.flatten_from(1)?;
        for (k, layer) in self.layers.iter().enumerate() {
            if k + 1 == self.layers.len() {
                return layer.forward(&self.dropout.forward(&h)?);
            }
            let a = layer.forward(&h)?;
            h = if self.relu { a.relu() } else { a.tanh() };
        }
        Ok(h)
    }
}

fn images(data: &Labelled) -> Outcome<Array4<f32>> {
    Ok(data.inputs().clone().into_dimensionality::<Ix4>()?)
}

/// The same digits, a pixel further to the right.
fn moved(data: &Labelled) -> Outcome<Labelled> {
    let x = images(data)?;
    let mut y = Array4::zeros(x.raw_dim());
    y.slice_mut(s![.., .., .., 1..]).assign(&x.slice(s![.., .., .., ..-1]));
    Ok(Labelled::new(y, data.labels().clone(), data.classes())?)
}

/// Trains with Adam; returns the accuracy on the training digits after each epoch.
fn train<M: Module + Layer>(
    model: &mut M,
    data: &Labelled,
    epochs: usize,
    shift: usize,
    rng: &mut StdRng,
) -> Outcome<Vec<f64>> {
    let mut adam = Adam::new(3e-3);
    let mut curve = Vec::new();
    for _ in 0..epochs {
        for (x, labels) in data.batches(32).shuffled(rng) {
            let mut x = x.into_dimensionality::<Ix4>()?;
            if shift > 0 {
                let seed = rng.next_u64();
                x = each(&Shift::new(shift, shift), x.view(), |n| StdRng::seed_from_u64(seed.wrapping_add(n as u64)))?;
            }
            let tape = Tape::training(rng);
            let loss = model.forward(&tape.input(x))?.cross_entropy(&labels)?;
            adam.step(model, &loss.backward()?)?;
        }
        curve.push(accuracy(model, data)?);
    }
    Ok(curve)
}

fn digits(rng: &mut StdRng) -> Outcome<(Labelled, Labelled)> {
    let (train, test) = Digits::embedded().split(0.8, rng)?;
    Ok((train.reshape_inputs(&[1, 8, 8])?, test.reshape_inputs(&[1, 8, 8])?))
}

/// The loss over training on the adding problem, a mean of every 20 batches.
fn adding<C: Cell<Float = f32>>(recurrent: Recurrent<C>, task: &Adding, rng: &mut StdRng) -> Outcome<Vec<(f64, f64)>> {
    let mut model = ManyToOne::new(recurrent, 1, rng)?;
    let (mut adam, mut log) = (Adam::new(5e-3), ClipLog::new(1.0)?);
    let (mut curve, mut sum) = (Vec::new(), 0.0);
    for batch in 1..=800_u32 {
        let drawn = task.batch::<f32>(32, rng);
        let loss = drawn.loss(&model.forward(&Tape::training(rng).input(drawn.input.clone()))?)?;
        sum += f64::from(loss.item().unwrap_or(f32::NAN));
        let mut gradients = loss.backward()?;
        log.clip(&mut gradients)?;
        adam.step(&mut model, &gradients)?;
        if batch % 20 == 0 {
            curve.push((f64::from(batch), sum / 20.0));
            sum = 0.0;
        }
    }
    Ok(curve)
}

pub(crate) fn lstm(chapter: &mut Chapter, rng: &mut StdRng) -> Outcome {
    chapter.section("1997: the LSTM");
    let task = Adding::new(60)?;
    let rnn = adding(Rnn::new(2, 32, rng), &task, rng)?;
    let lstm = adding(Lstm::new(2, 32, rng).chrono(60, rng)?, &task, rng)?;
    let (of_rnn, of_lstm) = (rnn[rnn.len() - 1].1, lstm[lstm.len() - 1].1);
    chapter.say(format!("adding two marked numbers of 60: a loss of {of_rnn:.4} with an RNN, {of_lstm:.4} with an LSTM; who always says 1 has {:.4}", task.baseline()));
    let plot = Plot::new("Adding two marked numbers among 60", "batch", "mean squared error").logarithmic();
    let plot = plot.series("RNN", Kind::Line, rnn).series("LSTM", Kind::Line, lstm);
    let plot = plot.series("always 1", Kind::Dashed, [(0.0, task.baseline()), (800.0, task.baseline())]);
    chapter.figure("adding", "The LSTM finds the rule, the plain network does not.", &plot.svg()?)?;
    chapter.check("the LSTM has found the rule", of_lstm < 0.03);
    chapter.check("the plain network has not", of_rnn > 2.0 * of_lstm);
    Ok(())
}

pub(crate) fn lenet(chapter: &mut Chapter, rng: &mut StdRng) -> Outcome {
    chapter.section("1998: LeNet");
    let (train_set, test) = digits(rng)?;
    let test_moved = moved(&test)?;
    let mut lenet = LeNet {
        c1: Conv2d::new(1, 6, 5, rng).padding(2),
        c3: Conv2d::new(6, 16, 3, rng).padding(1),
        out: Linear::new(64, 10, rng),
    };
    let mut net = Net::new(&[64, 22, 10], false, 0.0, rng);
    chapter.say(format!("parameters: LeNet {}, fully connected {}", lenet.count_parameters(), net.count_parameters()));
    train(&mut lenet, &train_set, 80, 0, rng)?;
    train(&mut net, &train_set, 80, 0, rng)?;
    let of_lenet = [accuracy(&lenet, &test)?, accuracy(&lenet, &test_moved)?].map(|share| 100.0 * share);
    let of_net = [accuracy(&net, &test)?, accuracy(&net, &test_moved)?].map(|share| 100.0 * share);
    chapter.say(format!(
        "LeNet: {:.1} % of new digits, {:.1} % where they are moved by a pixel",
        of_lenet[0], of_lenet[1]
    ));
    chapter.say(format!(
        "fully connected: {:.1} % of new digits, {:.1} % where they are moved by a pixel",
        of_net[0], of_net[1]
    ));
    chapter.check("LeNet reads more than 94 % of new digits", of_lenet[0] > 94.0);
    chapter.check("of centred digits they read as many within 4 points", (of_lenet[0] - of_net[0]).abs() < 4.0);
    chapter.check(
        "of moved digits LeNet reads more than as many fully connected weights, by more than 5 points",
        of_lenet[1] > of_net[1] + 5.0,
    );
    Ok(())
}

pub(crate) fn alexnet(chapter: &mut Chapter, rng: &mut StdRng) -> Outcome {
    chapter.section("2012: the ideas of AlexNet");
    let (all, test) = digits(rng)?;
    let sizes = [64, 64, 64, 64, 64, 10];
    let mut plot =
        Plot::new("ReLU and tanh, four hidden layers of 64", "epoch", "training digits read wrongly in per cent");
    let mut ends = Vec::new();
    for (name, relu) in [("ReLU", true), ("tanh", false)] {
        let mut net = Net::new(&sizes, relu, 0.0, rng);
        let curve = train(&mut net, &all, 15, 0, rng)?;
        chapter.say(format!(
            "{name}: after 1 epoch {:.1} % of the training digits, after 15 {:.1} %",
            100.0 * curve[0],
            100.0 * curve[14]
        ));
        ends.push(curve[14]);
        plot = plot.series(
            name,
            Kind::Line,
            curve.into_iter().enumerate().map(|(k, right)| ((k + 1) as f64, 100.0 * (1.0 - right))),
        );
    }
    chapter
        .check("after 15 epochs both read more than 99 % of the training digits", ends.iter().all(|&end| end > 0.99));
    chapter.figure("relu", "ReLU and tanh in the same network.", &plot.svg()?)?;
    const RUNS: usize = 5;
    let few = all.select(&(0..200).collect::<Vec<_>>())?;
    let test_moved = moved(&test)?;
    let mut found = Vec::new();
    for (name, dropout, shift) in [("neither", 0.0, 0), ("dropout ½", 0.5, 0), ("moved at random", 0.0, 1)] {
        let mut sums = [0.0; 2];
        for _ in 0..RUNS {
            let mut net = Net::new(&[64, 256, 10], true, dropout, rng);
            train(&mut net, &few, 60, shift, rng)?;
            sums[0] += 100.0 * accuracy(&net, &test)? / RUNS as f64;
            sums[1] += 100.0 * accuracy(&net, &test_moved)? / RUNS as f64;
        }
        chapter.say(format!(
            "{name}, from 200 digits, mean of {RUNS}: {:.1} % of new digits, {:.1} % of moved ones",
            sums[0], sums[1]
        ));
        found.push(sums);
    }
    chapter.check("augmentation teaches to read moved digits", found[2][1] > found[0][1] + 5.0);
    chapter.check("of digits that are not moved it costs some", found[2][0] < found[0][0]);
    chapter.check("dropout does no harm worth a per cent", found[1][0] > found[0][0] - 1.0);
    Ok(())
}
