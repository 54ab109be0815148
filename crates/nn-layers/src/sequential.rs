//! Layers one after the other.

use crate::{Description, Item, Layer, Module, Result, Walk, WalkMut};
use gradus_autograd::{Real, Var};
use std::fmt;

/// Layers one after the other: the output of each is the input of the next.
///
/// The layers' names are their places, `0`, `1` …, so that the parameters are called `0.weight`, `0.bias`, `2.weight`
/// as in PyTorch's `Sequential`; [`push_named`](Self::push_named) gives another name. Without layers it is the identity.
///
/// # Examples
/// ```
/// use gradus_nn_layers::{Layer, Linear, Module, Relu, Sequential, Tape, ndarray::Array2};
/// use rand::{SeedableRng, rngs::StdRng};
///
/// let mut rng = StdRng::seed_from_u64(7);
/// let model: Sequential = Sequential::new()
///     .push(Linear::new(64, 32, &mut rng))
///     .push(Relu)
///     .push_named("head", Linear::new(32, 10, &mut rng));
/// let y = model.forward(&Tape::inference().input(Array2::zeros((8, 64))))?;
/// assert_eq!(y.shape(), [8, 10]);
/// let names: Vec<_> = model.parameters().into_iter().map(|(name, _)| name).collect();
/// assert_eq!(names, ["0.weight", "0.bias", "head.weight", "head.bias"]);
/// # Ok::<(), gradus_nn_layers::Error>(())
/// ```
#[derive(Default)]
pub struct Sequential<F: Real = f32> {
    layers: Vec<(String, Box<dyn Layer<F>>)>,
}

impl<F: Real> Sequential<F> {
    /// No layers yet.
    #[must_use]
    pub fn new() -> Self {
        Self { layers: Vec::new() }
    }

    /// With one more layer at the end, named by its place.
    ///
    /// # Panics
    /// If an earlier layer was given that name.
    #[must_use]
    pub fn push(self, layer: impl Layer<F> + 'static) -> Self {
        let name = self.layers.len().to_string();
        self.push_named(name, layer)
    }

    /// With one more layer at the end, of this name; PyTorch's `add_module`.
    ///
    /// # Panics
    /// If the name is empty, has a dot in it, or is taken: two parameters would have the same name in a state dict.
    #[must_use]
    pub fn push_named(mut self, name: impl Into<String>, layer: impl Layer<F> + 'static) -> Self {
        let name = name.into();
        assert!(!name.is_empty() && !name.contains('.'), "sequential: layer name {name:?}: empty, or with a dot in it");
        assert!(self.layers.iter().all(|(other, _)| *other != name), "sequential: layer name {name:?}: it is taken");
        self.layers.push((name, Box::new(layer)));
        self
    }

    /// The number of layers.
    #[must_use]
    pub fn len(&self) -> usize {
        self.layers.len()
    }

    /// Whether there are no layers.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.layers.is_empty()
    }

    /// The layers with their names, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &dyn Layer<F>)> {
        self.layers.iter().map(|(name, layer)| (name.as_str(), &**layer))
    }
}

impl<F: Real> Layer<F> for Sequential<F> {
    /// # Errors
    /// [`Error::InLayer`](crate::Error::InLayer), which names the layer that objects.
    fn forward(&self, x: &Var<F>) -> Result<Var<F>> {
        let Some(((name, first), others)) = self.layers.split_first() else { return Ok(x.clone()) };
        others.iter().try_fold(first.forward_at(name, x)?, |x, (name, layer)| layer.forward_at(name, &x))
    }

    fn describe(&self, input: &[usize]) -> Result<Description> {
        Description::in_sequence(self, "Sequential", input, self.iter())
    }

    fn stages(&self) -> Vec<(&str, &dyn Layer<F>)> {
        self.iter().collect()
    }
}

#[diagnostic::do_not_recommend]
impl<F: Real> Module<F> for Sequential<F> {
    fn walk<'module>(&'module self, walk: &mut Walk<'module, '_, F>) {
        self.layers.iter().for_each(|(name, layer)| walk.child(name, layer));
    }
    fn walk_mut<'module>(&'module mut self, walk: &mut WalkMut<'module, '_, F>) {
        self.layers.iter_mut().for_each(|(name, layer)| walk.child(name, layer));
    }
}

impl<F: Real> fmt::Debug for Sequential<F> {
    /// The layers' names with the shapes of their parameters.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut map = f.debug_map();
        for (name, layer) in self.iter() {
            let mut shapes = Vec::new();
            layer.visit(&mut |name, item| {
                let shape = match item {
                    Item::Parameter(parameter) => parameter.shape(),
                    Item::Buffer(buffer) => buffer.shape(),
                };
                shapes.push(format!("{name} {shape:?}"));
            });
            map.entry(&name, &shapes);
        }
        map.finish()
    }
}

/// A [`Sequential`] of these layers; `"name" => layer` gives a layer a name.
///
/// # Examples
/// ```
/// use gradus_nn_layers::{Linear, Module, Relu, Sequential, sequential};
/// use rand::{SeedableRng, rngs::StdRng};
///
/// let mut rng = StdRng::seed_from_u64(7);
/// let model: Sequential = sequential![Linear::new(64, 32, &mut rng), Relu, "head" => Linear::new(32, 10, &mut rng)];
/// assert_eq!(model.count_parameters(), 64 * 32 + 32 + 32 * 10 + 10);
/// ```
#[macro_export]
macro_rules! sequential {
    (@push $model:expr;) => { $model };
    (@push $model:expr; $name:literal => $layer:expr $(, $($rest:tt)*)?) => {
        $crate::sequential!(@push $model.push_named($name, $layer); $($($rest)*)?)
    };
    (@push $model:expr; $layer:expr $(, $($rest:tt)*)?) => {
        $crate::sequential!(@push $model.push($layer); $($($rest)*)?)
    };
    ($($layers:tt)*) => { $crate::sequential!(@push $crate::Sequential::new(); $($layers)*) };
}
