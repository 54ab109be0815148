//! The sum over the ranks, on every rank.

use super::{Call, others};
use crate::{Bytes, Error, Numbers, Result, Transport};
use std::ops::Range;
use std::sync::Arc;

/// Up to so many bytes, a round more costs more than bytes: the losses of a step, say.
const SHORT: usize = 256;

/// A reduce-scatter and an all-gather, both by direct exchange: each rank adds up one part of the numbers, **in the
/// order of the ranks**, and gives the sum to all.
///
/// Each rank sends and receives `2 (n − 1) / n` times the numbers, the least that is possible, in two rounds. A ring
/// sends as much, in `2 (n − 1)` rounds, and adds up each part beginning at another rank.
///
/// A few numbers go to all at once, and every rank adds up all of them, in the same order: one round.
///
/// Thakur, Rabenseifner, Gropp, *Optimization of Collective Communication Operations in MPICH*, 2005.
pub(crate) fn all_reduce(transport: &mut dyn Transport, numbers: Numbers) -> Result<Numbers> {
    let (rank, size) = (transport.rank(), transport.size());
    if size == 1 {
        return Ok(numbers);
    }
    let (element, len) = (numbers.element, numbers.len());
    let call = Call::AllReduce { element, len };
    let part = |rank| part(&numbers, size, rank);
    let parts: Vec<Range<usize>> = (0..size).map(part).collect();
    let others = others(transport);
    let shared = Arc::new(numbers.into_bytes());

    let sends = others.clone().map(|to| (to, Bytes::part(&shared, parts[to].clone())));
    let messages = call.exchange(transport, sends, others.clone())?;
    let (calls, mut terms): (Vec<Call>, Vec<Bytes>) = messages.into_iter().unzip();
    // Every rank hears from every other, so all find the same here.
    let mut lengths: Vec<usize> =
        calls.iter().map(|call| if let Call::AllReduce { len, .. } = call { *len } else { 0 }).collect();
    lengths.insert(rank, len);
    if lengths.iter().any(|&other| other != len) {
        return Err(Error::Lengths { lengths });
    }

    terms.insert(rank, Bytes::part(&shared, parts[rank].clone()));
    let sum = Bytes::from(element.sum(terms));
    if sum.len() == shared.len() {
        return Ok(Numbers::of_parts(element, vec![sum]));
    }
    let sends = others.clone().map(|to| (to, sum.clone()));
    let received = call.exchange(transport, sends, others)?;
    let mut sums: Vec<Bytes> = received.into_iter().map(|(_, sum)| sum).collect();
    sums.insert(rank, sum);
    Ok(Numbers::of_parts(element, sums))
}

/// The bytes that a rank sends to others in it, headers aside: the parts that they add up, and to each the sum of its own.
pub(crate) fn sent_by_all_reduce(numbers: &Numbers, size: usize, rank: usize) -> usize {
    let all = numbers.len() * numbers.element.size();
    if all <= SHORT {
        return (size - 1) * all;
    }
    let own = part(numbers, size, rank).len();
    all - own + (size - 1) * own
}

/// The bytes that a rank adds up: all of few; of more, parts as equal as can be.
fn part(numbers: &Numbers, size: usize, rank: usize) -> Range<usize> {
    let (len, element) = (numbers.len(), numbers.element.size());
    if len * element <= SHORT {
        return 0..len * element;
    }
    // As u128, for a product of two lengths.
    let start = |rank: usize| (len as u128 * rank as u128 / size as u128) as usize * element;
    start(rank)..start(rank + 1)
}
