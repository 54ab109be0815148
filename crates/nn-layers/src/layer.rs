//! What maps one variable to another.

use crate::{Description, Module, Result};
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

    /// What the layer makes of an input of this shape, for [`summary`](crate::summary()).
    ///
    /// A layer that does not say so itself is run on zeros, and the operations on the tape are read. To say so:
    /// [`Description::of`], with the multiply–adds; for a model of layers one after the other,
    /// [`Description::in_sequence`].
    ///
    /// # Errors
    /// As [`forward`](Self::forward) of an input of this shape.
    fn describe(&self, input: &[usize]) -> Result<Description> {
        Description::by_dry_run(self, input)
    }

    /// The layers that this one applies one after the other, with their names, if that is all that it does; else
    /// none. This is what [`signal_propagation`](crate::signal_propagation) looks between.
    ///
    /// # Examples
    /// ```
    /// use gradus_nn_layers::{Layer, Linear, Module, Relu, Result, Var};
    ///
    /// #[derive(Module)]
    /// struct Mlp {
    ///     hidden: Linear,
    ///     out: Linear,
    /// }
    ///
    /// impl Layer for Mlp {
    ///     fn forward(&self, x: &Var) -> Result<Var> {
    ///         self.out.forward(&self.hidden.forward(x)?.relu())
    ///     }
    ///     fn stages(&self) -> Vec<(&str, &dyn Layer)> {
    ///         vec![("hidden", &self.hidden), ("relu", &Relu), ("out", &self.out)]
    ///     }
    /// }
    /// ```
    fn stages(&self) -> Vec<(&str, &dyn Layer<F>)> {
        Vec::new()
    }
}

impl<F: Real, L: Layer<F> + ?Sized> Layer<F> for Box<L> {
    fn forward(&self, x: &Var<F>) -> Result<Var<F>> {
        (**self).forward(x)
    }
    fn describe(&self, input: &[usize]) -> Result<Description> {
        (**self).describe(input)
    }
    fn stages(&self) -> Vec<(&str, &dyn Layer<F>)> {
        (**self).stages()
    }
}

impl<F: Real, L: Layer<F>> Layer<F> for Option<L> {
    /// `None` is the identity.
    fn forward(&self, x: &Var<F>) -> Result<Var<F>> {
        self.as_ref().map_or_else(|| Ok(x.clone()), |layer| layer.forward(x))
    }
    fn describe(&self, input: &[usize]) -> Result<Description> {
        match self {
            Some(layer) => layer.describe(input),
            None => Ok(Description::of(self, "None", input).activation_bytes(0)),
        }
    }
    fn stages(&self) -> Vec<(&str, &dyn Layer<F>)> {
        self.as_ref().map_or_else(Vec::new, Layer::stages)
    }
}
