//! What a data set is: a number of samples, and each of them by its index.

mod combine;

pub use combine::{Concatenated, Mapped, Subset, Zipped};

use crate::{Error, Labelled, Result};
use gradus_linalg::Real;
use gradus_linalg::ndarray::{Array, ArrayD, Axis, RemoveAxis};
use std::sync::Arc;

/// A data set: samples counted from 0, each of which can be asked for at any time.
///
/// [`Labelled`] gives `(input, label)`, and [`Samples`] makes one of an array or a vector. The methods with a body make new
/// data sets of old ones, and copy nothing until a sample is asked for.
///
/// A data set of your own, such as one that opens a file for each sample, has two methods to write:
///
/// ```
/// use gradus_data::{Dataset, Error, Result};
///
/// struct Squares(usize);
///
/// impl Dataset for Squares {
///     type Sample = usize;
///
///     fn len(&self) -> usize {
///         self.0
///     }
///
///     fn get(&self, index: usize) -> Result<usize> {
///         Error::check_sample(index, self.0)?;
///         Ok(index * index)
///     }
/// }
///
/// let odd = Squares(4).subset(vec![3, 1])?.mapped(|square| Ok(square + 1));
/// assert_eq!((odd.len(), odd.get(0)?, odd.get(1)?), (2, 10, 2));
/// assert_eq!(odd.get(2).unwrap_err().to_string(), "get: sample 2: the data has 2 samples, counted from 0");
/// # Ok::<(), Error>(())
/// ```
pub trait Dataset {
    /// What one index gives.
    type Sample;

    /// The number of samples.
    fn len(&self) -> usize;

    /// The sample at an index below [`len`](Self::len). The same index gives the same sample every time, from any thread.
    ///
    /// # Errors
    /// [`Error::Sample`] if there is no such sample, and whatever can go wrong when it is read.
    fn get(&self, index: usize) -> Result<Self::Sample>;

    /// Whether there is no sample.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Applies a function to each sample when it is asked for. What is random belongs into
    /// [`Loader::transform`](crate::Loader::transform) instead, which hands out a stream for each sample.
    fn mapped<T, M: Fn(Self::Sample) -> Result<T>>(self, map: M) -> Mapped<Self, M>
    where
        Self: Sized,
    {
        Mapped::new(self, map)
    }

    /// The samples at the given indices, in that order; an index may come more than once.
    ///
    /// # Errors
    /// [`Error::Index`] if there is no such sample.
    fn subset(self, indices: Vec<usize>) -> Result<Subset<Self>>
    where
        Self: Sized,
    {
        Subset::new(self, indices)
    }

    /// These samples, then those of another data set.
    fn concatenated<B: Dataset<Sample = Self::Sample>>(self, next: B) -> Concatenated<Self, B>
    where
        Self: Sized,
    {
        Concatenated::new(self, next)
    }

    /// Pairs of samples with the same index.
    ///
    /// # Errors
    /// [`Error::Zip`] if the two differ in length.
    fn zipped<B: Dataset>(self, other: B) -> Result<Zipped<Self, B>>
    where
        Self: Sized,
    {
        Zipped::new(self, other)
    }
}

impl Error {
    /// Checks an index as every [`Dataset::get`] should.
    ///
    /// # Errors
    /// [`Error::Sample`] if `index` is not below `len`.
    pub fn check_sample(index: usize, len: usize) -> Result<()> {
        if index < len { Ok(()) } else { Err(Self::Sample { index, len }) }
    }
}

/// The samples of an array, which its first axis numbers (the rows of a matrix, the images of a batch), or of a vector.
///
/// Arrays have methods named `len` and `get` already, which mean elements; the wrapper keeps the two meanings apart.
///
/// ```
/// use gradus_data::{Dataset, Samples};
/// use gradus_linalg::ndarray::array;
///
/// let house = Samples(array![[3., 120.], [5., 200.]]).zipped(Samples(vec![1.5, 2.75]))?;
/// assert_eq!(house.get(1)?, (array![5., 200.].into_dyn(), 2.75));
/// # Ok::<(), gradus_data::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Samples<A>(pub A);

impl<T: Clone, D: RemoveAxis> Dataset for Samples<Array<T, D>> {
    type Sample = ArrayD<T>;

    fn len(&self) -> usize {
        self.0.shape().first().copied().unwrap_or(0)
    }

    fn get(&self, index: usize) -> Result<ArrayD<T>> {
        Error::check_sample(index, self.len())?;
        Ok(self.0.index_axis(Axis(0), index).to_owned().into_dyn())
    }
}

impl<T: Clone> Dataset for Samples<Vec<T>> {
    type Sample = T;

    fn len(&self) -> usize {
        self.0.len()
    }

    fn get(&self, index: usize) -> Result<T> {
        self.0.get(index).cloned().ok_or(Error::Sample { index, len: self.0.len() })
    }
}

/// Its samples are `(input, label)`.
impl<F: Real> Dataset for Labelled<F> {
    type Sample = (ArrayD<F>, usize);

    fn len(&self) -> usize {
        Labelled::len(self)
    }

    fn get(&self, index: usize) -> Result<Self::Sample> {
        Error::check_sample(index, self.len())?;
        Ok((self.inputs().index_axis(Axis(0), index).to_owned(), self.labels()[index]))
    }
}

macro_rules! behind_a_pointer {
    ($($pointer:ty),+) => {$(
        impl<D: Dataset + ?Sized> Dataset for $pointer {
            type Sample = D::Sample;

            fn len(&self) -> usize {
                (**self).len()
            }

            fn get(&self, index: usize) -> Result<Self::Sample> {
                (**self).get(index)
            }
        }
    )+};
}

behind_a_pointer!(&D, Box<D>, Arc<D>);
