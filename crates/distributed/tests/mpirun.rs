//! The example `laws` under mpirun: the same laws and bits as over threads, and a rank that is killed.
//!
//! It needs Open MPI's `mpirun` in the path, as building the feature `mpi` needs its library.

#![allow(clippy::unwrap_used)] // also in the helpers of the tests

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
fn laws() -> PathBuf {
    let folder = env::current_exe().unwrap().parent().unwrap().parent().unwrap().join("examples");
    let program = folder.join(format!("laws{}", env::consts::EXE_SUFFIX));
    assert!(program.exists(), "{program:?}: cargo build -p gradus-distributed --features mpi --example laws");
    program
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

fn mpirun(ranks: usize, options: &[&str], arguments: &[&str]) -> Output {
    let mut command = Command::new("mpirun");
    command.args(["--allow-run-as-root", "--oversubscribe", "--timeout", "60", "-n", &ranks.to_string()]);
    run(command.args(options).arg(laws()).args(arguments))
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
        let processes = printed(&mpirun(ranks, &[], &[]));
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
    assert_eq!(printed(&mpirun(2, &[], &["twice"])), "once\nonce\n");
}

#[test]
fn a_killed_rank_is_named_by_all_others() {
    let _turn = turn();
    for (ranks, gone) in [(2, 1), (4, 2), (3, 0)] {
        let begun = Instant::now();
        // Without it mpirun ends all ranks when one has died.
        let output = mpirun(ranks, &["--enable-recovery"], &["lost", &gone.to_string()]);
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
