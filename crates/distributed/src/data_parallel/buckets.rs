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

use crate::{Communicator, Numbers, Pending, Result};
use gradus_autograd::ndarray::ArrayD;
use gradus_autograd::{LeafId, Real, Value};
use std::collections::HashMap;
use std::ops::Range;

/// Where a parameter's gradient has its place.
#[derive(Debug, Clone, Copy)]
struct Place {
    bucket: usize,
    /// Among those of the bucket.
    number: usize,
}

/// A parameter of a bucket.
#[derive(Debug, Clone)]
struct Member {
    id: LeafId,
    shape: Vec<usize>,
    len: usize,
}

/// The buckets of a model: which gradient goes where.
#[derive(Debug, Default)]
pub(super) struct Buckets {
    places: HashMap<LeafId, Place>,
    members: Vec<Vec<Member>>,
}

impl Buckets {
    /// Buckets of at most `bytes` each, unless one parameter has more, for parameters in the model's order.
    pub(super) fn new<F: Real>(parameters: &[(LeafId, Vec<usize>)], bytes: usize) -> Self {
        let mut buckets = Self::default();
        let mut room = 0;
        for (id, shape) in parameters.iter().rev() {
            let len: usize = shape.iter().product();
            let size = len * size_of::<F>();
            if size > room || buckets.members.is_empty() {
                buckets.members.push(Vec::new());
                room = bytes;
            }
            room = room.saturating_sub(size);
            let bucket = buckets.members.len() - 1;
            let members = &mut buckets.members[bucket];
            buckets.places.insert(*id, Place { bucket, number: members.len() });
            members.push(Member { id: *id, shape: shape.clone(), len });
        }
        buckets
    }

    /// The numbers of a bucket without those that say which gradients are there.
    fn numbers(&self, bucket: usize) -> usize {
        self.members[bucket].iter().map(|member| member.len).sum()
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
    left: Vec<Pending>,
}

impl<F: Real> Flight<F> {
    pub(super) fn new(buckets: &Buckets, share: f64) -> Self {
        let waiting = buckets.members.iter().map(|members| vec![None; members.len()]).collect();
        Self { waiting, share: F::from_f64(share), left: Vec::with_capacity(buckets.members.len()) }
    }

    /// Takes a gradient on board; what is no parameter of the buckets, or has been taken already, is left. Buckets that are full leave, in order.
    pub(super) fn take(
        &mut self,
        buckets: &Buckets,
        communicator: &dyn Communicator,
        (id, gradient): (LeafId, &Value<F>),
    ) -> Result<()> {
        let Some(&Place { bucket, number }) = buckets.places.get(&id) else { return Ok(()) };
        if bucket < self.left.len() || self.waiting[bucket][number].is_some() {
            return Ok(());
        }
        self.waiting[bucket][number] = Some(gradient.clone());
        while self.waiting.get(self.left.len()).is_some_and(|waiting| waiting.iter().all(Option::is_some)) {
            self.leave(buckets, communicator)?;
        }
        Ok(())
    }

    /// The next bucket leaves, full or not: its gradients, zeros for those that are not there, and for each whether it is.
    fn leave(&mut self, buckets: &Buckets, communicator: &dyn Communicator) -> Result<()> {
        let bucket = self.left.len();
        let (members, waiting) = (&buckets.members[bucket], std::mem::take(&mut self.waiting[bucket]));
        let mut numbers = Numbers::with_capacity::<F>(buckets.numbers(bucket) + members.len())?;
        for (member, gradient) in members.iter().zip(&waiting) {
            match gradient {
                Some(gradient) => append(&mut numbers, gradient, self.share)?,
                None => numbers.extend_from_slice(&vec![F::zero(); member.len])?,
            }
        }
        let there: Vec<F> =
            waiting.iter().map(|gradient| F::from_f64(f64::from(u8::from(gradient.is_some())))).collect();
        numbers.extend_from_slice(&there)?;
        self.left.push(communicator.start_all_reduce(numbers));
        Ok(())
    }

    /// Lets every bucket leave that has not.
    pub(super) fn leave_all(&mut self, buckets: &Buckets, communicator: &dyn Communicator) -> Result<()> {
        (self.left.len()..buckets.members.len()).try_for_each(|_| self.leave(buckets, communicator))
    }

    /// Waits for all that have left: the sums of the gradients that some rank had.
    pub(super) fn arrive(self, buckets: &Buckets) -> Result<HashMap<LeafId, Value<F>>> {
        let mut sums = HashMap::new();
        for (bucket, pending) in self.left.into_iter().enumerate() {
            let (numbers, members) = (pending.wait()?, &buckets.members[bucket]);
            let mut at = 0;
            let end = buckets.numbers(bucket);
            let there: Vec<F> = numbers.values(end..end + members.len())?.collect();
            for (member, there) in members.iter().zip(there) {
                let range = at..at + member.len;
                at = range.end;
                if there > F::zero() {
                    sums.insert(member.id, array(&numbers, range, &member.shape)?);
                }
            }
        }
        Ok(sums)
    }
}

/// Appends `factor · value`, row by row, a piece at a time that stays near the core.
pub(super) fn append<F: Real>(numbers: &mut Numbers, value: &Value<F>, factor: F) -> Result<()> {
    const PIECE: usize = 1024;
    let value = value.as_standard_layout();
    let mut piece = [F::zero(); PIECE];
    for value in value.as_slice().expect("a standard layout is a slice").chunks(PIECE) {
        let piece = &mut piece[..value.len()];
        piece.iter_mut().zip(value).for_each(|(x, value)| *x = *value * factor);
        numbers.extend_from_slice(piece)?;
    }
    Ok(())
}

/// Some of the numbers as an array.
pub(super) fn array<F: Real>(numbers: &Numbers, range: Range<usize>, shape: &[usize]) -> Result<Value<F>> {
    let values: Vec<F> = numbers.values(range)?.collect();
    Ok(ArrayD::from_shape_vec(shape, values).expect("as many numbers were sent as the shape takes").into())
}
