//! The command: grades the exercises, lists them, gives hints.

#![forbid(unsafe_code)]

use clap::Parser;
use gradus_exercises::catalogue::{EXERCISES, Exercise, find};
use gradus_exercises::grader::{Limits, Outcome, Program, answer_if_child, grade};
use gradus_exercises::hints;
use std::fmt::Display;
use std::io::{self, Write, stdout};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

/// Grades the exercises. The exit code is 0 if all that were graded are right.
#[derive(Debug, Parser)]
#[command(name = "gradus-exercises")]
struct Options {
    /// The exercises to grade; all if none is named
    #[arg(value_name = "NAME")]
    names: Vec<String>,
    /// Give the next hint for an exercise
    #[arg(long, value_name = "NAME", conflicts_with_all = ["names", "list", "solutions"])]
    hint: Option<String>,
    /// List the exercises
    #[arg(long, conflicts_with_all = ["names", "solutions"])]
    list: bool,
    /// Grade the solutions that come along in place of your answers
    #[arg(long)]
    solutions: bool,
    /// Seconds that each answer may take
    #[arg(long, default_value = "5", value_parser = seconds)]
    seconds: Duration,
    /// MiB of memory that each answer may take (on Linux)
    #[arg(long, default_value_t = Limits::default().memory, value_parser = clap::value_parser!(u64).range(128..))]
    memory: u64,
    /// The folder that keeps how many hints you had
    #[arg(long, value_name = "DIR", default_value = "target/gradus/exercises")]
    out: PathBuf,
}

/// Before the name of a solution, among the names that a child is asked for.
const SOLUTION: &str = "solution/";

fn main() -> ExitCode {
    let attempt = |name: &str| match name.strip_prefix(SOLUTION) {
        Some(name) => Some(find(name)?.solution),
        None => Some(find(name)?.attempt),
    };
    if answer_if_child(attempt) {
        return ExitCode::SUCCESS;
    }
    let options = match Options::try_parse() {
        Ok(options) => options,
        // Help is printed on standard output, and is no failure.
        Err(error) if !error.use_stderr() => {
            print!("{error}");
            return ExitCode::SUCCESS;
        }
        Err(error) => return fail(error.to_string().trim_start_matches("error: ")),
    };
    match run(&options) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => fail(error),
    }
}

/// One line on standard error. Wrong use has an exit code of its own, since 1 says that an answer is not right.
fn fail(error: impl Display) -> ExitCode {
    let error = error.to_string();
    let message = error.split("\n\nUsage").next().unwrap_or_default();
    let line: Vec<_> = message.split_whitespace().collect();
    eprintln!("error: {}", line.join(" "));
    ExitCode::from(2)
}

fn seconds(text: &str) -> Result<Duration, String> {
    let range = 0.1..=86_400.0;
    let seconds = text.parse().ok().filter(|seconds| range.contains(seconds));
    seconds.map(Duration::from_secs_f64).ok_or_else(|| "expected a number from 0.1 to 86400".to_owned())
}

/// Whether all is right.
fn run(options: &Options) -> io::Result<bool> {
    if options.list {
        return list().map(|()| true);
    }
    if let Some(name) = &options.hint {
        return give_hint(named(name)?, options).map(|()| true);
    }
    let chosen = match &options.names[..] {
        [] => EXERCISES.iter().collect(),
        names => names.iter().map(|name| named(name)).collect::<io::Result<Vec<_>>>()?,
    };
    grade_all(&chosen, options)
}

fn named(name: &str) -> io::Result<&'static Exercise> {
    find(name).ok_or_else(|| {
        let names: Vec<_> = EXERCISES.iter().map(|exercise| exercise.name).collect();
        io::Error::other(format!("no exercise is called {name}; there are {}", names.join(", ")))
    })
}

fn list() -> io::Result<()> {
    let mut out = stdout().lock();
    for Exercise { name, chapter, task, file, .. } in EXERCISES {
        writeln!(out, "{chapter}  {name:24}{task:36}{file}")?;
    }
    Ok(())
}

fn give_hint(exercise: &Exercise, options: &Options) -> io::Result<()> {
    let hints = hints::next(exercise, &options.out.join("hints"))?;
    let (mut out, of) = (stdout().lock(), exercise.hints().count());
    for (at, hint) in hints.iter().enumerate() {
        writeln!(out, "Hint {} of {of}\n{hint}\n", at + 1)?;
    }
    match of - hints.len() {
        0 => writeln!(out, "That was the last one."),
        _ => writeln!(out, "The same command gives the next."),
    }
}

/// Grades one after the other, and says of each what became of it.
fn grade_all(chosen: &[&Exercise], options: &Options) -> io::Result<bool> {
    let program = Program::this()?;
    let limits = Limits { time: options.seconds, memory: options.memory };
    let mut right = 0;
    let mut next = None;
    for exercise in chosen {
        let Exercise { name, file, .. } = exercise;
        let key = if options.solutions { format!("{SOLUTION}{name}") } else { (*name).to_owned() };
        let verdict = grade(&program, &key, limits);
        let mut out = stdout().lock();
        write!(out, "{}  {name:24}{:16}", exercise.chapter, verdict.outcome.word())?;
        match &verdict.outcome {
            Outcome::Right(_) => writeln!(out, "{}", verdict.outcome)?,
            Outcome::NotDone => writeln!(out, "{file}")?,
            _ => {
                writeln!(out, "{file}")?;
                verdict.to_string().lines().try_for_each(|line| writeln!(out, "     {line}"))?;
            }
        }
        if verdict.outcome.is_right() {
            right += 1;
        } else {
            next = next.or(Some(exercise));
        }
    }
    let mut out = stdout().lock();
    writeln!(out, "\n{right} of {} right", chosen.len())?;
    if let Some(Exercise { name, task, file, .. }) = next {
        writeln!(out, "Next: {task}, in {file}. For a hint: cargo run -p gradus-exercises -- --hint {name}")?;
    }
    Ok(right == chosen.len())
}
