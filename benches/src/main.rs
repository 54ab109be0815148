//! Times gradus on the workloads of the benchmark contract, and prints one JSON object a line.
//!
//! `cargo run --release -p gradus-benches -- --threads 1|2 [--only NAME,…] [--check]`

use clap::Parser;
use gradus_benches::{hold, measure, workloads};
use std::process::{Command, ExitCode};

/// Times gradus on the workloads of the benchmark contract, and prints one JSON object a line.
///
/// Every workload runs in a process of its own, held to as many processors as it has threads.
#[derive(Parser)]
struct Options {
    /// Threads to compute with, and processors to run on
    #[arg(long, default_value_t = 1)]
    threads: usize,
    /// Which workloads, separated by commas [default: all]
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// Print the values of the first steps instead of times, to compare with the other contestants'
    #[arg(long)]
    check: bool,
    /// Run one workload here and now
    #[arg(long, hide = true)]
    child: bool,
}

fn main() -> ExitCode {
    let options = Options::parse();
    let names = match &options.only[..] {
        [] => workloads::NAMES.iter().map(ToString::to_string).collect(),
        only => only.to_vec(),
    };
    let mut failed = false;
    for name in names {
        let result = if options.child { child(&options, &name) } else { in_own_process(&options, &name) };
        if let Err(error) = result {
            eprintln!("error: {error}");
            failed = true;
        }
    }
    if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn in_own_process(options: &Options, name: &str) -> Result<(), String> {
    if !workloads::NAMES.contains(&name) {
        return Err(format!("no workload {name}; there are {}", workloads::NAMES.join(", ")));
    }
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let mut child = Command::new(program);
    child.args(["--child", "--threads", &options.threads.to_string(), "--only", name]);
    if options.check {
        child.arg("--check");
    }
    let status = child.status().map_err(|error| error.to_string())?;
    if status.success() { Ok(()) } else { Err(format!("{name}: {status}")) }
}

fn child(options: &Options, name: &str) -> Result<(), String> {
    hold::to(0..options.threads)?;
    let pool = rayon::ThreadPoolBuilder::new().num_threads(options.threads).build();
    pool.map_err(|error| error.to_string())?.install(|| {
        let work = workloads::set_up(name).ok_or_else(|| format!("no workload {name}"))?;
        let line =
            if options.check { measure::check(name, work) } else { measure::measure(name, options.threads, work)? };
        println!("{line}");
        Ok(())
    })
}
