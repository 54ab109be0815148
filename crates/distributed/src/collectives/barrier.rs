//! All wait for all.

use super::Call;
use crate::{Bytes, Result, Transport};

/// By dissemination, in `⌈log₂ n⌉` rounds: in round `k` rank `r` tells `r + 2ᵏ` and hears from `r − 2ᵏ`, so that it
/// then knows of `2ᵏ⁺¹` ranks.
///
/// Hensgen, Finkel, Manber, *Two algorithms for barrier synchronization*, 1988.
pub(crate) fn barrier(transport: &mut dyn Transport) -> Result<()> {
    let (rank, size) = (transport.rank(), transport.size());
    let mut distance = 1;
    while distance < size {
        let (to, from) = ((rank + distance) % size, (rank + size - distance) % size);
        Call::Barrier.exchange(transport, [(to, Bytes::from(Vec::new()))], [from])?;
        distance *= 2;
    }
    Ok(())
}
