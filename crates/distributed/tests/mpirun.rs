//! The examples `laws` and `training` under mpirun: the same laws and bits as over threads, and a rank that is killed.
//!
//! It needs Open MPI's `mpirun` in the path, as building the feature `mpi` needs its library.

#![allow(clippy::unwrap_used)] // also in the helpers of the tests

use gradus_train::CheckpointFolder;
use std::path::PathBuf;
use std::process::{self, Command, Output};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use std::{env, fs};

/// One run at a time: ranks that wait for each other's processes are slow enough.
static TURN: Mutex<()> = Mutex::new(());

fn turn() -> MutexGuard<'static, ()> {
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Cargo builds the examples before it runs the tests, beside the folder in which this program lies.
fn example(name: &str) -> PathBuf {
    let folder = env::current_exe().unwrap().parent().unwrap().parent().unwrap().join("examples");
    let program = folder.join(format!("{name}{}", env::consts::EXE_SUFFIX));
    assert!(program.exists(), "{program:?}: cargo build -p gradus-distributed --features mpi --example {name}");
    program
}

fn laws() -> PathBuf {
    example("laws")
}

fn training() -> PathBuf {
    example("training")
}

/// Runs it in a folder of its own for MPI's files: what an earlier run clears away after its end would be this one's,
/// too.
fn run(command: &mut Command) -> Output {
    static RUNS: AtomicUsize = AtomicUsize::new(0);
    let run = RUNS.fetch_add(1, Ordering::Relaxed);
    let folder = env::temp_dir().join(format!("gradus-mpi-{}-{run}", process::id()));
    fs::create_dir_all(&folder).unwrap();
    let output = command.env("TMPDIR", &folder).output().expect("mpirun is installed with the MPI library");
    // If MPI is still at it, the system clears it away some time.
    let _ = fs::remove_dir_all(folder);
    output
}

fn mpirun(ranks: usize, options: &[&str], program: PathBuf, arguments: &[&str]) -> Output {
    let mut command = Command::new("mpirun");
    command.args(["--allow-run-as-root", "--oversubscribe", "--timeout", "60", "-n", &ranks.to_string()]);
    run(command.args(options).arg(program).args(arguments))
}

/// What a program printed that must have ended well.
fn printed(output: &Output) -> String {
    let (text, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{}\n{text}\n{errors}", output.status);
    text.into_owned()
}

#[test]
fn processes_keep_the_laws_and_give_the_bits_of_threads() {
    let _turn = turn();
    for ranks in [2, 4] {
        let processes = printed(&mpirun(ranks, &[], laws(), &[]));
        let threads = printed(&run(Command::new(laws()).args(["threads", &ranks.to_string()])));
        assert!(processes.starts_with(&format!("{ranks} ranks, bits ")), "{processes}");
        assert_eq!(processes, threads);
    }
}

#[test]
fn a_program_that_mpirun_has_not_started_is_one_rank() {
    let _turn = turn();
    let text = printed(&run(&mut Command::new(laws())));
    assert!(text.starts_with("1 ranks, bits "), "{text}");
}

#[test]
fn mpi_is_initialized_once_in_a_process() {
    let _turn = turn();
    assert_eq!(printed(&run(Command::new(laws()).arg("twice"))), "once\n");
    assert_eq!(printed(&mpirun(2, &[], laws(), &["twice"])), "once\nonce\n");
}

#[test]
fn a_killed_rank_is_named_by_all_others() {
    let _turn = turn();
    for (ranks, gone) in [(2, 1), (4, 2), (3, 0)] {
        let begun = Instant::now();
        // Without it mpirun ends all ranks when one has died.
        let output = mpirun(ranks, &["--enable-recovery"], laws(), &["lost", &gone.to_string()]);
        assert!(begun.elapsed() < Duration::from_secs(20), "{:?} for all of it", begun.elapsed());
        let text = String::from_utf8_lossy(&output.stdout);
        for rank in (0..ranks).filter(|rank| *rank != gone) {
            let start = format!("rank {rank} lost rank {gone} after ");
            let line = text.lines().find_map(|line| line.strip_prefix(&start));
            let seconds = line.and_then(|line| line.strip_suffix(" s")?.parse::<f64>().ok());
            let errors = String::from_utf8_lossy(&output.stderr);
            assert!(seconds.is_some_and(|seconds| seconds < 10.0), "rank {rank} of {ranks}:\n{text}\n{errors}");
        }
    }
}

#[test]
fn processes_train_in_the_bits_of_threads_and_of_one_that_accumulates() {
    let _turn = turn();
    for ranks in [2, 4] {
        let processes = printed(&mpirun(ranks, &[], training(), &[]));
        let threads = printed(&run(Command::new(training()).args(["threads", &ranks.to_string()])));
        assert_eq!(processes, threads, "{ranks} ranks");
        let parts = printed(&run(Command::new(training()).args(["accumulate", &ranks.to_string()])));
        // The running statistics of batch normalization are averages over the ranks: of a sequence of parts they are others.
        let without = |text: &str| -> Vec<String> {
            text.lines().filter(|line| !line.starts_with("normalized, history")).map(str::to_owned).collect()
        };
        assert_eq!(without(&processes).len(), 5, "{processes}");
        assert_eq!(without(&processes), without(&parts), "{ranks} ranks");
    }
}

#[test]
fn a_training_whose_rank_is_killed_is_finished_by_the_others() {
    let _turn = turn();
    let path = env::temp_dir().join(format!("gradus-killed-{}", process::id()));
    let _ = fs::remove_dir_all(&path);
    let folder = CheckpointFolder::new(&path);

    let begun = Instant::now();
    let output = mpirun(3, &["--enable-recovery"], training(), &["lose", "2", path.to_str().unwrap()]);
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?} for all of it", begun.elapsed());
    let (text, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    for rank in 0..2 {
        let start = format!("rank {rank} after ");
        let line = text.lines().find_map(|line| line.strip_prefix(&start));
        let (seconds, error) = line.and_then(|line| line.split_once(" s: ")).unwrap_or_default();
        assert!(seconds.parse().is_ok_and(|seconds: f64| seconds < 10.0), "rank {rank}:\n{text}\n{errors}");
        assert!(error.contains("rank 2"), "rank {rank}:\n{text}\n{errors}");
    }

    let found = folder.newest::<f32>().unwrap().unwrap();
    assert!(found.damaged.is_empty(), "{:?}", found.damaged);
    // Of 32 steps, 22 to an epoch.
    let position = found.checkpoint.position;
    assert_eq!((position.epoch, position.step, position.batch), (2, 30, 8));

    let text = printed(&mpirun(2, &[], training(), &["resume", path.to_str().unwrap()]));
    let accuracy = text.strip_prefix("4 epochs, accuracy ").and_then(|rest| rest.trim().parse::<f64>().ok());
    assert!(accuracy.is_some_and(|accuracy| accuracy > 0.85), "{text}");
    // With its time: the first epoch was not trained again.
    let finished = folder.newest::<f32>().unwrap().unwrap().checkpoint;
    assert_eq!((finished.position.epoch, finished.position.step), (5, 88));
    assert_eq!(finished.history.epochs[0], found.checkpoint.history.epochs[0]);
    let _ = fs::remove_dir_all(path);
}
