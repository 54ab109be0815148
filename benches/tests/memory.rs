//! A training loop asks the allocator for nothing that it does not give back.

use gradus_benches::workloads::set_up;
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};
use std::alloc::System;

#[global_allocator]
static GLOBAL: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

fn live_bytes() -> usize {
    let stats = GLOBAL.stats();
    stats.bytes_allocated - stats.bytes_deallocated
}

/// One test, since the counters are those of the whole process; and one thread, since each thread keeps spare buffers of
/// its own from the step in which it first has work to do.
#[test]
fn after_the_second_step_live_memory_no_longer_grows() {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    pool.install(steps);
}

fn steps() {
    for name in ["scalar", "mlp", "cnn", "rnn"] {
        let mut work = set_up(name).expect("a workload of the contract");
        (work.step)();
        (work.step)();
        // The test's own harness, in another thread, may ask for memory meanwhile, once; what steps keep grows each time.
        let mut live = vec![live_bytes()];
        for _ in 0..3 {
            for _ in 0..2 {
                (work.step)();
            }
            live.push(live_bytes());
        }
        let grown = live.windows(2).all(|pair| pair[1] > pair[0]);
        assert!(!grown, "{name}: live bytes after 2 steps, and after each 2 more: {live:?}");
    }
}
