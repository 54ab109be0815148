//! Gradients put together into messages.
//!
//! A message has a cost of its own, whatever its length: so the gradients of many small parameters travel together, in a **bucket**. It must not be
//! too large, either, for a bucket leaves when its last gradient is there. Buckets are filled in the reverse order of the model's
//! parameters, which is about the order in which a backward pass completes them, and leave in their order on every rank, whatever the order was
//! in which they were filled:
//!
//! ```text
//! parameters       conv1.weight  conv1.bias  fc1.weight  fc1.bias  fc2.weight  fc2.bias
//! buckets          ⎣────────── 2 ──────────⎦ ⎣─ 1 ──────⎦ ⎣──────────── 0 ────────────⎦
//! backward pass    ←──────────────────────────────────────────────────────────────────
//! ```

use super::compression::{Sender, Sums};
use crate::{Numbers, Pending, Result};
use gradus_autograd::ndarray::IxDyn;
use gradus_autograd::{LeafId, Real, Value};
use gradus_linalg::memory;
use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

/// Where a parameter's gradient has its place.
#[derive(Debug, Clone, Copy)]
struct Place {
    bucket: usize,
    /// Among those of the bucket.
    number: usize,
}

/// A parameter of a bucket.
#[derive(Debug)]
pub(super) struct Member {
    id: LeafId,
    pub(super) shape: Vec<usize>,
    /// Where its numbers begin among those of the bucket.
    start: usize,
    pub(super) len: usize,
}

impl Member {
    /// Its numbers among those of the bucket.
    pub(super) fn range(&self) -> Range<usize> {
        self.start..self.start + self.len
    }
}

/// Parameters whose gradients travel together.
#[derive(Debug)]
pub(super) struct Bucket {
    /// Among the buckets.
    pub(super) number: usize,
    pub(super) members: Vec<Member>,
    /// The numbers of all members.
    pub(super) len: usize,
}

/// The buckets of a model: which gradient goes where.
#[derive(Debug, Default)]
pub(super) struct Buckets {
    places: HashMap<LeafId, Place>,
    /// Shared with who waits for their sums.
    all: Vec<Arc<Bucket>>,
}

impl Buckets {
    /// Buckets of at most `bytes` each, unless one parameter has more, for parameters in the model's order.
    pub(super) fn new<F: Real>(parameters: &[(LeafId, Vec<usize>)], bytes: usize) -> Self {
        let (mut places, mut all) = (HashMap::new(), Vec::<Bucket>::new());
        let mut room = 0;
        for (id, shape) in parameters.iter().rev() {
            let len: usize = shape.iter().product();
            let size = len * size_of::<F>();
            if size > room || all.is_empty() {
                all.push(Bucket { number: all.len(), members: Vec::new(), len: 0 });
                room = bytes;
            }
            room = room.saturating_sub(size);
            let bucket = all.last_mut().expect("there is one");
            places.insert(*id, Place { bucket: bucket.number, number: bucket.members.len() });
            bucket.members.push(Member { id: *id, shape: shape.clone(), start: bucket.len, len });
            bucket.len += len;
        }
        Self { places, all: all.into_iter().map(Arc::new).collect() }
    }

    /// How many numbers each bucket has.
    pub(super) fn lens(&self) -> impl Iterator<Item = usize> {
        self.all.iter().map(|bucket| bucket.len)
    }
}

/// The gradients of one step on their way.
#[derive(Debug)]
pub(super) struct Flight<F: Real> {
    /// Gradients that wait for others of their bucket; they share the memory of the backward pass's.
    waiting: Vec<Vec<Option<Value<F>>>>,
    /// The rank's share of the batch, by which they are multiplied on their way.
    share: F,
    /// Buckets that have left, the first ones.
    left: Vec<Pending<Sums<F>>>,
}

impl<F: Real> Flight<F> {
    pub(super) fn new(buckets: &Buckets, share: f64) -> Self {
        let waiting = buckets.all.iter().map(|bucket| vec![None; bucket.members.len()]).collect();
        Self { waiting, share: F::from_f64(share), left: Vec::with_capacity(buckets.all.len()) }
    }

    /// Takes a gradient on board; what is no parameter of the buckets, or has been taken already, is left. Buckets that are full leave, in order.
    pub(super) fn take(
        &mut self,
        buckets: &Buckets,
        sender: &mut Sender<'_, F>,
        (id, gradient): (LeafId, &Value<F>),
    ) -> Result<()> {
        let Some(&Place { bucket, number }) = buckets.places.get(&id) else { return Ok(()) };
        if bucket < self.left.len() || self.waiting[bucket][number].is_some() {
            return Ok(());
        }
        self.waiting[bucket][number] = Some(gradient.clone());
        while self.waiting.get(self.left.len()).is_some_and(|waiting| waiting.iter().all(Option::is_some)) {
            self.leave(buckets, sender)?;
        }
        Ok(())
    }

    /// The next bucket leaves, full or not.
    fn leave(&mut self, buckets: &Buckets, sender: &mut Sender<'_, F>) -> Result<()> {
        let bucket = self.left.len();
        let waiting = std::mem::take(&mut self.waiting[bucket]);
        self.left.push(sender.send(&buckets.all[bucket], &waiting, self.share)?);
        Ok(())
    }

    /// Lets every bucket leave that has not.
    pub(super) fn leave_all(&mut self, buckets: &Buckets, sender: &mut Sender<'_, F>) -> Result<()> {
        (self.left.len()..buckets.all.len()).try_for_each(|_| self.leave(buckets, sender))
    }

    /// Waits for all that have left: the sums of the gradients that some rank had.
    pub(super) fn arrive(self, buckets: &Buckets) -> Result<HashMap<LeafId, Value<F>>> {
        let mut arrived = HashMap::new();
        for (pending, bucket) in self.left.into_iter().zip(&buckets.all) {
            let sums = bucket.members.iter().zip(pending.wait()?);
            arrived.extend(sums.filter_map(|(member, sum)| Some((member.id, sum?))));
        }
        Ok(arrived)
    }
}

/// Appends `factor · value`, row by row.
pub(super) fn append<F: Real>(numbers: &mut Numbers, value: &Value<F>, factor: F) -> Result<()> {
    let value = value.as_standard_layout();
    numbers.extend_with(value.as_slice().expect("a standard layout is a slice"), |x| x * factor)
}

/// Some of the numbers as an array.
pub(super) fn array<F: Real>(numbers: &Numbers, start: usize, shape: &[usize]) -> Result<Value<F>> {
    let mut array = memory::array(IxDyn(shape));
    numbers.copy_to(array.as_slice_mut().expect("it is row-major"), start)?;
    Ok(array.into())
}
