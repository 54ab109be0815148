//! Regularization through what the network is shown: smoothed labels, and digits that are not quite those of the data set.

use crate::Outcome;
use crate::table::{data, turned};
use gradus::conv::picture::{Panel, Scale, svg};
use gradus::ndarray::{Array1, Array2, ArrayD, Ix2};
use gradus::nn_layers::{CrossEntropy, init};
use gradus::prelude::Tape;
use gradus::rand::{RngExt, SeedableRng, rngs::StdRng};
use gradus::regularize::augment::Mixup;
use gradus::regularize::smooth_labels;
use gradus_course::{Chapter, Kind, Plot};

/// How far apart scores go.
pub(crate) fn smoothing(chapter: &mut Chapter, rng: &mut StdRng) -> Outcome {
    chapter.section("Label smoothing: scores that have somewhere to stop");
    const CLASSES: usize = 10;
    // The gradient is p − q, as ever: softmax minus what should have been said.
    let scores: Array2<f64> = init::normal((4, CLASSES), 0.0, 2.0, rng);
    let labels: Array1<usize> = (0..4).map(|_| rng.random_range(0..CLASSES)).collect();
    let q =
        Array2::from_shape_fn((4, CLASSES), |(i, k)| 0.9 * f64::from(u8::from(labels[i] == k)) + 0.1 / CLASSES as f64);
    let tape = Tape::<f64>::recording();
    let variable = tape.variable(scores);
    let gradients = CrossEntropy::new().label_smoothing(0.1).loss(&variable, &labels)?.backward()?;
    let p = variable.softmax(-1)?.value().to_owned().into_array().into_dimensionality::<Ix2>()?;
    let library = gradients.get(&variable).ok_or("the scores take part in the loss")?;
    let off = ((p - q) / 4.0).iter().zip(library.iter()).fold(0.0, |off: f64, (a, b)| off.max((a - b).abs()));
    chapter.check("the gradient is (p − q)/n, to 12 digits", off < 1e-12);

    // Descent on the scores themselves: one of the right class, nine alike of the others. What matters is the gap.
    const STEPS: usize = 4000;
    let mut plot = Plot::new("The score of the right class above the others", "log₁₀ of the step", "gap");
    let mut off = 0.0_f64;
    let mut gaps = Vec::new();
    for eps in [0.0, 0.1, 0.3] {
        let others = (CLASSES - 1) as f64;
        let (right, wrong) = (1.0 - eps + eps / CLASSES as f64, eps / CLASSES as f64);
        let (mut gap, mut line, mut next) = (0.0_f64, Vec::new(), 0.0_f64);
        for step in 0..STEPS {
            if step as f64 >= next {
                line.push(((step as f64 + 1.0).log10(), gap));
                next = (1.1 * next).max(next + 1.0);
            }
            let p = gap.exp() / (gap.exp() + others);
            gap -= (p - right) - ((1.0 - p) / others - wrong);
        }
        plot = plot.series(&format!("ε = {eps}"), Kind::Line, line);
        if eps > 0.0 {
            let limit = (right / wrong).ln();
            plot = plot.series(
                &format!("limit {limit:.2}"),
                Kind::Dashed,
                [(0.0, limit), ((STEPS as f64).log10(), limit)],
            );
            off = off.max((gap - limit).abs());
        }
        gaps.push(gap);
    }
    chapter.figure(
        "smoothing",
        "Hard labels are never satisfied: the gap grows as a logarithm. Smoothed ones are, at a gap of their own.",
        &plot.svg()?,
    )?;
    chapter.say(format!(
        "after {STEPS} steps: hard labels {:.2}, ε = 0.1 {:.2}, ε = 0.3 {:.2}",
        gaps[0], gaps[1], gaps[2]
    ));
    chapter.check("with ε the gap ends at ln((1 − ε + ε/K)/(ε/K)), to 0.001", off < 1e-3);
    chapter.check("without, it is beyond both", gaps[0] > gaps[1].max(gaps[2]));
    Ok(())
}

/// The same digits as the network sees them.
pub(crate) fn seen(chapter: &mut Chapter, seed: u64) -> Outcome {
    chapter.section("Digits that are not in the data set");
    const SHOWN: usize = 3;
    let rng = &mut StdRng::seed_from_u64(seed);
    let shown = data(seed)?.train.select(&(0..SHOWN).collect::<Vec<_>>())?;
    let images = shown.inputs().clone();
    let noise: Array2<f32> = init::normal((SHOWN, 64), 0.0, 0.3, rng);
    let onehot: Array2<f32> = smooth_labels(shown.labels(), 10, 0.0)?;
    let flat = images.clone().into_dimensionality::<Ix2>()?;
    // A mix of each with another, if the draw has one.
    let (mut mixed, mut targets) = Mixup::new(8.0).apply(flat.view(), onehot.view(), rng)?;
    for _ in 0..50 {
        if targets.rows().into_iter().all(|row| row.iter().filter(|&&share| share > 0.0).count() > 1) {
            break;
        }
        (mixed, targets) = Mixup::new(8.0).apply(flat.view(), onehot.view(), rng)?;
    }
    let names = |targets: &Array2<f32>, i: usize| -> String {
        let parts = targets
            .row(i)
            .iter()
            .enumerate()
            .filter(|(_, share)| **share > 0.005)
            .map(|(k, share)| if *share > 0.995 { k.to_string() } else { format!("{:.0} % {k}", 100.0 * share) })
            .collect::<Vec<_>>();
        parts.join(", ")
    };
    let mut panels = Vec::new();
    let kinds: [(&str, ArrayD<f32>, &Array2<f32>); 4] = [
        ("as they are", images.clone(), &onehot),
        ("with noise of 0.3", &images + &noise.into_dyn(), &onehot),
        ("turned and stretched", turned(turned(images.clone(), 12.0, seed)?, 12.0, seed + 1)?, &onehot),
        ("mixed up", mixed.clone().into_dyn(), &targets),
    ];
    for (title, images, targets) in kinds {
        let mut panel = Panel::new(title, Scale::Ink).columns(1);
        for (i, image) in images.outer_iter().enumerate() {
            panel = panel.tile(names(targets, i), &image.to_shape((8, 8))?.mapv(|ink| ink.clamp(0.0, 1.0)))?;
        }
        panels.push(panel);
    }
    chapter.figure("seen", "The same three digits as the network gets to see them: with noise, turned and stretched, and mixed with one another, labels too.", &svg("Three digits, four ways", &panels)?)?;

    // Mixup: each row is λ of itself and 1 − λ of another. What is λ of the image? And of the labels?
    let mut off = 0.0_f32;
    for i in 0..SHOWN {
        let apart = |j: usize| {
            let way = &flat.row(i) - &flat.row(j);
            let share = if i == j { 1.0 } else { (&mixed.row(i) - &flat.row(j)).dot(&way) / way.dot(&way) };
            let image = share * &flat.row(i) + (1.0 - share) * &flat.row(j) - mixed.row(i);
            let label = share * &onehot.row(i) + (1.0 - share) * &onehot.row(j) - targets.row(i);
            image.iter().chain(&label).fold(0.0_f32, |off, d| off.max(d.abs()))
        };
        off = off.max((0..SHOWN).map(apart).fold(f32::INFINITY, f32::min));
    }
    chapter.check("what mixup mixes of two images it mixes of their labels", off < 1e-4);
    Ok(())
}
