//! The four ingredients, each changed alone.

use crate::Outcome;
use gradus::data::Generate;
use gradus::ndarray::Array2;
use gradus::prelude::*;
use gradus_course::{Chapter, Kind, Plot};

/// One choice of each ingredient.
#[derive(Clone, Copy)]
struct Recipe {
    /// Points to learn from.
    data: usize,
    /// Units between input and output; without any the model is linear.
    hidden: usize,
    /// The squared error of the scores in the place of cross-entropy.
    squared: bool,
    /// Plain gradient descent in the place of Adam.
    descent: bool,
}

#[derive(Module)]
struct Net {
    hidden: Option<Linear>,
    out: Linear,
}

impl Layer for Net {
    fn forward(&self, x: &Var) -> Result<Var> {
        match &self.hidden {
            Some(hidden) => self.out.forward(&hidden.forward(x)?.tanh()),
            None => self.out.forward(x),
        }
    }
}

/// Cooks a recipe; returns the share of right answers on new points, at every tenth step.
fn cook(recipe: Recipe, test: &Labelled, rng: &mut StdRng) -> Outcome<Vec<(f64, f64)>> {
    let train = Generate::moons::<f32>(recipe.data, 0.2, rng)?;
    let (inputs, width) = (train.inputs().clone(), if recipe.hidden > 0 { recipe.hidden } else { 2 });
    let hidden = (recipe.hidden > 0).then(|| Linear::new(2, recipe.hidden, rng));
    let mut net = Net { hidden, out: Linear::new(width, 2, rng) };
    let onehot = Array2::from_shape_fn((train.len(), 2), |(n, class)| f32::from(u8::from(train.labels()[n] == class)));
    let (mut adam, mut sgd) = (Adam::new(0.02), Sgd::new(0.1));
    let mut curve = Vec::new();
    for step in 0..=300_u32 {
        if step % 10 == 0 {
            curve.push((f64::from(step), 100.0 * accuracy(&net, test)?));
        }
        let tape = Tape::training(rng);
        let scores = net.forward(&tape.input(inputs.clone()))?;
        let loss = if recipe.squared {
            scores.mse(&tape.input(onehot.clone()))?
        } else {
            scores.cross_entropy(train.labels())?
        };
        let gradients = loss.backward()?;
        if recipe.descent {
            sgd.step(&mut net, &gradients)?
        } else {
            adam.step(&mut net, &gradients)?
        };
    }
    Ok(curve)
}

pub(crate) fn four(chapter: &mut Chapter, rng: &mut StdRng) -> Outcome {
    chapter.section("Four ingredients");
    let test = Generate::moons::<f32>(2000, 0.2, rng)?;
    let base = Recipe { data: 400, hidden: 16, squared: false, descent: false };
    let recipes = [
        ("the base", base),
        ("data: 10 points", Recipe { data: 10, ..base }),
        ("model: linear", Recipe { hidden: 0, ..base }),
        ("loss: squared", Recipe { squared: true, ..base }),
        ("algorithm: descent", Recipe { descent: true, ..base }),
    ];
    let mut plot =
        Plot::new("Two moons, one ingredient changed at a time", "step", "right answers on new points in per cent");
    let mut ends = Vec::new();
    for (name, recipe) in recipes {
        let curve = cook(recipe, &test, rng)?;
        let end = curve[curve.len() - 1].1;
        chapter.say(format!("{name}: {end:.1} % right after 300 steps, {:.1} % after 50", curve[5].1));
        ends.push(end);
        plot = plot.series(name, Kind::Line, curve);
    }
    chapter.figure("four", "The same program with one ingredient changed at a time.", &plot.svg()?)?;
    chapter.check("the base is right about more than 94 %", ends[0] > 94.0);
    chapter.check("a linear model is worse by more than 5 points", ends[2] < ends[0] - 5.0);
    chapter.check(
        "10 points or plain descent in the same time are worse, too",
        ends[1] < ends[0] && ends[4] < ends[0] - 2.0,
    );
    chapter.check("the squared error costs less than 5 points", ends[3] > ends[0] - 5.0);
    Ok(())
}
