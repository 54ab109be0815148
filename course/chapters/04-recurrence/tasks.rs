//! Parity and the adding problem, and what states and gates do in them.

use crate::Outcome;
use crate::by_hand::LstmStep;
use gradus::ndarray::{Array2, Array3, Axis, Ix2};
use gradus::nn_layers::Layer;
use gradus::prelude::{Adam, Optimizer, Tape};
use gradus::rand::{RngExt, rngs::StdRng};
use gradus::rnn_bptt::drivers::{ManyToMany, ManyToOne};
use gradus::rnn_bptt::tasks::{Adding, Parity, Task};
use gradus::rnn_bptt::{ClipLog, GruCell, LstmCell, Recurrent, RnnCell};
use gradus_course::{Chapter, Kind, Plot, Sketch};

/// Trains on a task, and gives the loss at each batch: a mean over some batches.
fn fit(
    model: &mut dyn Layer<f64>,
    task: &impl Task,
    batches: usize,
    lr: f64,
    rng: &mut StdRng,
) -> Outcome<Vec<(f64, f64)>> {
    const MEAN: usize = 25;
    let (mut adam, mut clip) = (Adam::new(lr), ClipLog::new(1.0)?);
    let (mut curve, mut sum) = (Vec::new(), 0.0);
    for k in 1..=batches {
        let batch = task.batch::<f64>(32, rng);
        let loss = batch.loss(&model.forward(&Tape::recording().input(batch.input.clone()))?)?;
        sum += loss.value().sum() / MEAN as f64;
        let mut gradients = loss.backward()?;
        clip.clip(&mut gradients)?;
        adam.step(model, &gradients)?;
        if k % MEAN == 0 {
            curve.push((k as f64, sum));
            sum = 0.0;
        }
    }
    Ok(curve)
}

/// The rows of units × steps for the units that move the most.
fn liveliest(states: &Array2<f64>, count: usize) -> Vec<Vec<f64>> {
    let mut units: Vec<usize> = (0..states.ncols()).collect();
    let moved = |unit: &usize| -states.column(*unit).std(0.0);
    units.sort_by(|a, b| moved(a).total_cmp(&moved(b)));
    units.iter().take(count).map(|&unit| states.column(unit).to_vec()).collect()
}

/// One bit of memory: by weights written by hand, and by learnt ones.
pub(crate) fn parity(chapter: &mut Chapter, rng: &mut StdRng) -> Outcome {
    chapter.section("One bit of memory: parity");
    // p = (h₁ − h₂) / 2 is 1 where the sum x + p is 1, and 0 where it is 0 or 2.
    let by_hand = |bits: &[f64]| -> Vec<[f64; 3]> {
        const GAIN: f64 = 12.0;
        let mut h = [0.0, 0.0];
        bits.iter()
            .map(|x| {
                let sum = x + (h[0] - h[1]) / 2.0;
                h = [0.5, 1.5].map(|threshold| (GAIN * (sum - threshold)).tanh());
                [h[0], h[1], (h[0] - h[1]) / 2.0]
            })
            .collect()
    };
    let odd = |bits: &[f64]| -> Vec<bool> {
        bits.iter()
            .scan(false, |odd, &x| {
                *odd ^= x > 0.5;
                Some(*odd)
            })
            .collect()
    };
    let bits: Vec<f64> = (0..1000).map(|_| f64::from(u8::from(rng.random_bool(0.5)))).collect();
    let right = by_hand(&bits).iter().zip(odd(&bits)).all(|(h, odd)| (h[2] > 0.5) == odd);
    chapter.check("two units with weights written by hand count 1,000 bits without a mistake", right);

    let mut model = ManyToMany::new(Recurrent::of(RnnCell::<f64>::new(1, 16, rng)), 1, rng)?;
    let curve = fit(&mut model, &Parity::new(12)?, 2000, 4e-3, rng)?;
    let of = |steps: usize, rng: &mut StdRng| -> Outcome<f64> {
        let batch = Parity::new(steps)?.batch::<f64>(100, rng);
        Ok(batch.accuracy(&model.forward(&Tape::inference().input(batch.input.clone()))?)?.unwrap_or(0.0))
    };
    let (short, long) = (of(12, rng)?, of(200, rng)?);
    chapter.say(format!(
        "learnt: loss {:.4} nats at the end; {:.1} % right on 12 bits as in training, {:.1} % on 200 bits",
        curve[curve.len() - 1].1,
        100.0 * short,
        100.0 * long
    ));
    chapter.check("trained on 12 bits, it counts 200", short > 0.99 && long > 0.99);

    let bits = [1.0, 0.0, 0.0, 1.0, 1.0, 0.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 1.0, 1.0, 0.0, 1.0];
    let x = Array3::from_shape_fn((bits.len(), 1, 1), |(t, _, _)| bits[t]);
    let states = model.recurrent.forward(&Tape::inference().input(x))?;
    let states = states.value().index_axis(Axis(1), 0).mapv(|h| h).into_dimensionality::<Ix2>()?;
    let mut sketch = Sketch::new(640.0, 442.0);
    let places = |sketch: &mut Sketch, top: f64, name: &str, rows: &[Vec<f64>]| {
        sketch.text((170.0, top + 15.0), 13.0, "end", name);
        sketch.tiles((180.0, top), 22.0, rows);
    };
    sketch.text((180.0, 26.0), 16.0, "start", "states over time (blue −1, white 0, red 1)");
    places(&mut sketch, 50.0, "bit x", &[bits.to_vec()]);
    let answer: Vec<f64> = odd(&bits).iter().map(|&odd| f64::from(u8::from(odd))).collect();
    places(&mut sketch, 78.0, "ones so far: odd", &[answer]);
    let steps = by_hand(&bits);
    for (k, name) in ["by hand: h₁", "h₂", "p = (h₁ − h₂) / 2"].into_iter().enumerate() {
        places(&mut sketch, 118.0 + 24.0 * k as f64, name, &[steps.iter().map(|h| h[k]).collect()]);
    }
    places(&mut sketch, 208.0, "learnt: 8 of 16 units", &liveliest(&states, 8));
    for (t, bit) in bits.iter().enumerate() {
        let x = 191.0 + 22.0 * t as f64;
        sketch.text((x, 66.0), 12.0, "middle", if *bit > 0.5 { "1" } else { "0" });
        sketch.text((x, 402.0), 11.0, "middle", &(t + 1).to_string());
    }
    sketch.text((378.0, 424.0), 13.0, "middle", "step");
    chapter.figure("parity", "Whether the ones so far are odd in number: the states of two units written by hand, and of learnt ones. The learnt ones have a code of their own.", &sketch.svg())?;
    Ok(())
}

/// Two numbers kept among many, by each of the three cells; and the gates that keep them.
pub(crate) fn adding(chapter: &mut Chapter, rng: &mut StdRng) -> Outcome {
    chapter.section("What gates are for: adding two numbers among many");
    let task = Adding::new(24)?;
    let mut plot =
        Plot::new("The sum of two marked numbers among 24", "batches of 32", "mean squared error").logarithmic();
    let mut lstm = ManyToOne::new(Recurrent::of(LstmCell::<f64>::new(2, 16, rng)), 1, rng)?;
    let mut gru = ManyToOne::new(Recurrent::of(GruCell::<f64>::new(2, 16, rng)), 1, rng)?;
    let mut rnn = ManyToOne::new(Recurrent::of(RnnCell::<f64>::new(2, 16, rng)), 1, rng)?;
    let models: [(&str, &mut dyn Layer<f64>); 3] = [("RNN", &mut rnn), ("LSTM", &mut lstm), ("GRU", &mut gru)];
    let mut ends = Vec::new();
    for (name, model) in models {
        let curve = fit(model, &task, 1500, 1e-2, rng)?;
        let end = curve.iter().rev().take(4).map(|point| point.1 / 4.0).sum::<f64>();
        chapter.say(format!("{name}: {} parameters, error {end:.4} at the end", model.count_parameters()));
        ends.push(end);
        plot = plot.series(name, Kind::Line, curve);
    }
    plot = plot.series("always 1", Kind::Dashed, [(0.0, task.baseline()), (1500.0, task.baseline())]);
    chapter.figure(
        "adding",
        "Three cells of 16 units learn to add two marked numbers among 24; who has no memory can but say the mean.",
        &plot.svg()?,
    )?;
    chapter.check("LSTM and GRU find the sum: error below 0.01", ends[1] < 0.01 && ends[2] < 0.01);

    // One sequence, and what the gates do in it, computed by hand.
    let batch = task.batch::<f64>(200, rng);
    let steps = LstmStep::all(&lstm.recurrent.cells[0], &batch.input)?;
    let mut jumps = [(0.0, 0.0); 2];
    for (t, pair) in steps.windows(2).enumerate() {
        let moved = (&pair[1].c - &pair[0].c).mapv(f64::abs).sum_axis(Axis(1));
        for (n, &moved) in moved.indexed_iter().filter(|_| t > 0) {
            let (sum, count) = &mut jumps[batch.input[[t, n, 1]] as usize];
            *sum += moved;
            *count += 1.0;
        }
    }
    let [at_others, at_marked] = jumps.map(|(sum, count)| sum / count);
    chapter.say(format!("at a marked number the memory moves by {at_marked:.2}, at others by {at_others:.2} (sum of the sizes over 16 units)"));
    chapter
        .check("at marked numbers the memory moves more than twice as far as at others", at_marked > 2.0 * at_others);
    chapter.figure(
        "gates",
        "An LSTM that adds. At the marked steps the input gates open wider, and the memory changes.",
        &gates(&batch.input, &steps),
    )?;
    Ok(())
}

fn gates(input: &Array3<f64>, steps: &[LstmStep]) -> String {
    const SIDE: f64 = 20.0;
    let steps = &steps[1..];
    let of = |part: fn(&LstmStep) -> &Array2<f64>| -> Array2<f64> {
        Array2::from_shape_fn((steps.len(), 16), |(t, unit)| part(&steps[t])[[0, unit]])
    };
    let memory = of(|step| &step.c);
    // The units whose memory moves the most, the same in each block.
    let mut units: Vec<usize> = (0..16).collect();
    units.sort_by(|&a, &b| memory.column(b).std(0.0).total_cmp(&memory.column(a).std(0.0)));
    let block = |numbers: &Array2<f64>| -> Vec<Vec<f64>> {
        units.iter().take(6).map(|&unit| numbers.column(unit).to_vec()).collect()
    };
    let most = memory.iter().fold(1e-9_f64, |most, c| most.max(c.abs()));
    let blocks = [
        ("input gate i", of(|step| &step.i)),
        ("forget gate f", of(|step| &step.f)),
        ("memory c (scaled)", memory.mapv(|c| c / most)),
        ("output gate o", of(|step| &step.o)),
    ];
    let mut sketch = Sketch::new(740.0, 690.0);
    sketch.text((150.0, 26.0), 16.0, "start", "an LSTM adds two marked numbers (white 0, red 1, blue −1)");
    for t in 0..steps.len() {
        let x = 150.0 + SIDE * t as f64;
        let number = format!("{:.1}", input[[t, 0, 0]]);
        sketch.text((x + 10.0, 62.0), 11.0, "middle", number.trim_start_matches('0'));
        if input[[t, 0, 1]] > 0.5 {
            sketch.rectangle((x, 46.0), (SIDE, 580.0), "#ffe9a8", "none");
            sketch.text((x + 10.0, 62.0), 11.0, "middle", number.trim_start_matches('0'));
        }
        sketch.text((x + 10.0, 650.0), 11.0, "middle", &(t + 1).to_string());
    }
    sketch.text((140.0, 62.0), 13.0, "end", "number u");
    for (place, (name, numbers)) in blocks.iter().enumerate() {
        let top = 80.0 + 138.0 * place as f64;
        sketch.text((140.0, top + 54.0), 13.0, "end", name);
        sketch.text((140.0, top + 72.0), 11.0, "end", "6 of 16 units");
        sketch.tiles((150.0, top), SIDE, &block(numbers));
    }
    sketch.text((390.0, 674.0), 13.0, "middle", "step (yellow: marked)");
    sketch.svg()
}
