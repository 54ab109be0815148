//! Threads, or one thread: the loops of the engine do not know which.

/// Whether a product is divided among the threads of the current rayon pool.
#[derive(Debug, Clone, Copy)]
pub(super) struct Workers {
    threads: usize,
}

/// Multiplications below which starting the threads costs more than they save.
#[cfg(feature = "rayon")]
const WORTH_THREADS: usize = 1 << 20;

impl Workers {
    /// Threads for a product of so many multiplications: those of the current pool, or this one alone.
    pub(super) fn new(multiplications: usize) -> Self {
        #[cfg(feature = "rayon")]
        if multiplications >= WORTH_THREADS {
            return Self { threads: rayon::current_num_threads() };
        }
        let _ = multiplications;
        Self { threads: 1 }
    }

    /// How many tasks to aim at.
    pub(super) fn tasks(self) -> usize {
        if self.threads == 1 { 1 } else { 4 * self.threads }
    }

    /// Calls `f` for each of `0..tasks`.
    pub(super) fn for_each(self, tasks: usize, f: impl Fn(usize) + Sync + Send) {
        #[cfg(feature = "rayon")]
        if self.threads > 1 && tasks > 1 {
            use rayon::prelude::*;
            (0..tasks).into_par_iter().with_max_len(1).for_each(f);
            return;
        }
        (0..tasks).for_each(f);
    }

    /// Calls `f` with each chunk of `size` elements and its number; the last may be shorter.
    pub(super) fn for_each_chunk<T: Send>(self, all: &mut [T], size: usize, f: impl Fn(usize, &mut [T]) + Sync + Send) {
        #[cfg(feature = "rayon")]
        if self.threads > 1 && all.len() > size {
            use rayon::prelude::*;
            all.par_chunks_mut(size).enumerate().with_max_len(1).for_each(|(i, chunk)| f(i, chunk));
            return;
        }
        all.chunks_mut(size).enumerate().for_each(|(i, chunk)| f(i, chunk));
    }
}
