//! The gradient on its way back through time: bounds, scaled weights, and what gates change.

use crate::Outcome;
use crate::by_hand::{of_radius, uniform};
use gradus::autograd::Tape;
use gradus::linalg::{l2_norm, largest_singular_value, spectral_radius};
use gradus::ndarray::{Array1, Array2, Array3, Axis};
use gradus::prelude::{Gru, Lstm, Rnn};
use gradus::rand::{RngExt, rngs::StdRng};
use gradus::rnn_bptt::flow::GradientFlow;
use gradus::rnn_bptt::{Cell, Recurrent};
use gradus_course::{Chapter, Kind, Plot};

/// `‖Wᵏ‖` lies between the powers of the spectral radius and those of the largest singular value.
pub(crate) fn bounds(chapter: &mut Chapter, rng: &mut StdRng) -> Outcome {
    chapter.section("Between two powers");
    const STEPS: usize = 60;
    let w = of_radius(32, 0.85, rng)?;
    let norm = |w: &Array2<f64>| largest_singular_value(w, 1e-10, 100_000);
    let (radius, largest) = (spectral_radius(&w)?, norm(&w)?);
    let mut power = Array2::eye(32);
    let mut norms = vec![1.0];
    for _ in 0..STEPS {
        power = power.dot(&w);
        norms.push(norm(&power)?);
    }
    let powers = |of: f64| (0..=STEPS).map(move |k| (k as f64, of.powi(k as i32)));
    let plot = Plot::new("The most that k steps do to a gradient, W drawn at random", "k steps back", "factor")
        .logarithmic()
        .ranges(0.0..STEPS as f64, 1e-5..1e5)
        .series("σᵏ, the upper bound", Kind::Dashed, powers(largest).filter(|point| point.1 < 1e5))
        .series("‖Wᵏ‖", Kind::Line, norms.iter().enumerate().map(|(k, norm)| (k as f64, *norm)))
        .series("ρᵏ, the lower bound", Kind::Dashed, powers(radius));
    chapter.figure("bounds", "The norm of a power of W: at first the largest singular value says how it goes, in the long run the spectral radius.", &plot.svg()?)?;
    let rate = (norms[STEPS] / norms[STEPS - 30]).powf(1.0 / 30.0);
    chapter.say(format!("ρ = {radius:.4}, σ = {largest:.4}; the largest ‖Wᵏ‖ is {:.2}; over the last 30 steps the factor of a step is {rate:.4}", norms.iter().copied().fold(0.0, f64::max)));
    let between = norms.iter().enumerate().all(|(k, &norm)| {
        norm <= largest.powi(k as i32) * (1.0 + 1e-6) && norm >= radius.powi(k as i32) * (1.0 - 1e-6)
    });
    chapter.check("ρᵏ ≤ ‖Wᵏ‖ ≤ σᵏ at every k", between);
    chapter.check(
        "in the long run a step's factor is the spectral radius, within 5 %",
        (rate / radius - 1.0).abs() < 0.05,
    );
    Ok(())
}

/// The same network with its weights scaled: linear, and with tanh.
pub(crate) fn scaled(chapter: &mut Chapter, rng: &mut StdRng) -> Outcome {
    chapter.section("Below one, at one, above one");
    const STEPS: usize = 60;
    const SIZE: usize = 32;
    let unit = of_radius(SIZE, 1.0, rng)?;
    let (u, x) = (uniform(SIZE, 4, rng) * 0.5, uniform(STEPS, 4, rng));
    let end = Array1::from_shape_simple_fn(SIZE, || rng.random_range(-1.0..1.0));
    let mut plot = Plot::new(
        "The gradient through 60 steps, weights scaled",
        "steps back from the loss",
        "‖∂L/∂hₜ‖, that at the last step 1",
    )
    .logarithmic();
    let mut arrived = Vec::new();
    for radius in [1.25, 1.0, 0.8] {
        let w = &unit * radius;
        let mut h = vec![Array1::zeros(SIZE)];
        for (t, x) in x.rows().into_iter().enumerate() {
            h.push((u.dot(&x) + w.dot(&h[t])).mapv(f64::tanh));
        }
        for (name, kind, tanh) in [("linear", Kind::Dashed, false), ("tanh", Kind::Line, true)] {
            let mut dh = end.clone();
            let mut norms = vec![1.0];
            for t in (1..=STEPS).rev() {
                if tanh {
                    dh *= &h[t].mapv(|h| 1.0 - h * h);
                }
                dh = w.t().dot(&dh);
                norms.push(l2_norm(&dh) / l2_norm(&end));
            }
            chapter.say(format!("radius {radius}, {name}: after {STEPS} steps back {:.1e} is left", norms[STEPS]));
            arrived.push(norms[STEPS]);
            plot = plot.series(
                &format!("{radius}, {name}"),
                kind,
                norms.into_iter().enumerate().map(|(k, norm)| (k as f64, norm)),
            );
        }
    }
    chapter.figure("scaled", "Weights of spectral radius 1.25, 1 and 0.8: without tanh the gradient explodes, stays and vanishes; tanh makes every factor smaller.", &plot.svg()?)?;
    chapter.check(
        "linear: with 1.25 it grows a thousandfold and more, with 0.8 it shrinks as much",
        arrived[0] > 1e3 && arrived[4] < 1e-3,
    );
    chapter.check("with tanh less arrives than without", [0, 2, 4].iter().all(|&k| arrived[k + 1] < arrived[k]));
    Ok(())
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

fn random(steps: usize, batch: usize, inputs: usize, rng: &mut StdRng) -> Array3<f64> {
    Array3::from_shape_simple_fn((steps, batch, inputs), || rng.random_range(-1.0..1.0))
}

fn of<C: Cell<Float = f64>>(layer: &Recurrent<C>, x: &Array3<f64>) -> Outcome<GradientFlow<C>> {
    let (x, last) = (Tape::inference().input(x.clone()), x.dim().0 - 1);
    Ok(GradientFlow::of(layer, &x, None, |output, _| Ok(output.select(0, last)?.square().mean()))?)
}

/// An LSTM whose gates read nothing: the cell's gradient is the product of its forget gates, and that alone.
pub(crate) fn carousel(chapter: &mut Chapter, rng: &mut StdRng) -> Outcome {
    chapter.section("The carousel of the LSTM");
    const SIZE: usize = 8;
    const STEPS: usize = 50;
    let x = random(STEPS, 2, 3, rng);
    let mut off = 0.0_f64;
    for bias in [0.0, 1.0, 3.0, 5.0] {
        let mut lstm: Lstm<f64> = Lstm::new(3, SIZE, rng).forget_bias(bias)?;
        let cell = &mut lstm.cells[0];
        cell.weight_hh.value_mut().fill(0.0);
        cell.weight_ih.value_mut().slice_axis_mut(Axis(0), (SIZE..2 * SIZE).into()).fill(0.0);
        let norms = of(&lstm, &x)?.lanes[0].states[1].norms.clone();
        for (t, norm) in norms.iter().enumerate() {
            let formula = sigmoid(bias).powi((STEPS - 1 - t) as i32);
            off = off.max((norm / norms[STEPS - 1] / formula - 1.0).abs());
        }
        chapter.say(format!(
            "forget bias {bias}: gate {:.4}, after 49 steps back {:.1e} is left of ∂L/∂c",
            sigmoid(bias),
            norms[0] / norms[STEPS - 1]
        ));
    }
    chapter.check("∂L/∂cₜ = ∂L/∂c_T times the product of the forget gates, to 9 digits", off < 1e-9);
    Ok(())
}

/// RNN, LSTM and GRU as they are drawn, and LSTMs that are told to keep.
pub(crate) fn cells(chapter: &mut Chapter, rng: &mut StdRng) -> Outcome {
    chapter.section("RNN, LSTM, GRU");
    const STEPS: usize = 100;
    const SIZE: usize = 24;
    let x = random(STEPS, 4, 3, rng);
    let rnn: Rnn<f64> = Rnn::new(3, SIZE, rng);
    let gru: Gru<f64> = Gru::new(3, SIZE, rng);
    let lstm: Lstm<f64> = Lstm::new(3, SIZE, rng);
    let kept = lstm.clone().forget_bias(5.0)?;
    let flows = [
        ("RNN", of(&rnn, &x)?.lanes[0].norms.clone()),
        ("GRU", of(&gru, &x)?.lanes[0].norms.clone()),
        ("LSTM", of(&lstm, &x)?.lanes[0].norms.clone()),
        ("LSTM, forget bias 5", of(&kept, &x)?.lanes[0].norms.clone()),
    ];
    let mut plot = Plot::new(
        "The gradient at each of 100 steps, before training",
        "step t; the loss is at 100",
        "‖∂L/∂sₜ‖, that at the last step 1",
    )
    .logarithmic();
    let mut first = Vec::new();
    for (name, norms) in flows {
        let last = norms[STEPS - 1];
        let horizon = norms.iter().rev().position(|norm| norm / last < 0.01);
        let horizon = horizon.map_or("more than 100".to_owned(), |steps| steps.to_string());
        chapter
            .say(format!("{name}: {:.1e} comes to the first step; 1 % is left after {horizon} steps", norms[0] / last));
        first.push(norms[0] / last);
        plot = plot.series(name, Kind::Line, norms.iter().enumerate().map(|(t, norm)| ((t + 1) as f64, norm / last)));
    }
    chapter.figure(
        "cells",
        "As they are drawn, RNN, GRU and LSTM all forget; an LSTM whose forget gates begin open keeps the gradient.",
        &plot.svg()?,
    )?;
    chapter.check("through a plain RNN less than a millionth comes to the first of 100 steps", first[0] < 1e-6);
    chapter.check("through an LSTM with open forget gates more than a tenth", first[3] > 0.1);
    Ok(())
}
