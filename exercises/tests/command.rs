//! The command, as one calls it.

use gradus_exercises::catalogue::EXERCISES;
use std::process::{Command, Output};
use std::{env, fs, process};

fn command(arguments: &[&str]) -> (Output, String, String) {
    let output =
        Command::new(env!("CARGO_BIN_EXE_gradus-exercises")).args(arguments).output().expect("the command starts");
    let [out, errors] = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text).into_owned());
    (output, out, errors)
}

#[test]
fn the_solutions_pass() {
    let (output, out, errors) = command(&["--solutions", "--seconds", "60"]);
    assert!(output.status.success(), "{out}{errors}");
    assert!(out.ends_with(&format!("\n{0} of {0} right\n", EXERCISES.len())), "{out}");
}

#[test]
fn the_exit_code_says_whether_all_is_right() {
    // Whoever works on the exercises runs this test too: whether they are done is theirs to know.
    let (output, out, errors) = command(&["l2-norm", "adam", "--seconds", "20"]);
    let right = out.contains("2 of 2 right");
    assert_eq!(output.status.code(), Some(if right { 0 } else { 1 }), "{out}{errors}");
    assert!(out.starts_with("1  l2-norm  ") && out.contains("\n7  adam  "), "{out}");
    assert_eq!(out.contains("Next: "), !right, "{out}");
}

#[test]
fn the_list_names_every_exercise() {
    let (output, out, _) = command(&["--list"]);
    assert!(output.status.success());
    assert_eq!(out.lines().count(), EXERCISES.len());
    assert!(EXERCISES.iter().zip(out.lines()).all(|(exercise, line)| line.contains(exercise.file)), "{out}");
}

#[test]
fn a_hint_is_given_and_the_next_one_after_it() {
    let folder = env::temp_dir().join(format!("gradus-exercises-command-{}", process::id()));
    let arguments = ["--hint", "bptt", "--out", folder.to_str().unwrap()];
    let given = [(); 3].map(|()| command(&arguments).1);
    assert!(given[0].starts_with("Hint 1 of 3\n") && !given[0].contains("Hint 2"), "{}", given[0]);
    assert!(given[1].contains("Hint 2 of 3\n") && !given[1].contains("Hint 3"), "{}", given[1]);
    assert!(given[2].contains("Hint 3 of 3\n") && given[2].ends_with("That was the last one.\n"), "{}", given[2]);
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn wrong_use_is_told_in_one_line() {
    for (arguments, says) in [
        (&["l3-norm"][..], "error: no exercise is called l3-norm; there are l2-norm, lp-norm"),
        (&["--hint", "nothing"], "error: no exercise is called nothing"),
        (&["--hint"], "error: a value is required for '--hint <NAME>'"),
        (
            &["--seconds", "0"],
            "error: invalid value '0' for '--seconds <SECONDS>': expected a number from 0.1 to 86400",
        ),
        (&["--seconds", "NaN"], "error: invalid value 'NaN' for '--seconds <SECONDS>'"),
        (&["--memory", "1"], "error: invalid value '1' for '--memory <MEMORY>': 1 is not in 128.."),
        (&["--list", "adam"], "error: the argument '--list' cannot be used with"),
        (&["--hint", "adam", "--out", concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")], "error: "),
    ] {
        let (output, out, errors) = command(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {out}{errors}");
        assert!(errors.starts_with(says) && errors.lines().count() == 1, "{arguments:?}: {errors}");
    }
}
