//! The rules on a network that reads digits, and learning rates that change.

use crate::Outcome;
use crate::optimize::{RULES, Rule, library};
use gradus::data::Labelled;
use gradus::ndarray::{Array1, ArrayD};
use gradus::nn_layers::{Sequential, sequential};
use gradus::optim::schedule::{Constant, CosineAnnealing, OneCycle, Schedule, StepDecay};
use gradus::prelude::{Digits, Layer, Linear, Losses, Optimizer, Relu, Tape, evaluate};
use gradus::rand::{SeedableRng, rngs::StdRng};
use gradus::regularize::noise::flip_labels;
use gradus_course::{Chapter, Kind, Plot};

type Batch = (ArrayD<f32>, Array1<usize>);
/// Steps, and the loss there.
type Curve = Vec<(f64, f64)>;

fn network(seed: u64) -> Sequential {
    let mut rng = StdRng::seed_from_u64(seed);
    sequential![Linear::new(64, 32, &mut rng), Relu, Linear::new(32, 10, &mut rng)]
}

/// So many batches, in an order that depends on the seed alone.
fn batches(data: &Labelled, size: usize, steps: usize, seed: u64) -> Vec<Batch> {
    let mut rng = StdRng::seed_from_u64(seed);
    let mut batches = Vec::new();
    while batches.len() < steps {
        batches.extend(data.batches(size).shuffled(&mut rng));
    }
    batches.truncate(steps);
    batches
}

/// The loss on all of the data, after every so many steps; it ends early where it is no longer finite.
fn train(
    model: &mut Sequential,
    optimizer: &mut dyn Optimizer,
    schedule: Option<&dyn Schedule>,
    batches: &[Batch],
    (data, every): (&Labelled, usize),
) -> Outcome<Curve> {
    let mut curve = vec![(0.0, evaluate(model, data)?.loss)];
    for (step, (images, labels)) in batches.iter().enumerate() {
        if let Some(schedule) = schedule {
            optimizer.set_lr(schedule.lr(step as u64));
        }
        let loss = model.forward(&Tape::recording().input(images.clone()))?.cross_entropy(labels)?;
        let Ok(gradients) = loss.backward() else { break };
        optimizer.step(model, &gradients)?;
        if (step + 1) % every == 0 {
            let Ok(found) = evaluate(model, data) else { break };
            curve.push(((step + 1) as f64, found.loss));
        }
    }
    Ok(curve)
}

/// The same, averaged over runs with other weights and other batches.
fn averaged(
    rule: Rule,
    lr: f64,
    schedule: Option<&dyn Schedule>,
    starts: &[(u64, Vec<Batch>)],
    (data, every): (&Labelled, usize),
) -> Outcome<(Curve, Vec<Sequential>)> {
    let (mut mean, mut trained): (Curve, _) = (Vec::new(), Vec::new());
    for (seed, batches) in starts {
        let mut model = network(*seed);
        let curve = train(&mut model, &mut *library(rule, lr), schedule, batches, (data, every))?;
        let steps = batches.len() / every;
        mean.resize(steps + 1, (0.0, 0.0));
        for (place, mean) in mean.iter_mut().enumerate() {
            // What has run away stays there.
            let loss = curve.get(place).map_or(f64::INFINITY, |point| point.1);
            *mean = ((place * every) as f64, mean.1 + loss / starts.len() as f64);
        }
        trained.push(model);
    }
    Ok((mean, trained))
}

/// Seeds of networks to start from, and the batches for each.
fn starts(data: &Labelled, size: usize, steps: usize, seed: u64) -> Vec<(u64, Vec<Batch>)> {
    (0..3).map(|time| (seed + time, batches(data, size, steps, seed + time))).collect()
}

/// Every rule with every rate; then each at its best.
pub(crate) fn race(chapter: &mut Chapter, seed: u64) -> Outcome {
    chapter.section("A race on the digits");
    const STEPS: usize = 270;
    let (data, test) = Digits::embedded().split(0.8, &mut StdRng::seed_from_u64(seed))?;
    let starts = starts(&data, 32, STEPS, seed);
    let rates: Vec<f64> = (-8..=1).map(|k| 0.5 * f64::from(k)).collect();
    let mut by_rate = Plot::new(
        &format!("The loss after {STEPS} steps, by the rate"),
        "log₁₀ of the learning rate",
        "cross-entropy on the training digits",
    )
    .logarithmic();
    let mut race = Plot::new("The race, each rule with its best rate", "step", "cross-entropy on the training digits")
        .logarithmic();
    let mut table = "rule               best rate    loss   test digits read\n".to_owned();
    let mut runs = Vec::new();
    for (rule, name) in RULES {
        let (mut losses, mut best) = (Vec::new(), (0.0, f64::INFINITY));
        for &rate in &rates {
            let lr = 10_f64.powf(rate);
            let (curve, _) = averaged(rule, lr, None, &starts, (&data, STEPS))?;
            let end = curve[1].1;
            // What has run away is drawn at the upper edge.
            losses.push((rate, end.min(10.0)));
            if end < best.1 {
                best = (lr, end);
            }
        }
        let (curve, trained) = averaged(rule, best.0, None, &starts, (&data, 15))?;
        let accuracies: Result<Vec<f64>, _> =
            trained.iter().map(|model| Ok(evaluate(model, &test)?.accuracy)).collect();
        let accuracies = accuracies.map_err(|error: gradus::nn_layers::Error| error)?;
        let accuracy = accuracies.iter().sum::<f64>() / accuracies.len() as f64;
        table += &format!("{name:18} {:9.4} {:7.4} {:15.1} %\n", best.0, best.1, 100.0 * accuracy);
        by_rate = by_rate.series(name, Kind::Line, losses);
        race = race.series(name, Kind::Line, curve);
        runs.push((rule, best.0, best.1, accuracy));
    }
    chapter.say(table);
    chapter.figure(
        "rates",
        "Too small a rate leaves all slow, too large a one breaks all. The valley between is each rule's own.",
        &by_rate.svg()?,
    )?;
    chapter.figure(
        "race",
        "The same networks, the same batches, each rule with its best rate: means of three runs.",
        &race.svg()?,
    )?;
    chapter.check(
        "with its best rate every rule reads more than 90 % of the test digits",
        runs.iter().all(|run| run.3 > 0.9),
    );
    let of = |rule: Rule| runs.iter().find(|run| run.0 == rule).map_or((f64::NAN, f64::NAN), |run| (run.1, run.2));
    let [descent, nesterov, adam] = [Rule::Descent, Rule::Nesterov, Rule::Adam].map(of);
    chapter.check("the best rate of Adam is a tenth of plain descent's, or less", adam.0 <= 0.11 * descent.0);
    chapter.check("Nesterov and Adam end below plain descent", nesterov.1.max(adam.1) < descent.1);
    Ok(())
}

/// Rates that fall, and rates that rise first.
pub(crate) fn schedules(chapter: &mut Chapter, seed: u64) -> Outcome {
    chapter.section("Learning rates that change");
    const STEPS: usize = 900;
    const PEAK: f64 = 0.1;
    let schedules: [(&str, Box<dyn Schedule>); 5] = [
        ("constant", Box::new(Constant::new(PEAK))),
        ("constant, a tenth", Box::new(Constant::new(0.1 * PEAK))),
        ("in steps", Box::new(StepDecay::new(PEAK, STEPS as u64 / 3, 0.1))),
        ("cosine, warmed up", Box::new(CosineAnnealing::new(PEAK, STEPS as u64 - 60).warm_up(60))),
        ("one cycle", Box::new(OneCycle::new(PEAK, STEPS as u64).without_momentum())),
    ];
    let mut rates = Plot::new("Five schedules", "step", "learning rate");
    for (name, schedule) in &schedules {
        let line = (0..STEPS).step_by(10).chain([STEPS - 1]).map(|step| (step as f64, schedule.lr(step as u64)));
        rates = rates.series(name, Kind::Line, line);
    }
    chapter.figure("schedules", "Five ways from the first step to the last.", &rates.svg()?)?;

    // A fifth of the labels is wrong: the samples never agree, and gradients keep their noise to the end.
    let mut rng = StdRng::seed_from_u64(seed);
    let (clean, _) = Digits::embedded().split(0.8, &mut rng)?;
    let labels = flip_labels(clean.labels(), 10, 0.2, &mut rng)?;
    let data = Labelled::new(clean.inputs().clone(), labels, 10)?;
    let mut plot = Plot::new("What schedules make of the same steps", "step", "cross-entropy on the training digits");
    let (starts, mut ends) = (starts(&data, 16, STEPS, seed), Vec::new());
    for (name, schedule) in &schedules {
        let (mean, _) = averaged(Rule::Momentum, PEAK, Some(&**schedule), &starts, (&data, 15))?;
        let late = &mean[mean.len() - 10..];
        let end = mean[mean.len() - 1].1;
        let average = late.iter().map(|point| point.1).sum::<f64>() / late.len() as f64;
        chapter.say(format!("{name}: loss {end:.3} at the end, {average:.3} on average over the last sixth"));
        ends.push(end);
        plot = plot.series(name, Kind::Line, mean);
    }
    chapter.figure(
        "annealed",
        "A long step goes far at first and stays noisy; one that falls has both.",
        &plot.svg()?,
    )?;
    chapter
        .check("all three that fall end below both constants", ends[2..].iter().all(|&end| end < ends[0].min(ends[1])));
    Ok(())
}
