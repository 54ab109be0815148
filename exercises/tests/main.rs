//! The grader: right answers pass, wrong ones are told where they differ, and nothing that an answer does ends it.

mod command;
mod harmful;
mod solutions;
mod ways;
mod wrong;

use gradus_exercises::grader::{Attempt, Limits, Program, Verdict, answer_if_child, grade};
use std::env;

/// This program as the child of the grader: the test below grades the answer, the others are not run.
fn program() -> Program {
    let arguments = ["a_child_of_the_grader", "--exact", "--nocapture", "--test-threads=1"];
    Program {
        path: env::current_exe().expect("the system tells what runs"),
        arguments: arguments.map(Into::into).to_vec(),
    }
}

#[test]
fn a_child_of_the_grader() {
    // In the parent this is a test of nothing.
    let _ = answer_if_child(find);
}

fn find(name: &str) -> Option<Attempt> {
    let (group, name) = name.split_once('/')?;
    let answers = match group {
        "solution" => return Some(gradus_exercises::catalogue::find(name)?.solution),
        "wrong" => wrong::answers().map(|wrong| (wrong.name, wrong.attempt)).collect(),
        "harmful" => harmful::ANSWERS.to_vec(),
        "way" => ways::ANSWERS.to_vec(),
        _ => Vec::new(),
    };
    answers.into_iter().find(|(of, _)| *of == name).map(|(_, attempt)| attempt)
}

fn graded(name: &str, limits: Limits) -> Verdict {
    grade(&program(), name, limits)
}
