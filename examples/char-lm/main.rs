//! Trains a recurrent network to write text character by character, and lets it write as it learns.
//!
//! `cargo run --release --example char-lm`, and `-- --help` for the options.

mod checkpoint;
mod text;

use checkpoint::{Checkpoint, Place};
use clap::Parser;
use gradus::optim::schedule::CosineAnnealing;
use gradus::prelude::*;
use gradus::rnn_bptt::generate::{CharModel, Sampler, bits_per_character, perplexity};
use gradus::rnn_bptt::text::{Streams, Vocabulary, split};
use gradus::rnn_bptt::{ClipLog, Lstm, LstmCell, LstmState, State};
use gradus::train::stop_on_ctrl_c;
use std::error::Error;
use std::io::{IsTerminal, Write, stdout};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// Trains a recurrent network to write text character by character, and lets it write as it learns.
///
/// The text is the project's own source, or a file. Truncated back-propagation through time: the state is carried from piece to piece, the
/// graph is cut. After every pass over the text and at Ctrl-C the model is saved; `--resume` goes on from there as if it had never stopped. Ends with the
/// line `validation loss N.NNN nats a character`.
#[derive(Parser)]
struct Options {
    /// A text file [default: the project's own source]
    #[arg(long)]
    text: Option<PathBuf>,
    /// The folder in which the model is kept
    #[arg(value_name = "DIR", default_value = "target/gradus/char-lm")]
    out: PathBuf,
    /// Go on from the model in the folder
    #[arg(long)]
    resume: bool,
    /// Passes over the text
    #[arg(long, default_value_t = 4)]
    epochs: u64,
    /// End after the pass in which so many minutes are over
    #[arg(long)]
    minutes: Option<f64>,
    /// Features of the state
    #[arg(long, default_value_t = 256)]
    hidden: usize,
    /// Recurrent layers
    #[arg(long, default_value_t = 1)]
    layers: usize,
    /// The share of features that dropout takes between the layers
    #[arg(long, default_value_t = 0.0)]
    dropout: f64,
    /// Streams of text that are read side by side
    #[arg(long, default_value_t = 32)]
    batch: usize,
    /// Steps of back-propagation through time
    #[arg(long, default_value_t = 64)]
    steps: usize,
    /// The learning rate of Adam at the beginning; it falls along a cosine to a twentieth
    #[arg(long, default_value_t = 4e-3)]
    lr: f64,
    /// Where every random number comes from
    #[arg(long, default_value_t = 7)]
    seed: u64,
    /// What to begin the samples with [default: the first line of the text]
    #[arg(long)]
    prime: Option<String>,
    /// Below 1 the model writes what it is sure of, above 1 what it is not
    #[arg(long, default_value_t = 0.8)]
    temperature: f64,
    /// Draw among so many likeliest characters only
    #[arg(long)]
    top_k: Option<usize>,
    /// The length of a sample
    #[arg(long, default_value_t = 240)]
    sample: usize,
    /// Threads to compute with; the result does not depend on it [default: one for each processor]
    #[arg(long)]
    threads: Option<usize>,
}

type Model = CharModel<LstmCell>;
type Outcome<T = ()> = Result<T, Box<dyn Error>>;

/// Characters in the validation part are read in pieces of this length: there is no gradient to keep memory for.
const VALIDATION_PIECE: usize = 256;

fn main() -> ExitCode {
    gradus_examples::run(|options: Options| {
        gradus_examples::on_threads(options.threads, || write(&options).map_err(|error| error.to_string()))
    })
}

fn write(options: &Options) -> Outcome {
    let text = text::read(options.text.as_deref())?;
    let vocabulary = Vocabulary::of(&text)?;
    let tokens = vocabulary.encode(&text)?;
    let (training, validation) = split(&tokens, 0.9)?;
    let streams = Streams::new(training, options.batch, options.steps)?;
    let validation = Streams::new(validation, options.batch, VALIDATION_PIECE)?;
    let mut sampler = Sampler::new(options.temperature);
    if let Some(k) = options.top_k {
        sampler = sampler.top_k(k);
    }
    sampler.check()?;
    let prime = options.prime.clone().unwrap_or_else(|| text.lines().next().unwrap_or_default().to_owned() + "\n");

    vocabulary.encode(&prime)?; // what is wrong with it is said before the training

    let mut rng = StdRng::seed_from_u64(options.seed);
    let lstm = Lstm::new(64, options.hidden, &mut rng).layers(options.layers, &mut rng).dropout(options.dropout);
    let mut model = CharModel::new(vocabulary.len(), lstm, &mut rng)?;
    let mut adam = Adam::new(options.lr);
    let mut done = Place::default();
    let checkpoint = Checkpoint::new(&options.out);
    if options.resume {
        done = checkpoint.load(&mut model, &mut adam, &vocabulary)?;
        let Place { epochs, pieces, .. } = done;
        println!("resumed after pass {epochs} and {pieces} pieces of the next from {checkpoint}");
    }
    println!(
        "{} characters, {} distinct; an LSTM of {} parameters reads {} streams",
        tokens.len(),
        vocabulary.len(),
        model.count_parameters(),
        options.batch
    );

    let begin = Instant::now();
    let stop = stop_on_ctrl_c()?;
    let pieces = streams.iter().len() as u64;
    let lanes =
        done.state.as_ref().map_or(options.batch, |state| state.h.shape().iter().rev().nth(1).map_or(0, |n| *n));
    if done.pieces > pieces || lanes != options.batch {
        let at = done.pieces;
        let fault = format!(
            "{checkpoint} is {at} pieces of {lanes} streams into a pass, which here has {pieces} of {}",
            options.batch
        );
        return Err((fault + "; resume with the text, --batch and --steps it was trained with").into());
    }
    let schedule = CosineAnnealing::new(options.lr, options.epochs * pieces).floor(options.lr / 20.0);
    let mut loss = validate(&model, &validation)?;
    for epoch in done.epochs..options.epochs {
        // Random numbers of its own for each pass, so that a resumed one draws what it would have drawn.
        let mut rng = gradus::data::Streams::new(options.seed).numbered("pass", epoch);
        let mut log = ClipLog::new(1.0)?;
        let mut progress = Progress::new(epoch + 1, options.epochs, pieces);
        // Pieces that an earlier run has read; each has drawn one number, for its tape.
        let Place { pieces: read, mut state, .. } = std::mem::take(&mut done);
        for _ in 0..read {
            rng.next_u64();
        }
        for (step, piece) in (epoch * pieces..).zip(streams.iter()).skip(read as usize) {
            adam.follow(&schedule, step)?;
            let tape = Tape::training(&mut rng);
            let before = state.as_ref().map(|state: &LstmState| state.carry(&tape));
            let (loss, after) = model.loss(&tape, &piece.inputs, &piece.targets, before.as_ref())?;
            state = Some(after.cut());
            let nats = number(&loss)?;
            let mut gradients = loss.backward()?;
            log.clip(&mut gradients)?;
            adam.step(&mut model, &gradients)?;
            progress.step(nats, piece.inputs.len());
            if stop.load(Ordering::Relaxed) {
                let place = Place { epochs: epoch, pieces: step + 1 - epoch * pieces, state };
                checkpoint.save(&model, &adam, &vocabulary, &place)?;
                println!(
                    "stopped in pass {}, after piece {} of {pieces}; saved in {checkpoint}",
                    epoch + 1,
                    place.pieces
                );
                println!("the same command with --resume goes on from there");
                return Ok(());
            }
        }
        loss = validate(&model, &validation)?;
        let log = log.to_string();
        let clipped = log.lines().next().unwrap_or_default();
        println!("{}, validation {loss:.3} (perplexity {:.2}); {clipped}", progress.line(), perplexity(loss));
        checkpoint.save(&model, &adam, &vocabulary, &Place { epochs: epoch + 1, ..Place::default() })?;
        let sample: Outcome<String> = (model.sample(&vocabulary, &prime, sampler.clone(), &mut rng)?)
            .take(options.sample)
            .map(|character| Ok(character?))
            .collect();
        println!("┌─\n{prime}{}\n└─", sample?);
        if options.minutes.is_some_and(|minutes| begin.elapsed().as_secs_f64() > 60.0 * minutes) {
            break;
        }
    }
    println!("model: {checkpoint}");
    println!("{:.2} bits a character", bits_per_character(loss));
    println!("validation loss {loss:.3} nats a character");
    Ok(())
}

/// The mean cross-entropy over the validation part, its state carried from piece to piece.
fn validate(model: &Model, validation: &Streams) -> Outcome<f64> {
    let (mut total, mut count) = (0.0, 0);
    let mut state = None;
    for piece in validation.iter() {
        let tape = Tape::inference();
        let before = state.as_ref().map(|state: &LstmState| state.carry(&tape));
        let (loss, after) = model.loss(&tape, &piece.inputs, &piece.targets, before.as_ref())?;
        total += number(&loss)? * piece.inputs.len() as f64;
        count += piece.inputs.len();
        state = Some(after);
    }
    Ok(total / count as f64)
}

/// The loss as a number.
fn number(loss: &Var) -> Outcome<f64> {
    Ok(f64::from(loss.item().ok_or("a loss is one number")?))
}

/// How far a pass is: a line that is rewritten on a terminal, and nothing until its end elsewhere.
struct Progress {
    title: String,
    pieces: u64,
    done: u64,
    characters: usize,
    /// The loss of all pieces so far, each with the weights of its time.
    total: f64,
    begin: Instant,
    shown: Instant,
}

impl Progress {
    fn new(epoch: u64, epochs: u64, pieces: u64) -> Self {
        let now = Instant::now();
        let title = format!("pass {epoch} of {epochs}");
        Self { title, pieces, done: 0, characters: 0, total: 0.0, begin: now, shown: now }
    }

    fn step(&mut self, nats: f64, characters: usize) {
        self.total += nats * characters as f64;
        self.characters += characters;
        self.done += 1;
        if stdout().is_terminal() && self.shown.elapsed() > Duration::from_millis(300) {
            self.shown = Instant::now();
            print!("\r{}, {} % ", self.line(), 100 * self.done / self.pieces);
            // A reader that has gone away is no reason to stop training.
            stdout().flush().ok();
            if self.done == self.pieces {
                println!();
            }
        }
    }

    fn line(&self) -> String {
        let mean = self.total / self.characters.max(1) as f64;
        let speed = self.characters as f64 / self.begin.elapsed().as_secs_f64().max(1e-9);
        let start = if stdout().is_terminal() { "\r" } else { "" };
        format!("{start}{}: loss {mean:.3} (perplexity {:.2}), {speed:.0} characters/s", self.title, perplexity(mean))
    }
}
