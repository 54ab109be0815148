//! Sequences of different lengths without their padding.

use crate::{Error, Result};
use gradus_autograd::{Real, Var, concatenate};
use ndarray::Array2;
use std::cmp::Reverse;

/// Sequences of different lengths, step after step and without padding.
///
/// ```text
/// a₀ a₁ a₂        data         a₀ b₀ c₀ | a₁ b₁ | a₂ b₂        one row for each step of each sequence
/// b₀ b₁ b₂        batch_sizes   3          2       2           how many sequences have a step 0, 1, 2
/// c₀
/// ```
///
/// At each step stand the sequences that are not yet over, the longest first. Made by [`pack_padded`], which sorts
/// them, and undone by [`pad_packed`], which puts them back into their own order; as in PyTorch. What works on each row by itself, a linear
/// layer or a loss, works on the [data](PackedSequence::data) and sees real steps only.
///
/// # Examples
/// ```
/// use gradus_rnn_bptt::{Tape, pack_padded, pad_packed, ndarray::array};
/// let x = Tape::<f64>::inference().input(array![[[1.0], [10.0]], [[0.0], [20.0]], [[0.0], [30.0]]]); // (3, 2, 1)
/// let packed = pack_padded(&x, &[1, 3])?;
/// assert_eq!(packed.data().value(), &array![[10.0], [1.0], [20.0], [30.0]]);
/// assert_eq!((packed.batch_sizes(), packed.sorted_indices()), (&[2, 1, 1][..], &[1, 0][..]));
/// assert_eq!(pad_packed(&packed, None)?.0.value(), x.value());
/// # Ok::<(), gradus_rnn_bptt::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct PackedSequence<F: Real = f32> {
    data: Var<F>,
    batch_sizes: Vec<usize>,
    sorted_indices: Vec<usize>,
}

impl<F: Real> PackedSequence<F> {
    /// Sequences that are packed already: `sorted_indices` tells for each place in the package which of the sequences stands there.
    ///
    /// # Shapes
    /// `data (Σ batch_sizes, features)`
    ///
    /// # Errors
    /// [`Error::InputRank`], [`Error::BatchSizes`] or [`Error::SortedIndices`] if the parts do not go together.
    pub fn new(data: Var<F>, batch_sizes: Vec<usize>, sorted_indices: Vec<usize>) -> Result<Self> {
        let operation = "packed_sequence";
        let &[rows, _] = data.shape() else {
            let found = data.shape().to_vec();
            return Err(Error::InputRank { operation, found, expected: "(rows, features)" });
        };
        let sequences = sorted_indices.len();
        let fits = batch_sizes.first() == Some(&sequences)
            && batch_sizes.last() > Some(&0)
            && batch_sizes.is_sorted_by_key(|&size| Reverse(size))
            && batch_sizes.iter().try_fold(0_usize, |sum, &size| sum.checked_add(size)) == Some(rows);
        if !fits {
            return Err(Error::BatchSizes { operation, batch_sizes, rows, sequences });
        }
        let mut met = vec![false; sequences];
        for &index in &sorted_indices {
            match met.get_mut(index) {
                Some(met) if !*met => *met = true,
                _ => return Err(Error::SortedIndices { operation, sorted_indices }),
            }
        }
        Ok(Self { data, batch_sizes, sorted_indices })
    }

    /// The steps of all sequences, `(Σ lengths, features)`.
    #[must_use]
    pub fn data(&self) -> &Var<F> {
        &self.data
    }

    /// How many sequences have a first step, a second and so on. It never grows.
    #[must_use]
    pub fn batch_sizes(&self) -> &[usize] {
        &self.batch_sizes
    }

    /// Which sequence stands at each place of the package.
    #[must_use]
    pub fn sorted_indices(&self) -> &[usize] {
        &self.sorted_indices
    }

    /// At which place of the package each sequence stands.
    #[must_use]
    pub fn unsorted_indices(&self) -> Vec<usize> {
        let mut places = vec![0; self.sorted_indices.len()];
        for (place, &sequence) in self.sorted_indices.iter().enumerate() {
            places[sequence] = place;
        }
        places
    }

    /// The length of each sequence, in the order in which they were given.
    #[must_use]
    pub fn lengths(&self) -> Vec<usize> {
        let steps_at = |place: usize| self.batch_sizes.partition_point(|&size| size > place);
        self.unsorted_indices().into_iter().map(steps_at).collect()
    }

    /// Sequences of the same lengths with other data: what a function of single rows makes of [`PackedSequence::data`].
    ///
    /// # Examples
    /// ```
    /// use gradus_rnn_bptt::{Tape, pack_padded, ndarray::Array3};
    /// let packed = pack_padded(&Tape::<f32>::inference().input(Array3::ones((5, 2, 3))), &[2, 5])?;
    /// let doubled = packed.with_data(packed.data().mul_scalar(2.0))?;
    /// assert_eq!(doubled.lengths(), [2, 5]);
    /// # Ok::<(), gradus_rnn_bptt::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`PackedSequence::new`].
    pub fn with_data(&self, data: Var<F>) -> Result<Self> {
        Self::new(data, self.batch_sizes.clone(), self.sorted_indices.clone())
    }
}

/// Sequences in any order without the padding at their ends; PyTorch's `pack_padded_sequence` with `enforce_sorted=False`.
///
/// Nothing in the padding, be it NaN, gets into the package, and no gradient comes back to it.
///
/// # Shapes
/// `x (T, N, features)`, `N` lengths from 1 to `T`; an `x` with the batch first is transposed before
///
/// # Errors
/// [`Error::InputRank`], [`Error::Lengths`], [`Error::Length`]; [`Error::BatchSizes`] for a batch without sequences.
#[track_caller]
pub fn pack_padded<F: Real>(x: &Var<F>, lengths: &[usize]) -> Result<PackedSequence<F>> {
    pack("pack_padded", x, lengths)
}

/// As [`pack_padded`], of sequences whose lengths do not grow: they stay in their order, [`PackedSequence::sorted_indices`] is
/// 0, 1, 2 …, and a program that counts on it is told if it does not hold. PyTorch's `pack_padded_sequence` with `enforce_sorted=True`.
///
/// # Errors
/// As [`pack_padded`]; [`Error::Unsorted`] at the first sequence that is longer than the one before.
#[track_caller]
pub fn pack_padded_sorted<F: Real>(x: &Var<F>, lengths: &[usize]) -> Result<PackedSequence<F>> {
    let operation = "pack_padded_sorted";
    if let Some(before) = lengths.windows(2).position(|pair| pair[0] < pair[1]) {
        let (length, before_it) = (lengths[before + 1], lengths[before]);
        return Err(Error::Unsorted { operation, sequence: before + 1, length, before: before_it });
    }
    pack(operation, x, lengths)
}

#[track_caller]
fn pack<F: Real>(operation: &'static str, x: &Var<F>, lengths: &[usize]) -> Result<PackedSequence<F>> {
    let &[steps, batch, features] = x.shape() else {
        return Err(Error::InputRank { operation, found: x.shape().to_vec(), expected: "(time, batch, features)" });
    };
    check_lengths(operation, lengths, steps, batch)?;
    let mut sorted_indices: Vec<usize> = (0..batch).collect();
    sorted_indices.sort_by_key(|&sequence| Reverse(lengths[sequence])); // the order of equals stays
    let longest = sorted_indices.first().map_or(0, |&sequence| lengths[sequence]);
    let (mut rows, mut batch_sizes) = (Vec::new(), Vec::with_capacity(longest));
    for t in 0..longest {
        let going_on = sorted_indices.partition_point(|&sequence| lengths[sequence] > t);
        rows.extend(sorted_indices[..going_on].iter().map(|sequence| t * batch + sequence));
        batch_sizes.push(going_on);
    }
    let data = x.reshape(&[steps * batch, features])?.index_select(0, &rows)?;
    PackedSequence::new(data, batch_sizes, sorted_indices)
}

/// Packed sequences in their own order, with zeros past their ends, and their lengths; PyTorch's `pad_packed_sequence`. There
/// are as many steps as the longest sequence has, or those that are asked for.
///
/// # Shapes
/// `(T, N, features)` and `N` lengths
///
/// # Errors
/// [`Error::Length`] if fewer steps are asked for than a sequence has.
#[track_caller]
pub fn pad_packed<F: Real>(packed: &PackedSequence<F>, steps: Option<usize>) -> Result<(Var<F>, Vec<usize>)> {
    let (lengths, batch) = (packed.lengths(), packed.sorted_indices.len());
    let steps = steps.unwrap_or(packed.batch_sizes.len());
    check_lengths("pad_packed", &lengths, steps, batch)?;
    let data = &packed.data;
    let (rows, features) = (data.shape()[0], data.shape()[1]);
    // Row `rows` is a zero, which stands for all padding.
    let mut places = vec![rows; steps * batch];
    let mut row = 0;
    for (t, &size) in packed.batch_sizes.iter().enumerate() {
        for &sequence in &packed.sorted_indices[..size] {
            places[t * batch + sequence] = row;
            row += 1;
        }
    }
    let zero = data.tape().input(Array2::zeros((1, features)));
    let padded = concatenate(0, &[data, &zero])?.index_select(0, &places)?;
    Ok((padded.reshape(&[steps, batch, features])?, lengths))
}

/// Whether there is a length for each sequence, and each is one of a sequence of so many steps.
pub(crate) fn check_lengths(operation: &'static str, lengths: &[usize], steps: usize, batch: usize) -> Result<()> {
    if lengths.len() != batch {
        return Err(Error::Lengths { operation, found: lengths.len(), batch });
    }
    let wrong = lengths.iter().enumerate().find(|&(_, length)| !(1..=steps).contains(length));
    match wrong {
        Some((sequence, &length)) => Err(Error::Length { operation, sequence, length, steps }),
        None => Ok(()),
    }
}
