//! How often a training step asks the allocator, and that it does not ask more often as training goes on.
//!
//! `cargo test -p gradus-benches --test allocations -- --nocapture` prints the counts.

use gradus_benches::workloads::set_up;
use stats_alloc::{INSTRUMENTED_SYSTEM, Stats, StatsAlloc};
use std::alloc::System;
use std::hint::black_box;

#[global_allocator]
static GLOBAL: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Steps before the first that counts: buffers for use again are there after two, lists as long as they get soon after.
const WARM_UP: usize = 20;

/// Steps that are counted together.
const STEPS: usize = 50;

/// What the allocator was asked for while `f` ran.
fn asked(f: impl FnOnce()) -> Stats {
    let before = GLOBAL.stats();
    f();
    GLOBAL.stats() - before
}

/// One test, since the counters are those of the whole process; and one thread, lest others should count too.
#[test]
fn a_step_does_not_ask_the_allocator_more_often_as_training_goes_on() {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    pool.install(|| ["scalar", "linreg", "mlp"].into_iter().for_each(count));
}

fn count(name: &str) {
    let mut work = set_up(name).expect("a workload of the contract");
    let mut steps = |n: usize| (0..n).for_each(|_| _ = black_box((work.step)()));
    steps(WARM_UP);
    let mut round = || asked(|| steps(STEPS));
    let (first, second) = (round(), round());
    let per_step = |n: usize| n as f64 / STEPS as f64;
    println!(
        "{name}: {} allocations, {} reallocations, {} bytes a step",
        per_step(second.allocations),
        per_step(second.reallocations),
        per_step(second.bytes_allocated)
    );
    let times = |stats: &Stats| stats.allocations + stats.reallocations;
    assert!(times(&second) <= times(&first), "{name}: {first:?} in {STEPS} steps, then {second:?}");
    assert!(second.bytes_allocated <= first.bytes_allocated, "{name}: {first:?} in {STEPS} steps, then {second:?}");
    assert_eq!(second.bytes_allocated, second.bytes_deallocated, "{name}: what a step takes, it gives back");
}
