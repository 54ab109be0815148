//! Ranks that are threads of one process.

use super::peers::Peers;
use super::{Bytes, Leaving, Transport};
use crate::{Error, Group, Result};
use std::any::Any;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::Duration;

/// Ranks that are threads of one process: for tests, and to see on one machine what many would compute.
///
/// Messages go through channels, and are moved, not copied. [`Threads::run`] does all that is needed; the endpoints are
/// there for those who want to put something in between.
#[derive(Debug)]
pub struct Threads {
    rank: usize,
    inbox: Receiver<Envelope>,
    outboxes: Vec<Sender<Envelope>>,
    /// What has come from each rank before it was asked for.
    waiting: Vec<VecDeque<Bytes>>,
    peers: Peers,
    gone: bool,
}

#[derive(Debug)]
struct Envelope {
    from: usize,
    content: Content,
}

#[derive(Debug)]
enum Content {
    Message(Bytes),
    Beat,
    Leave(Leaving),
}

impl Threads {
    /// Runs `program` on `ranks` threads, each with a [`Group`] of them all, and returns what each rank returned.
    ///
    /// A rank that returns or panics while others still need it ends their operations with [`Error::RankLost`], at
    /// once.
    ///
    /// # Errors
    ///
    /// In place of a rank's result: what its program returned, [`Error::Panicked`] if it panicked, [`Error::Thread`] if
    /// there is no thread for it.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus_distributed::{Communicator, Error, Group, Threads};
    ///
    /// let results = Threads::run(3, |group: Group| {
    ///     assert_ne!(group.rank(), 1, "this rank has its bad day");
    ///     group.barrier()
    /// });
    /// assert!(matches!(results[0], Err(Error::RankLost { rank: 1, .. })));
    /// assert!(matches!(results[1], Err(Error::Panicked { rank: 1, .. })));
    /// ```
    pub fn run<T, E>(ranks: usize, program: impl Fn(Group) -> Result<T, E> + Sync) -> Vec<Result<T, E>>
    where
        T: Send,
        E: From<Error> + Send,
    {
        let one = |endpoint: Self| {
            let rank = endpoint.rank;
            let group = Group::start(move || Ok(endpoint))?;
            // What the program leaves half done it shares with nobody: its group is gone with it.
            catch_unwind(AssertUnwindSafe(|| program(group)))
                .unwrap_or_else(|panic| Err(Error::Panicked { rank, message: said(&*panic) }.into()))
        };
        let one = &one;
        thread::scope(|scope| {
            let started: Vec<_> = Self::endpoints(ranks)
                .into_iter()
                .map(|endpoint| {
                    let name = format!("rank {}", endpoint.rank);
                    thread::Builder::new().name(name).spawn_scoped(scope, move || one(endpoint))
                })
                .collect();
            let ended = started.into_iter().enumerate().map(|(rank, thread)| match thread {
                Ok(thread) => {
                    thread.join().unwrap_or_else(|panic| Err(Error::Panicked { rank, message: said(&*panic) }.into()))
                }
                Err(error) => Err(Error::Thread { rank, message: error.to_string() }.into()),
            });
            ended.collect()
        })
    }

    /// The endpoints of `ranks` ranks, in their order, for [`Group::start`].
    #[must_use]
    pub fn endpoints(ranks: usize) -> Vec<Self> {
        let (outboxes, inboxes): (Vec<_>, Vec<_>) = (0..ranks).map(|_| mpsc::channel()).unzip();
        let endpoint = |(rank, inbox)| Self {
            rank,
            inbox,
            outboxes: outboxes.clone(),
            waiting: vec![VecDeque::new(); ranks],
            peers: Peers::new(ranks),
            gone: false,
        };
        inboxes.into_iter().enumerate().map(endpoint).collect()
    }

    /// Takes a rank for dead that has been silent for this long; 5 s, if nothing is said.
    #[must_use]
    pub fn with_deadline(mut self, deadline: Duration) -> Self {
        self.peers.deadline = deadline;
        self
    }

    fn tell_all(&self, content: impl Fn() -> Content) {
        for (_, outbox) in self.outboxes.iter().enumerate().filter(|(rank, _)| *rank != self.rank) {
            // Who is gone does not hear it.
            let _ = outbox.send(Envelope { from: self.rank, content: content() });
        }
    }

    fn take(&mut self, Envelope { from, content }: Envelope) {
        self.peers.heard(from);
        match content {
            Content::Message(bytes) => self.waiting[from].push_back(bytes),
            Content::Beat => {}
            Content::Leave(why) => self.peers.has_left(from, why),
        }
    }

    fn take_all(&mut self) {
        self.peers.look();
        while let Ok(envelope) = self.inbox.try_recv() {
            self.take(envelope);
        }
    }
}

impl Transport for Threads {
    fn rank(&self) -> usize {
        self.rank
    }

    fn size(&self) -> usize {
        self.outboxes.len()
    }

    fn deadline(&self) -> Duration {
        self.peers.deadline
    }

    fn exchange(&mut self, sends: Vec<(usize, Bytes)>, receives: &[usize]) -> Result<Vec<Bytes>> {
        for (to, bytes) in sends {
            let envelope = Envelope { from: self.rank, content: Content::Message(bytes) };
            if self.outboxes[to].send(envelope).is_err() {
                self.take_all();
                self.peers.has_left(to, Leaving::Failed);
                return self.peers.check([to], []).map(|()| Vec::new());
            }
        }
        let mut needed = vec![0; self.size()];
        for &from in receives {
            needed[from] += 1;
        }
        loop {
            self.take_all();
            let mut awaited = (0..needed.len()).filter(|&from| self.waiting[from].len() < needed[from]).peekable();
            if awaited.peek().is_none() {
                break;
            }
            self.peers.check(awaited, [])?;
            if self.peers.beat_is_due() {
                self.tell_all(|| Content::Beat);
            }
            match self.inbox.recv_timeout(self.peers.interval()) {
                Ok(envelope) => self.take(envelope),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
            }
        }
        let taken =
            receives.iter().map(|&from| self.waiting[from].pop_front().expect("as many are there as are needed"));
        Ok(taken.collect())
    }

    fn beat(&mut self) -> Result<()> {
        self.take_all();
        self.tell_all(|| Content::Beat);
        self.peers.check_all()
    }

    fn leave(&mut self, why: Leaving) {
        self.tell_all(|| Content::Leave(why));
        self.gone = true;
    }
}

/// An endpoint that is dropped has left, whether its owner said so or not.
impl Drop for Threads {
    fn drop(&mut self) {
        if !self.gone {
            self.leave(Leaving::Failed);
        }
    }
}

fn said(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "without a message".into())
}
