//! The course of grading one answer: input after input, until one is wrong.

use super::{Difference, Same, show};
use crate::{Answer, NotDone};
use gradus::ndarray::{ArrayRef, Dimension};
use std::fmt::{self, Debug, Display};

/// What checks return: nothing if all is right.
pub type Checked = Result<(), Fault>;

/// Why grading ended early.
#[derive(Debug, Clone, PartialEq)]
pub enum Fault {
    /// The answer returned [`NotDone`].
    NotDone,
    /// The answer is wrong.
    Differs(Box<Difference>),
    /// The library refused an input of the grader, which is a mistake of the grader.
    Library(String),
}

/// Errors of the library.
impl<E: std::error::Error> From<E> for Fault {
    fn from(error: E) -> Self {
        Self::Library(error.to_string())
    }
}

/// What an answer is asked for: names and values, as they are shown to the learner.
#[derive(Debug, Clone, Default)]
pub struct Input {
    lines: Vec<String>,
}

impl Input {
    /// Nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// With an array under this name.
    #[must_use]
    pub fn array<A: Debug, D: Dimension>(mut self, name: &str, x: &ArrayRef<A, D>) -> Self {
        self.lines.push(format!("{name} {}", show::array(x)));
        self
    }

    /// With a value under this name.
    #[must_use]
    pub fn value(mut self, name: &str, x: impl Debug) -> Self {
        self.lines.push(format!("{name} = {x:?}"));
        self
    }
}

/// Hands inputs to one answer, and counts them.
pub struct Grading<'a> {
    announce: &'a mut dyn FnMut(&[String]),
    inputs: usize,
}

impl Debug for Grading<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Grading").field("inputs", &self.inputs).finish_non_exhaustive()
    }
}

impl<'a> Grading<'a> {
    /// Before each input `announce` is told what it is.
    pub fn new(announce: &'a mut dyn FnMut(&[String])) -> Self {
        Self { announce, inputs: 0 }
    }

    /// How many inputs there were so far.
    #[must_use]
    pub fn inputs(&self) -> usize {
        self.inputs
    }

    /// One input: announces it, asks the answer, and compares what it returns.
    ///
    /// # Errors
    /// [`Fault::NotDone`] if the answer says so, [`Fault::Differs`] if the comparison finds a difference.
    pub fn input<T>(
        &mut self,
        input: &Input,
        answer: impl FnOnce() -> Answer<T>,
        compare: impl FnOnce(T) -> Same,
    ) -> Checked {
        self.inputs += 1;
        (self.announce)(&input.lines);
        match answer() {
            Ok(found) => compare(found).map_err(Fault::Differs),
            Err(NotDone) => Err(Fault::NotDone),
        }
    }
}

impl Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotDone => Display::fmt(&NotDone, f),
            Self::Differs(difference) => Display::fmt(difference, f),
            Self::Library(error) => write!(f, "the grader's own input was refused: {error}"),
        }
    }
}
