//! Promise: results do not depend on the number of threads, nor on the run.

use crate::runs::{How, Kind, Outcome, train};

/// Trains each kind with each number of threads and of the loader's threads, some times over.
pub(crate) fn show(times: usize) -> Result<(), String> {
    let (mut runs, mut differing) = (0, 0);
    for kind in Kind::ALL {
        let mut expected: Option<Outcome> = None;
        for threads in [1, 2, 4, 8, 16] {
            let pool =
                rayon::ThreadPoolBuilder::new().num_threads(threads).build().map_err(|error| error.to_string())?;
            for workers in if kind.is_loaded() { 0..5 } else { 0..1 } {
                for _ in 0..times {
                    let how = How { workers, ..How::default() };
                    let found = pool.install(|| train(kind, &how)).map_err(|error| error.to_string())?;
                    runs += 1;
                    let expected = expected.get_or_insert_with(|| found.clone());
                    if found != *expected {
                        differing += 1;
                        println!("{kind}: {threads} threads, {workers} workers: {found:?}, and not {expected:?}");
                    }
                }
            }
        }
        println!("{kind:<9} trained: {expected:?}");
    }
    println!("{differing} of {runs} runs differ in a bit");
    if differing == 0 { Ok(()) } else { Err(format!("{differing} runs differ")) }
}
