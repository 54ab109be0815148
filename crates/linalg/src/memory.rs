//! Memory that is used again.
//!
//! A training step asks for the same buffers as the step before it. Given back here instead of to the allocator, they
//! are found again without a system call and without a page fault, which on large arrays costs more than the
//! arithmetic. Each thread keeps its own spare buffers; what is handed out holds old values, never uninitialized ones.

use crate::Real;
use ndarray::{ArcArray, Array, Dimension, IxDyn, ShapeBuilder};
use std::collections::BTreeMap;

/// How much one thread keeps at most for each scalar type, in bytes.
const LIMIT: usize = 256 << 20;

/// Up to this length, buffers are looked up by it directly: for a network of a few neurons a search would cost more than
/// the arithmetic.
const SMALL: usize = 256;

/// The buffers of one thread that are free to be used again, by their capacity.
#[derive(Debug)]
pub struct Spare<F> {
    small: [Vec<Vec<F>>; SMALL + 1],
    /// Small arrays as they were shared, with the count of their owners and their shape: to make these anew for a few
    /// numbers would cost more than the arithmetic too.
    shared: [Vec<ArcArray<F, IxDyn>>; SMALL + 1],
    by_capacity: BTreeMap<usize, Vec<Vec<F>>>,
    bytes: usize,
    /// Bytes taken and not given back. What was never taken is not kept when it is given: a program that makes a buffer
    /// of its own for each step would otherwise pile them up here.
    out: usize,
}

impl<F: Real> Spare<F> {
    pub(crate) const fn new() -> Self {
        Self {
            small: [const { Vec::new() }; SMALL + 1],
            shared: [const { Vec::new() }; SMALL + 1],
            by_capacity: BTreeMap::new(),
            bytes: 0,
            out: 0,
        }
    }

    /// The smallest buffer that holds `len` without wasting more than an eighth.
    fn find(&mut self, len: usize) -> Option<Vec<F>> {
        let buffer = match self.small.get_mut(len) {
            Some(buffers) => match buffers.pop() {
                Some(buffer) => buffer,
                None => {
                    let array = self.shared[len].pop()?.try_into_owned_nocopy().ok()?;
                    self.bytes -= len * size_of::<F>();
                    return Some(array.into_raw_vec_and_offset().0);
                }
            },
            None => {
                let mut fitting = self.by_capacity.range_mut(len..=len + len / 8).map(|(_, buffers)| buffers);
                fitting.find(|buffers| !buffers.is_empty())?.pop()?
            }
        };
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

    /// Whether a buffer of so many bytes is to be kept; it then counts as kept.
    fn keeps(&mut self, bytes: usize) -> bool {
        let keep = bytes > 0 && bytes <= self.out && self.bytes + bytes <= LIMIT;
        if keep {
            self.out -= bytes;
            self.bytes += bytes;
        }
        keep
    }

    fn take_shared(&mut self, len: usize) -> Option<ArcArray<F, IxDyn>> {
        let array = self.shared.get_mut(len)?.pop()?;
        let bytes = len * size_of::<F>();
        self.bytes -= bytes;
        self.out += bytes;
        Some(array)
    }

    /// Keeps a small array whole; another one is given back.
    fn give_shared(&mut self, array: ArcArray<F, IxDyn>) -> Option<ArcArray<F, IxDyn>> {
        let len = array.len();
        if len > SMALL || !array.is_unique() || !array.is_standard_layout() {
            return Some(array);
        }
        if self.keeps(len * size_of::<F>()) {
            self.shared[len].push(array);
        }
        None
    }

    fn give(&mut self, buffer: Vec<F>) {
        if self.keeps(buffer.capacity() * size_of::<F>()) {
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

/// A shared array of unspecified values in row-major order; a small one comes as it was given to [`give_shared`], with
/// its count of owners.
///
/// # Panics
/// If the number of elements overflows `usize`.
#[must_use]
pub fn shared<F: Real>(shape: IxDyn) -> ArcArray<F, IxDyn> {
    let len = shape.size_checked().expect("the number of elements overflows");
    let spare = match F::spare() {
        Some(key) if len <= SMALL => key.try_with(|spare| spare.borrow_mut().take_shared(len)).ok().flatten(),
        _ => None,
    };
    match spare {
        Some(array) if array.raw_dim() == shape => array,
        Some(array) => array.into_shape_with_order(shape).expect("row-major, and of as many elements"),
        None => array(shape).into_shared(),
    }
}

/// Gives a shared array back, for [`shared`] to find. It should own the whole of its memory, as one from there does. What
/// others still hold, what is large and what is not row-major is returned.
#[must_use]
pub fn give_shared<F: Real>(array: ArcArray<F, IxDyn>) -> Option<ArcArray<F, IxDyn>> {
    let Some(key) = F::spare() else { return Some(array) };
    // An error means that the thread is ending: the array is simply freed.
    key.try_with(|spare| spare.borrow_mut().give_shared(array)).unwrap_or_default()
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
        let buffer = take::<f64>(1000);
        let place = buffer.as_ptr();
        give(buffer);
        let smaller = take::<f64>(888);
        assert_ne!(smaller.as_ptr(), place, "an eighth is the most that may be wasted");
        let again = take::<f64>(889);
        assert_eq!((again.as_ptr(), again.len()), (place, 889));

        clear::<f64>();
        let array = shared::<f64>(IxDyn(&[2, 3]));
        let place = array.as_ptr();
        assert!(give_shared(array.clone()).is_some(), "somebody else holds it");
        assert!(give_shared(array).is_none());
        let again = shared::<f64>(IxDyn(&[6]));
        assert_eq!((again.as_ptr(), again.shape()), (place, &[6][..]));
        assert!(give_shared(again).is_none());
        let plain = take::<f64>(6);
        assert_eq!(plain.as_ptr(), place, "a plain buffer may come from a shared array");

        clear::<f64>();
        give(vec![0.0_f64; 1000]);
        let kept = f64::spare().unwrap().with_borrow(|spare| spare.bytes);
        assert_eq!(kept, 0);
    }
}
