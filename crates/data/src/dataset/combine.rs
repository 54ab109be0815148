//! Data sets made of others.

use super::Dataset;
use crate::{Error, Result};

/// A data set with a function applied to each sample: made by [`Dataset::mapped`].
#[derive(Debug, Clone)]
pub struct Mapped<D, M> {
    data: D,
    map: M,
}

impl<D, M> Mapped<D, M> {
    pub(super) fn new(data: D, map: M) -> Self {
        Self { data, map }
    }
}

impl<D: Dataset, T, M: Fn(D::Sample) -> Result<T>> Dataset for Mapped<D, M> {
    type Sample = T;

    fn len(&self) -> usize {
        self.data.len()
    }

    fn get(&self, index: usize) -> Result<T> {
        (self.map)(self.data.get(index)?)
    }
}

/// Chosen samples of a data set: made by [`Dataset::subset`].
#[derive(Debug, Clone)]
pub struct Subset<D> {
    data: D,
    indices: Vec<usize>,
}

impl<D: Dataset> Subset<D> {
    pub(super) fn new(data: D, indices: Vec<usize>) -> Result<Self> {
        let len = data.len();
        match indices.iter().enumerate().find(|&(_, &index)| index >= len) {
            Some((position, &index)) => Err(Error::Index { operation: "subset", position, index, len }),
            None => Ok(Self { data, indices }),
        }
    }
}

impl<D: Dataset> Dataset for Subset<D> {
    type Sample = D::Sample;

    fn len(&self) -> usize {
        self.indices.len()
    }

    fn get(&self, index: usize) -> Result<D::Sample> {
        Error::check_sample(index, self.len())?;
        self.data.get(self.indices[index])
    }
}

/// One data set after another: made by [`Dataset::concatenated`].
#[derive(Debug, Clone)]
pub struct Concatenated<A, B> {
    first: A,
    next: B,
}

impl<A, B> Concatenated<A, B> {
    pub(super) fn new(first: A, next: B) -> Self {
        Self { first, next }
    }
}

impl<A: Dataset, B: Dataset<Sample = A::Sample>> Dataset for Concatenated<A, B> {
    type Sample = A::Sample;

    fn len(&self) -> usize {
        self.first.len() + self.next.len()
    }

    fn get(&self, index: usize) -> Result<A::Sample> {
        Error::check_sample(index, self.len())?;
        match index.checked_sub(self.first.len()) {
            None => self.first.get(index),
            Some(index) => self.next.get(index),
        }
    }
}

/// Two data sets side by side: made by [`Dataset::zipped`].
#[derive(Debug, Clone)]
pub struct Zipped<A, B> {
    left: A,
    right: B,
}

impl<A: Dataset, B: Dataset> Zipped<A, B> {
    pub(super) fn new(left: A, right: B) -> Result<Self> {
        if left.len() == right.len() {
            Ok(Self { left, right })
        } else {
            Err(Error::Zip { left: left.len(), right: right.len() })
        }
    }
}

impl<A: Dataset, B: Dataset> Dataset for Zipped<A, B> {
    type Sample = (A::Sample, B::Sample);

    fn len(&self) -> usize {
        self.left.len()
    }

    fn get(&self, index: usize) -> Result<Self::Sample> {
        Ok((self.left.get(index)?, self.right.get(index)?))
    }
}
