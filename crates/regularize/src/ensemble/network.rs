//! A layer as a model.

use super::Model;
use super::adaboost::softmax;
use super::learner::fits;
use gradus_linalg::Real;
use gradus_nn_layers::{Layer, Result, Tape};
use ndarray::{Array2, ArrayRef2, Axis, Ix2};

/// A [`Layer`] as a [`Model`]: predicts without recording, as in use.
///
/// ```text
/// classifier:  P = softmax(layer(x))     row by row
/// regressor:   y = layer(x)
/// ```
///
/// # Shapes
/// - x: `(N, D)`
/// - output of the layer: `(N, K)`; `(N, 1)` or `(N,)` for values
///
/// # Errors
/// `predict` returns what the layer does, and [`Error::Outputs`](crate::Error::Outputs) if it has another shape.
///
/// # Examples
/// ```
/// use gradus_nn_layers::Linear;
/// use gradus_regularize::ensemble::{Model, Network};
/// use gradus_regularize::ndarray::array;
/// use rand::{SeedableRng, rngs::StdRng};
///
/// let layer: Linear<f64> = Linear::new(3, 2, &mut StdRng::seed_from_u64(7));
/// let p = Network::classifier(layer).predict(&array![[1.0, 2.0, 3.0]])?;
/// assert!((p.sum() - 1.0).abs() < 1e-12);
/// # Ok::<(), gradus_nn_layers::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Network<L> {
    /// The layer.
    pub layer: L,
    softmax: bool,
}

impl<L> Network<L> {
    /// Of a layer whose outputs are logits.
    #[must_use]
    pub fn classifier(layer: L) -> Self {
        Self { layer, softmax: true }
    }

    /// Of a layer whose output is a value.
    #[must_use]
    pub fn regressor(layer: L) -> Self {
        Self { layer, softmax: false }
    }
}

impl<F: Real, L: Layer<F>> Model<F> for Network<L> {
    fn predict(&self, x: &ArrayRef2<F>) -> Result<Array2<F>> {
        let y = self.layer.forward(&Tape::inference().input(x.to_owned()))?;
        let found = y.shape().to_vec();
        let columns = found.get(1).copied().unwrap_or(1);
        let y = (***y.value()).to_owned();
        let y = if found.len() == 1 { y.insert_axis(Axis(1)) } else { y };
        let Ok(y) = y.into_dimensionality::<Ix2>() else {
            return Err(
                crate::Error::Outputs { operation: "network", found, expected: vec![x.nrows(), columns] }.into()
            );
        };
        fits("network", &y, x.nrows(), columns)?;
        Ok(if self.softmax { softmax(y.as_standard_layout().into_owned()) } else { y })
    }
}
