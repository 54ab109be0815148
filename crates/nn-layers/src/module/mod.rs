//! Walking a model's parameters and buffers by name.

mod containers;
mod glob;
mod walk;

use crate::{Buffer, Error, LoadReport, Parameter, Result, StateDict, state_dict};
pub use glob::Glob;
use gradus_autograd::Real;
pub use walk::{Item, ItemMut, Walk, WalkMut};

/// Anything that owns parameters: a layer, a model, a part of one.
///
/// Derive it: `#[derive(Module)]` walks the fields in order, each under its own name, so that a parameter's full name
/// is its path, `hidden.weight`. These are PyTorch's names, and a state dict's.
///
/// # Examples
/// ```
/// use gradus_nn_layers::{Module, Parameter, ndarray::array};
///
/// #[derive(Module)]
/// struct Line {
///     slope: Parameter,
///     intercept: Option<Parameter>,
/// }
///
/// let line = Line { slope: array![2.0].into(), intercept: Some(array![1.0].into()) };
/// let names: Vec<_> = line.parameters().into_iter().map(|(name, _)| name).collect();
/// assert_eq!(names, ["slope", "intercept"]);
/// assert_eq!(line.count_parameters(), 2);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a `Module<{F}>`",
    label = "no parameter and no layer of this number type",
    note = "a field without parameters: add `#[module(skip)]` to it",
    note = "a struct of layers and parameters: add `#[derive(Module)]` to it",
    note = "a layer of another number type: say which beside the derive, `#[module(float = f64)]`"
)]
pub trait Module<F: Real = f32> {
    /// Shows every parameter and buffer to the walk, in a fixed order.
    fn walk<'module>(&'module self, walk: &mut Walk<'module, '_, F>);

    /// Shows every parameter and buffer to the walk, to be changed; in the order of [`Module::walk`].
    fn walk_mut<'module>(&'module mut self, walk: &mut WalkMut<'module, '_, F>);

    /// Calls `visit` with the name of each parameter and buffer.
    fn visit<'module>(&'module self, visit: &mut dyn FnMut(&str, Item<'module, F>)) {
        self.walk(&mut Walk { path: String::with_capacity(32), visit });
    }

    /// Calls `visit` with the name of each parameter and buffer, to be changed.
    fn visit_mut<'module>(&'module mut self, visit: &mut dyn FnMut(&str, ItemMut<'module, F>)) {
        self.walk_mut(&mut WalkMut { path: String::with_capacity(32), visit });
    }

    /// Every parameter with its name.
    fn parameters(&self) -> Vec<(String, &Parameter<F>)> {
        let mut found = Vec::new();
        self.visit(&mut |name, item| {
            if let Item::Parameter(parameter) = item {
                found.push((name.to_owned(), parameter));
            }
        });
        found
    }

    /// Every buffer with its name.
    fn buffers(&self) -> Vec<(String, &Buffer<F>)> {
        let mut found = Vec::new();
        self.visit(&mut |name, item| {
            if let Item::Buffer(buffer) = item {
                found.push((name.to_owned(), buffer));
            }
        });
        found
    }

    /// The parameter of this name.
    ///
    /// # Errors
    /// [`Error::NoParameter`] lists the names that there are.
    ///
    /// # Examples
    /// ```
    /// use gradus_nn_layers::{Linear, Module, Relu, Sequential, sequential};
    /// use rand::{SeedableRng, rngs::StdRng};
    /// let mut rng = StdRng::seed_from_u64(7);
    /// let model: Sequential = sequential!["fc1" => Linear::new(4, 3, &mut rng), Relu];
    /// assert_eq!(model.parameter("fc1.weight")?.shape(), [3, 4]);
    /// let error = model.parameter("fc1.wieght").unwrap_err().to_string();
    /// assert_eq!(error, "parameter: `fc1.wieght`: no parameter is called so; there are `fc1.weight`, `fc1.bias`");
    /// # Ok::<(), gradus_nn_layers::Error>(())
    /// ```
    fn parameter(&self, name: &str) -> Result<&Parameter<F>> {
        let mut found = self.parameters();
        match found.iter().position(|(other, _)| other == name) {
            Some(place) => Ok(found.swap_remove(place).1),
            None => Err(Error::NoParameter {
                operation: "parameter",
                name: name.to_owned(),
                names: found.into_iter().map(|(name, _)| name).collect(),
            }),
        }
    }

    /// Every parameter whose name the [pattern](Glob) matches; none is no error.
    ///
    /// # Examples
    /// ```
    /// use gradus_nn_layers::{Linear, Module, Relu, Sequential, sequential};
    /// use rand::{SeedableRng, rngs::StdRng};
    /// let mut rng = StdRng::seed_from_u64(7);
    /// let model: Sequential = sequential![Linear::new(4, 3, &mut rng), Relu, Linear::new(3, 2, &mut rng)];
    /// let weights = model.parameters_matching("*.weight");
    /// assert!(weights.iter().map(|(name, _)| name.as_str()).eq(["0.weight", "2.weight"]));
    /// ```
    fn parameters_matching(&self, pattern: &str) -> Vec<(String, &Parameter<F>)> {
        let glob = Glob::new(pattern);
        let mut found = self.parameters();
        found.retain(|(name, _)| glob.matches(name));
        found
    }

    /// Calls `map` with the name of each parameter and the parameter, to be changed in place: to draw weights anew,
    /// to round or clip them, to freeze some.
    ///
    /// A parameter stays who it is, so that gradients and an optimizer's state still belong to it. Keep its shape, which
    /// the layer relies on.
    ///
    /// # Examples
    /// ```
    /// use gradus_nn_layers::{Linear, Module};
    /// use rand::{SeedableRng, rngs::StdRng};
    /// let mut layer: Linear = Linear::new(4, 3, &mut StdRng::seed_from_u64(7));
    /// layer.map_parameters(&mut |name, parameter| {
    ///     if name == "bias" {
    ///         parameter.value_mut().fill(0.1);
    ///     }
    /// });
    /// assert!(layer.bias.unwrap().value().iter().all(|b| *b == 0.1));
    /// ```
    fn map_parameters(&mut self, map: &mut dyn FnMut(&str, &mut Parameter<F>)) {
        self.visit_mut(&mut |name, item| {
            if let ItemMut::Parameter(parameter) = item {
                map(name, parameter);
            }
        });
    }

    /// The number of numbers in all parameters that are trained.
    fn count_trainable(&self) -> usize {
        let parameters = self.parameters();
        let trained = parameters.iter().filter(|(_, parameter)| parameter.is_trainable());
        trained.map(|(_, parameter)| parameter.value().len()).sum()
    }

    /// The number of numbers in all buffers, which [`count_parameters`](Self::count_parameters) leaves out.
    fn count_buffers(&self) -> usize {
        self.buffers().iter().map(|(_, buffer)| buffer.value().len()).sum()
    }

    /// The number of numbers in all parameters, frozen ones included.
    fn count_parameters(&self) -> usize {
        self.parameters().iter().map(|(_, parameter)| parameter.value().len()).sum()
    }

    /// Freezes (`false`) or thaws (`true`) every parameter whose name `which` picks.
    fn set_trainable(&mut self, trainable: bool, which: &dyn Fn(&str) -> bool) {
        self.map_parameters(&mut |name, parameter| {
            if which(name) {
                parameter.set_trainable(trainable);
            }
        });
    }

    /// Freezes every parameter whose name the [pattern](Glob) matches, and says how many these are: a frozen
    /// parameter gets no gradient, and no optimizer moves it.
    ///
    /// # Errors
    /// [`Error::NoParameter`] if there are none: a misspelt pattern would else train what it was to leave alone.
    ///
    /// # Examples
    /// ```
    /// use gradus_nn_layers::{Linear, Module, Relu, Sequential, sequential};
    /// use rand::{SeedableRng, rngs::StdRng};
    /// let mut rng = StdRng::seed_from_u64(7);
    /// let mut model: Sequential = sequential![
    ///     "encoder" => sequential![Linear::new(4, 3, &mut rng), Relu],
    ///     "head" => Linear::new(3, 2, &mut rng),
    /// ];
    /// assert_eq!(model.freeze("encoder.**")?, 2);
    /// assert_eq!((model.count_trainable(), model.count_parameters()), (8, 23));
    /// assert_eq!(model.unfreeze("encoder.*.weight")?, 1);
    /// assert!(model.freeze("encodr.**").is_err());
    /// # Ok::<(), gradus_nn_layers::Error>(())
    /// ```
    fn freeze(&mut self, pattern: &str) -> Result<usize> {
        glob::set_trainable(self, "freeze", pattern, false)
    }

    /// Thaws every parameter whose name the [pattern](Glob) matches, and says how many these are.
    ///
    /// # Errors
    /// [`Error::NoParameter`] if there are none.
    fn unfreeze(&mut self, pattern: &str) -> Result<usize> {
        glob::set_trainable(self, "unfreeze", pattern, true)
    }

    /// Every parameter and buffer by name. Nothing is copied: the arrays are shared until either side changes.
    fn state_dict(&self) -> StateDict<F> {
        let mut dict = StateDict::new();
        self.visit(&mut |name, item| {
            let value = match item {
                Item::Parameter(parameter) => parameter.value(),
                Item::Buffer(buffer) => buffer.value(),
            };
            dict.insert(name, value.clone());
        });
        dict
    }

    /// Takes over the values of a state dict, which must be exactly this model's.
    ///
    /// # Errors
    /// [`Error::StateDict`](crate::Error::StateDict) lists what is missing, what is unexpected and what has another
    /// shape, with the names that come nearest; the model is then as it was.
    fn load_state_dict(&mut self, dict: &StateDict<F>) -> Result<()> {
        state_dict::load_strict(self, dict)
    }

    /// Takes over those values of a state dict that fit by name and shape, and reports on the others.
    fn load_matching(&mut self, dict: &StateDict<F>) -> LoadReport {
        state_dict::load_matching(self, dict)
    }
}
