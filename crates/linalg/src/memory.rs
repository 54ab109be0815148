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

/// The buffers of one thread that are free to be used again, by their capacity.
#[derive(Debug)]
pub struct Spare<F> {
    by_capacity: BTreeMap<usize, Vec<Vec<F>>>,
    bytes: usize,
}

impl<F: Real> Spare<F> {
    pub(crate) const fn new() -> Self {
        Self { by_capacity: BTreeMap::new(), bytes: 0 }
    }

    /// The smallest buffer that holds `len` without wasting more than an eighth.
    fn take(&mut self, len: usize) -> Option<Vec<F>> {
        let (&capacity, buffers) =
            self.by_capacity.range_mut(len..=len + len / 8).find(|(_, buffers)| !buffers.is_empty())?;
        let buffer = buffers.pop();
        self.bytes -= capacity * size_of::<F>();
        buffer
    }

    fn give(&mut self, buffer: Vec<F>) {
        let bytes = buffer.capacity() * size_of::<F>();
        if bytes > 0 && self.bytes + bytes <= LIMIT {
            self.bytes += bytes;
            self.by_capacity.entry(buffer.capacity()).or_default().push(buffer);
        }
    }
}

/// A buffer of `len` numbers of unspecified value: write every one before you read it.
#[must_use]
pub fn take<F: Real>(len: usize) -> Vec<F> {
    let spare = F::spare().and_then(|key| key.try_with(|spare| spare.borrow_mut().take(len)).ok().flatten());
    match spare {
        Some(mut buffer) => {
            buffer.resize(len, F::zero());
            buffer
        }
        None => vec![F::zero(); len],
    }
}

/// Gives a buffer back, for [`take`] to find.
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
