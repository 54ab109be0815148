//! The sum over the ranks, on every rank.

use super::{Call, others};
use crate::{Bytes, Error, Numbers, Result, Transport};
use std::ops::Range;
use std::sync::Arc;

/// A reduce-scatter and an all-gather, both by direct exchange: each rank adds up one part of the numbers, **in the
/// order of the ranks**, and gives the sum to all.
///
/// Each rank sends and receives `2 (n − 1) / n` times the numbers, the least that is possible, in two rounds. A ring
/// sends as much, in `2 (n − 1)` rounds, and adds up each part beginning at another rank.
///
/// Thakur, Rabenseifner, Gropp, *Optimization of Collective Communication Operations in MPICH*, 2005.
pub(crate) fn all_reduce(transport: &mut dyn Transport, numbers: Numbers) -> Result<Numbers> {
    let (rank, size) = (transport.rank(), transport.size());
    if size == 1 {
        return Ok(numbers);
    }
    let (element, len) = (numbers.element, numbers.len());
    let call = Call::AllReduce { element, len };
    let part = |rank: usize| part(len, size, rank, element.size());
    let others = others(transport);
    let shared = Arc::new(numbers.bytes);

    let sends = others.clone().map(|to| (to, Bytes::part(&shared, part(to))));
    let messages = call.exchange(transport, sends, others.clone())?;
    let (calls, mut terms): (Vec<Call>, Vec<Bytes>) = messages.into_iter().unzip();
    // Every rank hears from every other, so all find the same here.
    let mut lengths: Vec<usize> =
        calls.iter().map(|call| if let Call::AllReduce { len, .. } = call { *len } else { 0 }).collect();
    lengths.insert(rank, len);
    if lengths.iter().any(|&other| other != len) {
        return Err(Error::Lengths { lengths });
    }

    terms.insert(rank, Bytes::part(&shared, part(rank)));
    let sum = Bytes::from(element.sum(terms));
    let sends = others.clone().map(|to| (to, sum.clone()));
    let sums = call.exchange(transport, sends, others.clone())?;
    // The others have dropped the parts that they had added up, before they sent the sums.
    let mut bytes = Arc::unwrap_or_clone(shared);
    bytes[part(rank)].copy_from_slice(&sum);
    for (from, (_, sum)) in others.zip(sums) {
        bytes[part(from)].copy_from_slice(&sum);
    }
    Ok(Numbers { element, bytes })
}

/// The bytes that a rank sends to others in it, headers aside: the parts that they add up, and to each the sum of its own.
pub(crate) fn sent_by_all_reduce(numbers: &Numbers, size: usize, rank: usize) -> usize {
    let own = part(numbers.len(), size, rank, numbers.element.size()).len();
    numbers.bytes.len() - own + (size - 1) * own
}

/// The bytes that a rank adds up: parts as equal as can be, some of them empty if there are fewer numbers than ranks.
fn part(len: usize, size: usize, rank: usize, element: usize) -> Range<usize> {
    // As u128, for a product of two lengths.
    let start = |rank: usize| (len as u128 * rank as u128 / size as u128) as usize * element;
    start(rank)..start(rank + 1)
}
