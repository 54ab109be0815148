//! `kill -9`, at random moments of a run that saves after every step.
//!
//! The ordinary run of the tests does it ten times; `GRADUS_KILLS=200 cargo test -p gradus-train --test suite kill` does it as often
//! as that.

use super::*;
use gradus_train::{CheckpointFolder, Every};
use rand::RngExt;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

const FOLDER: &str = "GRADUS_TRAIN_KILL_FOLDER";
const EPOCHS: &str = "GRADUS_TRAIN_KILL_EPOCHS";

fn long(epochs: usize) -> Trainer<'static, f64> {
    Trainer::new(epochs).batch_size(6)
}

/// Says on standard output what has come to disk.
struct Aloud;

impl Callback for Aloud {
    fn resumed(&mut self, step: u64, _: &Path) {
        say("resumed", step);
    }
    fn saved(&mut self, step: u64, _: &Path) {
        say("saved", step);
    }
}

fn say(what: &str, step: u64) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "\n{what} {step}").and_then(|()| out.flush()).unwrap();
}

/// The run that is killed; it does nothing unless it is told where.
#[test]
fn child() {
    let (Ok(folder), Ok(epochs)) = (std::env::var(FOLDER), std::env::var(EPOCHS)) else { return };
    run(long(epochs.parse().unwrap())
        .checkpoint(folder, Every::Steps(1))
        .resume()
        .callback(Box::leak(Box::new(Aloud))))
    .unwrap();
}

fn spawn(folder: &Path, epochs: usize) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "checkpoints::kill::child", "--nocapture"])
        .env(FOLDER, folder)
        .env(EPOCHS, epochs.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

#[test]
fn a_run_that_is_killed_goes_on_in_the_same_bits_and_loses_no_saved_step() {
    let kills: usize = std::env::var("GRADUS_KILLS").map_or(10, |kills| kills.parse().unwrap());
    let epochs = 8 * kills; // of four steps
    let folder = Temporary::new();
    let mut rng = StdRng::seed_from_u64(1);
    let (mut killed, mut saved) = (0, 0);
    while killed < kills {
        let mut child = spawn(&folder.0, epochs);
        let wanted = rng.random_range(0..6);
        let (mut lines, mut seen) = (BufReader::new(child.stdout.take().unwrap()).lines(), 0);
        let mut heard = |line: std::io::Result<String>| {
            let line = line.unwrap();
            let number = |what: &str| line.strip_prefix(what)?.parse::<u64>().ok();
            if let Some(step) = number("resumed ") {
                assert!(step >= saved, "step {saved} was saved, and the run goes on after step {step}");
                return false;
            }
            let Some(step) = number("saved ") else { return false };
            saved = step;
            true
        };
        while seen < wanted {
            let line = lines.next().expect("the run is long enough to be killed so often");
            seen += usize::from(heard(line));
        }
        std::thread::sleep(Duration::from_micros(rng.random_range(0..3000)));
        child.kill().unwrap(); // SIGKILL on Unix
        for line in lines {
            heard(line);
        }
        assert!(!child.wait().unwrap().success(), "the run ended after {killed} kills");
        killed += 1;
        let newest = CheckpointFolder::new(&folder.0).newest::<f64>().unwrap();
        let step = newest.map_or(0, |found| {
            assert!(found.damaged.is_empty(), "{:?}", found.damaged);
            found.checkpoint.position.step
        });
        assert!(step >= saved, "step {saved} was saved, and the newest file is of step {step}");
    }
    let resumed = run(long(epochs).checkpoint(&folder.0, Every::Epochs(100)).resume()).unwrap();
    let whole = run(long(epochs)).unwrap();
    assert_eq!((resumed.model, resumed.optimizer), (whole.model, whole.optimizer));
    println!("{killed} kills, the last after step {saved} of {}", 4 * epochs);
}

/// The run that is interrupted; it does nothing unless it is told where.
#[cfg(all(unix, feature = "ctrlc"))]
#[test]
fn interrupted_child() {
    struct Steps;
    impl Callback for Steps {
        fn step(&mut self, step: &StepRecord) {
            say("step", step.step);
        }
    }
    let (Ok(folder), Ok(epochs)) = (std::env::var(FOLDER), std::env::var(EPOCHS)) else { return };
    let trainer = long(epochs.parse().unwrap()).checkpoint(folder, Every::Epochs(10_000));
    let stop = gradus_train::stop_on_ctrl_c().unwrap();
    let error = run(trainer.stop_when(stop).callback(Box::leak(Box::new(Steps)))).unwrap_err();
    assert!(matches!(error, Error::Interrupted { checkpoint: Some(_), .. }), "{error}");
}

#[cfg(all(unix, feature = "ctrlc"))]
#[test]
fn ctrl_c_finishes_the_step_and_saves() {
    let (folder, epochs) = (Temporary::new(), 4000);
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "checkpoints::kill::interrupted_child", "--nocapture"])
        .env(FOLDER, &folder.0)
        .env(EPOCHS, epochs.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut steps = lines.by_ref().filter(|line| line.as_ref().unwrap().starts_with("step ")).take(7);
    assert!(steps.by_ref().last().is_some());
    let sent = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
    lines.for_each(drop);
    assert!(child.wait().unwrap().success());
    let newest = CheckpointFolder::new(&folder.0).newest::<f64>().unwrap().unwrap().checkpoint.position;
    assert!(newest.step >= 7 && newest.epoch < epochs);
    let epochs = newest.epoch + 2;
    let resumed = run(long(epochs).checkpoint(&folder.0, Every::Epochs(10_000)).resume()).unwrap();
    let whole = run(long(epochs)).unwrap();
    assert_eq!((resumed.model, resumed.optimizer), (whole.model, whole.optimizer));
}
