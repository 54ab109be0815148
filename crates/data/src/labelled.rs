//! Samples and the class of each.

use crate::{BatchSize, Batches, Error, Result};
use gradus_linalg::Real;
use gradus_linalg::ndarray::{Array, Array1, ArrayD, Dimension};

/// Samples for classification: an array of inputs whose first axis numbers the samples, and the class of each.
///
/// # Shapes
/// - inputs: `(N, …)`, for instance `(N, 64)` or `(N, C, H, W)`
/// - labels: `(N,)`, each below `classes`
///
/// # Examples
/// ```
/// use gradus_data::Labelled;
/// use gradus_linalg::ndarray::array;
///
/// let xor = Labelled::new(array![[0., 0.], [0., 1.], [1., 0.], [1., 1.]], vec![0, 1, 1, 0], 2)?;
/// assert_eq!(xor.len(), 4);
///
/// let wrong = Labelled::new(array![[0., 0.], [0., 1.]], vec![0, 2], 2).unwrap_err();
/// assert_eq!(wrong.to_string(), "labelled: label 2 at position 1: with 2 classes every label is below 2");
/// # Ok::<(), gradus_data::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Labelled<F = f32> {
    /// In row-major order, so that a sample is one stretch of memory.
    inputs: ArrayD<F>,
    labels: Array1<usize>,
    classes: usize,
}

impl<F: Real> Labelled<F> {
    /// Puts inputs and labels together. The inputs are copied only if they are not in row-major order.
    ///
    /// # Errors
    /// - [`Error::NoSampleAxis`] if the inputs have no axis.
    /// - [`Error::Lengths`] if there are more or fewer labels than inputs.
    /// - [`Error::Label`] if a label is not below `classes`.
    pub fn new<D: Dimension>(inputs: Array<F, D>, labels: impl Into<Array1<usize>>, classes: usize) -> Result<Self> {
        let (inputs, labels) = (inputs.into_dyn(), labels.into());
        let &n = inputs.shape().first().ok_or(Error::NoSampleAxis)?;
        if n != labels.len() {
            return Err(Error::Lengths { inputs: n, labels: labels.len() });
        }
        if let Some((position, &label)) = labels.iter().enumerate().find(|&(_, &label)| label >= classes) {
            return Err(Error::Label { position, label, classes });
        }
        let inputs = if inputs.is_standard_layout() { inputs } else { inputs.as_standard_layout().into_owned() };
        Ok(Self { inputs, labels, classes })
    }

    /// The number of samples.
    #[must_use]
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there is no sample.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// All inputs, `(N, …)`, in row-major order.
    #[must_use]
    pub fn inputs(&self) -> &ArrayD<F> {
        &self.inputs
    }

    /// All labels, `(N,)`.
    #[must_use]
    pub fn labels(&self) -> &Array1<usize> {
        &self.labels
    }

    /// The number of classes; labels are `0 … classes − 1`.
    #[must_use]
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// The shape of one sample: that of the inputs without the first axis.
    #[must_use]
    pub fn sample_shape(&self) -> &[usize] {
        &self.inputs.shape()[1..]
    }

    /// The samples at the given positions, in that order; a position may come more than once.
    ///
    /// # Errors
    /// [`Error::Index`] if there is no such sample.
    pub fn select(&self, indices: &[usize]) -> Result<Self> {
        let len = self.len();
        if let Some((position, &index)) = indices.iter().enumerate().find(|&(_, &index)| index >= len) {
            return Err(Error::Index { operation: "select", position, index, len });
        }
        let mut inputs = Array::zeros(self.shape_of(indices.len()));
        self.copy_samples(indices, inputs.as_slice_mut().expect("a new array is in row-major order"));
        let labels = indices.iter().map(|&i| self.labels[i]).collect();
        Ok(Self { inputs, labels, classes: self.classes })
    }

    /// The same numbers with another shape for each sample; nothing is copied.
    ///
    /// ```
    /// use gradus_data::Digits;
    ///
    /// let images = Digits::embedded().reshape_inputs(&[1, 8, 8])?; // a convolution wants channels, rows, columns
    /// assert_eq!(images.inputs().shape(), [1797, 1, 8, 8]);
    /// # Ok::<(), gradus_data::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::SampleShape`] if the new shape holds more or fewer numbers than a sample has.
    pub fn reshape_inputs(self, sample_shape: &[usize]) -> Result<Self> {
        let from = self.sample_shape();
        let wanted = sample_shape.iter().try_fold(1_usize, |product, &n| product.checked_mul(n));
        let error = Error::SampleShape { from: from.to_vec(), to: sample_shape.to_vec() };
        if wanted != Some(from.iter().product()) {
            return Err(error);
        }
        let shape: Vec<usize> = [&[self.len()], sample_shape].concat();
        // Axes beside one of length 0 can still be longer than an array allows.
        let inputs = self.inputs.into_shape_with_order(shape).map_err(|_| error)?;
        Ok(Self { inputs, ..self })
    }

    /// Applies a function to every number of the inputs, for instance to scale them or to change their type.
    ///
    /// ```
    /// use gradus_data::{Digits, Labelled};
    ///
    /// let precise: Labelled<f64> = Digits::embedded().map_inputs(f64::from);
    /// let centred = precise.map_inputs(|x| 2.0 * x - 1.0);
    /// # assert_eq!(centred.inputs()[[0, 0]], -1.0);
    /// ```
    #[must_use]
    pub fn map_inputs<G: Real>(self, f: impl FnMut(F) -> G) -> Labelled<G> {
        Labelled { inputs: self.inputs.mapv_into_any(f), labels: self.labels, classes: self.classes }
    }

    /// Mini-batches of `size` samples, in order; chain [`shuffled`](Batches::shuffled) to training batches.
    ///
    /// The last batch is smaller if `size` does not divide the number of samples. A size from outside the program is
    /// checked by [`BatchSize::new`]: a plain number cannot be refused here, and 0 counts as 1.
    ///
    /// # Examples
    /// ```
    /// use gradus_data::Digits;
    /// use rand::{SeedableRng, rngs::StdRng};
    ///
    /// let mut rng = StdRng::seed_from_u64(7);
    /// let digits = Digits::embedded();
    /// for (images, labels) in digits.batches(64).shuffled(&mut rng) {
    ///     assert_eq!(images.shape(), [labels.len(), 64]);
    /// }
    /// ```
    #[must_use]
    pub fn batches(&self, size: impl Into<BatchSize>) -> Batches<'_, F> {
        Batches::new(self, size.into())
    }

    /// Inputs, labels and the number of classes.
    #[must_use]
    pub fn into_parts(self) -> (ArrayD<F>, Array1<usize>, usize) {
        (self.inputs, self.labels, self.classes)
    }

    /// The shape of `n` samples.
    pub(crate) fn shape_of(&self, n: usize) -> Vec<usize> {
        [&[n], self.sample_shape()].concat()
    }

    /// Every number of the inputs, sample after sample.
    pub(crate) fn numbers(&self) -> &[F] {
        self.inputs.as_slice().expect("the inputs are in row-major order")
    }

    /// Copies the samples at the given positions to `out`, one stretch of memory each.
    pub(crate) fn copy_samples(&self, indices: &[usize], out: &mut [F]) {
        let numbers = self.numbers();
        let n: usize = self.sample_shape().iter().product();
        for (i, &index) in indices.iter().enumerate() {
            out[i * n..][..n].copy_from_slice(&numbers[index * n..][..n]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gradus_linalg::ndarray::{ArrayD, array};

    fn four() -> Labelled<f64> {
        Labelled::new(array![[0., 1.], [10., 11.], [20., 21.], [30., 31.]], vec![0, 1, 2, 0], 3).unwrap()
    }

    #[test]
    fn inputs_of_any_layout_become_row_major() {
        let columns = array![[0., 10.], [1., 11.]].reversed_axes();
        let set = Labelled::new(columns, vec![0, 1], 2).unwrap();
        assert_eq!(set.numbers(), [0., 1., 10., 11.]);
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let error = |result: Result<Labelled<f64>>| result.unwrap_err().to_string();
        assert_eq!(
            error(Labelled::new(array![1., 2.], vec![0], 1)),
            "labelled: 2 inputs and 1 labels: each input needs one label"
        );
        assert_eq!(
            error(Labelled::new(array![1., 2.], vec![0, 3], 3)),
            "labelled: label 3 at position 1: with 3 classes every label is below 3"
        );
        let scalar = ArrayD::from_elem(vec![], 1.);
        assert!(matches!(Labelled::new(scalar, vec![0], 1), Err(Error::NoSampleAxis)));
        assert_eq!(
            error(four().select(&[3, 4])),
            "select: index 4 at position 1: the data has 4 samples, counted from 0"
        );
        assert_eq!(
            error(four().reshape_inputs(&[3])),
            "reshape_inputs: [2] to [3]: a sample has 2 numbers, the new shape 3"
        );
        assert!(matches!(four().reshape_inputs(&[usize::MAX, 2]), Err(Error::SampleShape { .. })));
    }

    #[test]
    fn select_repeats_and_reorders() {
        let picked = four().select(&[2, 0, 2]).unwrap();
        assert_eq!(picked.inputs(), &array![[20., 21.], [0., 1.], [20., 21.]].into_dyn());
        assert_eq!(picked.labels(), &array![2, 0, 2]);
        assert_eq!(picked.classes(), 3);
        assert!(four().select(&[]).unwrap().is_empty());
    }

    #[test]
    fn reshape_moves_no_number() {
        let set = four();
        let before = set.numbers().as_ptr();
        let set = set.reshape_inputs(&[1, 2, 1]).unwrap();
        assert_eq!(set.inputs().shape(), [4, 1, 2, 1]);
        assert_eq!(set.numbers().as_ptr(), before);
    }

    #[test]
    fn samples_without_numbers_and_sets_without_samples() {
        let hollow = Labelled::new(ArrayD::<f32>::zeros(vec![3, 0]), vec![0, 0, 0], 1).unwrap();
        assert_eq!(hollow.batches(2).map(|(x, y)| (x.shape().to_vec(), y.len())).last(), Some((vec![1, 0], 1)));
        assert!(hollow.clone().reshape_inputs(&[0, 7]).is_ok());
        assert!(hollow.reshape_inputs(&[0, usize::MAX]).is_err());
        let none = Labelled::new(ArrayD::<f32>::zeros(vec![0, 5]), vec![], 0).unwrap();
        assert_eq!(none.batches(2).count(), 0);
        assert_eq!(none.reshape_inputs(&[5, 1]).unwrap().inputs().shape(), [0, 5, 1]);
    }
}
