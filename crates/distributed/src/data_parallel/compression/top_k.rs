//! The largest numbers alone, in an all-gather; what is not sent is added to the next gradient.
//!
//! ```text
//! rank 0    e₀ + g₀/2    0.1 -2.0  0.3  0.0      sends 1: -2.0      keeps   0.1   0   0.3  0.0
//! rank 1    e₁ + g₁/2    0.4  0.2 -0.1  0.3      sends 0:  0.4      keeps    0   0.2 -0.1  0.3
//! gradient               0.4 -2.0   0    0
//! ```
//!
//! A message has a byte for each gradient of the bucket that says whether the rank has it, then the indices, then the numbers. A gradient that
//! a rank does not have in a step takes no part in the choice, nor does what the rank has kept of it: so one that no rank has is there on none.

use super::{Counted, Method, Sums};
use crate::data_parallel::buckets::{Bucket, Buckets, Member};
use crate::{Error, Numbers, Pending, Result};
use gradus_autograd::ndarray::ArrayD;
use gradus_autograd::{Real, Value};
use std::cmp::Ordering;
use std::sync::Arc;

/// Top-k with error feedback.
///
/// S. Stich, J.-B. Cordonnier, M. Jaggi, *Sparsified SGD with Memory*, 2018; Y. Lin and others, *Deep Gradient Compression*, 2018.
#[derive(Debug)]
pub(super) struct TopK<F: Real> {
    share: f64,
    /// For each bucket what has not been sent.
    residuals: Vec<Vec<F>>,
    /// What they become when the step is taken.
    next: Vec<Vec<F>>,
}

impl<F: Real> TopK<F> {
    pub(super) fn new(share: f64, buckets: &Buckets) -> Result<Self> {
        if !(share > 0.0 && share <= 1.0) {
            return Err(Error::Share { share });
        }
        if let Some(numbers) = buckets.lens().find(|len| u32::try_from(*len).is_err()) {
            return Err(Error::TopKNumbers { numbers });
        }
        let residuals: Vec<_> = buckets.lens().map(|len| vec![F::zero(); len]).collect();
        Ok(Self { share, next: residuals.clone(), residuals })
    }
}

impl<F: Real> Method<F> for TopK<F> {
    fn send(
        &mut self,
        bucket: &Arc<Bucket>,
        gradients: &[Option<Value<F>>],
        share: F,
        communicator: &mut Counted<'_>,
    ) -> Result<Pending<Sums<F>>> {
        let sums = &mut self.next[bucket.number];
        sums.clone_from(&self.residuals[bucket.number]);
        let mut indices = Vec::with_capacity(bucket.len);
        for (member, gradient) in bucket.members.iter().zip(gradients) {
            let Some(gradient) = gradient else { continue };
            let range = member.range();
            indices.extend(range.start as u32..range.end as u32);
            sums[range].iter_mut().zip(gradient.iter()).for_each(|(sum, x)| *sum += share * *x);
        }
        keep_largest(&mut indices, sums, self.share);

        let mut values = Numbers::with_capacity::<F>(indices.len())?;
        let chosen: Vec<F> = indices.iter().map(|&index| std::mem::take(&mut sums[index as usize])).collect();
        values.extend_from_slice(&chosen)?;
        // A number that is not finite is among the largest, so one has been sent: nothing is hidden by not keeping the others.
        sums.iter_mut().filter(|x| !x.is_finite()).for_each(|x| *x = F::zero());

        let mut bytes = Vec::with_capacity(gradients.len() + size_of::<u32>() * indices.len() + values.bytes.len());
        bytes.extend(gradients.iter().map(|gradient| u8::from(gradient.is_some())));
        indices.iter().for_each(|index| bytes.extend_from_slice(&index.to_le_bytes()));
        bytes.extend(&values.bytes);
        let (pending, bucket) = (communicator.start_all_gather(bytes), Arc::clone(bucket));
        Ok(Pending::new(move || add_up(&pending.wait()?, &bucket)))
    }

    fn taken(&mut self) {
        std::mem::swap(&mut self.residuals, &mut self.next);
    }
}

/// Keeps the indices of the `max(1, ⌈share · len⌉)` numbers of largest magnitude, in their order; of equal ones the first.
fn keep_largest<F: Real>(indices: &mut Vec<u32>, numbers: &[F], share: f64) {
    let count = ((share * indices.len() as f64).ceil() as usize).max(1);
    if count >= indices.len() {
        return;
    }
    // Without its sign a number is the larger the larger its bits are; after the infinities comes NaN.
    let magnitude = |index: u32| numbers[index as usize].to_f64().abs().to_bits();
    let mut magnitudes: Vec<u64> = indices.iter().map(|&index| magnitude(index)).collect();
    let (before, &mut least, _) = magnitudes.select_nth_unstable_by(count - 1, |a, b| b.cmp(a));
    let mut equal = count - before.iter().filter(|&&magnitude| magnitude > least).count();
    indices.retain(|&index| match magnitude(index).cmp(&least) {
        Ordering::Greater => true,
        Ordering::Equal => equal.checked_sub(1).map(|left| equal = left).is_some(),
        Ordering::Less => false,
    });
}

/// The sums of everyone's numbers, in the order of the ranks.
fn add_up<F: Real>(messages: &[Vec<u8>], bucket: &Bucket) -> Result<Sums<F>> {
    let mut sums = vec![F::zero(); bucket.len];
    let mut there = vec![false; bucket.members.len()];
    for (rank, message) in messages.iter().enumerate() {
        add(message, &mut there, &mut sums)?.ok_or_else(|| Error::Calls {
            rank,
            here: format!("top-k of bucket {} of {} numbers", bucket.number, bucket.len),
            there: format!("an all_gather of {} bytes that are none", message.len()),
        })?;
    }
    let members = bucket.members.iter().zip(there);
    let array = |member: &Member| {
        ArrayD::from_shape_vec(member.shape.clone(), sums[member.range()].to_vec())
            .expect("a shape has its length")
            .into()
    };
    Ok(members.map(|(member, there)| there.then(|| array(member))).collect())
}

/// Nothing if the message is not one for this bucket.
fn add<F: Real>(message: &[u8], there: &mut [bool], sums: &mut [F]) -> Result<Option<()>> {
    let Some((own, message)) = message.split_at_checked(there.len()) else { return Ok(None) };
    there.iter_mut().zip(own).for_each(|(there, own)| *there |= *own > 0);
    let mut values = Numbers::with_capacity::<F>(0)?;
    let size = size_of::<u32>() + values.element.size();
    let count = message.len() / size;
    if message.len() % size > 0 {
        return Ok(None);
    }
    let (indices, bytes) = message.split_at(count * size_of::<u32>());
    values.bytes.extend(bytes);
    for (index, value) in indices.as_chunks().0.iter().zip(values.values::<F>(0..count)?) {
        let Some(sum) = sums.get_mut(u32::from_le_bytes(*index) as usize) else { return Ok(None) };
        *sum += value;
    }
    Ok(Some(()))
}
