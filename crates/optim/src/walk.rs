//! Walking a model and its gradients together.

use crate::{Error, Result};
use gradus_autograd::{Gradients, Leaf, Real, Value};
use gradus_nn_layers::{Buffer, ItemMut, Module, Parameter};

/// What is done to a parameter of this name with this gradient.
type Change<'a, F> = dyn FnMut(&str, &mut Parameter<F>, &Value<F>) -> Result<()> + 'a;

/// Calls `change` for every trainable parameter that has a gradient, of the same shape; with `buffers`, the values that the
/// forward pass has noted go into the buffers. One walk for both: of a small model it costs as much as the update.
pub(crate) fn with_gradients<F: Real>(
    model: &mut dyn Module<F>,
    grads: &Gradients<F>,
    buffers: bool,
    change: &mut Change<'_, F>,
) -> Result<()> {
    let (mut trainable, mut changed) = (0, 0);
    let mut outcome = Ok(());
    model.visit_mut(&mut |name, item| {
        if outcome.is_err() {
            return;
        }
        match item {
            ItemMut::Parameter(parameter) if parameter.is_trainable() => {
                trainable += 1;
                let Some(grad) = grads.get_id(parameter.id()) else { return };
                changed += 1;
                outcome = same_shape(name, parameter, grad).and_then(|()| change(name, parameter, grad));
            }
            ItemMut::Parameter(_) => {}
            ItemMut::Buffer(buffer) if buffers => outcome = put(name, buffer, grads),
            ItemMut::Buffer(_) => {}
        }
    });
    outcome?;
    if changed == 0 {
        return Err(Error::NoGradient { parameters: trainable, gradients: grads.len() });
    }
    Ok(())
}

/// Puts the values that the forward pass has noted into the buffers, and changes nothing else.
pub(crate) fn put_buffers<F: Real>(model: &mut dyn Module<F>, grads: &Gradients<F>) -> Result<()> {
    let mut outcome = Ok(());
    model.visit_mut(&mut |name, item| {
        if let (Ok(()), ItemMut::Buffer(buffer)) = (&outcome, item) {
            outcome = put(name, buffer, grads);
        }
    });
    outcome
}

fn same_shape<F: Real>(name: &str, parameter: &Parameter<F>, grad: &Value<F>) -> Result<()> {
    if parameter.shape() == grad.shape() {
        return Ok(());
    }
    let (parameter, gradient) = (parameter.shape().to_vec(), grad.shape().to_vec());
    Err(Error::GradientShape { name: name.to_owned(), parameter, gradient })
}

fn put<F: Real>(name: &str, buffer: &mut Buffer<F>, grads: &Gradients<F>) -> Result<()> {
    let Some(update) = grads.update_of(buffer.id()) else { return Ok(()) };
    if buffer.shape() == update.shape() {
        buffer.value_mut().assign(&**update);
        return Ok(());
    }
    let (buffer, update) = (buffer.shape().to_vec(), update.shape().to_vec());
    Err(Error::BufferShape { name: name.to_owned(), buffer, update })
}
