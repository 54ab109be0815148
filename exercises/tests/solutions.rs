//! Every solution passes, and every exercise is whole.

use crate::graded;
use gradus_exercises::catalogue::EXERCISES;
use gradus_exercises::grader::{Limits, Outcome};
use gradus_exercises::hints;
use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;
use std::{env, fs, process};

/// Tests run beside each other: the time limit is no part of what they ask.
const PATIENT: Limits = Limits { time: Duration::from_secs(60), memory: 1024 };

#[test]
fn every_solution_is_right() {
    for exercise in EXERCISES {
        let verdict = graded(&format!("solution/{}", exercise.name), PATIENT);
        match verdict.outcome {
            Outcome::Right(inputs) => assert!(inputs >= 9, "{}: {inputs} inputs are few", exercise.name),
            _ => panic!("{}: {verdict}", exercise.name),
        }
    }
}

#[test]
fn an_unknown_answer_is_not_graded() {
    let verdict = graded("solution/nothing", PATIENT);
    assert_eq!(verdict.outcome, Outcome::Failed("no exercise is called solution/nothing".to_owned()));
}

#[test]
fn every_exercise_has_its_file_and_three_hints() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    for exercise in EXERCISES {
        let text = fs::read_to_string(root.join(exercise.file)).unwrap();
        let number = EXERCISES.iter().position(|other| other.name == exercise.name).unwrap() + 1;
        let head = format!("//! Exercise {number}, chapter {}: ", exercise.chapter);
        assert!(text.starts_with(&head), "{}", exercise.file);
        let hints: Vec<_> = exercise.hints().collect();
        assert!(hints.len() == 3 && hints.iter().all(|hint| !hint.is_empty()), "{}: {hints:?}", exercise.name);
    }
    let names: BTreeSet<_> = EXERCISES.iter().map(|exercise| exercise.name).collect();
    assert_eq!(names.len(), EXERCISES.len());
    assert!(EXERCISES.is_sorted_by_key(|exercise| exercise.file));
}

#[test]
fn hints_come_one_after_the_other() {
    let folder = env::temp_dir().join(format!("gradus-exercises-hints-{}", process::id()));
    let exercise = &EXERCISES[0];
    let counts: Vec<_> = (0..4).map(|_| hints::next(exercise, &folder).unwrap().len()).collect();
    assert_eq!(counts, [1, 2, 3, 3]);
    fs::write(folder.join(exercise.name), "no number").unwrap();
    assert_eq!(hints::next(exercise, &folder).unwrap().len(), 1);
    let error = hints::next(exercise, &folder.join(exercise.name)).unwrap_err();
    assert!(error.to_string().contains(exercise.name), "{error}");
    fs::remove_dir_all(folder).unwrap();
}
