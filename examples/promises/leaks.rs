//! Promise: training does not leak.

use gradus::ndarray::{Array1, Array2};
use gradus::prelude::*;
use gradus::regularize::validation::{cross_validate, shuffled_k_fold};
use gradus::rnn_bptt::generate::CharModel;
use gradus::rnn_bptt::text::Streams;
use gradus::rnn_bptt::{Lstm, LstmState, State};

type Outcome<T = ()> = Result<T, Box<dyn std::error::Error>>;

/// Most that resident memory may grow by after the warm-up.
const LIMIT: i64 = 1024;

/// The three kinds of long runs, `share` of their full length.
pub(crate) fn show(share: f64) -> Outcome {
    let of = |full: f64| (full * share).ceil().max(10.0) as usize;
    let mut failed = false;
    let mut told = |what: String, grown: Option<i64>| match grown {
        Some(grown) => {
            println!("{what}: resident memory grew by {grown} KiB after the first tenth");
            failed |= grown > LIMIT;
        }
        None => println!("{what}: done; this system does not tell the resident memory"),
    };
    let steps = of(100_000.0);
    told(format!("{steps} steps of a perceptron"), perceptron(steps)?);
    let tokens = of(1_000_000.0).max(20_000);
    told(format!("{tokens} tokens through an LSTM, truncated to 64 steps"), tokens_read(tokens)?);
    let fits = of(1_000.0);
    told(format!("{fits} fits in 5-fold cross-validation"), folds(fits)?);
    if failed { Err("memory grew by more than 1 MiB".into()) } else { Ok(()) }
}

/// Resident memory now and after the first tenth.
#[derive(Default)]
struct Watch {
    before: Option<i64>,
}

impl Watch {
    fn at(&mut self, step: usize, of: usize) {
        if step == of / 10 {
            self.before = resident();
        }
    }

    fn grown(&self) -> Option<i64> {
        Some(resident()? - self.before?)
    }
}

/// In KiB.
fn resident() -> Option<i64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}

fn perceptron(steps: usize) -> Outcome<Option<i64>> {
    let mut rng = StdRng::seed_from_u64(1);
    let mut model =
        Sequential::<f32>::new().push(Linear::new(8, 16, &mut rng)).push(Tanh).push(Linear::new(16, 4, &mut rng));
    let (mut adam, mut watch) = (Adam::new(1e-3), Watch::default());
    let labels: Array1<usize> = (0..16).map(|i| i % 4).collect();
    for step in 0..steps {
        watch.at(step, steps);
        let tape = Tape::training(&mut rng);
        let x = Array2::from_shape_fn((16, 8), |(i, j)| ((step + 3 * i + 7 * j) % 13) as f32 / 13.0);
        let gradients = model.forward(&tape.input(x))?.cross_entropy(&labels)?.backward()?;
        adam.step(&mut model, &gradients)?;
    }
    Ok(watch.grown())
}

fn tokens_read(tokens: usize) -> Outcome<Option<i64>> {
    const VOCABULARY: usize = 32;
    let mut rng = StdRng::seed_from_u64(1);
    let mut model: CharModel<_> = CharModel::new(VOCABULARY, Lstm::new(8, 16, &mut rng), &mut rng)?;
    let text: Vec<usize> = (0..tokens).map(|i| (i * i / 7 + i) % VOCABULARY).collect();
    let streams = Streams::new(&text, 8, 64)?;
    let (mut adam, mut watch, mut state) = (Adam::new(1e-3), Watch::default(), None::<LstmState>);
    let passes = streams.iter().count();
    for (pass, piece) in streams.iter().enumerate() {
        watch.at(pass, passes);
        let tape = Tape::training(&mut rng);
        let before = state.as_ref().map(|state| state.carry(&tape));
        let (loss, after) = model.loss(&tape, &piece.inputs, &piece.targets, before.as_ref())?;
        adam.step(&mut model, &loss.backward()?)?;
        state = Some(after);
    }
    Ok(watch.grown())
}

fn folds(fits: usize) -> Outcome<Option<i64>> {
    let (data, _) = Digits::embedded().split_at(200)?;
    let (mut rng, mut watch) = (StdRng::seed_from_u64(1), Watch::default());
    let rounds = fits.div_ceil(5);
    for round in 0..rounds {
        watch.at(round, rounds);
        let splits = shuffled_k_fold(data.len(), 5, &mut rng)?;
        cross_validate(&splits, |split| {
            let (train, test) = (data.select(&split.train)?, data.select(&split.test)?);
            let mut model = Linear::new(64, 10, &mut rng);
            Trainer::new(1).batch_size(32).run(&mut model, &mut Adam::new(1e-2), &train, &test, &mut rng)?;
            accuracy(&model, &test)
        })?;
    }
    Ok(watch.grown())
}
