//! All numbers, in an all-reduce.

use super::{Counted, Method, Sums};
use crate::data_parallel::buckets::{Bucket, append, array};
use crate::{Numbers, Pending, Result};
use gradus_autograd::{Real, Value};
use std::sync::Arc;

/// A bucket's gradients one after the other, zeros for those that are not there, and for each whether it is: what comes back are the sums
/// of all of it.
#[derive(Debug)]
pub(in crate::data_parallel) struct Dense {
    /// Room for so many numbers, of the type in which they travel.
    pub(in crate::data_parallel) numbers: fn(usize) -> Result<Numbers>,
}

impl<F: Real> Method<F> for Dense {
    fn send(
        &mut self,
        bucket: &Arc<Bucket>,
        gradients: &[Option<Value<F>>],
        share: F,
        communicator: &mut Counted<'_>,
    ) -> Result<Pending<Sums<F>>> {
        let mut numbers = (self.numbers)(bucket.len + gradients.len())?;
        for (member, gradient) in bucket.members.iter().zip(gradients) {
            match gradient {
                Some(gradient) => append(&mut numbers, gradient, share)?,
                None => numbers.extend_from_slice(&vec![F::zero(); member.len])?,
            }
        }
        let there = |gradient: &Option<_>| if gradient.is_some() { F::one() } else { F::zero() };
        numbers.extend_from_slice(&gradients.iter().map(there).collect::<Vec<_>>())?;
        let (pending, bucket) = (communicator.start_all_reduce(numbers), Arc::clone(bucket));
        Ok(Pending::new(move || unpack(&pending.wait()?, &bucket)))
    }
}

fn unpack<F: Real>(numbers: &Numbers, bucket: &Bucket) -> Result<Sums<F>> {
    let there = numbers.values::<F>(bucket.len..bucket.len + bucket.members.len())?;
    let members = bucket.members.iter().zip(there);
    members
        .map(|(member, there)| {
            (there > F::zero()).then(|| array(numbers, member.range().start, &member.shape)).transpose()
        })
        .collect()
}
