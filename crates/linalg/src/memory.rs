//! Memory that is used again.
//!
//! A training step asks for the same buffers as the step before it. Given back here instead of to the allocator, they
//! are found again without a system call and without a page fault, which on large arrays costs more than the
//! arithmetic. Each thread keeps its own spare buffers; what is handed out holds old values, never uninitialized ones.

use crate::Real;
use ndarray::{Array, Dimension, ShapeBuilder};
use std::collections::BTreeMap;

/// How much one thread keeps at most for each scalar type, in bytes.
const LIMIT: usize = 256 << 20;

/// Up to this length, buffers are looked up by it directly: for a network of a few neurons a search would cost more than
/// the arithmetic.
const SMALL: usize = 64;

/// The buffers of one thread that are free to be used again, by their capacity.
#[derive(Debug)]
pub struct Spare<F> {
    small: [Vec<Vec<F>>; SMALL + 1],
    by_capacity: BTreeMap<usize, Vec<Vec<F>>>,
    bytes: usize,
    /// Bytes taken and not given back. What was never taken is not kept when it is given: a program that makes a buffer
    /// of its own for each step would otherwise pile them up here.
    out: usize,
}

impl<F: Real> Spare<F> {
    pub(crate) const fn new() -> Self {
        Self { small: [const { Vec::new() }; SMALL + 1], by_capacity: BTreeMap::new(), bytes: 0, out: 0 }
    }

    /// The smallest buffer that holds `len` without wasting more than an eighth.
    fn find(&mut self, len: usize) -> Option<Vec<F>> {
        let buffers = match self.small.get_mut(len) {
            Some(buffers) => buffers,
            None => self.by_capacity.range_mut(len..=len + len / 8).map(|(_, b)| b).find(|b| !b.is_empty())?,
        };
        let buffer = buffers.pop()?;
        self.bytes -= buffer.capacity() * size_of::<F>();
        Some(buffer)
    }

    fn take(&mut self, len: usize) -> Vec<F> {
        let buffer = match self.find(len) {
            Some(mut buffer) => {
                buffer.resize(len, F::zero());
                buffer
            }
            None => vec![F::zero(); len],
        };
        self.out += buffer.capacity() * size_of::<F>();
        buffer
    }

    fn give(&mut self, buffer: Vec<F>) {
        let bytes = buffer.capacity() * size_of::<F>();
        if bytes > 0 && bytes <= self.out && self.bytes + bytes <= LIMIT {
            self.out -= bytes;
            self.bytes += bytes;
            match self.small.get_mut(buffer.capacity()) {
                Some(buffers) => buffers.push(buffer),
                None => self.by_capacity.entry(buffer.capacity()).or_default().push(buffer),
            }
        }
    }
}

/// A buffer of `len` numbers of unspecified value: write every one before you read it.
#[must_use]
pub fn take<F: Real>(len: usize) -> Vec<F> {
    // An error means that the thread is ending.
    let spare = F::spare().and_then(|key| key.try_with(|spare| spare.borrow_mut().take(len)).ok());
    spare.unwrap_or_else(|| vec![F::zero(); len])
}

/// Gives a buffer back, for [`take`] to find. A buffer that did not come from there is freed.
pub fn give<F: Real>(buffer: Vec<F>) {
    if let Some(key) = F::spare() {
        // An error means that the thread is ending: the buffer is simply freed.
        let _ = key.try_with(|spare| spare.borrow_mut().give(buffer));
    }
}

/// Frees what this thread keeps.
pub fn clear<F: Real>() {
    if let Some(key) = F::spare() {
        let _ = key.try_with(|spare| *spare.borrow_mut() = Spare::new());
    }
}

/// An array of unspecified values in row-major order, in memory from [`take`].
///
/// # Panics
/// If the number of elements overflows `usize`.
#[must_use]
pub fn array<F: Real, D: Dimension>(shape: impl ShapeBuilder<Dim = D>) -> Array<F, D> {
    let shape = shape.into_shape_with_order();
    let len = shape.size();
    Array::from_shape_vec(shape, take(len)).expect("the buffer has as many elements as the shape")
}

/// Gives an array's memory back, if the array owns all of it.
pub fn give_array<F: Real, D: Dimension>(array: Array<F, D>) {
    give(array.into_raw_vec_and_offset().0);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_given_back_is_found_again_and_what_was_never_taken_is_not_kept() {
        clear::<f64>();
        let buffer = take::<f64>(100);
        let place = buffer.as_ptr();
        give(buffer);
        let smaller = take::<f64>(88);
        assert_ne!(smaller.as_ptr(), place, "an eighth is the most that may be wasted");
        let again = take::<f64>(89);
        assert_eq!((again.as_ptr(), again.len()), (place, 89));

        clear::<f64>();
        give(vec![0.0_f64; 1000]);
        let kept = f64::spare().unwrap().with_borrow(|spare| spare.bytes);
        assert_eq!(kept, 0);
    }
}
