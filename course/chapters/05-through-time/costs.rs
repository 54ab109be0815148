//! What is done about gradients that explode, and what long sequences cost.

use crate::Outcome;
use crate::by_hand::{Network, uniform};
use gradus::autograd::{Peak, Tape};
use gradus::linalg::l2_norm;
use gradus::ndarray::{Array1, Array3, Axis};
use gradus::prelude::Rnn;
use gradus::rand::rngs::StdRng;
use gradus::rnn_bptt::{State, checkpointed_state};
use gradus_course::{Chapter, Kind, Plot};

/// `hₜ = tanh(1.1 hₜ₋₁ + b)` from 0, 50 times; the loss is `(h₅₀ + 0.6)²`. Loss and derivative by `b`.
fn wall(b: f64) -> (f64, f64) {
    const W: f64 = 1.1;
    let mut h = vec![0.0_f64];
    (0..50).for_each(|t| h.push((W * h[t] + b).tanh()));
    let off = h[50] + 0.6;
    let (mut dh, mut db) = (2.0 * off, 0.0);
    for h in h[1..].iter().rev() {
        let delta = dh * (1.0 - h * h);
        db += delta;
        dh = W * delta;
    }
    (off * off, db)
}

/// A wall in the loss, and a step from there.
pub(crate) fn clipping(chapter: &mut Chapter) -> Outcome {
    chapter.section("Clipping");
    const STEPS: usize = 400;
    let descend = |bound: f64| {
        let mut b = 0.0;
        let mut path = Vec::new();
        for _ in 0..STEPS {
            let (loss, gradient) = wall(b);
            path.push((b, loss, gradient));
            b -= 5e-4 * gradient * (bound / gradient.abs()).min(1.0);
        }
        path
    };
    let [free, clipped] = [f64::INFINITY, 5.0].map(descend);
    let curve = (-720..=150).step_by(2).map(|k| (f64::from(k), wall(f64::from(k) / 1000.0).0));
    let point = |path: &[(f64, f64, f64)], every: usize| {
        path.iter().step_by(every).map(|p| (1000.0 * p.0, p.1)).collect::<Vec<_>>()
    };
    let plot = Plot::new(
        "A wall in the loss of 50 steps of one unit",
        "bias b in thousandths; both begin at 0",
        "loss (h₅₀ + 0.6)²",
    )
    .series("loss", Kind::Line, curve)
    .series("not clipped", Kind::Points, point(&free, 40))
    .series("clipped at 5", Kind::Points, point(&clipped, 40));
    chapter.figure("wall", "Both begin on the wall. One step without clipping throws the bias far off, to where the gradient is small; clipped, it walks down into the valley.", &plot.svg()?)?;
    let [free_end, clipped_end] = [&free, &clipped].map(|path| path[STEPS - 1]);
    chapter.say(format!("on the wall the derivative is {:.0}", free[0].2));
    chapter.say(format!(
        "not clipped, the first step ends at b = {:.3}; after {STEPS} steps the loss is {:.5}",
        free[1].0, free_end.1
    ));
    chapter.say(format!(
        "clipped at 5, the first step ends at b = {:.4}; after {STEPS} steps the loss is {:.5}",
        clipped[1].0, clipped_end.1
    ));
    chapter.check("clipped it comes closer than not clipped, by a factor of 100", 100.0 * clipped_end.1 < free_end.1);
    Ok(())
}

/// The gradient of the last `k` steps alone, beside the whole.
pub(crate) fn truncation(chapter: &mut Chapter, rng: &mut StdRng) -> Outcome {
    chapter.section("Truncated");
    const STEPS: usize = 80;
    let mut plot = Plot::new(
        "What is missing from ∂L/∂W after k of 80 steps back",
        "k, the steps of the window",
        "‖missing‖ / ‖whole‖",
    )
    .logarithmic();
    let mut missing = Vec::new();
    for radius in [0.6, 0.9, 1.05] {
        let network = Network::draw(3, 24, radius, rng)?;
        let (x, y) = (uniform(STEPS, 3, rng), Array1::from_vec(vec![1.0, -1.0]));
        let h = network.forward(&x);
        let whole = network.backward(&x, &h, &y, STEPS);
        let off = |k: usize| {
            let part = network.backward(&x, &h, &y, k);
            l2_norm(&(part.of_w() - whole.of_w())) / l2_norm(whole.of_w())
        };
        let points: Vec<(f64, f64)> = (1..STEPS).map(|k| (k as f64, off(k))).collect();
        chapter.say(format!(
            "radius {radius}: a window of 10 steps misses {:.2} %, one of 40 {:.4} %",
            100.0 * points[9].1,
            100.0 * points[39].1
        ));
        missing.push([points[9].1, points[39].1]);
        plot = plot.series(&format!("radius {radius}"), Kind::Line, points.into_iter().filter(|point| point.1 > 1e-9));
    }
    chapter.figure("truncated", "Where the gradient vanishes, truncation loses nothing that was there; where it does not, a short window misses much.", &plot.svg()?)?;
    chapter.check("with a radius of 0.6 a window of 40 misses less than a millionth", missing[0][1] < 1e-6);
    chapter.check("with 1.05 a window of 10 misses more than with 0.6", missing[2][0] > missing[0][0]);
    Ok(())
}

/// Bytes at the peak of forward and backward pass.
pub(crate) fn memory(chapter: &mut Chapter, rng: &mut StdRng) -> Outcome {
    chapter.section("Memory");
    const WINDOW: usize = 20;
    let rnn: Rnn = Rnn::new(1, 64, rng);
    let mut curves = [Vec::new(), Vec::new(), Vec::new()];
    for steps in [50, 100, 200, 400, 800_usize] {
        let x = Array3::from_shape_fn((steps, 16, 1), |(t, n, _)| ((t * 7 + n * 3) % 11) as f32 / 5.0 - 1.0);
        let (gradients, whole) = Peak::of(|| -> Outcome<_> {
            let (_, last) = rnn.forward_with(&Tape::recording().input(x.clone()), None)?;
            Ok(last.square().mean().backward()?)
        });
        let whole_gradient = gradients?;
        let segments = (steps as f64).sqrt().round() as usize;
        let (gradients, checkpointed) = Peak::of(|| -> Outcome<_> {
            let last = checkpointed_state(&rnn, &Tape::recording().input(x.clone()), None, segments)?;
            Ok(last.square().mean().backward()?)
        });
        let again = gradients?;
        let (cut, truncated) = Peak::of(|| -> Outcome<_> {
            let mut state = None;
            let mut done = None;
            for piece in x.axis_chunks_iter(Axis(0), WINDOW) {
                let tape = Tape::recording();
                let carried = state.as_ref().map(|state: &gradus::autograd::Var| state.carry(&tape));
                let (_, last) = rnn.forward_with(&tape.input(piece.to_owned()), carried.as_ref())?;
                state = Some(last.carry(&Tape::inference()));
                done = Some(last.square().mean().backward()?);
            }
            Ok(done)
        });
        cut?;
        let weight = &rnn.cells[0].weight_hh;
        let same = whole_gradient
            .get(weight)
            .zip(again.get(weight))
            .is_some_and(|(a, b)| a.iter().zip(b.iter()).all(|(a, b)| (a - b).abs() < 1e-5));
        if steps == 800 {
            chapter.check("checkpointed it is the same gradient", same);
        }
        for (curve, peak) in curves.iter_mut().zip([&whole, &checkpointed, &truncated]) {
            curve.push((steps as f64, peak.bytes as f64 / 1024.0));
        }
    }
    let mut plot = Plot::new(
        "Memory of a pass there and back: 64 units, 16 sequences",
        "steps of the sequence",
        "KiB at the peak",
    );
    for (name, curve) in ["all steps", "√T checkpoints", "windows of 20"].into_iter().zip(&curves) {
        let [first, last] = [curve[0].1, curve[4].1];
        chapter.say(format!("{name}: {first:.0} KiB for 50 steps, {last:.0} KiB for 800"));
        plot = plot.series(name, Kind::Line, curve.clone());
    }
    chapter.figure("memory", "Every state of the forward pass is needed again: memory grows with the length, unless states are computed twice or the gradient is cut.", &plot.svg()?)?;
    let growth = |curve: &[(f64, f64)]| curve[4].1 / curve[1].1;
    chapter.check("from 100 to 800 steps the memory grows more than 5-fold", growth(&curves[0]) > 5.0);
    chapter.check("with checkpoints less than 5-fold", growth(&curves[1]) < 5.0);
    chapter.check("in windows hardly", growth(&curves[2]) < 1.2);
    Ok(())
}
