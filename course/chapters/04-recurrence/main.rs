//! Chapter 4 of the course: recurrent networks, their cells written out, and what their states and gates do over time.
//!
//! `cargo run --release --example 04-recurrence`; the text is `gradus::guide::recurrence`.

mod by_hand;
mod reading;
mod tasks;

use by_hand::{LstmStep, gru_step, rnn_step};
use clap::Parser;
use gradus::ndarray::{Array1, Array2, Array3, ArrayRef, Axis, Dimension, s};
use gradus::prelude::Tape;
use gradus::rand::{RngExt, SeedableRng, rngs::StdRng};
use gradus::rnn_bptt::{GruCell, LstmCell, Recurrent, RnnCell};
use gradus_course::{Chapter, Sketch};
use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

/// Recurrent networks, their cells written out, and what their states and gates do over time.
#[derive(Parser)]
struct Options {
    /// The folder for the pictures and the page that shows them
    #[arg(value_name = "DIR", default_value = "target/gradus/04-recurrence")]
    out: PathBuf,
    /// Where every random number comes from
    #[arg(long, default_value_t = 7)]
    seed: u64,
}

pub(crate) type Outcome<T = ()> = Result<T, Box<dyn Error>>;

fn main() -> ExitCode {
    gradus_examples::run(|options: Options| recurrence(&options).map_err(|error| error.to_string()))
}

fn recurrence(options: &Options) -> Outcome {
    let mut chapter = Chapter::new("04", "Recurrent networks", &options.out);
    let mut rng = StdRng::seed_from_u64(options.seed);
    cells(&mut chapter, &mut rng)?;
    tasks::parity(&mut chapter, &mut rng)?;
    tasks::adding(&mut chapter, &mut rng)?;
    reading::rows(&mut chapter, &mut rng)?;
    reading::text(&mut chapter, &mut rng)?;
    Ok(chapter.finish()?)
}

/// The largest difference.
fn off<D: Dimension, E: Dimension>(a: &ArrayRef<f64, D>, b: &ArrayRef<f64, E>) -> f64 {
    assert_eq!(a.shape(), b.shape());
    a.iter().zip(b.iter()).fold(0.0, |most, (a, b)| most.max((a - b).abs()))
}

/// The three cells by hand and by the library.
fn cells(chapter: &mut Chapter, rng: &mut StdRng) -> Outcome {
    chapter.section("Three cells, written out");
    chapter.figure(
        "unrolled",
        "One cell, its state handed from step to step; what goes in and what comes out is free.",
        &unrolled(),
    )?;
    const SIZES: (usize, usize, usize) = (9, 4, 5);
    let x = Array3::from_shape_simple_fn((SIZES.0, SIZES.1, 3), || rng.random_range(-1.0..1.0));
    let tape = Tape::inference();
    let zeros = Array2::zeros((SIZES.1, SIZES.2));

    let cell = RnnCell::new(3, SIZES.2, rng);
    let mut h = zeros.clone();
    for x in x.outer_iter() {
        h = rnn_step(&cell, &x.to_owned(), &h)?;
    }
    let rnn = Recurrent::of(cell);
    chapter.check(
        "the recurrent cell by hand is the library's",
        off(&h, rnn.last(&tape.input(x.clone()))?.value()) < 1e-14,
    );
    let piece = |steps: std::ops::Range<usize>| tape.input(x.slice(s![steps, .., ..]).to_owned());
    let (_, state) = rnn.forward_with(&piece(0..4), None)?;
    let (_, state) = rnn.forward_with(&piece(4..9), Some(&state))?;
    chapter.check(
        "a sequence in two pieces, the state handed on, is the whole sequence",
        off(&h, state.select(0, 0)?.value()) < 1e-14,
    );

    let cell = LstmCell::new(3, SIZES.2, rng);
    let steps = LstmStep::all(&cell, &x)?;
    let by_library = Recurrent::of(cell).last(&tape.input(x.clone()))?;
    chapter.check("the LSTM by hand is the library's", off(&steps[SIZES.0].h, by_library.value()) < 1e-14);

    let cell = GruCell::new(3, SIZES.2, rng);
    let mut h = zeros;
    for x in x.outer_iter() {
        h = gru_step(&cell, &x.to_owned(), &h)?;
    }
    let by_library = Recurrent::of(cell).last(&tape.input(x.clone()))?;
    chapter.check("the GRU by hand is the library's", off(&h, by_library.value()) < 1e-14);

    // All weights 0, so that the biases alone set the gates: i closed, f open.
    let mut cell = LstmCell::<f64>::new(3, SIZES.2, rng);
    let gates = 4 * SIZES.2;
    (cell.weight_ih, cell.weight_hh) = (Array2::zeros((gates, 3)).into(), Array2::zeros((gates, SIZES.2)).into());
    let by_gate = |k: usize| [-40.0, 40.0, 0.0, 0.0][k / SIZES.2];
    cell.bias_ih = Some(Array1::from_shape_fn(gates, by_gate).into());
    cell.bias_hh = Some(Array1::zeros(gates).into());
    let mut step = LstmStep::start(SIZES.1, SIZES.2);
    step.c.fill(0.7);
    let kept = (0..1000).try_fold(step, |step, t| step.next(&cell, &x.index_axis(Axis(0), t % SIZES.0).to_owned()))?;
    chapter.check(
        "with its input gate closed and its forget gate open, a memory lasts 1,000 steps",
        kept.c.iter().all(|c| (c - 0.7).abs() < 1e-9),
    );
    Ok(())
}

/// A recurrent cell with its loop, the same over time, and what it can be used for.
fn unrolled() -> String {
    const BLUE: &str = "#cfe3f3";
    let mut sketch = Sketch::new(900.0, 330.0);
    let boxed = |sketch: &mut Sketch, x: f64, y: f64, text: &str| {
        sketch.rectangle((x, y), (44.0, 32.0), BLUE, "#0072b2");
        sketch.text((x + 22.0, y + 21.0), 14.0, "middle", text);
    };
    sketch.text((20.0, 28.0), 16.0, "start", "the cell, with its loop");
    boxed(&mut sketch, 60.0, 90.0, "cell");
    sketch.arrow((82.0, 156.0), (82.0, 122.0), "#444");
    sketch.arrow((82.0, 90.0), (82.0, 58.0), "#444");
    sketch.line((104.0, 100.0), (132.0, 100.0), "#d55e00", 1.5);
    sketch.line((132.0, 100.0), (132.0, 138.0), "#d55e00", 1.5);
    sketch.line((132.0, 138.0), (36.0, 138.0), "#d55e00", 1.5);
    sketch.line((36.0, 138.0), (36.0, 108.0), "#d55e00", 1.5);
    sketch.arrow((36.0, 108.0), (60.0, 108.0), "#d55e00");
    sketch.text((82.0, 172.0), 14.0, "middle", "x");
    sketch.text((82.0, 54.0), 14.0, "middle", "h");
    sketch.text((270.0, 28.0), 16.0, "start", "unrolled over time: the same weights at every step");
    for t in 0..5 {
        let x = 290.0 + 110.0 * f64::from(t);
        boxed(&mut sketch, x, 90.0, "cell");
        let index = char::from_u32(0x2081 + t as u32).unwrap_or(' ');
        sketch.arrow((x + 22.0, 156.0), (x + 22.0, 122.0), "#444");
        sketch.arrow((x + 22.0, 90.0), (x + 22.0, 58.0), "#444");
        sketch.text((x + 22.0, 172.0), 14.0, "middle", &format!("x{index}"));
        sketch.text((x + 22.0, 54.0), 14.0, "middle", &format!("h{index}"));
        sketch.arrow((x - if t == 0 { 30.0 } else { 66.0 }, 106.0), (x, 106.0), "#d55e00");
    }
    sketch.text((256.0, 98.0), 14.0, "middle", "h₀ = 0");
    let uses: [(&str, [bool; 4], [bool; 4]); 3] = [
        ("many to one: a verdict at the end", [true; 4], [false, false, false, true]),
        ("many to many: an answer at every step", [true; 4], [true; 4]),
        ("one to many: each answer is the next input", [true, false, false, false], [true; 4]),
    ];
    for (place, (name, read, said)) in uses.into_iter().enumerate() {
        let left = 20.0 + 285.0 * place as f64;
        sketch.text((left, 212.0), 13.0, "start", name);
        for t in 0..4 {
            let x = left + 10.0 + 62.0 * t as f64;
            sketch.rectangle((x, 256.0), (26.0, 24.0), BLUE, "#0072b2");
            if t < 3 {
                sketch.arrow((x + 26.0, 268.0), (x + 62.0, 268.0), "#d55e00");
            }
            if read[t] {
                sketch.arrow((x + 13.0, 308.0), (x + 13.0, 280.0), "#444");
            } else {
                sketch.line((x - 49.0 + 6.0, 240.0), (x - 12.0, 240.0), "#999", 1.0);
                sketch.line((x - 12.0, 240.0), (x - 12.0, 298.0), "#999", 1.0);
                sketch.line((x - 12.0, 298.0), (x + 13.0, 298.0), "#999", 1.0);
                sketch.arrow((x + 13.0, 298.0), (x + 13.0, 280.0), "#999");
            }
            if said[t] {
                sketch.arrow((x + 13.0, 256.0), (x + 13.0, 226.0), "#444");
            }
        }
    }
    sketch.svg()
}
