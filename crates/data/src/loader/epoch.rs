//! One pass over the data, with the next batches prepared in the background.

use super::Recipe;
use crate::{Dataset, Error, Result};
use std::fmt;
use std::iter::FusedIterator;
use std::panic;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread::{self, JoinHandle};

/// A place between two batches: plain numbers, to be saved in a checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Position {
    /// The epoch, counted from 0.
    pub epoch: u64,
    /// The batch of the epoch that comes next, counted from 0.
    pub batch: u64,
    /// What tells the loader that saved it from others: seed, sizes and order.
    pub fingerprint: u64,
}

/// The batches of an epoch: made by [`Loader::epoch`](super::Loader::epoch).
///
/// Worker `w` of `W` prepares the batches `w, w + W, w + 2W, …` and waits while enough of them lie ready; they are taken from the workers in turn, so
/// that their order depends on nothing else. After an error the epoch is at its end. Dropping it stops the workers.
pub struct Epoch<D: Dataset, B> {
    recipe: Arc<Recipe<D, B>>,
    order: Arc<Vec<usize>>,
    position: Position,
    workers: Vec<Worker<B>>,
    failed: bool,
}

struct Worker<B> {
    batches: Receiver<Result<B>>,
    thread: JoinHandle<()>,
}

impl<D, B> Epoch<D, B>
where
    D: Dataset + Send + Sync + 'static,
    D::Sample: 'static,
    B: Send + 'static,
{
    pub(super) fn new(recipe: Arc<Recipe<D, B>>, position: Position, workers: usize, prefetch: usize) -> Result<Self> {
        let order = Arc::new(recipe.order(position.epoch));
        let mut epoch = Self { recipe, order, position, workers: Vec::new(), failed: false };
        // More workers than batches would have nothing to do.
        let workers = workers.min(epoch.remaining());
        for worker in 0..workers {
            let (sender, batches) = sync_channel(prefetch);
            let (recipe, order) = (Arc::clone(&epoch.recipe), Arc::clone(&epoch.order));
            let first = position.batch as usize + worker;
            let work = move || {
                for batch in (first..recipe.batches()).step_by(workers) {
                    let made = recipe.batch(&order, position.epoch, batch);
                    let failed = made.is_err();
                    // The epoch was dropped, or ends here.
                    if sender.send(made).is_err() || failed {
                        return;
                    }
                }
            };
            let thread = thread::Builder::new()
                .name(format!("gradus-loader-{worker}"))
                .spawn(work)
                .map_err(|source| Error::Workers { workers, source })?;
            epoch.workers.push(Worker { batches, thread });
        }
        Ok(epoch)
    }
}

impl<D: Dataset, B> Epoch<D, B> {
    /// The place before the batch that comes next, whatever the workers have prepared already.
    #[must_use]
    pub fn position(&self) -> Position {
        self.position
    }

    fn remaining(&self) -> usize {
        if self.failed { 0 } else { self.recipe.batches().saturating_sub(self.position.batch as usize) }
    }

    fn take_from_worker(&mut self) -> Result<B> {
        // Worker 0 began with the first batch, and each one taken puts the next worker to the front.
        let received = self.workers[0].batches.recv();
        received.unwrap_or_else(|_| {
            // It went away without a batch: the data set or a transform panicked, and does so here as without workers.
            match self.workers.remove(0).thread.join() {
                Err(cause) => panic::resume_unwind(cause),
                Ok(()) => unreachable!("a worker sends each of its batches"),
            }
        })
    }
}

impl<D: Dataset, B> Iterator for Epoch<D, B> {
    type Item = Result<B>;

    fn next(&mut self) -> Option<Result<B>> {
        if self.remaining() == 0 {
            return None;
        }
        let batch = if self.workers.is_empty() {
            self.recipe.batch(&self.order, self.position.epoch, self.position.batch as usize)
        } else {
            let batch = self.take_from_worker();
            self.workers.rotate_left(1);
            batch
        };
        match &batch {
            Ok(_) => self.position.batch += 1,
            Err(_) => self.failed = true,
        }
        Some(batch)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (usize::from(self.remaining() > 0), Some(self.remaining()))
    }
}

impl<D: Dataset, B> FusedIterator for Epoch<D, B> {}

impl<D: Dataset, B> Drop for Epoch<D, B> {
    fn drop(&mut self) {
        for Worker { batches, thread } in self.workers.drain(..) {
            // A worker that waits to send finds nobody there, and ends; none outlives its epoch.
            drop(batches);
            let _ = thread.join();
        }
    }
}

impl<D: Dataset, B> fmt::Debug for Epoch<D, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Epoch")
            .field("position", &self.position)
            .field("workers", &self.workers.len())
            .finish_non_exhaustive()
    }
}
