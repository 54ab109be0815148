//! Tensors: views of storages, copied out in row-major order.

use super::super::budget::Budget;
use super::super::element::{self, Element, FITTING, Order, READABLE};
use super::super::zip::{Archive, Checks};
use super::object::{Storage, Tensor};
use crate::{Error, Result};
use gradus_autograd::{Real, Value};
use std::borrow::Cow;
use std::collections::HashMap;

/// The storages of a file, each read once, and the arrays made of them.
pub(super) struct Storages<'s, 'a, F: Real> {
    archive: &'s Archive<'a>,
    folder: &'a str,
    checks: Checks,
    order: Order,
    budget: &'s mut Budget,
    contents: HashMap<&'s str, Cow<'a, [u8]>>,
    arrays: HashMap<View<'s>, Value<F>>,
}

/// All that makes a view what it is: key of the storage, type, offset, shape and strides.
type View<'s> = (&'s str, Element, usize, &'s [usize], &'s [usize]);

impl<'s, 'a, F: Real> Storages<'s, 'a, F> {
    pub(super) fn new(
        archive: &'s Archive<'a>,
        folder: &'a str,
        checks: Checks,
        order: Order,
        budget: &'s mut Budget,
    ) -> Self {
        Self { archive, folder, checks, order, budget, contents: HashMap::new(), arrays: HashMap::new() }
    }

    /// The array of this tensor; the same view of the same storage is the same array.
    pub(super) fn read(&mut self, name: &str, tensor: &'s Tensor<'s>) -> Result<Value<F>> {
        let unreadable = |expected| Error::Tensor {
            format: "pt",
            name: name.to_owned(),
            dtype: tensor.kind.name.to_owned(),
            shape: tensor.shape.clone().into(),
            expected,
        };
        let element = tensor.kind.element.ok_or_else(|| unreadable(READABLE))?;
        let view = (tensor.storage.key, element, tensor.offset, &*tensor.shape, &*tensor.strides);
        if let Some(array) = self.arrays.get(&view) {
            return Ok(array.clone());
        }
        let length = self.load(&tensor.storage, element)?;
        let count = count(tensor, length).map_err(unreadable)?;
        self.budget.spend(name, count as u64 * size_of::<F>() as u64)?;
        let storage = &self.contents[tensor.storage.key];
        let numbers = if count == 0 {
            Vec::new()
        } else if is_row_major(tensor) {
            element.read(&storage[tensor.offset * element.size()..][..count * element.size()], self.order)
        } else {
            self.budget.spend(name, (count * element.size()) as u64)?;
            element.read(&gather(storage, element.size(), tensor, count), self.order)
        };
        let array = element::shaped(&tensor.shape, numbers).ok_or_else(|| unreadable(FITTING))?;
        self.arrays.insert(view, array.clone());
        Ok(array)
    }

    /// Reads the storage if it has not been, and returns the number of numbers in it.
    fn load(&mut self, storage: &Storage<'s>, element: Element) -> Result<usize> {
        if !self.contents.contains_key(storage.key) {
            let name = format!("{}data/{}", self.folder, storage.key);
            let Some(member) = self.archive.get(&name) else {
                return Err(Error::Member { name, reason: "it is missing, and a tensor is a view of it".to_owned() });
            };
            self.contents.insert(storage.key, member.contents(self.checks, self.budget)?);
        }
        let bytes = self.contents[storage.key].len();
        let claimed = match storage.kind {
            Some(_) => storage.length.checked_mul(element.size()),
            None => Some(storage.length),
        };
        if claimed != Some(bytes) {
            let name = format!("{}data/{}", self.folder, storage.key);
            let what = storage.kind.map_or("bytes", |kind| kind.name);
            let reason = format!("it has {bytes} bytes; data.pkl says {} of {what}", storage.length);
            return Err(Error::Member { name, reason });
        }
        Ok(bytes / element.size())
    }
}

/// The number of a tensor's elements, all of which lie in a storage of this length.
fn count(tensor: &Tensor<'_>, length: usize) -> Result<usize, &'static str> {
    if tensor.shape.contains(&0) {
        return Ok(0);
    }
    let last = || {
        tensor
            .shape
            .iter()
            .zip(&tensor.strides)
            .try_fold(tensor.offset, |last, (&size, &stride)| last.checked_add((size - 1).checked_mul(stride)?))
    };
    let count = tensor.shape.iter().try_fold(1_usize, |count, &size| count.checked_mul(size));
    match (count, last()) {
        (Some(count), Some(last)) if last < length && count.checked_mul(16).is_some() => Ok(count),
        _ => Err("an offset, sizes and strides that stay within its storage would fit"),
    }
}

/// Whether the elements, of which there are some, stand one after the other.
fn is_row_major(tensor: &Tensor<'_>) -> bool {
    let mut expected = 1;
    for (&size, &stride) in tensor.shape.iter().zip(&tensor.strides).rev() {
        if size > 1 && stride != expected {
            return false;
        }
        expected *= size; // at most the number of elements
    }
    true
}

/// The elements' bytes in row-major order.
fn gather(storage: &[u8], size: usize, tensor: &Tensor<'_>, count: usize) -> Vec<u8> {
    let (shape, strides) = (&tensor.shape, &tensor.strides);
    let (mut index, mut at) = (vec![0; shape.len()], tensor.offset);
    let mut bytes = Vec::with_capacity(count * size);
    for _ in 0..count {
        bytes.extend_from_slice(&storage[at * size..][..size]);
        for axis in (0..shape.len()).rev() {
            index[axis] += 1;
            // Of an axis of length 1 the stride may be anything, and is taken back at once.
            at = at.wrapping_add(strides[axis]);
            if index[axis] < shape[axis] {
                break;
            }
            at = at.wrapping_sub(strides[axis].wrapping_mul(shape[axis]));
            index[axis] = 0;
        }
    }
    bytes
}
