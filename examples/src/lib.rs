//! What the examples share: how they end, and how they take their options.
//!
//! The README's programs are tested here:
#![doc = include_str!("../../README.md")]

pub mod digits;

use std::fmt::Display;
use std::path::Path;
use std::process::ExitCode;
use std::{fs, io};

use clap::Parser;

/// Runs an example: its options are read from the command line, and an error is printed as one line on standard error.
pub fn run<Options: Parser, E: Display>(main: impl FnOnce(Options) -> Result<(), E>) -> ExitCode {
    run_on(0, main)
}

/// The same on one of several ranks, which have the same options: rank 0 alone says what is wrong with them.
pub fn run_on<Options: Parser, E: Display>(rank: usize, main: impl FnOnce(Options) -> Result<(), E>) -> ExitCode {
    let options = match Options::try_parse() {
        Ok(options) => options,
        Err(error) if rank > 0 => return if error.use_stderr() { ExitCode::FAILURE } else { ExitCode::SUCCESS },
        // Help and the version are printed on standard output, and are no failure.
        Err(error) if !error.use_stderr() => {
            print!("{error}");
            return ExitCode::SUCCESS;
        }
        Err(error) => return fail(error.to_string().trim_start_matches("error: ")),
    };
    main(options).map_or_else(fail, |()| ExitCode::SUCCESS)
}

fn fail(error: impl Display) -> ExitCode {
    let error = error.to_string();
    let message = error.split("\n\nUsage").next().unwrap_or_default();
    let line: Vec<_> = message.split_whitespace().collect();
    eprintln!("error: {}", line.join(" "));
    ExitCode::FAILURE
}

/// Runs `work` with so many threads to compute with; one for each processor if no number is given.
///
/// # Errors
/// What `work` fails with, or one line that says why the threads could not be had.
pub fn on_threads<E: Display>(
    threads: Option<usize>,
    work: impl FnOnce() -> Result<(), E> + Send,
) -> Result<(), String> {
    if threads == Some(0) {
        return Err("--threads is 0: at least 1 is needed".to_owned());
    }
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads.unwrap_or(0)).build();
    let pool = pool.map_err(|error| format!("--threads: {error}"))?;
    pool.install(|| work().map_err(|error| error.to_string()))
}

/// Writes a picture to a folder, which is made if it is not there, and says where.
///
/// # Errors
/// If folder or file cannot be written; the error names the file.
pub fn picture(folder: &Path, name: &str, picture: &str) -> io::Result<()> {
    let path = folder.join(name);
    let written = fs::create_dir_all(folder).and_then(|()| fs::write(&path, picture));
    written.map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))?;
    println!("picture: {}", path.display());
    Ok(())
}

/// Says how far the accuracy with a replacement is from that with what it replaces, both as shares.
///
/// # Errors
/// If they are more than one point, a hundredth, apart.
pub fn within_a_point(replacement: f64, built_in: f64) -> Result<(), String> {
    let points = 100.0 * (replacement - built_in);
    let verdict = format!("the accuracies differ by {points:+.2} points");
    println!("{verdict}");
    if points.abs() <= 1.0 { Ok(()) } else { Err(format!("{verdict}; at most 1 would do")) }
}

/// The snippets of the phrase book, which are tested here.
#[cfg(doctest)]
#[doc = include_str!("../../docs/from-pytorch.md")]
mod phrase_book {}
