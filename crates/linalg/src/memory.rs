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
    small: [Buffers<F>; SMALL + 1],
    /// Small arrays as they were shared, with the count of their owners and their shape: to make these anew for a few
    /// numbers would cost more than the arithmetic too.
    shared: [Vec<ArcArray<F, IxDyn>>; SMALL + 1],
    by_capacity: BTreeMap<usize, Buffers<F>>,
    bytes: usize,
}

/// Buffers of one capacity.
#[derive(Debug, Clone)]
struct Buffers<F> {
    spare: Vec<Vec<F>>,
    /// How many were taken and not given back. What was never taken is not kept when it is given: a program that makes a
    /// buffer of its own for each step would otherwise pile them up here. It is counted for each capacity by itself, lest such
    /// a buffer be kept in the place of another that is out.
    out: usize,
}

impl<F> Buffers<F> {
    const NONE: Self = Self { spare: Vec::new(), out: 0 };
}

impl<F: Real> Spare<F> {
    pub(crate) const fn new() -> Self {
        Self {
            small: [const { Buffers::NONE }; SMALL + 1],
            shared: [const { Vec::new() }; SMALL + 1],
            by_capacity: BTreeMap::new(),
            bytes: 0,
        }
    }

    /// The buffers of this capacity.
    fn of(&mut self, capacity: usize) -> &mut Buffers<F> {
        match self.small.get_mut(capacity) {
            Some(buffers) => buffers,
            None => self.by_capacity.entry(capacity).or_insert(Buffers::NONE),
        }
    }

    /// The smallest buffer that holds `len` without wasting more than an eighth.
    fn find(&mut self, len: usize) -> Option<Vec<F>> {
        if len <= SMALL {
            return match self.small[len].spare.pop() {
                Some(buffer) => Some(buffer),
                None => Some(self.shared[len].pop()?.try_into_owned_nocopy().ok()?.into_raw_vec_and_offset().0),
            };
        }
        let mut fitting = self.by_capacity.range_mut(len..=len + len / 8).map(|(_, buffers)| buffers);
        fitting.find(|buffers| !buffers.spare.is_empty())?.spare.pop()
    }

    fn take(&mut self, len: usize) -> Vec<F> {
        let buffer = match self.find(len) {
            Some(mut buffer) => {
                self.bytes -= buffer.capacity() * size_of::<F>();
                buffer.resize(len, F::zero());
                buffer
            }
            None => vec![F::zero(); len],
        };
        self.of(buffer.capacity()).out += 1;
        buffer
    }

    /// Whether a buffer of this capacity is to be kept; it then counts as kept.
    fn keeps(&mut self, capacity: usize) -> bool {
        let bytes = capacity * size_of::<F>();
        let is_new = match self.small.get(capacity) {
            Some(buffers) => buffers.out == 0,
            None => self.by_capacity.get(&capacity).is_none_or(|buffers| buffers.out == 0),
        };
        if is_new || bytes == 0 {
            return false;
        }
        // Whether it is kept or freed, it is out no more.
        self.of(capacity).out -= 1;
        let keep = self.bytes + bytes <= LIMIT;
        self.bytes += if keep { bytes } else { 0 };
        keep
    }

    fn take_shared(&mut self, len: usize) -> Option<ArcArray<F, IxDyn>> {
        let array = self.shared.get_mut(len)?.pop()?;
        self.bytes -= len * size_of::<F>();
        self.of(len).out += 1;
        Some(array)
    }

    /// Keeps a small array whole; another one is given back.
    fn give_shared(&mut self, array: ArcArray<F, IxDyn>) -> Option<ArcArray<F, IxDyn>> {
        let len = array.len();
        if len > SMALL || !array.is_unique() || !array.is_standard_layout() {
            return Some(array);
        }
        if self.keeps(len) {
            self.shared[len].push(array);
        }
        None
    }

    fn give(&mut self, buffer: Vec<F>) {
        let capacity = buffer.capacity();
        if self.keeps(capacity) {
            self.of(capacity).spare.push(buffer);
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
        let kept = || f64::spare().unwrap().with_borrow(|spare| spare.bytes);
        assert_eq!(kept(), 0);

        let out = [take::<f64>(2000), take::<f64>(3)];
        for _ in 0..5 {
            give(vec![0.0_f64; 1000]);
            give(vec![0.0_f64; 4]);
        }
        assert_eq!(kept(), 0, "others are out, but none of these");
        out.into_iter().for_each(give);
        assert_eq!(kept(), 2003 * size_of::<f64>());
    }
}
