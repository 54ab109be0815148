//! What was at the beginning? A task whose lag grows.

use crate::Outcome;
use gradus::autograd::{Tape, Var};
use gradus::ndarray::{Array2, Array3};
use gradus::prelude::{Adam, Gru, Layer, Losses, Lstm, Optimizer, Rnn};
use gradus::rand::{RngExt, rngs::StdRng};
use gradus::rnn_bptt::drivers::ManyToOne;
use gradus::rnn_bptt::{Cell, ClipLog, Recurrent, State};
use gradus_course::{Chapter, Kind, Plot};

const SIZE: usize = 16;
const LAGS: [usize; 6] = [5, 10, 20, 40, 80, 160];
/// Networks of each kind that are trained at each lag; what is shown is their mean.
const RUNS: usize = 3;

/// Sequences of `lag + 1` steps: a sign at the first, with a mark beside it, and noise up to the same size after it. The answer is the
/// sign, as 0 or 1.
fn draw(lag: usize, sequences: usize, rng: &mut StdRng) -> (Array3<f32>, Array2<f32>) {
    let mut x = Array3::from_shape_simple_fn((lag + 1, sequences, 2), || rng.random_range(-1.0..1.0));
    let signs = Array2::from_shape_simple_fn((sequences, 1), || f32::from(u8::from(rng.random_bool(0.5))));
    for t in 0..=lag {
        for n in 0..sequences {
            if t == 0 {
                x[[t, n, 0]] = 2.0 * signs[[n, 0]] - 1.0;
            }
            x[[t, n, 1]] = f32::from(u8::from(t == 0));
        }
    }
    (x, signs)
}

/// The answers; the gradient goes back through `window` steps at most.
fn answers<C: Cell<Float = f32>>(model: &ManyToOne<C>, x: &Var, window: usize) -> Outcome<Var> {
    let steps = x.shape()[0];
    if window >= steps {
        return Ok(model.forward(x)?);
    }
    let early = x.slice_axis(0, 0..steps - window, 1)?;
    let late = x.slice_axis(0, steps - window..steps, 1)?;
    let (_, state) = model.recurrent.forward_with(&early, None)?;
    let (output, _) = model.recurrent.forward_with(&late, Some(&state.cut()))?;
    Ok(model.head.forward(&output.select(0, window - 1)?)?)
}

/// Trains a network, and returns the share of new sequences that it is right about.
fn learn<C: Cell<Float = f32>>(
    recurrent: Recurrent<C>,
    lag: usize,
    window: usize,
    batches: usize,
    rng: &mut StdRng,
) -> Outcome<f64> {
    let mut model = ManyToOne::new(recurrent, 1, rng)?;
    let (mut adam, mut log) = (Adam::new(5e-3), ClipLog::new(1.0)?);
    for _ in 0..batches {
        let (x, signs) = draw(lag, 32, rng);
        let tape = Tape::training(rng);
        let loss = answers(&model, &tape.input(x), window)?.bce_with_logits(&tape.input(signs))?;
        let mut gradients = loss.backward()?;
        log.clip(&mut gradients)?;
        adam.step(&mut model, &gradients)?;
    }
    let (x, signs) = draw(lag, 1000, rng);
    let said = model.forward(&Tape::inference().input(x))?;
    let right = said.value().iter().zip(&signs).filter(|&(&said, &sign)| (said > 0.0) == (sign > 0.5)).count();
    Ok(right as f64 / 1000.0)
}

pub(crate) fn lag(chapter: &mut Chapter, batches: usize, rng: &mut StdRng) -> Outcome {
    chapter.section("What was at the beginning?");
    let mut curves = [Vec::new(), Vec::new(), Vec::new()];
    for lag in LAGS {
        let [mut rnn, mut gru, mut lstm] = [0.0; 3];
        for _ in 0..RUNS {
            rnn += learn(Rnn::new(2, SIZE, rng), lag, lag + 1, batches, rng)? / RUNS as f64;
            gru += learn(Gru::new(2, SIZE, rng), lag, lag + 1, batches, rng)? / RUNS as f64;
            let set_for_the_lag = Lstm::new(2, SIZE, rng).chrono(lag, rng)?;
            lstm += learn(set_for_the_lag, lag, lag + 1, batches, rng)? / RUNS as f64;
        }
        chapter.say(format!(
            "lag {lag}: right RNN {:.1} %, GRU {:.1} %, LSTM {:.1} %",
            100.0 * rnn,
            100.0 * gru,
            100.0 * lstm
        ));
        for (curve, right) in curves.iter_mut().zip([rnn, gru, lstm]) {
            curve.push((lag as f64, 100.0 * right));
        }
    }
    let mut plot =
        Plot::new("The sign of the first step, asked for at the last", "lag in steps", "right answers in per cent")
            .ranges(0.0..168.0, 40.0..104.0);
    for (name, curve) in ["RNN", "GRU", "LSTM"].into_iter().zip(&curves) {
        plot = plot.series(name, Kind::Line, curve.clone());
    }
    let plot = plot.series("a guess", Kind::Dashed, [(0.0, 50.0), (168.0, 50.0)]);
    chapter.figure(
        "lag",
        "RNN and GRU as they are drawn learn short lags; an LSTM whose gates are set for the lag learns all.",
        &plot.svg()?,
    )?;
    let at = |network: usize, lag: usize| curves[network][lag].1;
    chapter.check("at a lag of 5 steps all learn it", (0..3).all(|network| at(network, 0) > 95.0));
    chapter.check("at a lag of 160 steps the RNN is no better than a guess", at(0, 5) < 60.0);
    chapter.check("the LSTM has learnt every lag", (0..LAGS.len()).all(|lag| at(2, lag) > 95.0));

    let cut = learn(Lstm::new(2, SIZE, rng), 12, 3, batches, rng)?;
    let whole = learn(Lstm::new(2, SIZE, rng), 12, 13, batches, rng)?;
    chapter.say(format!("an LSTM as it is drawn, lag 12: right {:.1} % trained through all 13 steps, {:.1} % trained through the last 3", 100.0 * whole, 100.0 * cut));
    chapter.check("trained through all steps it has learnt a lag of 12", whole > 0.95);
    chapter.check("trained through a window of 3 steps it is no better than a guess", cut < 0.6);
    Ok(())
}
