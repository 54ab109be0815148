//! A table of vectors, looked up by number.

use crate::{Error, Module, Parameter, Result, init};
use gradus_autograd::{Real, Tape, Value, Var};
use ndarray::{ArrayRef, Axis, Dimension, IxDyn};
use rand::Rng;

/// A table of vectors, looked up by number: words, characters, any things that can be counted.
///
/// ```text
/// y[…] = W[index[…]]        dW[r] = Σ dy over the places where index = r
/// ```
///
/// It is no [`Layer`](crate::Layer), its input being numbers of things and not a variable.
///
/// # Shapes
/// - indices: any shape `(…)`
/// - output: `(…, embedding_dim)`
///
/// # Examples
/// ```
/// use gradus_nn_layers::{Embedding, Tape, ndarray::array};
/// use rand::{SeedableRng, rngs::StdRng};
///
/// let letters: Embedding = Embedding::new(26, 8, &mut StdRng::seed_from_u64(7));
/// let tape = Tape::recording();
/// let y = letters.forward(&tape, &array![[2, 0, 1], [1, 0, 0]])?;
/// assert_eq!(y.shape(), [2, 3, 8]);
/// # Ok::<(), gradus_nn_layers::Error>(())
/// ```
#[derive(Debug, Clone, Module)]
pub struct Embedding<F: Real = f32> {
    /// The table `W`, `(num_embeddings, embedding_dim)`.
    pub weight: Parameter<F>,
    /// The row that stands for padding: it gets no gradient, and starts as zeros. None by default.
    #[module(skip)]
    pub padding_idx: Option<usize>,
}

const NAME: &str = "embedding";

impl<F: Real> Embedding<F> {
    /// Draws the table from the standard normal distribution.
    pub fn new(num_embeddings: usize, embedding_dim: usize, rng: &mut (impl Rng + ?Sized)) -> Self {
        Self { weight: init::normal((num_embeddings, embedding_dim), 0.0, 1.0, rng).into(), padding_idx: None }
    }

    /// An embedding with this table.
    ///
    /// # Errors
    /// [`Error::ParameterRank`] if it is no matrix.
    pub fn from_parts(weight: impl Into<Parameter<F>>) -> Result<Self> {
        let weight = weight.into();
        if weight.shape().len() != 2 {
            let (found, expected) = (weight.shape().to_vec(), "two, (num_embeddings, embedding_dim),");
            return Err(Error::ParameterRank { layer: NAME, parameter: "weight", found, expected });
        }
        Ok(Self { weight, padding_idx: None })
    }

    /// The same with this row for padding, which is set to zeros.
    ///
    /// # Errors
    /// [`Error::Index`] if there is no such row.
    pub fn with_padding(mut self, row: usize) -> Result<Self> {
        let rows = self.weight.shape()[0];
        if row >= rows {
            return Err(Error::Index { layer: NAME, index: row, position: Vec::new(), rows });
        }
        self.weight.value_mut().index_axis_mut(Axis(0), row).fill(F::zero());
        self.padding_idx = Some(row);
        Ok(self)
    }

    /// Whether each of these numbers is one of a row.
    ///
    /// # Errors
    /// [`Error::Index`] names the first number that is no row, and its place.
    pub fn check<D: Dimension>(&self, indices: &ArrayRef<usize, D>) -> Result<()> {
        let rows = self.weight.shape().first().copied().unwrap_or(0);
        let at = indices.view().into_dyn();
        match at.indexed_iter().find(|&(_, &index)| index >= rows) {
            Some((position, &index)) => {
                Err(Error::Index { layer: NAME, index, position: position.slice().to_vec(), rows })
            }
            None => Ok(()),
        }
    }

    /// The rows of these numbers.
    ///
    /// # Errors
    /// [`Error::Index`] names the first number that is no row, and its place.
    #[track_caller]
    pub fn forward<D: Dimension>(&self, tape: &Tape<F>, indices: &ArrayRef<usize, D>) -> Result<Var<F>> {
        let weight = tape.parameter(&self.weight);
        let &[_, width] = weight.shape() else {
            let (found, expected) = (weight.shape().to_vec(), "two, (num_embeddings, embedding_dim),");
            return Err(Error::ParameterRank { layer: NAME, parameter: "weight", found, expected });
        };
        self.check(indices)?;
        let picked: Vec<usize> = indices.iter().copied().collect();
        let mut shape = indices.shape().to_vec();
        shape.push(width);
        let mut y = Value::unspecified(IxDyn(&shape));
        let table = weight.value().clone().into_standard_layout();
        let slice = "a standard layout is a slice";
        let (from, to) = (table.as_slice().expect(slice), y.as_slice_mut().expect(slice));
        let width = width.max(1); // a table of no columns has no chunks
        for (to, &row) in to.chunks_exact_mut(width).zip(&picked) {
            to.copy_from_slice(&from[row * width..(row + 1) * width]);
        }
        let padding = self.padding_idx;
        Ok(tape.record_into(NAME, [&weight], y, move |dy, slots| {
            let dy = dy.into_standard_layout();
            slots.accumulate(0, |mut dw, beta| {
                if beta == F::zero() {
                    dw.fill(F::zero());
                }
                let dws = dw.as_slice_mut().expect("gradients are row-major");
                for (dy, &row) in dy.as_slice().expect(slice).chunks_exact(width).zip(&picked) {
                    if Some(row) != padding {
                        let dw = &mut dws[row * width..(row + 1) * width];
                        dw.iter_mut().zip(dy).for_each(|(dw, &dy)| *dw += dy);
                    }
                }
            });
        }))
    }
}
