//! Everyone's bytes, on one rank or on all.

use super::{Call, others};
use crate::{Bytes, Result, Transport};

/// Directly: each rank sends to the root.
pub(crate) fn gather(transport: &mut dyn Transport, root: usize, bytes: Vec<u8>) -> Result<Option<Vec<Vec<u8>>>> {
    let call = Call::Gather { root };
    if transport.rank() == root {
        let others = others(transport);
        let received = call.exchange(transport, [], others)?;
        Ok(Some(in_order(root, bytes, received)))
    } else {
        call.exchange(transport, [(root, Bytes::from(bytes))], [])?;
        Ok(None)
    }
}

/// Directly: each rank sends to each.
pub(crate) fn all_gather(transport: &mut dyn Transport, bytes: Vec<u8>) -> Result<Vec<Vec<u8>>> {
    let bytes = Bytes::from(bytes);
    let others = others(transport);
    let sends = others.clone().map(|to| (to, bytes.clone()));
    let received = Call::AllGather.exchange(transport, sends, others)?;
    Ok(in_order(transport.rank(), bytes.into_vec(), received))
}

fn in_order(rank: usize, own: Vec<u8>, received: Vec<(Call, Bytes)>) -> Vec<Vec<u8>> {
    let mut all: Vec<_> = received.into_iter().map(|(_, bytes)| bytes.into_vec()).collect();
    all.insert(rank, own);
    all
}
