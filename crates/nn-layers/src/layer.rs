//! What maps one variable to another.

use crate::{Description, Module, Result, report};
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

    /// [`forward`](Self::forward) of a layer inside another one, under its name there, which an error then tells:
    /// the names on the way to the layer that objects are its path in the state dict.
    ///
    /// [`Sequential`](crate::Sequential), [`Parallel`](crate::Parallel), [`Residual`](crate::Residual) and
    /// [`TransformerBlock`](crate::TransformerBlock) call their parts so. In a model of your own, `forward` does as well; its
    /// errors then name the model and not which of its layers it is.
    ///
    /// # Errors
    /// [`Error::InLayer`](crate::Error::InLayer) with that of [`forward`](Self::forward) as its source.
    ///
    /// # Examples
    /// ```
    /// use gradus_nn_layers::{Layer, Linear, Module, Result, Sequential, Tape, Var, ndarray::Array2, sequential};
    /// use rand::{SeedableRng, rngs::StdRng};
    ///
    /// #[derive(Module)]
    /// struct Mlp {
    ///     hidden: Linear,
    ///     out: Linear,
    /// }
    ///
    /// impl Layer for Mlp {
    ///     fn forward(&self, x: &Var) -> Result<Var> {
    ///         self.out.forward_at("out", &self.hidden.forward_at("hidden", x)?.relu())
    ///     }
    /// }
    ///
    /// let mut rng = StdRng::seed_from_u64(7);
    /// let mlp = Mlp { hidden: Linear::new(8, 16, &mut rng), out: Linear::new(32, 4, &mut rng) };
    /// let model: Sequential = sequential!["encoder" => mlp];
    /// let error = model.forward(&Tape::inference().input(Array2::zeros((5, 8)))).unwrap_err();
    /// assert_eq!(
    ///     error.to_string(),
    ///     "layer `encoder.out`: linear: input [5, 16]: its last axis is 16 long; \
    ///      this layer takes 32 features on the last axis, (…, 32); Linear::new(16, …) would take it"
    /// );
    /// ```
    fn forward_at(&self, name: &str, x: &Var<F>) -> Result<Var<F>> {
        self.forward(x).map_err(|error| error.in_layer(name, self.kind(), x.shape()))
    }

    /// What it is called in reports and errors: the name of its type.
    fn kind(&self) -> &'static str {
        report::type_name::<Self>()
    }

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
    fn kind(&self) -> &'static str {
        (**self).kind()
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
    fn kind(&self) -> &'static str {
        self.as_ref().map_or("None", Layer::kind)
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
