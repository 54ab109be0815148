//! From samples to a batch.

use crate::{Error, Result};
use gradus_linalg::Real;
use gradus_linalg::ndarray::{Array1, Array2, ArrayD, Axis};

/// A sample that can be put together with others.
///
/// | samples | batch |
/// | --- | --- |
/// | arrays of one shape `(…)` | `(B, …)` |
/// | numbers, labels | `(B,)` |
/// | pairs | a pair of batches |
pub trait Collate: Sized {
    /// What the samples of a batch become.
    type Batch: Send + 'static;

    /// Puts samples together, in their order.
    ///
    /// # Errors
    /// [`Error::Ragged`] if arrays differ in shape: [`pad_sequences`] makes sequences equal in length.
    fn collate(samples: Vec<Self>) -> Result<Self::Batch>;
}

impl<T: Clone + Send + 'static> Collate for ArrayD<T> {
    type Batch = ArrayD<T>;

    fn collate(samples: Vec<Self>) -> Result<ArrayD<T>> {
        let first = samples.first().map_or_else(Vec::new, |sample| sample.shape().to_vec());
        if let Some((position, other)) = samples.iter().enumerate().find(|(_, sample)| sample.shape() != first) {
            return Err(Error::Ragged { position, first, other: other.shape().to_vec() });
        }
        let shape = [&[samples.len()], first.as_slice()].concat();
        let mut elements = Vec::with_capacity(shape.iter().product());
        for sample in &samples {
            match sample.as_slice() {
                Some(slice) => elements.extend_from_slice(slice),
                None => elements.extend(sample.iter().cloned()),
            }
        }
        Ok(ArrayD::from_shape_vec(shape, elements).expect("each sample has as many elements as the first"))
    }
}

macro_rules! numbers {
    ($($number:ty)+) => {$(
        impl Collate for $number {
            type Batch = Array1<$number>;

            fn collate(samples: Vec<Self>) -> Result<Array1<Self>> {
                Ok(samples.into())
            }
        }
    )+};
}

numbers!(f32 f64 usize u8 i32 i64 bool);

impl<A: Collate, B: Collate> Collate for (A, B) {
    type Batch = (A::Batch, B::Batch);

    fn collate(samples: Vec<Self>) -> Result<Self::Batch> {
        let (left, right) = samples.into_iter().unzip();
        Ok((A::collate(left)?, B::collate(right)?))
    }
}

/// Sequences of different lengths, made equal by padding: from [`pad_sequences`].
#[derive(Debug, Clone, PartialEq)]
pub struct PaddedBatch<F = f32> {
    /// The sequences, `(B, T, …)`, where `T` is the length of the longest.
    pub values: ArrayD<F>,
    /// The length that each had, `(B,)`.
    pub lengths: Array1<usize>,
}

impl<F: Real> PaddedBatch<F> {
    /// 1 where a step is real and 0 where it is padding, `(B, T)`.
    #[must_use]
    pub fn mask(&self) -> Array2<F> {
        let steps = self.values.shape()[1];
        Array2::from_shape_fn(
            (self.lengths.len(), steps),
            |(i, t)| if t < self.lengths[i] { F::one() } else { F::zero() },
        )
    }
}

/// Puts sequences `(Tᵢ, …)` together to `(B, T, …)`, `T = max Tᵢ`, with `value` behind those that are shorter.
///
/// # Examples
/// ```
/// use gradus_data::pad_sequences;
/// use gradus_linalg::ndarray::array;
///
/// let batch = pad_sequences(&[array![1., 2., 3.].into_dyn(), array![4.].into_dyn()], 0.0)?;
/// assert_eq!(batch.values, array![[1., 2., 3.], [4., 0., 0.]].into_dyn());
/// assert_eq!(batch.mask(), array![[1., 1., 1.], [1., 0., 0.]]);
/// # Ok::<(), gradus_data::Error>(())
/// ```
///
/// # Errors
/// - [`Error::NoSampleAxis`] if a sequence has no axis for its steps.
/// - [`Error::Ragged`] if steps differ in shape.
pub fn pad_sequences<F: Real>(sequences: &[ArrayD<F>], value: F) -> Result<PaddedBatch<F>> {
    let lengths = sequences.iter().map(|sequence| sequence.shape().first().copied().ok_or(Error::NoSampleAxis));
    let lengths: Array1<usize> = lengths.collect::<Result<Vec<_>>>()?.into();
    let steps = lengths.iter().copied().max().unwrap_or(0);
    let first = sequences.first().map_or(&[][..], |sequence| &sequence.shape()[1..]);
    let mut values = ArrayD::from_elem([&[sequences.len(), steps], first].concat(), value);
    for (position, (sequence, mut row)) in sequences.iter().zip(values.outer_iter_mut()).enumerate() {
        if sequence.shape()[1..] != *first {
            return Err(Error::Ragged { position, first: first.to_vec(), other: sequence.shape()[1..].to_vec() });
        }
        for (from, mut to) in sequence.axis_iter(Axis(0)).zip(row.axis_iter_mut(Axis(0))) {
            to.assign(&from);
        }
    }
    Ok(PaddedBatch { values, lengths })
}
