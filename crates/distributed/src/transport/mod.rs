//! Messages from rank to rank.

#[cfg(not(feature = "mpi"))]
pub(crate) mod launcher;
#[cfg(feature = "mpi")]
mod mpi;
mod peers;
mod threads;

#[cfg(feature = "mpi")]
pub use mpi::Mpi;
pub use threads::Threads;

use crate::Result;
use std::ops::{Deref, Range};
use std::sync::Arc;
use std::time::Duration;

/// Messages from rank to rank, all that the collective operations need of a network.
///
/// A [`Group`](crate::Group) owns one in a thread of its own, from which alone it is called.
///
/// # Examples
///
/// ```
/// use gradus_distributed::{Bytes, Threads, Transport};
///
/// let [mut zero, mut one] = Threads::endpoints(2).try_into().unwrap();
/// let other = std::thread::spawn(move || one.exchange(vec![(0, Bytes::from(vec![1, 2]))], &[0]));
/// let received = zero.exchange(vec![(1, Bytes::from(vec![3]))], &[1])?;
/// assert_eq!(received[0][..], [1, 2]);
/// assert_eq!(other.join().unwrap()?[0][..], [3]);
/// # Ok::<(), gradus_distributed::Error>(())
/// ```
pub trait Transport {
    /// This rank, counted from 0.
    fn rank(&self) -> usize;

    /// How many ranks there are.
    fn size(&self) -> usize;

    /// How long a rank may be silent before it is taken for dead.
    fn deadline(&self) -> Duration;

    /// Sends messages and receives one from each rank of `receives`, all at once; returns those, in this order, when
    /// all are through. Messages from one rank to another keep their order, also those of later exchanges; no rank is
    /// this one.
    ///
    /// The messages are shared and not borrowed: where a rank dies on the way, the network may go on reading them for
    /// ever.
    ///
    /// # Errors
    ///
    /// [`Error::RankLost`](crate::Error::RankLost) when a rank that is needed here has left, or has been silent for the
    /// deadline. After an error only [`leave`](Self::leave) may be called.
    fn exchange(&mut self, sends: Vec<(usize, Bytes)>, receives: &[usize]) -> Result<Vec<Bytes>>;

    /// Tells the others that this rank is alive, and hears what they have to say. Called every tenth of the deadline
    /// between exchanges.
    ///
    /// # Errors
    ///
    /// [`Error::RankLost`](crate::Error::RankLost) when a rank has left because of an error, and the others wait for this
    /// one to do so, too.
    fn beat(&mut self) -> Result<()>;

    /// Tells the others that nothing more comes from here. The last call.
    fn leave(&mut self, why: Leaving);
}

/// Why a rank leaves the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leaving {
    /// Its program is through.
    Done,
    /// It has seen an error after which it cannot go on.
    Failed,
    /// It has lost this rank.
    Lost(usize),
}

/// A part of bytes that are shared: a message.
#[derive(Debug, Clone)]
pub struct Bytes {
    pub(crate) shared: Arc<Vec<u8>>,
    pub(crate) range: Range<usize>,
}

impl Bytes {
    /// The bytes of `range`.
    ///
    /// # Panics
    ///
    /// If `shared` has fewer bytes.
    #[must_use]
    pub fn part(shared: &Arc<Vec<u8>>, range: Range<usize>) -> Self {
        assert!(range.start <= range.end && range.end <= shared.len(), "part: {range:?} of {} bytes", shared.len());
        Self { shared: Arc::clone(shared), range }
    }

    /// Bytes of one's own; they are copied only if they are a part, or if someone else has them, too.
    #[must_use]
    pub fn into_vec(self) -> Vec<u8> {
        self.try_into_vec().unwrap_or_else(|bytes| bytes.to_vec())
    }

    /// Bytes of one's own without a copy, if they are that already.
    pub(crate) fn try_into_vec(self) -> Result<Vec<u8>, Self> {
        let Self { shared, range } = self;
        if range != (0..shared.len()) {
            return Err(Self { shared, range });
        }
        Arc::try_unwrap(shared).map_err(|shared| Self { shared, range })
    }
}

impl Deref for Bytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.shared[self.range.clone()]
    }
}

impl From<Vec<u8>> for Bytes {
    fn from(bytes: Vec<u8>) -> Self {
        let range = 0..bytes.len();
        Self { shared: Arc::new(bytes), range }
    }
}
