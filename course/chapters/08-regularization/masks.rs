//! Dropout as an ensemble of all that can be left of a network, and as a penalty.

use crate::Outcome;
use crate::table::{Regularizer, data, trained};
use gradus::ndarray::{Array1, Array2, Ix2};
use gradus::nn_layers::init;
use gradus::prelude::{Layer, Tape, evaluate};
use gradus::rand::{SeedableRng, rngs::StdRng};
use gradus_course::{Chapter, Kind, Plot};

/// The inputs of a small model.
const SIZE: usize = 10;

fn softmax(scores: &Array1<f64>) -> Array1<f64> {
    let most = scores.fold(f64::NEG_INFINITY, |most, &score| most.max(score));
    let p = scores.mapv(|score| (score - most).exp());
    &p / p.sum()
}

/// What can be computed by going through all 1,024 masks of ten inputs.
pub(crate) fn exact(chapter: &mut Chapter, rng: &mut StdRng) -> Outcome {
    chapter.section("Dropout: the mean over all masks");
    let masks = || (0..1_u32 << SIZE).map(|bits| Array1::from_shape_fn(SIZE, |i| f64::from(bits >> i & 1)));
    let count = f64::from(1_u32 << SIZE);
    let x: Array1<f64> = init::normal(SIZE, 0.0, 1.0, rng);
    let w: Array2<f64> = init::normal((SIZE, 3), 0.0, 1.0, rng);

    let (mut scores, mut logs, mut mean) = (Array1::<f64>::zeros(3), Array1::<f64>::zeros(3), Array1::<f64>::zeros(3));
    for mask in masks() {
        // Kept inputs are doubled, since half of them are kept.
        let seen = (&x * &mask * 2.0).dot(&w);
        let p = softmax(&seen);
        scores += &(seen / count);
        logs += &(p.mapv(f64::ln) / count);
        mean += &(p / count);
    }
    let whole = x.dot(&w);
    let most = |a: &Array1<f64>, b: &Array1<f64>| (a - b).iter().fold(0.0, |most: f64, d| most.max(d.abs()));
    chapter.check(
        "the mean of the scores over all masks is the score without a mask, to 12 digits",
        most(&scores, &whole) < 1e-12,
    );
    chapter.check(
        "the geometric mean of the probabilities, too: softmax without a mask",
        most(&softmax(&logs), &softmax(&whole)) < 1e-12,
    );
    chapter.say(format!("without a mask p = {:.4}\nmean of the p    {:.4}", softmax(&whole), mean));

    // Regression: E (y − Σ mⱼ xⱼ wⱼ / (1 − p))² = (y − x·w)² + p/(1 − p) Σ xⱼ² wⱼ², with masks that drop a share p.
    let (w, y, p) = (w.column(0).to_owned(), 1.0, 0.3_f64);
    let mut expected = 0.0;
    for mask in masks() {
        let kept = mask.sum();
        let probability = (1.0 - p).powf(kept) * p.powf(SIZE as f64 - kept);
        expected += probability * (y - (&x * &mask).dot(&w) / (1.0 - p)).powi(2);
    }
    let penalty = p / (1.0 - p) * (&x * &w).pow2().sum();
    let formula = (y - x.dot(&w)).powi(2) + penalty;
    chapter.say(format!(
        "squared error without a mask {:.4}, expected with masks {expected:.4}: {penalty:.4} more",
        (y - x.dot(&w)).powi(2)
    ));
    chapter.check("dropout of inputs is a squared penalty, to 12 digits", (expected / formula - 1.0).abs() < 1e-12);

    // The same for noise: E (y − (x + ε)·w)² = (y − x·w)² + σ² ‖w‖².
    const DRAWS: usize = 200_000;
    let sigma = 0.5;
    let noise: Array2<f64> = init::normal((DRAWS, SIZE), 0.0, sigma, rng);
    let errors = noise.dot(&w).mapv(|moved| (y - x.dot(&w) - moved).powi(2));
    let formula = (y - x.dot(&w)).powi(2) + sigma * sigma * w.pow2().sum();
    chapter.check(
        "so is noise on inputs, σ² ‖w‖²: within 2 % by 200,000 draws",
        (errors.sum() / DRAWS as f64 / formula - 1.0).abs() < 0.02,
    );
    Ok(())
}

/// A network trained with dropout: the mean of many masks, and the one pass without.
pub(crate) fn ensemble(chapter: &mut Chapter, seed: u64) -> Outcome {
    chapter.section("Dropout as an ensemble");
    const MOST: usize = 64;
    const TIMES: usize = 5;
    let data = data(seed)?;
    let model = trained((Regularizer::Dropout, 0.5), &data, seed, |_, _| Ok(()))?;
    let labels = data.test.labels();
    let loss = |p: &Array2<f32>| {
        labels.iter().enumerate().map(|(i, &label)| -f64::from(p[[i, label]]).ln()).sum::<f64>() / labels.len() as f64
    };
    let mut rng = StdRng::seed_from_u64(seed);
    let mut losses = vec![0.0; MOST];
    for _ in 0..TIMES {
        let mut sum = Array2::<f32>::zeros((labels.len(), 10));
        for (count, mean) in losses.iter_mut().enumerate() {
            let scores = model.forward(&Tape::training(&mut rng).input(data.test.inputs().clone()))?;
            sum += &scores.softmax(-1)?.value().to_owned().into_array().into_dimensionality::<Ix2>()?;
            *mean += loss(&(&sum / (count + 1) as f32)) / TIMES as f64;
        }
    }
    let whole = evaluate(&model, &data.test)?.loss;
    let points = losses.iter().enumerate().map(|(count, &loss)| (((count + 1) as f64).log2(), loss));
    let plot = Plot::new(
        "Test loss of the mean over masks",
        "log₂ of the number of masks",
        "cross-entropy on the test digits",
    )
    .series("mean over masks", Kind::Line, points)
    .series("one pass, no mask", Kind::Dashed, [(0.0, whole), ((MOST as f64).log2(), whole)]);
    chapter.figure(
        "masks",
        "One half of a network is unsure; the mean of many halves is about what the whole network says in one pass.",
        &plot.svg()?,
    )?;
    chapter.say(format!(
        "one mask {:.3}, {MOST} masks {:.3}, the whole network {whole:.3}",
        losses[0],
        losses[MOST - 1]
    ));
    chapter.check("the mean over 64 masks has a lower loss than one mask", losses[MOST - 1] < losses[0]);
    chapter.check(
        "the whole network's loss is within a quarter of the mean over 64 masks",
        (whole / losses[MOST - 1] - 1.0).abs() < 0.25,
    );
    Ok(())
}
