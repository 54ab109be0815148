//! The perceptron, what it learns and what it cannot, and the layer that helps.

use crate::Outcome;
use gradus::ndarray::{Array2, array};
use gradus::prelude::*;
use gradus::rand::RngExt;
use gradus_course::{Chapter, Kind, Plot, Sketch};

/// Rosenblatt's rule: at a mistake the sample, with its sign, is added to the weights. Returns the weights, of which the last is the
/// bias, and the mistakes of each pass; it ends with a pass without any.
fn learn(x: &Array2<f64>, signs: &[f64], passes: usize) -> ([f64; 3], Vec<usize>) {
    let mut w = [0.0; 3];
    let mut mistakes = Vec::new();
    for _ in 0..passes {
        let mut wrong = 0;
        for (x, &sign) in x.rows().into_iter().zip(signs) {
            let input = [x[0], x[1], 1.0];
            let score: f64 = w.iter().zip(input).map(|(w, x)| w * x).sum();
            if sign * score <= 0.0 {
                w.iter_mut().zip(input).for_each(|(w, x)| *w += sign * x);
                wrong += 1;
            }
        }
        mistakes.push(wrong);
        if wrong == 0 {
            break;
        }
    }
    (w, mistakes)
}

pub(crate) fn perceptron(chapter: &mut Chapter, rng: &mut StdRng) -> Outcome {
    chapter.section("1958: the perceptron");
    // Points on both sides of a line, none nearer to it than 0.03.
    let (angle, offset) = (rng.random_range(0.0..std::f64::consts::TAU), 0.2);
    let line = [f64::cos(angle), f64::sin(angle), offset];
    let mut points = Vec::new();
    while points.len() < 200 {
        let (x, y) = (rng.random_range(-1.0..1.0), rng.random_range(-1.0..1.0));
        let side: f64 = line[0] * x + line[1] * y + line[2];
        if side.abs() > 0.03 {
            points.push((x, y, side));
        }
    }
    let x = Array2::from_shape_fn((200, 2), |(n, k)| if k == 0 { points[n].0 } else { points[n].1 });
    let signs: Vec<f64> = points.iter().map(|point| point.2.signum()).collect();
    let (_, mistakes) = learn(&x, &signs, 1000);
    let total: usize = mistakes.iter().sum();
    let length = line.iter().map(|w| w * w).sum::<f64>().sqrt();
    let margin = points.iter().map(|point| point.2.abs() / length).fold(f64::INFINITY, f64::min);
    let reach = points.iter().map(|(x, y, _)| x * x + y * y + 1.0).fold(0.0, f64::max);
    let bound = reach / (margin * margin);
    chapter.say(format!(
        "200 points beside a line: {total} mistakes in {} passes; no more than (R/γ)² = {bound:.0} are possible",
        mistakes.len()
    ));
    chapter.check(
        "the perceptron ends without mistakes, after no more than Novikoff's bound",
        mistakes.last() == Some(&0) && (total as f64) <= bound,
    );
    let xor = array![[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]];
    let (_, of_xor) = learn(&xor, &[-1.0, 1.0, 1.0, -1.0], 1000);
    chapter.say(format!("XOR: {} mistakes in the last of {} passes", of_xor[of_xor.len() - 1], of_xor.len()));
    chapter.check("at XOR every one of 1000 passes has a mistake", of_xor.len() == 1000);
    let shown = |mistakes: &[usize]| {
        mistakes.iter().take(25).enumerate().map(|(pass, &n)| ((pass + 1) as f64, n as f64)).collect::<Vec<_>>()
    };
    let plot = Plot::new("The perceptron's rule", "pass over the samples", "mistakes in the pass")
        .series("200 points, a line", Kind::Line, shown(&mistakes))
        .series("4 points, XOR", Kind::Line, shown(&of_xor));
    Ok(chapter.figure(
        "perceptron",
        "Where a line separates the classes the mistakes end; at XOR they never do.",
        &plot.svg()?,
    )?)
}

#[derive(Module)]
struct TwoLayers {
    hidden: Linear,
    out: Linear,
}

impl Layer for TwoLayers {
    fn forward(&self, x: &Var) -> Result<Var> {
        self.out.forward(&self.hidden.forward(x)?.tanh())
    }
}

pub(crate) fn xor(chapter: &mut Chapter, rng: &mut StdRng) -> Outcome {
    chapter.section("1969 and 1986: XOR, and the hidden layer");
    let mut sketch = Sketch::new(620.0, 300.0);
    let panel = |sketch: &mut Sketch, left: f64, title: &str, axes: [&str; 2], places: [(f64, f64); 4]| {
        sketch.text((left + 110.0, 28.0), 16.0, "middle", title);
        sketch.arrow((left, 250.0), (left + 230.0, 250.0), "#888");
        sketch.arrow((left, 250.0), (left, 45.0), "#888");
        sketch.text((left + 225.0, 272.0), 14.0, "end", axes[0]);
        sketch.text((left - 8.0, 60.0), 14.0, "end", axes[1]);
        for ((x, y), odd) in places.into_iter().zip([false, true, true, false]) {
            let colour = if odd { "#d55e00" } else { "#0072b2" };
            sketch.circle((left + 30.0 + 150.0 * x, 230.0 - 150.0 * y), 9.0, colour, "#222");
        }
    };
    panel(&mut sketch, 50.0, "inputs: no line will do", ["x₁", "x₂"], [(0.0, 0.0), (0.0, 1.0), (1.0, 0.0), (1.0, 1.0)]);
    panel(
        &mut sketch,
        360.0,
        "hidden units: one will",
        ["OR", "AND"],
        [(0.0, 0.0), (1.0, 0.0), (1.0, 0.0), (1.0, 1.0)],
    );
    sketch.line((420.0, 240.0), (575.0, 85.0), "#222", 1.5);
    sketch.text((515.0, 212.0), 13.0, "middle", "two points");
    sketch.text((310.0, 292.0), 13.0, "middle", "orange: XOR is 1, blue: XOR is 0");
    chapter.figure(
        "hidden",
        "The two units OR and AND move (0, 1) and (1, 0) to one place, and a line separates the classes.",
        &sketch.svg(),
    )?;
    let x = array![[0.0_f32, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]];
    let y = array![[0.0_f32], [1.0], [1.0], [0.0]];
    let mut losses = [Vec::new(), Vec::new()];
    let mut right = [0, 0];
    for (place, hidden) in [0, 4].into_iter().enumerate() {
        let mut deep =
            TwoLayers { hidden: Linear::new(2, hidden.max(1), rng), out: Linear::new(hidden.max(1), 1, rng) };
        let mut flat = Linear::new(2, 1, rng);
        let mut adam = Adam::new(0.03);
        for step in 0..1500_u32 {
            let tape = Tape::training(rng);
            let x = tape.input(x.clone());
            let scores = if hidden > 0 { deep.forward(&x)? } else { flat.forward(&x)? };
            let loss = scores.bce_with_logits(&tape.input(y.clone()))?;
            right[place] = scores.value().iter().zip(&y).filter(|&(&score, &y)| (score > 0.0) == (y > 0.5)).count();
            if step % 15 == 0 {
                losses[place].push((f64::from(step), f64::from(loss.item().unwrap_or(f32::NAN))));
            }
            let gradients = loss.backward()?;
            if hidden > 0 {
                adam.step(&mut deep, &gradients)?
            } else {
                adam.step(&mut flat, &gradients)?
            };
        }
    }
    let [flat, deep] = losses;
    let (of_flat, of_deep) = (flat[flat.len() - 1].1, deep[deep.len() - 1].1);
    chapter.say(format!(
        "one layer: a loss of {of_flat:.4}, ln 2 is {:.4}; two layers: {of_deep:.4}, {} of 4 right",
        2.0_f64.ln(),
        right[1]
    ));
    let plot = Plot::new("XOR, trained with Adam", "step", "cross-entropy in nats").logarithmic();
    let plot = plot.series("one layer", Kind::Line, flat).series("two layers", Kind::Line, deep);
    chapter.figure("xor", "One layer stays at ln 2, two layers learn it.", &plot.svg()?)?;
    chapter.check("one layer is not better than ln 2", of_flat > 0.69);
    chapter.check("two layers have all four right", right[1] == 4);
    Ok(())
}
