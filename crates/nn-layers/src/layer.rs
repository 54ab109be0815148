//! What maps one variable to another.

use crate::{Module, Result};
use gradus_autograd::{Real, Var};

/// A module that maps one variable to another.
///
/// A forward pass changes nothing in the layer. What a layer does differently in training and in use it reads off the
/// tape of its input ([`Tape::is_training`](gradus_autograd::Tape::is_training)), so that the mode cannot be forgotten.
///
/// # Examples
/// A layer of your own:
/// ```
/// use gradus_nn_layers::{Layer, Module, Parameter, Result, Var};
///
/// #[derive(Debug, Module)]
/// struct Scale {
///     factor: Parameter,
/// }
///
/// impl Layer for Scale {
///     fn forward(&self, x: &Var) -> Result<Var> {
///         Ok(x.try_mul(&x.tape().parameter(&self.factor))?)
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a `Layer<{F}>`",
    label = "has no `forward` for variables of this number type",
    note = "implement `Layer` for it, beside `#[derive(Module)]`; a closure becomes a layer by `Apply::new`"
)]
pub trait Layer<F: Real = f32>: Module<F> + Send + Sync {
    /// The output for this input, recorded on the input's tape.
    ///
    /// # Errors
    /// If the input does not fit the layer; the message says what would.
    fn forward(&self, x: &Var<F>) -> Result<Var<F>>;
}

impl<F: Real, L: Layer<F> + ?Sized> Layer<F> for Box<L> {
    fn forward(&self, x: &Var<F>) -> Result<Var<F>> {
        (**self).forward(x)
    }
}

impl<F: Real, L: Layer<F>> Layer<F> for Option<L> {
    /// `None` is the identity.
    fn forward(&self, x: &Var<F>) -> Result<Var<F>> {
        self.as_ref().map_or_else(|| Ok(x.clone()), |layer| layer.forward(x))
    }
}
