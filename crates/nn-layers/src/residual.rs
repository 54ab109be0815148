//! A layer with a path that goes by it.

use crate::{Error, Identity, Layer, Module, Result};
use gradus_autograd::{Real, Var};

/// A layer with a path that goes by it, also called a skip connection.
///
/// ```text
/// y = s(x) + f(x)        dx = (∂s/∂x)ᵀ dy + (∂f/∂x)ᵀ dy,    s the identity unless given
/// ```
///
/// Where the layer does nothing yet, the block is the identity, and the gradient arrives undiminished however many of them
/// follow each other: that is what made networks of a hundred layers trainable.
///
/// # Shapes
/// Both paths have the same output shape; nothing is broadcast.
///
/// # Examples
/// ```
/// use gradus_nn_layers::{Layer, Linear, Module, Relu, Residual, Tape, ndarray::Array2, sequential};
/// use rand::{SeedableRng, rngs::StdRng};
///
/// let mut rng = StdRng::seed_from_u64(7);
/// let body = sequential![Linear::new(8, 16, &mut rng), Relu, Linear::new(16, 8, &mut rng)];
/// let block = Residual::new(body);
/// let y = block.forward(&Tape::inference().input(Array2::<f32>::zeros((2, 8))))?;
/// assert_eq!(y.shape(), [2, 8]);
/// assert_eq!(Module::<f32>::parameters(&block)[0].0, "body.0.weight");
///
/// let wider = Residual::with_shortcut(Linear::<f32>::new(8, 4, &mut rng), Linear::<f32>::without_bias(8, 4, &mut rng));
/// assert_eq!(wider.forward(&Tape::inference().input(Array2::zeros((2, 8))))?.shape(), [2, 4]);
/// # Ok::<(), gradus_nn_layers::Error>(())
/// ```
///
/// # References
/// K. He et al., *Deep residual learning for image recognition*, 2015, <https://arxiv.org/abs/1512.03385>
#[derive(Debug, Clone)]
pub struct Residual<L, S = Identity> {
    /// The layer `f`.
    pub body: L,
    /// The path by it, `s`: a projection, where input and output differ in shape.
    pub shortcut: S,
}

impl<L> Residual<L> {
    /// `x + f(x)`
    pub fn new(body: L) -> Self {
        Self { body, shortcut: Identity }
    }
}

impl<L, S> Residual<L, S> {
    /// `s(x) + f(x)`
    pub fn with_shortcut(body: L, shortcut: S) -> Self {
        Self { body, shortcut }
    }
}

#[diagnostic::do_not_recommend]
impl<F: Real, L: Module<F>, S: Module<F>> Module<F> for Residual<L, S> {
    fn walk<'module>(&'module self, walk: &mut crate::Walk<'module, '_, F>) {
        walk.field("body", &self.body);
        walk.field("shortcut", &self.shortcut);
    }
    fn walk_mut<'module>(&'module mut self, walk: &mut crate::WalkMut<'module, '_, F>) {
        walk.field("body", &mut self.body);
        walk.field("shortcut", &mut self.shortcut);
    }
}

impl<F: Real, L: Layer<F>, S: Layer<F>> Layer<F> for Residual<L, S> {
    /// # Errors
    /// [`Error::Shapes`] if the two paths end in different shapes; [`Error::InLayer`] with what one of them returns.
    fn forward(&self, x: &Var<F>) -> Result<Var<F>> {
        let (past, through) = (self.shortcut.forward_at("shortcut", x)?, self.body.forward_at("body", x)?);
        if past.shape() != through.shape() {
            let (left, right) = (past.shape().to_vec(), through.shape().to_vec());
            let expected = "the shortcut and the body must end in the same shape; give a shortcut that projects";
            return Err(Error::Shapes { layer: "residual", left, right, expected });
        }
        Ok(past.try_add(&through)?)
    }
}
