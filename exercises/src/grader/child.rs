//! The child: grades one answer, and tells the parent on standard output.

use super::{Attempt, Fault, Grading, Outcome};
use serde::{Deserialize, Serialize};
use std::io::{self, Write, stdout};
use std::panic::{self, AssertUnwindSafe};
use std::sync::{Mutex, PoisonError};
use std::{env, fmt, process, thread};

/// The answer to grade.
pub(super) const NAME: &str = "GRADUS_EXERCISES_GRADE";
/// What a line for the parent begins with, different each time: what else stands on standard output is the answer's own.
pub(super) const MARK: &str = "GRADUS_EXERCISES_MARK";
/// How much memory an answer may take, in MiB.
pub(super) const MEMORY: &str = "GRADUS_EXERCISES_MEMORY";

/// What the child tells.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Message {
    /// The answer is about to be given this input.
    Input(Vec<String>),
    /// This became of the answer.
    Outcome(Outcome),
}

/// So many characters of a panic's message are told.
const PANIC_SHOWN: usize = 500;

/// Message and place of the last panic. A thread that an answer starts may panic, too.
static PANIC: Mutex<Option<(String, String)>> = Mutex::new(None);

/// If this process is a child of the grader, grades the answer that it is asked for, and returns true. The program then ends.
///
/// A program that calls [`grade`](super::grade) calls this first.
#[must_use]
pub fn answer_if_child(find: impl FnOnce(&str) -> Option<Attempt>) -> bool {
    let (Ok(name), Ok(mark)) = (env::var(NAME), env::var(MARK)) else { return false };
    end_with_parent();
    let outcome = match (find(&name), limit_memory()) {
        (Some(attempt), Ok(())) => outcome(&mark, attempt),
        (None, _) => Outcome::Failed(format!("no exercise is called {name}")),
        (_, Err(error)) => Outcome::Failed(format!("the memory could not be limited: {error}")),
    };
    tell(&mark, &Message::Outcome(outcome));
    true
}

fn outcome(mark: &str, attempt: Attempt) -> Outcome {
    panic::set_hook(Box::new(|info| {
        let place = info.location().map_or_else(|| "unknown place".to_owned(), ToString::to_string);
        let message = match (info.payload().downcast_ref::<&str>(), info.payload().downcast_ref::<String>()) {
            (Some(text), _) => text,
            (_, Some(text)) => text.as_str(),
            _ => "a panic without a message",
        };
        let message = message.chars().take(PANIC_SHOWN).collect();
        *PANIC.lock().unwrap_or_else(PoisonError::into_inner) = Some((message, place));
    }));
    let mut announce = |input: &[String]| tell(mark, &Message::Input(input.to_vec()));
    let mut grading = Grading::new(&mut announce);
    let caught = panic::catch_unwind(AssertUnwindSafe(|| attempt(&mut grading)));
    match caught {
        Ok(Ok(())) => Outcome::Right(grading.inputs()),
        Ok(Err(Fault::NotDone)) if grading.inputs() <= 1 => Outcome::NotDone,
        Ok(Err(Fault::NotDone)) => Outcome::PartlyDone(grading.inputs() - 1),
        Ok(Err(Fault::Differs(difference))) => Outcome::Differs(difference),
        Ok(Err(fault @ Fault::Library(_))) => Outcome::Failed(fault.to_string()),
        Err(_) => {
            let panic = PANIC.lock().unwrap_or_else(PoisonError::into_inner).take();
            let (message, place) = panic.unwrap_or_default();
            Outcome::Panicked { message, place }
        }
    }
}

/// Writes a line for the parent. It begins with a line's end, since the answer may have printed half a line before.
fn tell(mark: &str, message: &Message) {
    let text = serde_json::to_string(message).expect("text, numbers and lists have a form in JSON");
    // Without a parent that listens there is nobody to tell.
    let _ = write_line(format_args!("\n{mark}{text}\n"));
}

fn write_line(line: fmt::Arguments<'_>) -> io::Result<()> {
    let mut out = stdout().lock();
    out.write_fmt(line)?;
    out.flush()
}

/// Ends this process when the parent has ended, which closes standard input: an answer that loops would go on for ever.
fn end_with_parent() {
    thread::spawn(|| {
        // Nothing is ever written there.
        let _ = io::copy(&mut io::stdin().lock(), &mut io::sink());
        process::exit(1);
    });
}

/// Limits the memory of this process, and that no file is left behind when it is aborted.
#[cfg(target_os = "linux")]
fn limit_memory() -> Result<(), String> {
    use nix::sys::resource::{Resource, setrlimit};
    let Ok(mebibytes) = env::var(MEMORY) else { return Ok(()) };
    let mebibytes: u64 = mebibytes.parse().map_err(|error| format!("{mebibytes}: {error}"))?;
    let bytes = mebibytes.saturating_mul(1 << 20);
    let limited = setrlimit(Resource::RLIMIT_CORE, 0, 0).and_then(|()| setrlimit(Resource::RLIMIT_AS, bytes, bytes));
    limited.map_err(|error| error.to_string())
}

/// Other systems have no limit that can be set without `unsafe`; there the time limit ends an answer that grows.
#[cfg(not(target_os = "linux"))]
fn limit_memory() -> Result<(), String> {
    Ok(())
}
