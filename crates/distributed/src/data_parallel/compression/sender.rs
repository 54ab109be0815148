//! Where buckets leave.

use super::{Method, Sums};
use crate::data_parallel::buckets::Bucket;
use crate::{Communicator, Numbers, Pending, Result, collectives};
use gradus_autograd::{Real, Value};
use std::sync::Arc;

/// A way for gradients to travel, and the ranks between which they do.
#[derive(Debug)]
pub(in crate::data_parallel) struct Sender<'c, F: Real> {
    pub(in crate::data_parallel) method: Box<dyn Method<F>>,
    pub(in crate::data_parallel) communicator: Counted<'c>,
}

impl<F: Real> Sender<'_, F> {
    pub(in crate::data_parallel) fn send(
        &mut self,
        bucket: &Arc<Bucket>,
        gradients: &[Option<Value<F>>],
        share: F,
    ) -> Result<Pending<Sums<F>>> {
        self.method.send(bucket, gradients, share, &mut self.communicator)
    }
}

/// A communicator that counts the bytes that it sends.
#[derive(Debug)]
pub(in crate::data_parallel) struct Counted<'c> {
    communicator: &'c dyn Communicator,
    sent: u64,
}

impl<'c> Counted<'c> {
    pub(in crate::data_parallel) fn new(communicator: &'c dyn Communicator) -> Self {
        Self { communicator, sent: 0 }
    }

    /// Those to other ranks, without headers.
    pub(in crate::data_parallel) fn sent(&self) -> u64 {
        self.sent
    }

    pub(super) fn start_all_reduce(&mut self, numbers: Numbers) -> Pending {
        let (rank, size) = (self.communicator.rank(), self.communicator.size());
        self.sent += collectives::sent_by_all_reduce(&numbers, size, rank) as u64;
        self.communicator.start_all_reduce(numbers)
    }

    pub(super) fn start_all_gather(&mut self, bytes: Vec<u8>) -> Pending<Vec<Vec<u8>>> {
        self.sent += (bytes.len() * (self.communicator.size() - 1)) as u64;
        self.communicator.start_all_gather(bytes)
    }
}
