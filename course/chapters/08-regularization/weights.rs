//! What penalties and constraints do to weights, and why early stopping is one of them.

use crate::Outcome;
use crate::table::data;
use gradus::ndarray::{Array1, Array2, ArrayRef2, Axis, Ix2};
use gradus::nn_layers::init;
use gradus::rand::{RngExt, rngs::StdRng};
use gradus_course::{Chapter, Kind, Plot, histogram};

/// `sign(a) max(|a| − λ, 0)`: what L1 makes of a weight that would be `a`.
fn soft(a: f64, strength: f64) -> f64 {
    a.signum() * (a.abs() - strength).max(0.0)
}

/// One weight with `½ (w − a)²` and a penalty.
pub(crate) fn shrinkage(chapter: &mut Chapter) -> Outcome {
    chapter.section("What a penalty does to one weight");
    const STRENGTH: f64 = 0.5;
    let places: Vec<f64> = (-40..=40).map(|k| 0.05 * f64::from(k)).collect();
    let line = |f: &dyn Fn(f64) -> f64| places.iter().map(|&a| (a, f(a))).collect::<Vec<_>>();
    let plot = Plot::new("The best weight, where the loss alone would have a", "a", "the weight w")
        .series("no penalty", Kind::Dashed, line(&|a| a))
        .series("L2, ½ λ w²", Kind::Line, line(&|a| a / (1.0 + STRENGTH)))
        .series("L1, λ |w|", Kind::Line, line(&|a| soft(a, STRENGTH)))
        .series("norm at most 1", Kind::Line, line(&|a| a.clamp(-1.0, 1.0)));
    chapter.figure("shrinkage", "With λ = ½: L2 shrinks all in proportion, L1 takes the same from all and leaves none of the small ones, a constraint only cuts.", &plot.svg()?)?;
    // The least of so many places, by trying them.
    let least = |cost: &dyn Fn(f64) -> f64| {
        (-20_000..=20_000)
            .map(|k| 1e-4 * f64::from(k))
            .fold((0.0, f64::INFINITY), |best, w| if cost(w) < best.1 { (w, cost(w)) } else { best })
            .0
    };
    let mut off = 0.0_f64;
    for &a in places.iter().step_by(5) {
        let by_l1 = least(&|w| 0.5 * (w - a).powi(2) + STRENGTH * w.abs());
        let by_l2 = least(&|w| 0.5 * (w - a).powi(2) + 0.5 * STRENGTH * w * w);
        off = off.max((by_l1 - soft(a, STRENGTH)).abs()).max((by_l2 - a / (1.0 + STRENGTH)).abs());
    }
    chapter.check("tried weight by weight, a/(1 + λ) and the soft threshold are the best, to 0.0001", off < 1.01e-4);
    Ok(())
}

/// `Xᵀ (softmax(X W) − onehot) / n`
fn gradient(x: &ArrayRef2<f64>, onehot: &ArrayRef2<f64>, w: &ArrayRef2<f64>) -> Array2<f64> {
    let mut p = x.dot(w);
    for mut row in p.rows_mut() {
        let most = row.fold(f64::NEG_INFINITY, |most, &score| most.max(score));
        row.mapv_inplace(|score| (score - most).exp());
        row /= row.sum();
    }
    x.t().dot(&(p - onehot)) / x.nrows() as f64
}

/// Softmax regression on few digits, with each kind of limit on its weights.
pub(crate) fn histograms(chapter: &mut Chapter, rng: &mut StdRng) -> Outcome {
    chapter.section("What they do to all of them");
    const STEPS: usize = 8000;
    const RATE: f64 = 0.25;
    const L2: f64 = 0.01;
    const L1: f64 = 0.01;
    const MOST: f64 = 3.0;
    let data = data(rng.random())?;
    let table = |of: &gradus::data::Labelled| -> Outcome<Array2<f64>> {
        Ok(of.inputs().mapv(f64::from).into_dimensionality::<Ix2>()?)
    };
    let (x, x_test) = (table(&data.train)?, table(&data.test)?);
    let onehot = Array2::from_shape_fn((x.nrows(), 10), |(i, k)| f64::from(u8::from(data.train.labels()[i] == k)));
    // Pixels at the border that never have ink have no gradient, and no say.
    let used: Vec<usize> = (0..64).filter(|&pixel| x.column(pixel).iter().any(|&ink| ink > 0.0)).collect();
    let x = x.select(Axis(1), &used);
    let start: Array2<f64> = init::normal((used.len(), 10), 0.0, 0.1, rng);
    let mut plot =
        Plot::new("Weights of a softmax regression on 120 digits", "weight", "share of the weights in a bin of 0.25")
            .logarithmic();
    let mut zeros = Vec::new();
    let mut lines = format!("{} pixels with ink, {} weights\n", used.len(), 10 * used.len());
    for (place, name) in ["nothing", "L2", "L1", "max-norm"].into_iter().enumerate() {
        let mut w = start.clone();
        for _ in 0..STEPS {
            let mut g = gradient(&x, &onehot, &w);
            if place == 1 {
                g.scaled_add(L2, &w);
            }
            w.scaled_add(-RATE, &g);
            match place {
                // A step along the loss, then the penalty's own best answer to it.
                2 => w.mapv_inplace(|weight| soft(weight, RATE * L1)),
                // The nearest point at which each class's weights have a norm of at most 3.
                3 => w.columns_mut().into_iter().for_each(|mut column| {
                    let norm = column.dot(&column).sqrt();
                    column *= (MOST / norm).min(1.0);
                }),
                _ => {}
            }
        }
        let exact = w.iter().filter(|weight| **weight == 0.0).count() as f64 / w.len() as f64;
        let norm = w.pow2().sum().sqrt();
        let scores = x_test.select(Axis(1), &used).dot(&w);
        let best = |i: usize| (0..10).fold(0, |best, k| if scores[[i, k]] > scores[[i, best]] { k } else { best });
        let right =
            (0..scores.nrows()).filter(|&i| best(i) == data.test.labels()[i]).count() as f64 / scores.nrows() as f64;
        lines += &format!(
            "{name:9} ‖W‖ = {norm:6.2}, {:5.1} % of the weights are 0, {:.1} % of the test digits read\n",
            100.0 * exact,
            100.0 * right
        );
        let outline = histogram(&w.iter().copied().collect::<Vec<_>>(), -4.125..4.125, 33);
        if place < 3 {
            plot = plot.series(name, Kind::Line, outline.into_iter().map(|(weight, share)| (weight, share.max(1e-3))));
        }
        zeros.push((exact, norm));
        if place == 2 {
            let g = gradient(&x, &onehot, &w);
            let most = g.iter().fold(0.0_f64, |most, g| most.max(g.abs()));
            chapter.check(
                "with L1 no gradient of the loss is above λ: that is what a weight of 0 can bear",
                most < 1.05 * L1,
            );
        }
    }
    chapter.say(lines);
    chapter.figure(
        "histograms",
        "Without a penalty weights spread; L2 draws all of them in, L1 makes most of them 0 and lets a few be large.",
        &plot.svg()?,
    )?;
    chapter.check("L1 makes more than half of the weights 0, L2 none", zeros[2].0 > 0.5 && zeros[1].0 == 0.0);
    chapter.check("all three make the norm smaller", zeros[1..].iter().all(|&(_, norm)| norm < zeros[0].1));
    Ok(())
}

/// Early stopping and L2 on a bowl.
pub(crate) fn stopping_and_l2(chapter: &mut Chapter, rng: &mut StdRng) -> Outcome {
    chapter.section("Early stopping is L2, nearly");
    const SIZE: usize = 61;
    let curvatures = Array1::from_shape_fn(SIZE, |i| 10_f64.powf(-4.0 + 4.0 * i as f64 / (SIZE - 1) as f64));
    let mut plot = Plot::new(
        "How much of each direction has been learnt",
        "log₁₀ of the curvature λ",
        "share of the minimum's weight",
    );
    let (mut gap, mut off) = (0.0_f64, 0.0_f64);
    for steps in [10_i32, 100, 1000] {
        // From w = 0 down ½ λ (w − 1)², with η = 1.
        let mut w = Array1::<f64>::zeros(SIZE);
        for _ in 0..steps {
            w = &w - &(&curvatures * &(&w - 1.0));
        }
        let formula = curvatures.mapv(|curvature| 1.0 - (1.0 - curvature).powi(steps));
        let penalized = curvatures.mapv(|curvature| curvature / (curvature + 1.0 / f64::from(steps)));
        off = (&w - &formula).iter().fold(off, |off, d| off.max(d.abs()));
        gap = (&w - &penalized).iter().fold(gap, |gap, d| gap.max(d.abs()));
        let points = |share: &Array1<f64>| -> Vec<_> {
            curvatures.iter().zip(share).map(|(c, &share)| (c.log10(), share)).collect()
        };
        plot = plot.series(&format!("{steps} steps"), Kind::Line, points(&w));
        plot = plot.series(&format!("L2, α = 1/{steps}"), Kind::Dashed, points(&penalized));
    }
    chapter.figure(
        "filters",
        "Both learn steep directions and leave flat ones alone. Each step moves the border, as a smaller penalty does.",
        &plot.svg()?,
    )?;
    chapter.say(format!("after t steps and with a penalty α of 1/(ηt) the shares differ by {gap:.3} at most"));
    chapter.check("t steps learn 1 − (1 − ηλ)ᵗ of a direction, to 12 digits", off < 1e-12);
    chapter.check("L2 of strength 1/(ηt) is within a quarter of that everywhere", gap < 0.25);

    // Regression with 61 directions, of which n samples say w* + noise of deviation σ/√(nλ).
    let truth: Array1<f64> = init::normal(SIZE, 0.0, 1.0, rng);
    let noise: Array1<f64> = init::normal(SIZE, 0.0, 1.0, rng);
    let fitted = &truth + &(&noise * &curvatures.mapv(|curvature| 0.1 / curvature.sqrt()));
    let error = |share: &dyn Fn(f64) -> f64| -> f64 {
        let of = |i: usize| curvatures[i] * (share(curvatures[i]) * fitted[i] - truth[i]).powi(2);
        (0..SIZE).map(of).sum()
    };
    let times: Vec<f64> = (10..=60).map(|k| 10_f64.powf(0.1 * f64::from(k))).collect();
    let stopped: Vec<_> =
        times.iter().map(|&t| (t.log10(), error(&|curvature| 1.0 - (1.0 - curvature).powf(t)))).collect();
    let penalized: Vec<_> =
        times.iter().map(|&t| (t.log10(), error(&|curvature| curvature / (curvature + 1.0 / t)))).collect();
    let least = |line: &[(f64, f64)]| line.iter().fold(f64::INFINITY, |least, point| least.min(point.1));
    let (by_stopping, by_penalty, whole) = (least(&stopped), least(&penalized), error(&|_| 1.0));
    let plot = Plot::new("The error on unseen data", "log₁₀ of the steps t, or of 1/(ηα)", "error above the noise")
        .series("stopped at t", Kind::Line, stopped)
        .series("L2, 1/(ηα) = t", Kind::Dashed, penalized);
    chapter.figure("stopping", "A regression stopped after t steps, and the same with a penalty: nearly the same error, and the same best place.", &plot.svg()?)?;
    chapter
        .say(format!("least error: {by_stopping:.4} by stopping, {by_penalty:.4} by L2; fitted to the end {whole:.4}"));
    chapter.check(
        "the two least errors are within a quarter of each other, and both below that of the whole fit",
        (by_stopping / by_penalty - 1.0).abs() < 0.25 && by_stopping.max(by_penalty) < whole,
    );
    Ok(())
}
