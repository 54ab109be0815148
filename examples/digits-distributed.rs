//! Trains the network of `digits` on several ranks at once, each on its part of every batch.
//!
//! ```text
//! cargo run --release --example digits-distributed                          # two ranks, threads of the program
//! mpirun -n 2 cargo run --release --example digits-distributed --features mpi   # two processes
//! ```
//!
//! and `-- --help` for the options.

use clap::Parser;
use gradus::distributed::{Communicator, Compression, DataParallel, Group, Threads};
use gradus::optim::schedule::CosineAnnealing;
use gradus::prelude::*;
use gradus::train::metrics::{Average, F1, TopK};
use gradus::train::{Every, Result as TrainResult};
use gradus_examples::digits::{Cnn, Images};
use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// Trains the network of `digits` on several ranks at once, each on its part of every batch.
///
/// Started by mpirun, and built with the feature `mpi`, each process is a rank; otherwise ranks are threads. Ends with
/// the line `test accuracy NN.NN %`, the same for the same options and number of ranks, wherever they run.
#[derive(Parser)]
struct Options {
    /// Ranks, as threads, where mpirun has not started any [default: 2]
    #[arg(long, value_parser = at_least_one)]
    ranks: Option<usize>,
    /// Threads that each rank computes with
    #[arg(long, default_value_t = 1)]
    threads: usize,
    /// Gradients travel as bfloat16, in half of the bytes
    #[arg(long)]
    bf16: bool,
    /// Of the gradients only this share travels, the largest; the rest is added to the next
    #[arg(long, value_name = "SHARE", conflicts_with = "bf16")]
    top_k: Option<f64>,
    /// A folder of IDX files named as MNIST's, as `digits` takes it, on every rank
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Passes over the training images [default: 30; with --data 6]
    #[arg(long)]
    epochs: Option<usize>,
    /// Where every random number comes from
    #[arg(long, default_value_t = 7)]
    seed: u64,
    /// The folder for report.html and the curves as SVG, on rank 0
    #[arg(long, value_name = "DIR", default_value = "target/gradus/digits-distributed")]
    out: PathBuf,
    /// Rank 0 saves the run in this folder after every epoch, and the same command goes on from what is there, on any
    /// number of ranks
    #[arg(long, value_name = "DIR")]
    checkpoints: Option<PathBuf>,
    /// The learning rate of Adam
    #[arg(long, default_value_t = 2e-3)]
    lr: f64,
    /// Images a step, over all ranks
    #[arg(long, default_value_t = 32)]
    batch: usize,
}

fn at_least_one(text: &str) -> std::result::Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("at least 1 is needed".to_owned()),
        Ok(count) => Ok(count),
        Err(error) => Err(error.to_string()),
    }
}

impl Options {
    fn compression(&self) -> Compression {
        match self.top_k {
            Some(share) => Compression::TopK { share },
            None if self.bf16 => Compression::Bf16,
            None => Compression::None,
        }
    }
}

/// The program of every rank.
fn train(options: &Options, group: &Group) -> TrainResult<()> {
    let mut rng = StdRng::seed_from_u64(options.seed);
    let Images { name, train, test, side } = Images::read(options.data.as_deref(), &mut rng)?;
    let epochs = options.epochs.unwrap_or(if options.data.is_some() { 6 } else { 30 });
    let mut model = Cnn::new(side, train.classes(), &mut rng);
    let first = group.rank() == 0;
    if first {
        println!("{} training and {} test images of {name}, on {} ranks", train.len(), test.len(), group.size());
    }

    let mut ranks = DataParallel::new(group).compression(options.compression());
    let mut progress = Progress::new();
    let steps = train.len().div_ceil(options.batch.max(1)) as u64 * epochs as u64;
    let mut trainer = Trainer::new(epochs)
        .batch_size(options.batch)
        .schedule(CosineAnnealing::new(options.lr, steps))
        .metric(F1(Average::Macro))
        .metric(TopK(2))
        .callback(&mut progress)
        .ranks(&mut ranks);
    if let Some(folder) = &options.checkpoints {
        trainer = trainer.checkpoint(folder, Every::Epochs(1)).resume();
    }
    let begun = Instant::now();
    let history = trainer.run(&mut model, &mut Adam::new(options.lr), &train, &test, &mut rng)?;
    let seconds = begun.elapsed().as_secs_f64();
    drop(trainer);

    let (exposed, sent) = (ranks.exposed(), ranks.sent_bytes());
    let waited = group.gather(0, exposed.as_secs_f64().to_le_bytes().to_vec())?;
    let Some(waited) = waited else { return Ok(()) };
    let waited: Vec<Duration> = waited
        .iter()
        .filter_map(|bytes| Some(Duration::from_secs_f64(f64::from_le_bytes(bytes.as_slice().try_into().ok()?))))
        .collect();

    print!("\n{history}\n");
    let evaluation = evaluate(&model, &test)?;
    let report = Report::new("Digits, on several ranks", &history)
        .evaluation(&evaluation)
        .draw_mistakes(&test, side, side)?
        .model(&model)
        .setting("data", &name)
        .setting("ranks", group.size())
        .setting("batch size, over all ranks", options.batch)
        .setting("compression", options.compression())
        .setting("seed", options.seed)
        .setting("optimizer", "Adam")
        .setting("learning rate", format!("{}, falling to 0 as a cosine", options.lr))
        .setting("dropout", "0.5 before the last layer");
    println!("report: {}", report.write(&options.out)?.display());
    println!("{seconds:.1} s of training; sent by rank 0: {:.1} MB of gradients", sent as f64 / 1e6);
    for (rank, waited) in waited.iter().enumerate() {
        println!(
            "rank {rank}: {:.2} s of it waiting for others, not hidden behind the backward pass",
            waited.as_secs_f64()
        );
    }
    println!("test accuracy {:.2} %", 100.0 * evaluation.accuracy);
    Ok(())
}

fn main() -> ExitCode {
    // Before the options, so that one rank says what is wrong with them.
    let group = Group::mpi();
    gradus_examples::run_on(group.as_ref().map_or(0, Group::rank), |options: Options| {
        let group = group?;
        match (group.size(), options.ranks) {
            (1, ranks) => Threads::run(ranks.unwrap_or(2), |group| rank(&options, &group)).into_iter().collect(),
            (_, None) => rank(&options, &group),
            (size, Some(_)) => Err(format!("--ranks is for threads, and mpirun has started {size} processes").into()),
        }
    })
}

fn rank(options: &Options, group: &Group) -> std::result::Result<(), Box<dyn Error + Send + Sync>> {
    let trained = gradus_examples::on_threads(Some(options.threads), || train(options, group));
    Ok(trained.map_err(|error| format!("on rank {}: {error}", group.rank()))?)
}
