//! Dropout of weights.

use super::{drop_blocks, probability};
use crate::substitute::forward_with_picked;
use gradus_autograd::{Real, Var};
use gradus_nn_layers::{Description, Glob, Layer, Module, Result, Walk, WalkMut};

/// DropConnect: in training, runs a layer with each weight set to 0 with probability `p`, and the others divided by `1 − p`.
///
/// ```text
/// in training:  y = f(x; W ∘ M / (1 − p))     M = 0 with probability p, else 1, anew in each pass
/// otherwise:    y = f(x; W)
/// ```
///
/// Dropout takes away a number with all that it says; this takes away single connections. One mask is drawn for a batch, as for
/// the recurrent weights of AWD-LSTM; Wan et al. draw one for each sample.
///
/// Every parameter but biases is dropped from, or those whose names match [a pattern](Self::of). The names are the layer's own:
/// it can be put around a layer that is trained already. The layer runs on a tape of its own inside one entry, so
/// that any layer without buffers will do.
///
/// # Shapes
/// The layer's.
///
/// # Errors
/// `forward` returns what the layer returns; [`Error::HyperParameter`](crate::Error::HyperParameter) if `p` is not at least 0 and less than 1;
/// [`Error::NothingPicked`](crate::Error::NothingPicked) if no name matches; [`Error::LayerWithBuffers`](crate::Error::LayerWithBuffers).
///
/// # Examples
/// ```
/// use gradus_nn_layers::{Layer, Linear, Tape, ndarray::array};
/// use gradus_regularize::DropConnect;
/// use rand::{SeedableRng, rngs::StdRng};
///
/// let layer: Linear = Linear::from_parts(array![[1.0, 10.0]], None)?;
/// let layer = DropConnect::new(layer, 0.5).of("weight");
/// let y = layer.forward(&Tape::training(&mut StdRng::seed_from_u64(7)).input(array![[1.0, 1.0]]))?;
/// assert!([0.0, 2.0, 20.0, 22.0].contains(&y.value()[[0, 0]]));
/// assert_eq!(layer.forward(&Tape::inference().input(array![[1.0, 1.0]]))?.value(), &array![[11.0]]);
/// # Ok::<(), gradus_nn_layers::Error>(())
/// ```
///
/// # References
/// - L. Wan, M. Zeiler, S. Zhang, Y. LeCun, R. Fergus, *Regularization of neural networks using DropConnect*, ICML 2013,
///   <https://proceedings.mlr.press/v28/wan13.html>
/// - S. Merity, N. Keskar, R. Socher, *Regularizing and optimizing LSTM language models*, 2017, <https://arxiv.org/abs/1708.02182>
#[derive(Debug, Clone)]
pub struct DropConnect<L> {
    /// The layer.
    pub layer: L,
    /// The probability with which a weight is dropped: at least 0, less than 1.
    pub p: f64,
    which: Option<Glob>,
}

impl<L> DropConnect<L> {
    /// Drops from every parameter but biases, with probability `p`.
    pub fn new(layer: L, p: f64) -> Self {
        Self { layer, p, which: None }
    }

    /// Drops from the parameters whose names match this pattern, and from no other.
    #[must_use]
    pub fn of(self, pattern: &str) -> Self {
        Self { which: Some(Glob::new(pattern)), ..self }
    }
}

impl<F: Real, L: Module<F>> Module<F> for DropConnect<L> {
    fn walk<'module>(&'module self, walk: &mut Walk<'module, '_, F>) {
        self.layer.walk(walk);
    }
    fn walk_mut<'module>(&'module mut self, walk: &mut WalkMut<'module, '_, F>) {
        self.layer.walk_mut(walk);
    }
}

impl<F: Real, L: Layer<F> + Clone> Layer<F> for DropConnect<L> {
    #[track_caller]
    fn forward(&self, x: &Var<F>) -> Result<Var<F>> {
        const OPERATION: &str = "drop_connect";
        probability(OPERATION, self.p)?;
        if !x.tape().is_training() || self.p == 0.0 {
            return self.layer.forward(x);
        }
        let drop = |w: &Var<F>| Ok(drop_blocks(OPERATION, w, self.p, 1));
        forward_with_picked(OPERATION, &self.layer, self.which.as_ref(), x, &drop)
    }

    fn describe(&self, input: &[usize]) -> Result<Description> {
        self.layer.describe(input)
    }
}
