//! A small attention layer that looks things up.

use crate::Outcome;
use gradus::ndarray::{Array1, Array3, Axis};
use gradus::prelude::*;
use gradus::rand::{RngExt, seq::SliceRandom};
use gradus_course::{Chapter, Kind, Plot, Sketch, diverging};

/// Names and values, as many of each as there are pairs.
const PAIRS: usize = 8;
/// Features of queries and keys.
const WIDTH: usize = 16;

/// `softmax(q kᵀ / √width) v`, with a linear map for each.
#[derive(Module)]
struct LookUp {
    query: Linear,
    key: Linear,
    value: Linear,
}

impl LookUp {
    /// The answer, and the weight of each pair.
    fn forward(&self, asked: &Var, pairs: &Var) -> Result<(Var, Var)> {
        let (q, k, v) = (self.query.forward(asked)?, self.key.forward(pairs)?, self.value.forward(pairs)?);
        let scores = q.matmul(&k.transpose(1, 2)?)? * (1.0 / (WIDTH as f32).sqrt());
        let weights = scores.softmax(-1)?;
        Ok((weights.matmul(&v)?.select(1, 0)?, weights))
    }
}

/// Lists of pairs, each a name and a value; a name that is asked for, and its value.
fn draw(lists: usize, rng: &mut StdRng) -> (Array3<f32>, Array3<f32>, Array1<usize>, Vec<usize>) {
    let mut asked = Array3::zeros((lists, 1, PAIRS));
    let mut pairs = Array3::zeros((lists, PAIRS, 2 * PAIRS));
    let (mut answers, mut places) = (Array1::zeros(lists), Vec::new());
    for n in 0..lists {
        let mut names: Vec<usize> = (0..PAIRS).collect();
        names.shuffle(rng);
        let place = rng.random_range(0..PAIRS);
        for (at, &name) in names.iter().enumerate() {
            let value = rng.random_range(0..PAIRS);
            pairs[[n, at, name]] = 1.0;
            pairs[[n, at, PAIRS + value]] = 1.0;
            if at == place {
                answers[n] = value;
            }
        }
        asked[[n, 0, names[place]]] = 1.0;
        places.push(place);
    }
    (asked, pairs, answers, places)
}

pub(crate) fn attention(chapter: &mut Chapter, rng: &mut StdRng) -> Outcome {
    chapter.section("2014 and 2017: attention");
    let mut model = LookUp {
        query: Linear::new(PAIRS, WIDTH, rng),
        key: Linear::new(2 * PAIRS, WIDTH, rng),
        value: Linear::new(2 * PAIRS, PAIRS, rng),
    };
    let mut adam = Adam::new(0.01);
    let mut curve = Vec::new();
    let right = |model: &LookUp, rng: &mut StdRng| -> Outcome<(f64, Var, Vec<usize>)> {
        let (asked, pairs, answers, places) = draw(500, rng);
        let tape = Tape::inference();
        let (said, weights) = model.forward(&tape.input(asked), &tape.input(pairs))?;
        let said = said.value().clone().into_array().into_dimensionality::<gradus::ndarray::Ix2>()?;
        let best =
            |row: gradus::ndarray::ArrayView1<'_, f32>| (0..row.len()).max_by(|&a, &b| row[a].total_cmp(&row[b]));
        let right = said.rows().into_iter().zip(&answers).filter(|(row, answer)| best(*row) == Some(**answer)).count();
        Ok((right as f64 / 500.0, weights, places))
    };
    for step in 0..=800_u32 {
        if step % 20 == 0 {
            curve.push((f64::from(step), 100.0 * right(&model, rng)?.0));
        }
        let (asked, pairs, answers, _) = draw(64, rng);
        let tape = Tape::training(rng);
        let (said, _) = model.forward(&tape.input(asked), &tape.input(pairs))?;
        adam.step(&mut model, &said.cross_entropy(&answers)?.backward()?)?;
    }
    let (share, weights, places) = right(&model, rng)?;
    let weights = weights.value();
    let on_place = places.iter().enumerate().map(|(n, &place)| f64::from(weights[[n, 0, place]])).sum::<f64>() / 500.0;
    chapter.say(format!(
        "right about {:.1} % of new lists; the pair that is asked for has {:.1} % of the weight on average",
        100.0 * share,
        100.0 * on_place
    ));
    let plot = Plot::new("Looking up a name among 8 pairs", "step", "right answers in per cent")
        .ranges(0.0..820.0, 0.0..105.0);
    let plot =
        plot.series("attention", Kind::Line, curve).series("a guess", Kind::Dashed, [(0.0, 12.5), (800.0, 12.5)]);
    chapter.figure("look-up", "Attention learns to look up.", &plot.svg()?)?;
    let mut sketch = Sketch::new(560.0, 400.0);
    sketch.text(
        (280.0, 26.0),
        14.0,
        "middle",
        "Attention weights of ten lists; a ring marks the pair that is asked for",
    );
    for (n, row) in weights.axis_iter(Axis(0)).take(10).enumerate() {
        let y = 50.0 + 30.0 * n as f64;
        sketch.text((130.0, y + 20.0), 13.0, "end", &format!("list {}", n + 1));
        for place in 0..PAIRS {
            let x = 140.0 + 45.0 * place as f64;
            sketch.rectangle((x, y), (43.0, 28.0), &diverging(f64::from(row[[0, place]])), "#ccc");
            if places[n] == place {
                // Dark outside and bright inside: seen on white and on red.
                sketch.circle((x + 21.5, y + 14.0), 9.0, "none", "#222");
                sketch.circle((x + 21.5, y + 14.0), 8.0, "none", "#fff");
            }
        }
    }
    sketch.text((320.0, 375.0), 14.0, "middle", "the pair's place in the list, 1 to 8; white 0, red 1");
    chapter.figure(
        "weights",
        "The weights are on the pair whose name is asked for, wherever it stands.",
        &sketch.svg(),
    )?;
    chapter.check("it is right about more than 95 % of new lists", share > 0.95);
    chapter.check("most of the weight is on the pair that is asked for", on_place > 0.7);
    Ok(())
}
