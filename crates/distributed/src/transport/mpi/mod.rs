//! Ranks that are processes under MPI.

mod in_flight;

use super::peers::Peers;
use super::{Bytes, Leaving, Transport};
use crate::{Error, Result};
use ::mpi::environment::{Universe, initialize_with_threading, is_finalized};
use ::mpi::point_to_point::{Destination, Source};
use ::mpi::request::{Request, StaticScope};
use ::mpi::topology::{Communicator, SimpleCommunicator};
use ::mpi::traits::Equivalence;
use ::mpi::{Tag, Threading};
use in_flight::{Receiving, Sending};
use std::fmt;
use std::mem;
use std::thread;
use std::time::{Duration, Instant};

const MESSAGE: Tag = 1;
const LIFE: Tag = 2;

/// What a rank says of itself under the tag [`LIFE`]: nothing, or why it leaves.
const BEAT: &[u8] = &[];

/// MPI counts in C's `int`.
const LIMIT: usize = i32::MAX as usize;

/// Ranks that are processes which `mpirun` has started, on one machine or many.
///
/// MPI is initialized, called and finalized in one thread, that of the [`Group`](crate::Group): `MPI_THREAD_FUNNELED` is
/// all that the library has to support. After an error it is not finalized, for that would wait for all ranks.
///
/// # Examples
///
/// ```no_run
/// use gradus_distributed::{Communicator, Group, Mpi};
/// use std::time::Duration;
///
/// let group = Group::start(|| Ok(Mpi::initialize()?.with_deadline(Duration::from_secs(30))))?;
/// println!("rank {} of {}", group.rank(), group.size());
/// # Ok::<(), gradus_distributed::Error>(())
/// ```
pub struct Mpi {
    /// Finalizes when it is dropped. Gone once this rank has left.
    universe: Option<Universe>,
    world: SimpleCommunicator,
    rank: usize,
    size: usize,
    peers: Peers,
    /// Signs of life on their way, and to which ranks.
    beats: Vec<(usize, Request<'static, [u8], StaticScope>)>,
}

impl Mpi {
    /// Initializes MPI in this thread, in which all else is to be called. A program that `mpirun` has not started is a
    /// single rank.
    ///
    /// # Errors
    ///
    /// [`Error::MpiTwice`] if it has been initialized already in this process, [`Error::MpiThreads`] if the library
    /// cannot be called from a thread.
    pub fn initialize() -> Result<Self> {
        if is_finalized() {
            return Err(Error::MpiTwice);
        }
        let (universe, found) = initialize_with_threading(Threading::Funneled).ok_or(Error::MpiTwice)?;
        if found < Threading::Funneled {
            return Err(Error::MpiThreads { found: format!("{found:?}") });
        }
        let world = universe.world();
        let (rank, size) = (world.rank() as usize, world.size() as usize);
        Ok(Self { universe: Some(universe), world, rank, size, peers: Peers::new(size), beats: Vec::new() })
    }

    /// Takes a rank for dead that has been silent for this long; 5 s, if nothing is said.
    #[must_use]
    pub fn with_deadline(mut self, deadline: Duration) -> Self {
        self.peers.deadline = deadline;
        self
    }

    /// Sends a sign of life to all who are there, but where an earlier one is still on its way.
    fn beat_all(&mut self) {
        self.forget_beats_that_came();
        let underway: Vec<usize> = self.beats.iter().map(|(to, _)| *to).collect();
        for to in self.peers.present().filter(|to| *to != self.rank && !underway.contains(to)) {
            self.beats.push((to, self.tell(to, BEAT)));
        }
    }

    /// Tells all why this rank leaves; those too whose program is through, since they wait for it before they finalize.
    fn farewell(&mut self, why: Leaving) {
        let content = Farewell::write(why);
        for to in self.peers.listening().filter(|to| *to != self.rank) {
            self.beats.push((to, self.tell(to, content)));
        }
    }

    fn tell(&self, to: usize, content: &'static [u8]) -> Request<'static, [u8], StaticScope> {
        self.world.process_at_rank(to as i32).immediate_send_with_tag(StaticScope, content, LIFE)
    }

    fn forget_beats_that_came(&mut self) {
        let beats = self.beats.drain(..).filter_map(|(to, beat)| Some((to, beat.test().err()?)));
        self.beats = beats.collect();
    }

    /// Takes all signs of life that have come.
    fn listen(&mut self) {
        self.peers.look();
        while let Some((message, status)) = self.world.any_process().immediate_matched_probe_with_tag(LIFE) {
            let mut content = vec![0; status.count(u8::equivalent_datatype()) as usize];
            // It is so short that it has come whole.
            message.matched_receive_into(&mut content[..]);
            let from = status.source_rank() as usize;
            match Farewell::read(&content) {
                None => self.peers.heard(from),
                Some(why) => self.peers.has_left(from, why),
            }
        }
    }

    /// The next message of a rank, if it has come or begun to.
    fn begin_to_receive(&self, from: usize) -> Option<Receiving> {
        let process = self.world.process_at_rank(from as i32);
        let (message, status) = process.immediate_matched_probe_with_tag(MESSAGE)?;
        Some(Receiving::begin(message, status.count(u8::equivalent_datatype()) as usize))
    }

    /// Waits until all others have left, too, as finalizing would, without hanging where one of them never will.
    /// Whether all are well.
    fn all_leave(&mut self) -> bool {
        let mut pause = Pause::default();
        while !self.peers.all_left_but(self.rank) {
            self.listen();
            let absent = self.peers.present().filter(|&rank| rank != self.rank);
            if self.peers.check_all().and_then(|()| self.peers.check([], absent)).is_err() {
                return false;
            }
            pause.take();
        }
        self.peers.check_all().is_ok()
    }
}

impl Transport for Mpi {
    fn rank(&self) -> usize {
        self.rank
    }

    fn size(&self) -> usize {
        self.size
    }

    fn deadline(&self) -> Duration {
        self.peers.deadline
    }

    fn exchange(&mut self, sends: Vec<(usize, Bytes)>, receives: &[usize]) -> Result<Vec<Bytes>> {
        if let Some((_, long)) = sends.iter().find(|(_, bytes)| bytes.len() > LIMIT) {
            return Err(Error::MessageLength { bytes: long.len(), limit: LIMIT });
        }
        let mut sending: Vec<(usize, Sending)> = sends
            .into_iter()
            .map(|(to, bytes)| (to, Sending::begin(&self.world.process_at_rank(to as i32), bytes)))
            .collect();
        let mut receiving: Vec<(usize, Slot)> = receives.iter().map(|&from| (from, Slot::Awaited)).collect();
        let mut pause = Pause::default();
        loop {
            // Before the messages: those of a rank that has left came before it left.
            self.listen();
            sending.retain_mut(|(_, message)| !message.is_through());
            let mut missing = Vec::new();
            for (from, slot) in &mut receiving {
                // The messages of one rank come in order, so the first that is missing is the next.
                if matches!(slot, Slot::Awaited)
                    && !missing.contains(from)
                    && let Some(begun) = self.begin_to_receive(*from)
                {
                    *slot = Slot::UnderWay(begun);
                    pause = Pause::default();
                }
                slot.progress();
                if matches!(slot, Slot::Awaited) {
                    missing.push(*from);
                }
            }
            let half: Vec<usize> = receiving
                .iter()
                .filter(|(_, slot)| matches!(slot, Slot::UnderWay(_)))
                .map(|(from, _)| *from)
                .chain(sending.iter().map(|(to, _)| *to))
                .collect();
            if missing.is_empty() && half.is_empty() {
                break;
            }
            self.peers.check(missing, half)?;
            if self.peers.beat_is_due() {
                self.beat_all();
            }
            pause.take();
        }
        let through = receiving.into_iter().map(|(_, slot)| match slot {
            Slot::Through(bytes) => bytes,
            Slot::Awaited | Slot::UnderWay(_) => unreachable!("the loop ends when all are through"),
        });
        Ok(through.collect())
    }

    fn beat(&mut self) -> Result<()> {
        self.listen();
        self.beat_all();
        self.peers.check_all()
    }

    fn leave(&mut self, why: Leaving) {
        self.farewell(why);
        let well = why == Leaving::Done && self.all_leave();
        // What has been sent must have gone before the process may end.
        let since = Instant::now();
        while since.elapsed() < self.peers.interval() && !self.beats.is_empty() {
            self.forget_beats_that_came();
        }
        let all_gone = self.beats.is_empty();
        // One that is dropped before its end panics.
        self.beats.drain(..).for_each(mem::forget);
        if let Some(universe) = self.universe.take() {
            if well && all_gone { drop(universe) } else { mem::forget(universe) }
        }
    }
}

/// A transport that is dropped otherwise, in a panic, must not finalize: that would wait for all.
impl Drop for Mpi {
    fn drop(&mut self) {
        if self.universe.is_some() {
            self.leave(Leaving::Failed);
        }
    }
}

impl fmt::Debug for Mpi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mpi").field("rank", &self.rank).field("size", &self.size).field("peers", &self.peers).finish()
    }
}

/// A message that another rank is to send.
enum Slot {
    Awaited,
    UnderWay(Receiving),
    Through(Bytes),
}

impl Slot {
    fn progress(&mut self) {
        if let Self::UnderWay(message) = self
            && let Some(bytes) = message.through()
        {
            *self = Self::Through(bytes.into());
        }
    }
}

/// Why a rank leaves, in bytes.
struct Farewell;

impl Farewell {
    fn write(why: Leaving) -> &'static [u8] {
        let mut bytes = vec![match why {
            Leaving::Done => 0,
            Leaving::Failed => 1,
            Leaving::Lost(_) => 2,
        }];
        if let Leaving::Lost(rank) = why {
            bytes.extend((rank as u64).to_le_bytes());
        }
        // Once in a process.
        bytes.leak()
    }

    fn read(bytes: &[u8]) -> Option<Leaving> {
        let (kind, rank) = bytes.split_first()?;
        Some(match (kind, rank.try_into().map(u64::from_le_bytes)) {
            (0, _) => Leaving::Done,
            (2, Ok(rank)) => Leaving::Lost(rank as usize),
            _ => Leaving::Failed,
        })
    }
}

/// Between two looks at what has come: at first none, for messages take microseconds; then longer ones, for the
/// processor has gradients to compute.
#[derive(Default)]
struct Pause {
    looks: u32,
}

impl Pause {
    fn take(&mut self) {
        self.looks += 1;
        match self.looks {
            0..500 => thread::yield_now(),
            500..1500 => thread::sleep(Duration::from_micros(20)),
            _ => thread::sleep(Duration::from_micros(200)),
        }
    }
}
