//! Threads that go through the phases of one product together.
//!
//! A product is packed, then multiplied, then perhaps packed again: each phase is many small chunks, and the next phase may
//! begin when all of them are done. To hand each chunk to a scheduler, and to wait there for the last, takes longer than
//! some of them; so a team is called once, and its members take chunks by counting up one number.
//!
//! The caller is a member. Helpers come when they have nothing else to do, or not at all: whatever has not been taken by
//! another, the caller does itself.

#[cfg(feature = "rayon")]
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

/// One phase: how many of its chunks are taken, from each end, and how many are done.
#[cfg(feature = "rayon")]
#[derive(Debug)]
struct Phase {
    chunks: usize,
    /// Chunks taken from the front, and in the upper half from the back. Two members that begin at different ends find in
    /// each phase what they had in the one before, in their own cache.
    taken: AtomicU64,
    done: AtomicUsize,
}

#[cfg(feature = "rayon")]
impl Phase {
    fn new(chunks: usize) -> Self {
        Self { chunks, taken: AtomicU64::new(0), done: AtomicUsize::new(0) }
    }

    /// The number of a chunk that nobody has taken.
    fn take(&self, from_back: bool) -> Option<usize> {
        const BACK: u64 = 1 << 32;
        let one = if from_back { BACK } else { 1 };
        let chunks = self.chunks as u64;
        let left = |taken: u64| (taken % BACK + taken / BACK < chunks).then_some(taken + one);
        let taken = self.taken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, left).ok()?;
        Some(if from_back { (chunks - 1 - taken / BACK) as usize } else { (taken % BACK) as usize })
    }

    fn is_done(&self) -> bool {
        // What others wrote in their chunks is to be seen by whoever goes on.
        self.done.load(Ordering::Acquire) == self.chunks
    }
}

/// Counts a chunk as done, also if it panics: then nobody need wait for it, nor go on.
#[cfg(feature = "rayon")]
struct Done<'a>(&'a AtomicUsize, &'a AtomicBool);

#[cfg(feature = "rayon")]
impl Drop for Done<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.1.store(true, Ordering::Relaxed);
        }
        self.0.fetch_add(1, Ordering::Release);
    }
}

/// Calls `work(phase, chunk)` once for each of `chunks[phase]` chunks, on up to `threads` threads of the current pool; each
/// phase begins when all of the one before is done.
///
/// # Panics
/// If a chunk does; what is left is not done then.
pub(super) fn in_phases(threads: usize, chunks: impl Iterator<Item = usize>, work: impl Fn(usize, usize) + Sync) {
    in_phases_with(threads, chunks, || (), |(), phase, chunk| work(phase, chunk));
}

/// As [`in_phases`], with something that each member has for its own, from its first chunk to its last.
pub(crate) fn in_phases_with<S>(
    threads: usize,
    chunks: impl Iterator<Item = usize>,
    own: impl Fn() -> S + Sync,
    work: impl Fn(&mut S, usize, usize) + Sync,
) {
    #[cfg(feature = "rayon")]
    if threads > 1 {
        let phases: Vec<Phase> = chunks.map(Phase::new).collect();
        let failed = AtomicBool::new(false);
        return call(0..threads, &|member| {
            let mut own = own();
            be_member(member, &phases, &failed, &mut |phase, chunk| work(&mut own, phase, chunk));
        });
    }
    let _ = threads;
    let mut own = own();
    chunks.enumerate().for_each(|(phase, chunks)| (0..chunks).for_each(|chunk| work(&mut own, phase, chunk)));
}

/// Calls the members of a team; the first is the caller.
#[cfg(feature = "rayon")]
fn call(members: std::ops::Range<usize>, member: &(dyn Fn(usize) + Sync)) {
    if members.len() == 1 {
        return member(members.start);
    }
    let middle = members.start + members.len() / 2;
    rayon::join(|| call(members.start..middle, member), || call(middle..members.end, member));
}

#[cfg(feature = "rayon")]
fn be_member(member: usize, phases: &[Phase], failed: &AtomicBool, work: &mut dyn FnMut(usize, usize)) {
    for (number, phase) in phases.iter().enumerate() {
        while let Some(chunk) = phase.take(member % 2 == 1) {
            let _done = Done(&phase.done, failed);
            if !failed.load(Ordering::Relaxed) {
                work(number, chunk);
            }
        }
        if !wait(phase, member > 0) || failed.load(Ordering::Relaxed) {
            return;
        }
    }
}

/// Waits until all that others have taken is done, and says whether it is.
///
/// A helper does not wait for long: the chunk that it waits for may be one that its own thread has interrupted, if the
/// packing of an operand calls threads in its turn. The caller may wait: no chunk of its product is older than it.
#[cfg(feature = "rayon")]
fn wait(phase: &Phase, is_helper: bool) -> bool {
    /// Rounds in which the other's chunk is likely to be done; after them, another thread may want this processor.
    const ROUNDS: usize = if cfg!(miri) { 10 } else { 10_000 };
    for round in 0.. {
        if phase.is_done() {
            return true;
        }
        if round < ROUNDS {
            std::hint::spin_loop();
        } else if is_helper && round > 2 * ROUNDS {
            return false;
        } else {
            std::thread::yield_now();
        }
    }
    unreachable!("the rounds do not end")
}

#[cfg(all(test, feature = "rayon"))]
mod tests {
    use super::*;

    fn on_threads<R: Send>(threads: usize, f: impl FnOnce() -> R + Send) -> R {
        rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a small pool").install(f)
    }

    /// Chunks of the phases, among them none and many.
    const CHUNKS: [usize; 6] = [5, 0, 1, 40, 2, 7];

    #[test]
    fn each_chunk_is_done_once_and_after_all_of_the_phase_before() {
        for threads in [1, 2, 3, 8] {
            for _ in 0..if cfg!(miri) { 2 } else { 100 } {
                let done = CHUNKS.map(|chunks| (0..chunks).map(|_| AtomicUsize::new(0)).collect::<Vec<_>>());
                let times = |phase: usize| done[phase].iter().map(|n| n.load(Ordering::Relaxed)).collect::<Vec<_>>();
                on_threads(threads, || {
                    in_phases(threads, CHUNKS.into_iter(), |phase, chunk| {
                        if phase > 0 {
                            assert_eq!(times(phase - 1), vec![1; CHUNKS[phase - 1]]);
                        }
                        done[phase][chunk].fetch_add(1, Ordering::Relaxed);
                    });
                });
                (0..CHUNKS.len()).for_each(|phase| assert_eq!(times(phase), vec![1; CHUNKS[phase]]));
            }
        }
    }

    #[test]
    fn a_panic_reaches_the_caller_and_nobody_waits_for_what_is_not_done() {
        for threads in [1, 2, 5] {
            for at in [0, 17, 39] {
                let result = std::panic::catch_unwind(|| {
                    on_threads(threads, || {
                        in_phases(threads, CHUNKS.into_iter(), |phase, chunk| {
                            assert!(phase <= 3, "a phase began before the one before was done");
                            assert!((phase, chunk) != (3, at), "the packing failed");
                        });
                    });
                });
                let message = *result.expect_err("it fails").downcast::<&str>().expect("a message");
                assert_eq!(message, "the packing failed");
            }
        }
    }

    /// The packing of an operand may call threads itself; a product may run in each of several tasks.
    #[test]
    fn teams_within_teams_come_to_an_end() {
        use rayon::prelude::*;
        let count = AtomicUsize::new(0);
        on_threads(3, || {
            (0..8).into_par_iter().for_each(|_| {
                in_phases(3, [4, 4].into_iter(), |_, _| {
                    (0..4).into_par_iter().for_each(|_| {
                        in_phases(3, [2].into_iter(), |_, _| {
                            count.fetch_add(1, Ordering::Relaxed);
                        });
                    });
                });
            });
        });
        assert_eq!(count.into_inner(), 8 * 8 * 4 * 2);
    }
}
