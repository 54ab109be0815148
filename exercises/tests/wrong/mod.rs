//! Mistakes that learners make: each is found, at the first number that it makes wrong.

mod convolution;
mod methods;
mod norms;
mod recurrent;
mod training;

use crate::graded;
use gradus_exercises::grader::{Attempt, Limits};
use std::time::Duration;

pub(crate) struct Wrong {
    pub(crate) name: &'static str,
    pub(crate) attempt: Attempt,
    /// What the grader says first, in pieces: last digits may differ from machine to machine.
    says: &'static str,
    /// A line of the input that it shows.
    input: &'static str,
}

pub(crate) fn answers() -> impl Iterator<Item = &'static Wrong> {
    [norms::ANSWERS, training::ANSWERS, convolution::ANSWERS, recurrent::ANSWERS, methods::ANSWERS]
        .into_iter()
        .flatten()
}

/// Whether a text begins with the first piece, and the others, parted by `…`, follow in turn.
fn says_in_turn(text: &str, pieces: &str) -> bool {
    let mut rest = text;
    pieces.split('…').enumerate().all(|(at, piece)| match rest.find(piece) {
        Some(place) => {
            rest = &rest[place + piece.len()..];
            at > 0 || place == 0
        }
        None => false,
    })
}

#[test]
fn every_mistake_is_told_where_it_first_shows() {
    let mut problems = Vec::new();
    for Wrong { name, says, input, .. } in answers() {
        let verdict = graded(&format!("wrong/{name}"), Limits { time: Duration::from_secs(60), memory: 1024 });
        let told = verdict.outcome.word() == "differs"
            && says_in_turn(&verdict.outcome.to_string(), says)
            && verdict.input.iter().any(|line| line.starts_with(input));
        if !told {
            problems.push(format!("{name}: {verdict}"));
        }
    }
    assert!(problems.is_empty(), "{} of {}\n{}", problems.len(), answers().count(), problems.join("\n"));
}
