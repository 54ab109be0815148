//! Who of the others is alive.

use super::Leaving;
use crate::{Error, Result};
use std::time::{Duration, Instant};

/// How long a rank may be silent, unless one says otherwise.
pub(super) const DEADLINE: Duration = Duration::from_secs(5);

/// When each rank was last heard of, and which have left.
#[derive(Debug)]
pub(super) struct Peers {
    pub(super) deadline: Duration,
    heard: Vec<Instant>,
    left: Vec<Option<Leaving>>,
    looked: Instant,
    beaten: Instant,
}

impl Peers {
    pub(super) fn new(size: usize) -> Self {
        let now = Instant::now();
        Self { deadline: DEADLINE, heard: vec![now; size], left: vec![None; size], looked: now, beaten: now }
    }

    /// How often a rank shows that it is alive: ten times before it would be taken for dead.
    pub(super) fn interval(&self) -> Duration {
        self.deadline / 10
    }

    /// Whether the others should hear from this rank; once it is asked for, it counts as done.
    pub(super) fn beat_is_due(&mut self) -> bool {
        let due = self.beaten.elapsed() >= self.interval();
        if due {
            self.beaten = Instant::now();
        }
        due
    }

    /// To be called before one looks for messages. A time in which this rank itself stood still, and nobody looked, is
    /// not held against the others.
    pub(super) fn look(&mut self) {
        let now = Instant::now();
        let still = (now - self.looked).saturating_sub(self.interval() * 2);
        for heard in &mut self.heard {
            *heard += still;
        }
        self.looked = now;
    }

    pub(super) fn heard(&mut self, rank: usize) {
        self.heard[rank] = Instant::now();
    }

    pub(super) fn has_left(&mut self, rank: usize, why: Leaving) {
        self.heard(rank);
        self.left[rank].get_or_insert(why);
    }

    /// Whether every rank of `awaited` is there to answer, and of `under_way`, with which a message is half through and
    /// which may have left since.
    ///
    /// Other ranks do not count: one that has lost another may have been through with this exchange before, as may this
    /// one be.
    pub(super) fn check(
        &self,
        awaited: impl IntoIterator<Item = usize>,
        under_way: impl IntoIterator<Item = usize>,
    ) -> Result<()> {
        for rank in awaited {
            if let Some(why) = self.left[rank] {
                return Err(self.lost_with(rank, why));
            }
            self.check_heard(rank)?;
        }
        for rank in under_way {
            match self.left[rank] {
                // What it had sent comes soon, or not at all.
                Some(why) if why != Leaving::Done && self.heard[rank].elapsed() > self.interval() => {
                    return Err(self.lost_with(rank, why));
                }
                _ => self.check_heard(rank)?,
            }
        }
        Ok(())
    }

    /// Whether no rank has left because of an error, after which nothing that all do together can end well.
    pub(super) fn check_all(&self) -> Result<()> {
        let mut left = self.left.iter().enumerate();
        match left.find_map(|(rank, why)| why.filter(|&why| why != Leaving::Done).map(|why| (rank, why))) {
            Some((rank, why)) => Err(self.lost_with(rank, why)),
            None => Ok(()),
        }
    }

    fn check_heard(&self, rank: usize) -> Result<()> {
        if self.heard[rank].elapsed() > self.deadline { Err(self.lost(rank)) } else { Ok(()) }
    }

    /// Who leaves because of another names that one: the first that was lost is the one to look for.
    fn lost_with(&self, rank: usize, why: Leaving) -> Error {
        self.lost(match why {
            Leaving::Lost(first) => first,
            Leaving::Done | Leaving::Failed => rank,
        })
    }

    fn lost(&self, rank: usize) -> Error {
        let seconds = self.heard.get(rank).map_or(0.0, |heard| heard.elapsed().as_secs_f64());
        Error::RankLost { rank, seconds }
    }
}

#[cfg(feature = "mpi")]
impl Peers {
    pub(super) fn all_left_but(&self, rank: usize) -> bool {
        (0..self.left.len()).all(|other| other == rank || self.left[other].is_some())
    }

    pub(super) fn present(&self) -> impl Iterator<Item = usize> {
        (0..self.left.len()).filter(|&rank| self.left[rank].is_none())
    }

    /// Those that are there, and those that wait for the others to leave, too.
    pub(super) fn listening(&self) -> impl Iterator<Item = usize> {
        (0..self.left.len()).filter(|&rank| matches!(self.left[rank], None | Some(Leaving::Done)))
    }
}
