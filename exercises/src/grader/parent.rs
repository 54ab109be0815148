//! The parent: starts a child for each answer, and ends it if it must.

use super::child::{MARK, MEMORY, Message, NAME};
use super::pipe::{Heard, Listener};
use super::{Outcome, Verdict};
use std::ffi::OsString;
use std::hash::{BuildHasher, RandomState};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};
use std::{env, io, thread};

/// How often the parent looks whether the child has ended.
const LOOK: Duration = Duration::from_millis(5);

/// How long the parent waits for the rest of the output of a child that has ended.
const REST: Duration = Duration::from_secs(2);

/// What an answer may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Time for all its inputs.
    pub time: Duration,
    /// Memory in MiB, on Linux.
    pub memory: u64,
}

impl Default for Limits {
    /// 5 seconds and 1024 MiB.
    fn default() -> Self {
        Self { time: Duration::from_secs(5), memory: 1024 }
    }
}

/// The program to start as a child: it calls [`answer_if_child`](super::answer_if_child).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    /// Its file.
    pub path: PathBuf,
    /// Its arguments.
    pub arguments: Vec<OsString>,
}

impl Program {
    /// The program that runs, without arguments.
    ///
    /// # Errors
    /// If the system does not tell its file.
    pub fn this() -> io::Result<Self> {
        Ok(Self { path: env::current_exe()?, arguments: Vec::new() })
    }
}

/// Grades the answer of this name in a child.
///
/// Whatever the answer does, panics, loops, aborts or takes all memory, there is a verdict.
#[must_use]
pub fn grade(program: &Program, name: &str, limits: Limits) -> Verdict {
    match run(program, name, limits) {
        Ok(verdict) => verdict,
        Err(error) => {
            let why = format!("{}: {error}", program.path.display());
            Verdict { outcome: Outcome::Failed(why), input: Vec::new(), printed: String::new() }
        }
    }
}

fn run(program: &Program, name: &str, limits: Limits) -> io::Result<Verdict> {
    let mark = format!("gradus-exercises {:016x} ", RandomState::new().hash_one(name));
    let mut child = Command::new(&program.path)
        .args(&program.arguments)
        .env(NAME, name)
        .env(MARK, &mark)
        .env(MEMORY, limits.memory.to_string())
        // Threads of the library would each reserve memory, which the limit counts.
        .env("RAYON_NUM_THREADS", "1")
        // A learner needs the place of a panic, not the grader's callers.
        .env("RUST_BACKTRACE", "0")
        // It closes when this process ends, however it ends: the child then ends itself.
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    // A limit beyond what a clock can tell is none.
    let deadline = Instant::now().checked_add(limits.time);
    let out = child.stdout.take().map(|pipe| Listener::start(pipe, mark.clone()));
    let errors = child.stderr.take().map(|pipe| Listener::start(pipe, mark.clone()));

    let status = wait(&mut child, deadline)?;
    let rest = Instant::now() + REST;
    let [out, errors] = [out, errors].map(|pipe| pipe.map_or_else(Heard::default, |pipe| pipe.heard(rest)));
    let (mut input, mut outcome) = (Vec::new(), None);
    for message in out.marked.iter().filter_map(|text| serde_json::from_str(text).ok()) {
        match message {
            Message::Input(lines) => input = lines,
            Message::Outcome(told) => outcome = Some(told),
        }
    }
    let mut printed = out.printed + &errors.printed;
    let outcome = match (outcome, status) {
        (Some(told), _) => told,
        (None, None) => Outcome::TimedOut(limits.time),
        (None, Some(status)) => without_outcome(status, &mut printed),
    };
    Ok(Verdict { outcome, input, printed })
}

/// Waits for the child's end; past the deadline ends it, which gives no status.
fn wait(child: &mut Child, deadline: Option<Instant>) -> io::Result<Option<ExitStatus>> {
    while deadline.is_none_or(|deadline| Instant::now() < deadline) {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        thread::sleep(LOOK);
    }
    // It may have ended by itself since: then there is nothing to kill, and waiting still reaps it.
    let killed = child.kill();
    child.wait()?;
    killed.map(|()| None)
}

/// What became of a child that ended without telling.
fn without_outcome(status: ExitStatus, printed: &mut String) -> Outcome {
    // Rust's own last words before it aborts. The outcome says the same, so they go.
    for (words, outcome) in
        [("has overflowed its stack", Outcome::StackOverflow), ("memory allocation of ", Outcome::OutOfMemory)]
    {
        if let Some(at) = printed.rfind(words) {
            printed.truncate(printed[..at].rfind('\n').map_or(0, |end| end + 1));
            return outcome;
        }
    }
    Outcome::Ended(status.to_string())
}
