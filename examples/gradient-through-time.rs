//! How far back in time the gradient of a plain recurrent network, an LSTM and a GRU goes, and what each can learn therefore.
//!
//! `cargo run --release --example gradient-through-time`, and `-- --help` for the options.

use clap::Parser;
use gradus::prelude::*;
use gradus::rnn_bptt::drivers::ManyToOne;
use gradus::rnn_bptt::flow::{Figure, GradientFlow};
use gradus::rnn_bptt::tasks::{Adding, Task};
use gradus::rnn_bptt::{Cell, ClipLog, Gru, Lstm, Recurrent};
use gradus_examples::picture;
use std::path::PathBuf;
use std::process::ExitCode;

/// How far back in time the gradient of a plain recurrent network, an LSTM and a GRU goes, and what each can learn therefore.
///
/// The task is to add two marked numbers of a sequence, of which one stands in its first half: the longer the sequence, the farther the
/// gradient has to go. Each network is looked at before training and after it. Prints a report of each, and a table; draws the gradients
/// as SVG.
#[derive(Parser)]
struct Options {
    /// The folder for the pictures: open them in a browser
    #[arg(value_name = "DIR", default_value = "target/gradus/gradient-through-time")]
    out: PathBuf,
    /// The lengths of the sequences
    #[arg(long, value_delimiter = ',', default_values_t = [10, 50, 200])]
    lengths: Vec<usize>,
    /// Batches to train on
    #[arg(long, default_value_t = 1500)]
    batches: usize,
    /// Features of the state
    #[arg(long, default_value_t = 32)]
    hidden: usize,
    /// Where every random number comes from
    #[arg(long, default_value_t = 7)]
    seed: u64,
    /// Threads to compute with; the result does not depend on it [default: one for each processor]
    #[arg(long)]
    threads: Option<usize>,
}

/// Sequences in a batch.
const BATCH: usize = 32;

fn main() -> ExitCode {
    gradus_examples::run(|options: Options| {
        gradus_examples::on_threads(options.threads, || look(&options).map_err(|error| error.to_string()))
    })
}

/// What is drawn of one length: the gradients at the steps, and the gains over steps back, before and after training.
struct Pictures {
    gradients: [Figure; 2],
    gains: [Figure; 2],
}

fn look(options: &Options) -> std::result::Result<(), Box<dyn std::error::Error>> {
    let mut rows = Vec::new();
    for &length in &options.lengths {
        let task = Adding::new(length)?;
        let [before, after] = ["before training", "after training"];
        let title = |when: &str| format!("adding problem, {length} steps, {when}");
        let mut pictures = Pictures {
            gradients: [Figure::gradients(&title(before)), Figure::gradients(&title(after))],
            gains: [Figure::gains(&title(before)), Figure::gains(&title(after))],
        };
        let (size, hidden, mut rng) = (task.input_size(), options.hidden, StdRng::seed_from_u64(options.seed));
        rows.push(one("RNN", Rnn::new(size, hidden, &mut rng), &task, options, &mut pictures)?);
        rows.push(one("LSTM", Lstm::new(size, hidden, &mut rng), &task, options, &mut pictures)?);
        rows.push(one("GRU", Gru::new(size, hidden, &mut rng), &task, options, &mut pictures)?);
        let [_, trained] = &pictures.gradients;
        println!("{}", trained.to_text());
        for (figures, name) in [(&pictures.gradients, "gradient"), (&pictures.gains, "gain")] {
            for (figure, when) in figures.iter().zip(["before", "after"]) {
                picture(&options.out, &format!("{name}-{length:03}-{when}.svg"), &figure.to_svg())?;
            }
        }
        println!();
    }
    println!("always saying 1 has a loss of {:.4}; a network that has found the rule comes below 0.01", 1.0 / 6.0);
    println!("| steps | network | verdict before → after | 1 % is left after | loss | clipped |");
    println!("| ---: | --- | --- | ---: | ---: | ---: |");
    rows.iter().for_each(|row| println!("{row}"));
    Ok(())
}

/// Looks at one network, trains it, and looks again; returns its row of the table.
fn one<C: Cell<Float = f32>>(
    name: &str,
    recurrent: Recurrent<C>,
    task: &Adding,
    options: &Options,
    pictures: &mut Pictures,
) -> Result<String> {
    let mut rng = StdRng::seed_from_u64(options.seed + 1);
    let mut model = ManyToOne::new(recurrent, task.output_size(), &mut rng)?;
    let shown = task.batch(BATCH, &mut rng);
    let flow = |model: &ManyToOne<C>| {
        let x = Tape::inference().input(shown.input.clone());
        let last = task.steps() - 1;
        GradientFlow::of(&model.recurrent, &x, None, |h, _| shown.loss(&model.head.forward(&h.select(0, last)?)?))
    };
    let before = flow(&model)?;
    let (mut adam, mut log) = (Adam::new(2e-3), ClipLog::new(1.0)?);
    let mut recent = Vec::new();
    for batch in 0..options.batches {
        let drawn = task.batch(BATCH, &mut rng);
        let loss = drawn.loss(&model.forward(&Tape::training(&mut rng).input(drawn.input.clone()))?)?;
        if batch + 50 >= options.batches {
            recent.extend(loss.item());
        }
        let mut gradients = loss.backward()?;
        log.clip(&mut gradients)?;
        adam.step(&mut model, &gradients)?;
    }
    let after = flow(&model)?;
    println!("{name}, {} steps, after training: {after}", task.steps());
    let flows = [&before, &after];
    for (pictures, shown) in [(&mut pictures.gradients, flows), (&mut pictures.gains, flows)] {
        for (figure, flow) in pictures.iter_mut().zip(shown) {
            *figure = figure.clone().with(name, flow);
        }
    }
    let [before, after] = [before.diagnosis(), after.diagnosis()];
    let loss = recent.iter().sum::<f32>() / recent.len().max(1) as f32;
    Ok(format!(
        "| {} | {name} | {} → {} | {:.0} steps | {loss:.4} | {:.0} % |",
        task.steps(),
        before.verdict,
        after.verdict,
        after.horizon,
        100.0 * log.share()
    ))
}
