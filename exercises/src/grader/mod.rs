//! Grades answers, each in a process of its own.
//!
//! The grader starts the program that it is part of once more for each answer. The child announces each input before it hands it to
//! the answer, so that the grader can name the input that a child did not come back from. A time limit ends what does not
//! end by itself, and on Linux a limit on memory what grows without end.

mod child;
mod difference;
mod grading;
mod outcome;
mod parent;
mod pipe;
mod show;

pub use child::answer_if_child;
pub use difference::{Difference, Same, compare};
pub use grading::{Checked, Fault, Grading, Input};
pub use outcome::{Outcome, Verdict};
pub use parent::{Limits, Program, grade};

/// Hands an answer to its checks.
pub type Attempt = fn(&mut Grading<'_>) -> Checked;
