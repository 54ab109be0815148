//! What can go wrong between ranks.

/// An error of ranks that work together: the message names the operation or the rank, what was found and what would
/// fit.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A rank has left, was ended, or hangs: nothing more can be done together.
    #[error(
        "rank {rank}: it is gone, its last sign of life {seconds:.1} s ago: \
         the run needs all its ranks; start it again, from its last checkpoint"
    )]
    RankLost {
        /// The rank.
        rank: usize,
        /// Seconds since its last sign of life.
        seconds: f64,
    },

    /// Ranks add up different numbers of numbers. All ranks get this error, and can go on.
    #[error("all_reduce: ranks 0 to {} give {lengths:?} numbers: each must give equally many", lengths.len() - 1)]
    Lengths {
        /// How many numbers each rank gave.
        lengths: Vec<usize>,
    },

    /// Another rank is in another operation than this one.
    #[error("{here}: rank {rank} is in {there}: all ranks must call the same operations in the same order")]
    Calls {
        /// The other rank.
        rank: usize,
        /// What was called here.
        here: String,
        /// What was called there.
        there: String,
    },

    /// A rank is named that the group has not.
    #[error("{operation}: root {root}: the group has {size} ranks, counted from 0")]
    Root {
        /// The operation that was asked for.
        operation: &'static str,
        /// The rank that was named.
        root: usize,
        /// The number of ranks.
        size: usize,
    },

    /// Numbers of a type that is not sent.
    #[error("numbers: {found}: f32 and f64 are sent between ranks")]
    Element {
        /// The type's name.
        found: &'static str,
    },

    /// Numbers are read or extended as another type than they are of.
    #[error("numbers: {found}: these are {element}; read and extend them as {element}")]
    OtherElement {
        /// The type that they are of.
        element: &'static str,
        /// The type that was asked for.
        found: &'static str,
    },

    /// Numbers are asked for that are not there.
    #[error("numbers: from {start} to {end}: there are {len}, counted from 0; the end is not below the start")]
    Range {
        /// The first number.
        start: usize,
        /// The one after the last.
        end: usize,
        /// How many there are.
        len: usize,
    },

    /// A share of the gradients that cannot be sent.
    #[error("compression: top-k with a share of {share}: it must be above 0 and at most 1")]
    Share {
        /// The share.
        share: f64,
    },

    /// A bucket of gradients too large for the indices of top-k.
    #[error(
        "compression: top-k of a bucket of {numbers} numbers: its indices count to {}; \
         smaller buckets, smaller parameters or no top-k would fit",
        u32::MAX
    )]
    TopKNumbers {
        /// How many numbers it has.
        numbers: usize,
    },

    /// A message is longer than the transport can send.
    #[error("exchange: a message of {bytes} bytes: at most {limit}; send it in pieces")]
    MessageLength {
        /// Its length.
        bytes: usize,
        /// The most that can be sent.
        limit: usize,
    },

    /// A rank runs something else than rank 0: found before the first step, on all ranks.
    #[error(
        "rank {rank}: its {what} is {on_rank}, and rank 0's is {on_first}: all ranks must run the same program on the same data"
    )]
    OtherRun {
        /// The first rank that differs.
        rank: usize,
        /// In what: the seed, the data, the settings, the version, or a parameter of the model.
        what: String,
        /// What rank 0 has.
        on_first: String,
        /// What this rank has.
        on_rank: String,
    },

    /// A rank has other numbers in a parameter than rank 0, whose numbers it was given: found before the first step, on
    /// all ranks.
    #[error("rank {rank}: `{parameter}` has other values than rank 0 has sent: is its memory or the network at fault?")]
    OtherValues {
        /// The first rank that differs.
        rank: usize,
        /// The first parameter or buffer that differs.
        parameter: String,
    },

    /// A rank's program panicked.
    #[error("rank {rank}: it panicked: {message}")]
    Panicked {
        /// The rank.
        rank: usize,
        /// What it said.
        message: String,
    },

    /// The system gives no thread for a rank.
    #[error("rank {rank}: no thread for it: {message}")]
    Thread {
        /// The rank; 0 where it is not known yet.
        rank: usize,
        /// What the system said.
        message: String,
    },

    /// The thread that serves a rank has ended before its answer.
    #[error("rank {rank}: its thread has ended before it answered: was the process forked, or did a transport panic?")]
    Ended {
        /// The rank.
        rank: usize,
    },

    /// The program has been built without MPI, and is one of several that `mpirun` has started.
    #[error(
        "mpi: this is rank {rank} of {size} under mpirun, and the program has been built without MPI: \
         build it with the feature `mpi`"
    )]
    MpiMissing {
        /// The rank, as `mpirun` tells it.
        rank: usize,
        /// How many it has started.
        size: usize,
    },

    /// MPI is initialized a second time in this process.
    #[error("mpi: it is initialized already: once in a process, also after its end; keep the first group")]
    MpiTwice,

    /// The MPI library cannot be called from a thread.
    #[error("mpi: the library gives thread support {found}: at least MPI_THREAD_FUNNELED is needed")]
    MpiThreads {
        /// The level that it gives.
        found: String,
    },
}

impl gradus_linalg::FamilyError for Error {}

/// As training tells it: [`Ranks`](gradus_train::Error::Ranks).
impl From<Error> for gradus_train::Error {
    fn from(error: Error) -> Self {
        Self::Ranks(Box::new(error))
    }
}

/// What fallible functions of this crate return.
pub type Result<T, E = Error> = std::result::Result<T, E>;
