//! Times data-parallel training, and prints one JSON object a line.
//!
//! `cargo run --release -p gradus-benches --features mpi --bin gradus-ranks -- --transport mpi --ranks 2 [--only NAME,…] [--check]`

use clap::{Parser, ValueEnum};
use gradus::train::{Ranks, Start};
use gradus_benches::training::Training;
use gradus_benches::{hold, measure};
use gradus_distributed::{DataParallel, Group, Threads};
use std::hint::black_box;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, ExitCode, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// Times data-parallel training, and prints one JSON object a line.
///
/// Each rank has one thread and one processor to compute with, and the workload's whole batch; with `--check` they share one.
#[derive(Parser)]
struct Options {
    /// How many ranks
    #[arg(long, default_value_t = 2)]
    ranks: usize,
    /// What connects them
    #[arg(long, value_enum, default_value_t = Transport::Threads)]
    transport: Transport,
    /// Which workloads, separated by commas
    #[arg(long, value_delimiter = ',', default_value = "mlp,cnn,lstm")]
    only: Vec<String>,
    /// Gradients travel in buckets of at most so many bytes, unless one parameter has more [default: that of the crate]
    #[arg(long)]
    bucket_bytes: Option<usize>,
    /// Print the losses of 50 steps instead of times: of the whole batch, of which each rank has its part
    #[arg(long)]
    check: bool,
    /// Be one of the ranks, on this processor
    #[arg(long, hide = true)]
    processor: Option<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, ValueEnum)]
enum Transport {
    /// Nothing: processes side by side, each of which trains a model of its own. What the machine can give at most
    None,
    /// They are threads of one process
    Threads,
    /// They are processes that mpirun starts
    Mpi,
}

impl Transport {
    fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Threads => "threads",
            Self::Mpi => "mpi",
        }
    }
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

fn main() -> ExitCode {
    let options = Options::parse();
    let mut failed = false;
    for name in &options.only {
        if let Err(error) = workload(&options, name) {
            eprintln!("error: {name}: {error}");
            failed = true;
        }
    }
    if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn workload(options: &Options, name: &str) -> Result<(), Failure> {
    let whole = Training::new(name, 0, 1).ok_or("no workload that trains")?.batch();
    if options.ranks == 0 || (options.check && whole % options.ranks != 0) {
        return Err(format!("{} ranks: a batch of {whole} rows cannot be shared by them", options.ranks).into());
    }
    match (options.transport, options.processor) {
        (Transport::None, None) => side_by_side(options, name),
        (Transport::Mpi, None) => under_mpirun(options, name),
        (Transport::None, Some(processor)) => on_processor(processor, || alone(options, name)),
        (Transport::Mpi, Some(processor)) => on_processor(processor, || together(options, name, &Group::mpi()?)),
        (Transport::Threads, _) => thread::scope(|scope| {
            let endpoints = Threads::endpoints(options.ranks).into_iter().enumerate();
            let rank = |(processor, endpoint): (usize, Threads)| {
                // The group's own thread begins inside, and inherits the processor.
                let program = move || together(options, name, &Group::start(move || Ok(endpoint))?);
                scope.spawn(move || on_processor(processor, program))
            };
            let ranks: Vec<_> = endpoints.map(rank).collect();
            ranks.into_iter().try_for_each(|rank| rank.join().map_err(|_| "a rank panicked")?)
        }),
    }
}

/// Runs `program` on one processor with one thread to compute with. Threads that it starts stay there.
fn on_processor(processor: usize, program: impl FnOnce() -> Result<(), Failure> + Send) -> Result<(), Failure> {
    hold::to([processor])?;
    rayon::ThreadPoolBuilder::new().num_threads(1).build()?.install(program)
}

/// This program again, as one of the ranks.
fn rank(options: &Options, name: &str, processor: usize) -> Result<Vec<String>, Failure> {
    let program = std::env::current_exe()?.into_os_string().into_string().map_err(|path| format!("{path:?}"))?;
    let mut words = vec![program, "--ranks".into(), options.ranks.to_string(), "--only".into(), name.into()];
    words.extend(["--transport".into(), options.transport.name().into(), "--processor".into(), processor.to_string()]);
    if let Some(bytes) = options.bucket_bytes {
        words.extend(["--bucket-bytes".into(), bytes.to_string()]);
    }
    words.extend(options.check.then(|| "--check".into()));
    Ok(words)
}

fn under_mpirun(options: &Options, name: &str) -> Result<(), Failure> {
    let mut mpirun = Command::new("mpirun");
    mpirun.args(["--allow-run-as-root", "--oversubscribe", "--bind-to", "none"]);
    for processor in 0..options.ranks {
        if processor > 0 {
            mpirun.arg(":");
        }
        mpirun.args(["-n", "1"]).args(rank(options, name, processor)?);
    }
    let status = mpirun.status()?;
    if status.success() { Ok(()) } else { Err(format!("mpirun: {status}").into()) }
}

/// Processes that train at the same time, each for itself; their rates are added up.
fn side_by_side(options: &Options, name: &str) -> Result<(), Failure> {
    let start = |processor| -> Result<Child, Failure> {
        let words = rank(options, name, processor)?;
        let mut command = Command::new(&words[0]);
        Ok(command.args(&words[1..]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?)
    };
    let mut children = (0..options.ranks).map(start).collect::<Result<Vec<_>, _>>()?;
    let mut outputs: Vec<_> = children.iter_mut().filter_map(|child| child.stdout.take()).map(BufReader::new).collect();
    let mut lines = || -> Result<Vec<String>, Failure> {
        let line = |output: &mut BufReader<_>| {
            let mut line = String::new();
            output.read_line(&mut line).map(|_| line)
        };
        Ok(outputs.iter_mut().map(line).collect::<Result<_, _>>()?)
    };
    // All are ready: now they go.
    lines()?;
    for child in &mut children {
        child.stdin.take().ok_or("no pipe")?.write_all(b"go\n")?;
    }
    let told = lines()?;
    for mut child in children {
        let status = child.wait()?;
        if !status.success() {
            return Err(status.to_string().into());
        }
    }
    if options.check {
        print!("{}", told.join(""));
        return Ok(());
    }
    let times = told.iter().map(|line| line.split_whitespace().map(str::parse).collect::<Result<Vec<f64>, _>>());
    let times = times.collect::<Result<Vec<_>, _>>()?;
    let batch = Training::new(name, 0, 1).map_or(0, |training| training.batch());
    println!("{}", Figures { times, batch, exposed: 0.0 }.line(options, name));
    Ok(())
}

/// A process that trains for itself, and prints the seconds of its steps.
fn alone(options: &Options, name: &str) -> Result<(), Failure> {
    let mut training = Training::new(name, 0, 1).ok_or("no workload that trains")?;
    if options.check {
        println!("ready");
        let losses = (0..CHECKED).map(|_| training.step()).collect::<Result<Vec<_>, _>>()?;
        println!("{}", checked(options, name, &losses));
        return Ok(());
    }
    let each = warm_up(|| training.step())?;
    println!("ready");
    std::io::stdin().read_line(&mut String::new())?;
    let times = timed(steps(each), || training.step())?;
    println!("{}", times.iter().map(f64::to_string).collect::<Vec<_>>().join(" "));
    Ok(())
}

/// One of several ranks; rank 0 prints.
fn together(options: &Options, name: &str, group: &Group) -> Result<(), Failure> {
    let mut ranks = DataParallel::new(group);
    if let Some(bytes) = options.bucket_bytes {
        ranks = ranks.bucket_bytes(bytes);
    }
    let (rank, size) = (ranks.rank(), ranks.size());
    if size != options.ranks {
        return Err(format!("{size} ranks, and {} were asked for", options.ranks).into());
    }
    let (part, parts) = if options.check { (rank, size) } else { (0, 1) };
    let mut training = Training::new(name, part, parts).ok_or("no workload that trains")?;
    let batch_size = training.batch() * size;
    let start = Start {
        seed: 0,
        samples: batch_size,
        test_samples: 0,
        batch_size,
        epochs: 1,
        data: 0,
        test_data: 0,
        checkpoint: None,
    };
    ranks.begin(training.model(), &start)?;
    if options.check {
        let losses = (0..CHECKED).map(|_| training.step_on(&mut ranks)).collect::<Result<Vec<_>, _>>()?;
        if rank == 0 {
            println!("{}", checked(options, name, &losses));
        }
        return Ok(());
    }
    let each = warm_up(|| training.step_on(&mut ranks))?;
    // As many steps on every rank: rank 0 says how many.
    let mut count = (steps(each) as u64).to_le_bytes().to_vec();
    ranks.broadcast(&mut count)?;
    let count = u64::from_le_bytes(count.try_into().map_err(|_| "no number of steps")?) as usize;
    let before = ranks.exposed();
    let mut times = timed(count, || training.step_on(&mut ranks))?;
    times.push((ranks.exposed() - before).as_secs_f64() / count as f64);
    let all = ranks.all_gather(&times.iter().flat_map(|time| time.to_le_bytes()).collect::<Vec<_>>())?;
    if rank == 0 {
        let numbers = |bytes: &Vec<u8>| bytes.as_chunks().0.iter().map(|bytes| f64::from_le_bytes(*bytes)).collect();
        let mut times: Vec<Vec<f64>> = all.iter().map(numbers).collect();
        let exposed = times.iter_mut().filter_map(Vec::pop).sum::<f64>() / size as f64;
        println!("{}", Figures { times, batch: training.batch(), exposed }.line(options, name));
    }
    Ok(())
}

/// The steps whose losses are compared.
const CHECKED: usize = 50;

fn checked(options: &Options, name: &str, losses: &[f64]) -> String {
    let (version, ranks) = (env!("CARGO_PKG_VERSION"), options.ranks);
    format!(r#"{{"peer": "gradus", "version": "{version}", "name": "{name}", "ranks": {ranks}, "values": {losses:?}}}"#)
}

/// The seconds of a step; fails if the loss does not fall over the first 20.
fn warm_up<E: Into<Failure>>(mut step: impl FnMut() -> Result<f64, E>) -> Result<f64, Failure> {
    let losses = (0..20).map(|_| step()).collect::<Result<Vec<_>, _>>().map_err(Into::into)?;
    if losses[19] >= losses[0] {
        return Err(format!("the loss does not fall: {losses:?}").into());
    }
    let seconds = timed(5, step)?;
    Ok(seconds.iter().sum::<f64>() / seconds.len() as f64)
}

/// As many steps as fill about two seconds, 20 at least.
fn steps(each: f64) -> usize {
    ((2.0 / each) as usize).max(20)
}

fn timed<E: Into<Failure>>(count: usize, mut step: impl FnMut() -> Result<f64, E>) -> Result<Vec<f64>, Failure> {
    let one = |_| {
        let begun = Instant::now();
        black_box(step().map_err(Into::into)?);
        Ok(begun.elapsed().max(Duration::from_nanos(1)).as_secs_f64())
    };
    (0..count).map(one).collect()
}

/// What was measured of one workload.
struct Figures {
    /// The seconds of each step of each rank.
    times: Vec<Vec<f64>>,
    /// The rows of each rank.
    batch: usize,
    /// Seconds a step in which a rank waited for others, and had nothing else to do.
    exposed: f64,
}

impl Figures {
    fn line(&self, options: &Options, name: &str) -> String {
        let medians = self.times.iter().map(|times| measure::median(times));
        let rate: f64 = medians.map(|median| self.batch as f64 / median).sum();
        let all = self.times.concat();
        let peak = measure::peak_rss_mib().map_or_else(|| "null".to_owned(), |mib| format!("{mib:.1}"));
        format!(
            r#"{{"peer": "gradus", "version": "{}", "name": "{name}", "ranks": {}, "transport": "{}", "median_s": {:.9}, "min_s": {:.9}, "max_s": {:.9}, "runs": {}, "samples_per_s": {rate:.1}, "exposed_s": {:.9}, "peak_rss_mib": {peak}}}"#,
            env!("CARGO_PKG_VERSION"),
            options.ranks,
            options.transport.name(),
            measure::median(&all),
            all.iter().copied().fold(f64::INFINITY, f64::min),
            all.iter().copied().fold(0.0, f64::max),
            self.times[0].len(),
            self.exposed,
        )
    }
}
