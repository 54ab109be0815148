//! Layers side by side.

use crate::{Error, Layer, Module, Result, Sequential, Walk, WalkMut};
use gradus_autograd::{Real, Var, concatenate};

/// Layers side by side: all of them get the same input, and their outputs are added or concatenated.
///
/// ```text
/// y = Σ fᵢ(x)   or   y = [f₁(x) … fₙ(x)] along an axis        dx = Σ (∂fᵢ/∂x)ᵀ dyᵢ
/// ```
///
/// The branches' names are their places, `0`, `1` …, as in a [`Sequential`].
///
/// # Examples
/// ```
/// use gradus_nn_layers::{Identity, Layer, Linear, Module, Parallel, Tape, ndarray::Array2};
/// use rand::{SeedableRng, rngs::StdRng};
///
/// let mut rng = StdRng::seed_from_u64(7);
/// let block: Parallel = Parallel::concatenate(-1)
///     .push(Linear::new(4, 3, &mut rng))
///     .push_named("wide", Linear::new(4, 5, &mut rng))
///     .push(Identity);
/// let y = block.forward(&Tape::inference().input(Array2::zeros((2, 4))))?;
/// assert_eq!(y.shape(), [2, 3 + 5 + 4]);
/// assert_eq!(block.parameters()[2].0, "wide.weight");
/// # Ok::<(), gradus_nn_layers::Error>(())
/// ```
///
/// # References
/// C. Szegedy et al., *Going deeper with convolutions*, 2014, <https://arxiv.org/abs/1409.4842> (concatenation)
#[derive(Debug)]
pub struct Parallel<F: Real = f32> {
    /// The branches with their names. What is sequential in it, its forward pass, is not used.
    branches: Sequential<F>,
    /// The axis to concatenate along; none for the sum.
    axis: Option<isize>,
}

impl<F: Real> Parallel<F> {
    /// No branches yet, whose outputs are to be added; they must be of the same shape.
    #[must_use]
    pub fn sum() -> Self {
        Self { branches: Sequential::new(), axis: None }
    }

    /// No branches yet, whose outputs are to be concatenated along this axis, counted from the end if below 0; the other
    /// axes must be the same.
    #[must_use]
    pub fn concatenate(axis: isize) -> Self {
        Self { branches: Sequential::new(), axis: Some(axis) }
    }

    /// With one more branch, named by its place.
    ///
    /// # Panics
    /// If an earlier branch was given that name.
    #[must_use]
    pub fn push(self, layer: impl Layer<F> + 'static) -> Self {
        Self { branches: self.branches.push(layer), ..self }
    }

    /// With one more branch of this name.
    ///
    /// # Panics
    /// If the name is empty, has a dot in it, or is taken.
    #[must_use]
    pub fn push_named(self, name: impl Into<String>, layer: impl Layer<F> + 'static) -> Self {
        Self { branches: self.branches.push_named(name, layer), ..self }
    }

    /// The branches with their names, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &dyn Layer<F>)> {
        self.branches.iter()
    }
}

impl<F: Real> Layer<F> for Parallel<F> {
    /// # Errors
    /// [`Error::Shapes`] if outputs that are to be added differ in shape, [`Error::Source`] if they cannot be concatenated
    /// or there are none; [`Error::InLayer`] with what a branch returns.
    fn forward(&self, x: &Var<F>) -> Result<Var<F>> {
        let outputs = self.iter().map(|(name, branch)| branch.forward_at(name, x)).collect::<Result<Vec<_>>>()?;
        if let Some(axis) = self.axis {
            return Ok(concatenate(axis, &outputs.iter().collect::<Vec<_>>())?);
        }
        let mut outputs = outputs.into_iter();
        let first = outputs.next().ok_or(gradus_autograd::Error::Empty { operation: "parallel" })?;
        outputs.try_fold(first, |sum, output| {
            if sum.shape() != output.shape() {
                let (left, right) = (sum.shape().to_vec(), output.shape().to_vec());
                let expected = "branches that are added must end in the same shape; Parallel::concatenate needs only the other axes alike";
                return Err(Error::Shapes { layer: "parallel", left, right, expected });
            }
            Ok(sum + output)
        })
    }
}

#[diagnostic::do_not_recommend]
impl<F: Real> Module<F> for Parallel<F> {
    fn walk<'module>(&'module self, walk: &mut Walk<'module, '_, F>) {
        self.branches.walk(walk);
    }
    fn walk_mut<'module>(&'module mut self, walk: &mut WalkMut<'module, '_, F>) {
        self.branches.walk_mut(walk);
    }
}
