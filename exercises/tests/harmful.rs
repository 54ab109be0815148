//! Answers that panic, loop, abort, take all memory: each is survived, and called by its name.

use crate::graded;
use gradus_exercises::grader::{Attempt, Limits, Outcome, Verdict};
use gradus_exercises::{Answer, NotDone, checks};
use std::hint::black_box;
#[cfg(target_os = "linux")]
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use std::{env, fs, process, thread};

pub(crate) const ANSWERS: &[(&str, Attempt)] = &[
    ("panics", |grading| checks::l2_norm(grading, |x| Ok(x[x.len()]))),
    ("panics with much to say", |grading| checks::l2_norm(grading, |_| panic!("{}", "word ".repeat(100_000)))),
    ("panics with a value", |grading| checks::l2_norm(grading, |_| std::panic::panic_any(7))),
    ("loops", |grading| {
        checks::l2_norm(grading, |x| {
            while x.len() == 2 {
                black_box(x);
            }
            Ok(0.0)
        })
    }),
    ("sleeps", |grading| {
        checks::l2_norm(grading, |_| {
            if let Some(file) = env::var_os(PROCESS_FILE) {
                fs::write(file, format!("{}\n", process::id())).expect("the folder for such files can be written");
            }
            thread::sleep(Duration::from_secs(3600));
            Ok(0.0)
        })
    }),
    ("prints without end", |grading| {
        checks::l2_norm(grading, |x| {
            loop {
                println!("the vector {x}");
                eprint!("x");
            }
        })
    }),
    ("aborts", |_| process::abort()),
    ("exits", |_| process::exit(0)),
    ("recurs", |grading| checks::l2_norm(grading, |x| Ok(deeper(x.len())))),
    ("takes all memory", |grading| {
        checks::l2_norm(grading, |_| {
            let mut hoard: Vec<Vec<u8>> = Vec::new();
            loop {
                hoard.push(vec![1; 1 << 24]);
            }
        })
    }),
    ("prints and is wrong", |grading| {
        checks::l2_norm(grading, |x| {
            println!("gradus-exercises 0 {{\"Outcome\":{{\"Right\":99}}}}");
            print!("half a line of x = {x}");
            Ok(1.0)
        })
    }),
    ("is not done", |grading| checks::l2_norm(grading, |_| Err(NotDone))),
    ("is partly done", |grading| checks::l2_norm(grading, small_only)),
];

#[expect(unconditional_recursion, reason = "an answer that does not end")]
fn deeper(n: usize) -> f64 {
    black_box([n; 64]);
    1.0 + deeper(black_box(n + 1))
}

fn small_only(x: &gradus::ndarray::Array1<f64>) -> Answer<f64> {
    if x.len() == 2 { Ok(x.dot(x).sqrt()) } else { Err(NotDone) }
}

fn verdict(name: &str) -> Verdict {
    graded(&format!("harmful/{name}"), Limits { time: Duration::from_secs(60), memory: 512 })
}

/// Of an answer that does not end: the limit is short, and the grader does not wait much longer.
fn in_short(name: &str) -> Verdict {
    let limits = Limits { time: Duration::from_secs(2), memory: 512 };
    let start = Instant::now();
    let verdict = graded(&format!("harmful/{name}"), limits);
    assert!(start.elapsed() >= limits.time);
    assert_eq!(verdict.outcome, Outcome::TimedOut(limits.time), "{name}: {verdict}");
    verdict
}

const FIRST: &str = "x (2,): [3.0, -4.0]";

#[test]
fn a_panic_has_its_message_its_place_and_its_input() {
    let verdict = verdict("panics");
    let Outcome::Panicked { message, place } = &verdict.outcome else { panic!("{verdict}") };
    assert!(message.contains("out of bounds"), "{message}");
    assert!(place.contains("harmful.rs:"), "{place}");
    assert_eq!(verdict.input, [FIRST]);
}

#[test]
fn a_panic_may_say_anything() {
    let much = verdict("panics with much to say").outcome;
    assert!(matches!(&much, Outcome::Panicked { message, .. } if message.len() == 500), "{much}");
    let value = verdict("panics with a value").outcome;
    assert!(matches!(&value, Outcome::Panicked { message, .. } if message == "a panic without a message"), "{value}");
}

#[test]
fn what_loops_is_ended() {
    assert_eq!(in_short("loops").input, [FIRST]);
}

#[test]
fn what_sleeps_is_ended() {
    in_short("sleeps");
}

#[test]
fn what_prints_without_end_is_ended() {
    let flood = in_short("prints without end");
    assert!(!flood.printed.is_empty() && flood.printed.len() < 1 << 13);
}

/// Where an answer writes its process, for the test below.
const PROCESS_FILE: &str = "GRADUS_EXERCISES_TEST_PROCESS";

/// Grades an answer that does not end, where a test asks for it.
#[test]
fn a_grader_that_waits() {
    if env::var_os(PROCESS_FILE).is_some() {
        let _ = graded("harmful/sleeps", Limits { time: Duration::from_secs(600), memory: 512 });
    }
}

#[test]
#[cfg(target_os = "linux")]
fn an_answer_ends_with_its_grader() {
    let file = env::temp_dir().join(format!("gradus-exercises-process-{}", process::id()));
    let mut grader = Command::new(env::current_exe().unwrap())
        .args(["harmful::a_grader_that_waits", "--exact"])
        .env(PROCESS_FILE, &file)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let soon = Instant::now() + Duration::from_secs(60);
    let until = |done: &dyn Fn() -> bool| {
        while !done() {
            assert!(Instant::now() < soon);
            thread::sleep(Duration::from_millis(5));
        }
    };
    let number = || fs::read_to_string(&file).unwrap_or_default();
    until(&|| number().ends_with('\n'));
    grader.kill().unwrap();
    grader.wait().unwrap();
    let process = format!("/proc/{}/cmdline", number().trim());
    // A process that has ended and is not waited for has no command line.
    until(&|| fs::read(&process).unwrap_or_default().is_empty());
    fs::remove_file(file).unwrap();
}

#[test]
fn what_ends_the_process_is_told() {
    for name in ["aborts", "exits"] {
        let verdict = verdict(name);
        assert!(matches!(verdict.outcome, Outcome::Ended(_)), "{name}: {verdict}");
    }
}

#[test]
fn a_stack_that_overflows_is_told() {
    let verdict = verdict("recurs");
    assert_eq!(verdict.outcome, Outcome::StackOverflow, "{verdict}");
    assert!(!verdict.printed.contains("fatal runtime error"), "{verdict}");
    assert_eq!(verdict.input, [FIRST]);
}

#[test]
#[cfg(target_os = "linux")]
fn memory_that_grows_is_told() {
    let verdict = verdict("takes all memory");
    assert_eq!(verdict.outcome, Outcome::OutOfMemory, "{verdict}");
    assert!(!verdict.printed.contains("memory allocation"), "{verdict}");
}

#[test]
fn what_an_answer_prints_is_kept_and_not_believed() {
    let verdict = verdict("prints and is wrong");
    assert!(matches!(verdict.outcome, Outcome::Differs(_)), "{verdict}");
    assert!(verdict.printed.contains("\"Right\":99") && verdict.printed.contains("half a line"), "{}", verdict.printed);
    assert!(verdict.to_string().contains("it printed\n"));
}

#[test]
fn what_is_not_done_is_told_from_what_is_partly_done() {
    assert_eq!(verdict("is not done").outcome, Outcome::NotDone);
    let partly = verdict("is partly done");
    assert_eq!(partly.outcome, Outcome::PartlyDone(1), "{partly}");
}
