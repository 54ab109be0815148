//! One rank's bytes, on every rank.

use super::Call;
use crate::{Bytes, Result, Transport};

/// By a binomial tree, in `⌈log₂ n⌉` rounds: in each, whoever has the bytes gives them to one who has not.
///
/// Ranks are counted from the root. Rank `v` gets the bytes from `v` without its lowest bit, and gives them to `v + 2ᵏ`
/// for every `2ᵏ` below that bit, the farthest first.
pub(crate) fn broadcast(transport: &mut dyn Transport, root: usize, bytes: Vec<u8>) -> Result<Vec<u8>> {
    let (rank, size) = (transport.rank(), transport.size());
    let call = Call::Broadcast { root };
    let place = (rank + size - root) % size;
    let at = |place: usize| (place + root) % size;

    let (bytes, below) = if place == 0 {
        (Bytes::from(bytes), size.next_power_of_two())
    } else {
        let lowest = 1 << place.trailing_zeros();
        let mut received = call.exchange(transport, [], [at(place - lowest)])?;
        let (_, bytes) = received.pop().expect("one was asked for");
        (bytes, lowest)
    };
    let steps = (0..below.trailing_zeros()).rev().map(|k| place + (1 << k)).filter(|&to| to < size);
    let sends: Vec<_> = steps.map(|to| (at(to), bytes.clone())).collect();
    call.exchange(transport, sends, [])?;
    Ok(bytes.into_vec())
}
