//! A model looked at and left as it was.

use gradus_autograd::{Real, Var};
use gradus_nn_layers::{Module, Result};

/// Runs `look`, which may change the model's parameters and buffers, and puts them back, also if it fails. Keeping
/// copies nothing: the first change does.
pub(super) fn kept<F: Real, M: Module<F> + ?Sized, T>(
    model: &mut M,
    look: impl FnOnce(&mut M) -> Result<T>,
) -> Result<T> {
    let before = model.state_dict();
    let outcome = look(model);
    model.load_state_dict(&before)?;
    outcome
}

/// The number that a loss is.
pub(crate) fn item<F: Real>(loss: &Var<F>) -> Result<f64> {
    match loss.item() {
        Some(loss) => Ok(loss.to_f64()),
        None => Err(gradus_autograd::Error::NotScalar { shape: loss.shape().to_vec() }.into()),
    }
}
