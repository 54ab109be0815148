//! What ranks do together, in messages from rank to rank.
//!
//! Every message has a header before it, a message of its own, which says what its sender is doing. So a rank that is
//! in another operation is named, where it would otherwise be waited for.

mod all_reduce;
mod barrier;
mod broadcast;
mod gather;

pub(crate) use all_reduce::{all_reduce, sent_by_all_reduce};
pub(crate) use barrier::barrier;
pub(crate) use broadcast::broadcast;
pub(crate) use gather::{all_gather, gather};

use crate::numbers::Element;
use crate::{Bytes, Error, Result, Transport};
use std::fmt;

/// The operation that a message belongs to.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Call {
    AllReduce { element: Element, len: usize },
    Broadcast { root: usize },
    Gather { root: usize },
    AllGather,
    Barrier,
}

impl Call {
    const BYTES: usize = 10;

    fn to_bytes(self) -> Bytes {
        let (kind, element, number) = match self {
            Self::AllReduce { element, len } => (0, element.size() as u8, len),
            Self::Broadcast { root } => (1, 0, root),
            Self::Gather { root } => (2, 0, root),
            Self::AllGather => (3, 0, 0),
            Self::Barrier => (4, 0, 0),
        };
        let mut bytes = Vec::with_capacity(Self::BYTES);
        bytes.extend([kind, element]);
        bytes.extend((number as u64).to_le_bytes());
        bytes.into()
    }

    /// Nothing for bytes that no rank of this crate's version writes.
    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (&[kind, element], number) = bytes.split_first_chunk()?;
        let number = usize::try_from(u64::from_le_bytes(number.try_into().ok()?)).ok()?;
        match (kind, element) {
            (0, bytes) => Some(Self::AllReduce { element: Element::of_size(bytes)?, len: number }),
            (1, 0) => Some(Self::Broadcast { root: number }),
            (2, 0) => Some(Self::Gather { root: number }),
            (3, 0) => Some(Self::AllGather),
            (4, 0) => Some(Self::Barrier),
            _ => None,
        }
    }

    /// Sends a message to each rank of `sends`, and receives one from each of `receives`, with what its sender is
    /// doing.
    fn exchange(
        self,
        transport: &mut dyn Transport,
        sends: impl IntoIterator<Item = (usize, Bytes)>,
        receives: impl IntoIterator<Item = usize>,
    ) -> Result<Vec<(Self, Bytes)>> {
        let header = self.to_bytes();
        let sends = sends.into_iter().flat_map(|(to, bytes)| [(to, header.clone()), (to, bytes)]).collect();
        let ranks: Vec<usize> = receives.into_iter().collect();
        let receives: Vec<usize> = ranks.iter().flat_map(|&rank| [rank, rank]).collect();
        let mut received = transport.exchange(sends, &receives)?.into_iter();
        let mut messages = Vec::with_capacity(ranks.len());
        for rank in ranks {
            let (header, bytes) =
                received.next().zip(received.next()).expect("a transport returns all that it is asked for");
            let there = Self::from_bytes(&header);
            match there {
                Some(there) if there.fits(self) => messages.push((there, bytes)),
                _ => {
                    let there = there.map_or_else(|| "an operation unknown here".into(), |there| there.to_string());
                    return Err(Error::Calls { rank, here: self.to_string(), there });
                }
            }
        }
        Ok(messages)
    }

    /// Whether two ranks do the same, apart from the number of numbers, of which [`all_reduce`] takes care.
    fn fits(self, other: Self) -> bool {
        match (self, other) {
            (Self::AllReduce { element: here, .. }, Self::AllReduce { element: there, .. }) => here == there,
            _ => self == other,
        }
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AllReduce { element, len } => write!(f, "all_reduce of {len} {}", element.name()),
            Self::Broadcast { root } => write!(f, "broadcast from rank {root}"),
            Self::Gather { root } => write!(f, "gather to rank {root}"),
            Self::AllGather => f.write_str("all_gather"),
            Self::Barrier => f.write_str("barrier"),
        }
    }
}

/// All ranks but this one.
fn others(transport: &dyn Transport) -> impl Iterator<Item = usize> + Clone + use<> {
    let (rank, size) = (transport.rank(), transport.size());
    (0..size).filter(move |&other| other != rank)
}
