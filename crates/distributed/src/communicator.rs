//! What ranks do together.

use crate::{Numbers, Result};
use std::fmt;

/// A rank's connection to the others: the collective operations.
///
/// All ranks call the same operations in the same order. A rank that is gone ends the others' operations with
/// [`Error::RankLost`](crate::Error::RankLost), and every later one, too.
///
/// # Examples
///
/// ```
/// use gradus_distributed::{Communicator, Group, Numbers, Result, Threads};
///
/// fn mean_of_ranks(ranks: &dyn Communicator) -> Result<f64> {
///     let sum = ranks.all_reduce(Numbers::from_slice(&[ranks.rank() as f64])?)?;
///     Ok(sum.to_vec::<f64>()?[0] / ranks.size() as f64)
/// }
///
/// for mean in Threads::run(3, |group: Group| mean_of_ranks(&group)) {
///     assert_eq!(mean?, 1.0);
/// }
/// # Ok::<(), gradus_distributed::Error>(())
/// ```
pub trait Communicator: Send + Sync + fmt::Debug {
    /// This rank, counted from 0.
    fn rank(&self) -> usize;

    /// How many ranks there are.
    fn size(&self) -> usize;

    /// Begins to add up `numbers` over all ranks, and returns at once. Several can be under way; they are served in
    /// order.
    ///
    /// Errors are those of [`all_reduce`](Self::all_reduce), and come with [`Pending::wait`].
    #[must_use = "the sum comes with `wait`"]
    fn start_all_reduce(&self, numbers: Numbers) -> Pending;

    /// `yᵢ = ((x₀ᵢ + x₁ᵢ) + x₂ᵢ) + …`: the sum over the ranks, in their order, on every rank.
    ///
    /// # Errors
    ///
    /// [`Error::Lengths`](crate::Error::Lengths) if ranks give different numbers of numbers, on all of them, and then
    /// they can go on; [`Error::Calls`](crate::Error::Calls) if a rank calls something else;
    /// [`Error::RankLost`](crate::Error::RankLost).
    fn all_reduce(&self, numbers: Numbers) -> Result<Numbers> {
        self.start_all_reduce(numbers).wait()
    }

    /// The bytes of rank `root`, on every rank. What the others give is dropped.
    ///
    /// # Errors
    ///
    /// [`Error::Root`](crate::Error::Root) if there is no such rank, [`Error::Calls`](crate::Error::Calls),
    /// [`Error::RankLost`](crate::Error::RankLost).
    fn broadcast(&self, root: usize, bytes: Vec<u8>) -> Result<Vec<u8>>;

    /// The bytes of every rank in their order, on rank `root`; nothing on the others. The lengths may differ.
    ///
    /// # Errors
    ///
    /// As [`broadcast`](Self::broadcast).
    fn gather(&self, root: usize, bytes: Vec<u8>) -> Result<Option<Vec<Vec<u8>>>>;

    /// Begins to give every rank the bytes of every rank, and returns at once, as
    /// [`start_all_reduce`](Self::start_all_reduce) does.
    ///
    /// Errors are those of [`all_gather`](Self::all_gather), and come with [`Pending::wait`].
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus_distributed::{Communicator, Group, Threads};
    ///
    /// let results = Threads::run(2, |group: Group| {
    ///     let pending = group.start_all_gather(vec![group.rank() as u8]);
    ///     // … something else …
    ///     pending.wait()
    /// });
    /// assert_eq!(results[1], Ok(vec![vec![0], vec![1]]));
    /// ```
    #[must_use = "the bytes come with `wait`"]
    fn start_all_gather(&self, bytes: Vec<u8>) -> Pending<Vec<Vec<u8>>>;

    /// The bytes of every rank in their order, on every rank. The lengths may differ.
    ///
    /// # Errors
    ///
    /// [`Error::Calls`](crate::Error::Calls), [`Error::RankLost`](crate::Error::RankLost).
    fn all_gather(&self, bytes: Vec<u8>) -> Result<Vec<Vec<u8>>> {
        self.start_all_gather(bytes).wait()
    }

    /// Returns when every rank has called it.
    ///
    /// # Errors
    ///
    /// As [`all_gather`](Self::all_gather).
    fn barrier(&self) -> Result<()>;
}

/// What ranks do together while this one goes on: a sum over them, or their bytes.
///
/// Dropping it does not end the operation, on which the other ranks rely.
#[must_use = "the result comes with `wait`"]
pub struct Pending<T = Numbers> {
    wait: Box<dyn FnOnce() -> Result<T> + Send>,
}

impl<T> Pending<T> {
    /// What `wait` returns, for implementors of [`Communicator`].
    pub fn new(wait: impl FnOnce() -> Result<T> + Send + 'static) -> Self {
        Self { wait: Box::new(wait) }
    }

    /// The result, when it is there.
    ///
    /// # Errors
    ///
    /// Those of the operation that was started: [`Communicator::all_reduce`], [`Communicator::all_gather`].
    pub fn wait(self) -> Result<T> {
        (self.wait)()
    }
}

impl<T> fmt::Debug for Pending<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pending")
    }
}
