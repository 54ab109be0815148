//! The same small network on the same few digits: plain, and with each regularizer alone.

use crate::Outcome;
use gradus::data::Labelled;
use gradus::ndarray::{Array, ArrayD, Ix2, Ix3, Ix4};
use gradus::nn_layers::{CrossEntropy, Sequential, sequential};
use gradus::prelude::{
    BatchNorm1d, Digits, Dropout, EarlyStopping, Layer, Linear, Losses, Optimizer, Relu, Sgd, Tape, evaluate,
};
use gradus::rand::{SeedableRng, rngs::StdRng, seq::SliceRandom};
use gradus::regularize::augment::{Compose, Maybe, Mixup, Rotate, Scale, each};
use gradus::regularize::noise::{GaussianNoise, flip_labels};
use gradus::regularize::penalty::{all_but_biases, l1, l2};
use gradus::regularize::{Ablation, Constraint, Decision, smooth_labels};
use gradus_course::{Chapter, Kind, Plot};

/// Digits to train on; as many are held out, to choose with.
pub(crate) const SAMPLES: usize = 120;
const EPOCHS: usize = 150;
/// The chance of each of them to have a wrong label.
const WRONG: f64 = 0.15;

/// What is switched on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Regularizer {
    None,
    EarlyStopping,
    L2,
    L1,
    MaxNorm,
    Dropout,
    LabelSmoothing,
    Noise,
    Augmentation,
    Mixup,
    BatchNorm,
}

/// Few digits to train on, some with a wrong label; as many, rightly labelled, to choose with; and the rest to test with.
pub(crate) struct Data {
    pub(crate) train: Labelled,
    pub(crate) held_out: Labelled,
    pub(crate) test: Labelled,
}

pub(crate) fn data(seed: u64) -> Outcome<Data> {
    let digits = Digits::embedded();
    let mut order: Vec<usize> = (0..digits.len()).collect();
    order.shuffle(&mut StdRng::seed_from_u64(seed));
    // Something to over-fit: of the labels to train on, about one in seven is wrong.
    let train = digits.select(&order[..SAMPLES])?;
    let labels = flip_labels(train.labels(), 10, WRONG, &mut StdRng::seed_from_u64(seed + 1))?;
    Ok(Data {
        train: Labelled::new(train.inputs().clone(), labels, 10)?,
        held_out: digits.select(&order[SAMPLES..2 * SAMPLES])?,
        test: digits.select(&order[2 * SAMPLES..])?,
    })
}

/// The digits turned by so many degrees at most, and stretched a little, half of them.
pub(crate) fn turned(images: ArrayD<f32>, degrees: f64, seed: u64) -> Outcome<ArrayD<f32>> {
    let n = images.shape()[0];
    let images = images.into_shape_with_order((n, 1, 8, 8))?;
    let little: Compose<f32, Ix3> = Compose::new().then(Maybe::new(
        Compose::new().then(Rotate::new(degrees)).then(Scale::new(1.0 - 0.01 * degrees, 1.0 + 0.01 * degrees)),
        0.5,
    ));
    let streams = |i: usize| StdRng::seed_from_u64(seed.wrapping_mul(1000) + i as u64);
    let images: Array<f32, Ix4> = each(&little, images.view(), streams)?;
    Ok(images.into_shape_with_order((n, 64))?.into_dyn())
}

/// Trains the network of 64, 128 and 10 units with a regularizer of some strength, if it has one; `look` is shown it after each epoch.
pub(crate) fn trained(
    (which, strength): (Regularizer, f64),
    data: &Data,
    seed: u64,
    mut look: impl FnMut(usize, &Sequential) -> Outcome,
) -> Outcome<Sequential> {
    let rng = &mut StdRng::seed_from_u64(seed);
    let (hidden, out) = (Linear::new(64, 128, rng), Linear::new(128, 10, rng));
    let on = |regularizer: Regularizer| which == regularizer;
    let mut model = sequential![
        on(Regularizer::Noise).then(|| GaussianNoise::new(strength)),
        hidden,
        on(Regularizer::BatchNorm).then(|| BatchNorm1d::new(128)),
        Relu,
        on(Regularizer::Dropout).then(|| Dropout::new(strength)),
        out,
    ];
    let mut sgd = Sgd::new(0.05).momentum(0.9);
    let mut stopping = EarlyStopping::new(20);
    // What a regularizer draws is no business of the batches' order.
    let mut drawn = StdRng::seed_from_u64(seed + 1);
    for epoch in 1..=EPOCHS {
        for (step, (images, labels)) in data.train.batches(30).shuffled(rng).enumerate() {
            let tape = Tape::training(&mut drawn);
            let loss = match which {
                Regularizer::Mixup => {
                    let targets = smooth_labels(&labels, 10, 0.0)?;
                    let images = images.into_dimensionality::<Ix2>()?;
                    let (images, targets) = Mixup::new(strength).apply(images.view(), targets.view(), rng)?;
                    model.forward(&tape.input(images))?.cross_entropy_soft(&targets)?
                }
                Regularizer::Augmentation => {
                    let images = turned(images, strength, seed + (EPOCHS * epoch + step) as u64)?;
                    model.forward(&tape.input(images))?.cross_entropy(&labels)?
                }
                Regularizer::LabelSmoothing => {
                    let scores = model.forward(&tape.input(images))?;
                    CrossEntropy::new().label_smoothing(strength).loss(&scores, &labels)?
                }
                _ => model.forward(&tape.input(images))?.cross_entropy(&labels)?,
            };
            let loss = match which {
                Regularizer::L2 => loss + &l2(&tape, &model, all_but_biases, strength)?,
                Regularizer::L1 => loss + &l1(&tape, &model, all_but_biases, strength)?,
                _ => loss,
            };
            sgd.step(&mut model, &loss.backward()?)?;
            if on(Regularizer::MaxNorm) {
                Constraint::MaxNorm(strength).project(&mut model, all_but_biases)?;
            }
        }
        look(epoch, &model)?;
        if on(Regularizer::EarlyStopping) {
            let loss = evaluate(&model, &data.held_out)?.loss;
            if stopping.observe(epoch, loss, &model)? == Decision::Stop {
                break;
            }
        }
    }
    if on(Regularizer::EarlyStopping) {
        stopping.restore_best(&mut model)?;
    }
    Ok(model)
}

/// What the plain network does, epoch by epoch.
pub(crate) fn overfitting(chapter: &mut Chapter, seed: u64) -> Outcome {
    chapter.section("Few digits, many weights");
    let data = data(seed)?;
    let (mut train, mut held_out) = (Vec::new(), Vec::new());
    trained((Regularizer::None, 0.0), &data, seed, |epoch, model| {
        train.push((epoch as f64, evaluate(model, &data.train)?.loss));
        held_out.push((epoch as f64, evaluate(model, &data.held_out)?.loss));
        Ok(())
    })?;
    let least = held_out.iter().fold(held_out[0], |least, point| if point.1 < least.1 { *point } else { least });
    let last = (train[EPOCHS - 1].1, held_out[EPOCHS - 1].1);
    let floor = train.iter().fold(f64::INFINITY, |floor, point| floor.min(point.1));
    let plot = Plot::new("A network of 9,610 weights on 120 digits, some labels wrong", "epoch", "cross-entropy")
        .logarithmic();
    let plot = plot.series("training", Kind::Line, train).series("held out", Kind::Line, held_out);
    let plot = plot.series("least held out", Kind::Dashed, [(least.0, floor), (least.0, 2.3)]);
    chapter.figure(
        "overfitting",
        "The training loss falls on; what the network says of other digits gets no better, and then worse.",
        &plot.svg()?,
    )?;
    chapter.say(format!(
        "after {EPOCHS} epochs: training loss {:.4}, held-out loss {:.3}; its least was {:.3}, after {} epochs",
        last.0, last.1, least.1, least.0
    ));
    chapter.check("at the end the training loss is less than a twentieth of the held-out loss", 20.0 * last.0 < last.1);
    chapter.check("the held-out loss was lower before, by a tenth at least", least.1 < 0.9 * last.1);
    Ok(())
}

/// What training ended with.
#[derive(Clone, Copy)]
struct Score {
    accuracy: f64,
    loss: f64,
    train_loss: f64,
}

/// One of the numbers of a score.
type Part = fn(&Score) -> f64;

fn mean_and_deviation(numbers: &[f64]) -> (f64, f64) {
    let n = numbers.len() as f64;
    let mean = numbers.iter().sum::<f64>() / n;
    (mean, (numbers.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (n - 1.0)).sqrt())
}

/// Each regularizer alone, over ten seeds.
pub(crate) fn all(chapter: &mut Chapter, seed: u64) -> Outcome {
    chapter.section("Each switched on alone");
    const RUNS: u64 = 10;
    let rows: [(&str, Regularizer, &[f64]); 11] = [
        ("nothing", Regularizer::None, &[0.0]),
        ("early stopping", Regularizer::EarlyStopping, &[0.0]),
        ("L2", Regularizer::L2, &[0.003, 0.01, 0.03]),
        ("L1", Regularizer::L1, &[0.001, 0.003, 0.01]),
        ("max-norm", Regularizer::MaxNorm, &[0.5, 1.0, 2.0]),
        ("dropout", Regularizer::Dropout, &[0.5, 0.75, 0.9]),
        ("label smoothing", Regularizer::LabelSmoothing, &[0.02, 0.05, 0.1]),
        ("noise", Regularizer::Noise, &[0.1, 0.3, 0.6]),
        ("augmentation", Regularizer::Augmentation, &[8.0, 16.0, 24.0]),
        ("mixup", Regularizer::Mixup, &[0.4, 1.0, 4.0]),
        ("batch norm", Regularizer::BatchNorm, &[0.0]),
    ];
    let seeds: Vec<u64> = (0..RUNS).map(|run| 100 * seed + run).collect();
    let data: Vec<Data> = seeds.iter().map(|&seed| data(seed)).collect::<Outcome<_>>()?;
    let (mut names, mut scores): (Vec<String>, Vec<Vec<Score>>) = (Vec::new(), Vec::new());
    for (name, which, strengths) in rows {
        let mut best: Option<(f64, f64, Vec<Score>)> = None;
        for &strength in strengths {
            let (mut found, mut held_out) = (Vec::new(), 0.0);
            for (&seed, data) in seeds.iter().zip(&data) {
                let model = trained((which, strength), data, seed, |_, _| Ok(()))?;
                let (test, train) = (evaluate(&model, &data.test)?, evaluate(&model, &data.train)?);
                found.push(Score { accuracy: 100.0 * test.accuracy, loss: test.loss, train_loss: train.loss });
                held_out += evaluate(&model, &data.held_out)?.loss / RUNS as f64;
            }
            if best.as_ref().is_none_or(|best| held_out < best.0) {
                best = Some((held_out, strength, found));
            }
        }
        let (_, strength, found) = best.ok_or("each has a strength")?;
        names.push(if strengths.len() > 1 { format!("{name}, {strength}") } else { name.to_owned() });
        scores.push(found);
    }
    let of = |row: usize, part: Part| -> Vec<f64> { scores[row].iter().map(part).collect() };
    let gain = |row: usize, part: Part| -> Vec<f64> {
        of(row, part).iter().zip(of(0, part)).map(|(with, without)| with - without).collect()
    };
    let (accuracy, loss, train): (Part, Part, Part) =
        (|score| score.accuracy, |score| score.loss, |score| score.train_loss);
    let mut table =
        "                      test digits read    gain            test loss          gain             training loss\n"
            .to_owned();
    for (row, name) in names.iter().enumerate() {
        let (read, lost) = (mean_and_deviation(&of(row, accuracy)), mean_and_deviation(&of(row, loss)));
        let (more, less) = (mean_and_deviation(&gain(row, accuracy)), mean_and_deviation(&gain(row, loss)));
        let seen = mean_and_deviation(&of(row, train)).0;
        table += &format!(
            "{name:20} {:6.2} ± {:4.2} %  {:+5.2} ± {:4.2}    {:6.3} ± {:5.3}    {:+6.3} ± {:5.3}    {seen:.4}\n",
            read.0, read.1, more.0, more.1, lost.0, lost.1, less.0, less.1
        );
    }
    chapter.say(format!(
        "{RUNS} runs: mean ± deviation; gains over nothing, run by run; strengths by the held-out loss\n{table}"
    ));
    for (name, title, axis, part) in [
        (
            "accuracy",
            "Test digits read, each regularizer alone",
            "per cent: a dot for each seed, a bar from nothing to the mean",
            accuracy,
        ),
        (
            "test-loss",
            "Test loss, each regularizer alone: less is better",
            "cross-entropy: a dot for each seed, a bar from nothing to the mean",
            loss,
        ),
    ] {
        let mut ablation = Ablation::new(&names[0], 0_usize);
        for (row, name) in names.iter().enumerate().skip(1) {
            ablation = ablation.switch(name, move |at| *at = row);
        }
        let place = |seed: u64| seeds.iter().position(|&of| of == seed).unwrap_or(0);
        let found = ablation.run(&seeds, |&row, seed| -> Outcome<f64> { Ok(part(&scores[row][place(seed)])) })?;
        chapter.figure(
            name,
            "The same network and digits, one thing switched on at a time, ten seeds.",
            &found.to_svg(title, axis),
        )?;
    }
    // A gain counts where its mean is more than twice its standard error.
    let sure = |row: usize, part: Part| {
        let (mean, deviation) = mean_and_deviation(&gain(row, part));
        mean.abs() > 2.0 * deviation / (RUNS as f64).sqrt()
    };
    let row = |which: Regularizer| rows.iter().position(|row| row.1 == which).unwrap_or(0);
    let lower = |which: Regularizer| sure(row(which), loss) && mean_and_deviation(&gain(row(which), loss)).0 < 0.0;
    let more =
        |which: Regularizer| sure(row(which), accuracy) && mean_and_deviation(&gain(row(which), accuracy)).0 > 0.0;
    let sure_of = |part: Part| {
        let names: Vec<&str> = (1..rows.len()).filter(|&row| sure(row, part)).map(|row| rows[row].0).collect();
        names.join(", ")
    };
    chapter.say(format!("differ from nothing by more than two standard errors in accuracy: {}", sure_of(accuracy)));
    chapter.say(format!("in test loss: {}", sure_of(loss)));
    let strong =
        [Regularizer::EarlyStopping, Regularizer::L2, Regularizer::MaxNorm, Regularizer::Dropout, Regularizer::Noise];
    chapter.check(
        "with early stopping, L2, max-norm, dropout or noise more digits are read, by more than two standard errors",
        strong.into_iter().all(more),
    );
    let others = [Regularizer::L1, Regularizer::LabelSmoothing, Regularizer::Mixup];
    chapter.check(
        "with these, L1, label smoothing or mixup the test loss is lower, by more than two standard errors",
        strong.into_iter().chain(others).all(lower),
    );
    Ok(())
}
