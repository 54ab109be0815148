//! What became of an answer.

use super::Difference;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::time::Duration;

/// What became of an answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Outcome {
    /// Right for all inputs, of which there were so many.
    Right(usize),
    /// It says that it is not done yet, at the first input.
    NotDone,
    /// It says that it is not done yet, after so many inputs for which it was right.
    PartlyDone(usize),
    /// It differs from the library.
    Differs(Box<Difference>),
    /// It panicked.
    Panicked {
        /// What the panic says.
        message: String,
        /// File and line.
        place: String,
    },
    /// It did not end within the time limit.
    TimedOut(Duration),
    /// It called itself too deep.
    StackOverflow,
    /// It asked for more memory than there is, or than the limit.
    OutOfMemory,
    /// It ended its process; with this status.
    Ended(String),
    /// The grader itself could not do its work.
    Failed(String),
}

impl Outcome {
    /// Whether the answer is right.
    #[must_use]
    pub fn is_right(&self) -> bool {
        matches!(self, Self::Right(_))
    }

    /// The outcome in a word or two, as the table has it.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Right(_) => "right",
            Self::NotDone => "not done yet",
            Self::PartlyDone(_) => "partly done",
            Self::Differs(_) => "differs",
            Self::Panicked { .. } => "panicked",
            Self::TimedOut(_) => "too slow",
            Self::StackOverflow => "stack overflow",
            Self::OutOfMemory => "out of memory",
            Self::Ended(_) => "ended",
            Self::Failed(_) => "not graded",
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Right(inputs) => write!(f, "{inputs} inputs"),
            Self::NotDone => f.write_str("it returns NotDone"),
            Self::PartlyDone(inputs) => write!(f, "right for {inputs} inputs, then it returns NotDone"),
            Self::Differs(difference) => fmt::Display::fmt(difference, f),
            Self::Panicked { message, place } => write!(f, "{message} ({place})"),
            Self::TimedOut(limit) => write!(f, "no end within {} s: an endless loop?", limit.as_secs_f64()),
            Self::StackOverflow => {
                f.write_str("it called itself too deep, or has arrays of fixed size that are too large")
            }
            Self::OutOfMemory => f.write_str("it asked for more memory than it may have"),
            Self::Ended(status) => write!(f, "it ended the process: {status}"),
            Self::Failed(why) => f.write_str(why),
        }
    }
}

/// What became of an answer, and what is known beside it.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    /// What became of it.
    pub outcome: Outcome,
    /// The input that it was given last, one line for each argument.
    pub input: Vec<String>,
    /// What the answer printed: the last of it.
    pub printed: String,
}

impl fmt::Display for Verdict {
    /// Lines that say what happened, with the input and what was printed, if that helps.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.outcome)?;
        if matches!(self.outcome, Outcome::Right(_) | Outcome::NotDone) {
            return Ok(());
        }
        if !self.input.is_empty() {
            writeln!(f, "for the input")?;
            self.input.iter().try_for_each(|line| writeln!(f, "  {line}"))?;
        }
        if !self.printed.is_empty() {
            writeln!(f, "it printed")?;
            self.printed.lines().try_for_each(|line| writeln!(f, "  {line}"))?;
        }
        Ok(())
    }
}
