//! Layers of one type, one after the other.

use gradus_autograd::{Real, Var};
use gradus_nn_layers::{Description, Layer, Module, Result, Walk, WalkMut};

/// Layers of one type, one after the other: the blocks of a residual network between which the size of the images stays.
///
/// As [`Sequential`](gradus_nn_layers::Sequential), but its layers keep their type, so that they can be reached and cloned. They
/// are named by their places, `0`, `1` … Without layers it is the identity.
///
/// # Examples
/// ```
/// use gradus_conv::{Conv2d, Module, models::Stage};
/// use rand::{SeedableRng, rngs::StdRng};
/// let mut rng = StdRng::seed_from_u64(7);
/// let stage: Stage<Conv2d> = (0..2).map(|_| Conv2d::new(8, 8, 3, &mut rng).padding(1)).collect();
/// assert_eq!(stage.layers()[1].in_channels(), 8);
/// assert_eq!(Module::<f32>::parameters(&stage)[2].0, "1.weight");
/// ```
#[derive(Debug, Clone)]
pub struct Stage<L> {
    layers: Vec<L>,
    names: Vec<String>,
}

impl<L> Stage<L> {
    /// The layers, in order.
    #[must_use]
    pub fn layers(&self) -> &[L] {
        &self.layers
    }

    /// The layers, to be changed.
    pub fn layers_mut(&mut self) -> &mut [L] {
        &mut self.layers
    }
}

impl<L> FromIterator<L> for Stage<L> {
    fn from_iter<I: IntoIterator<Item = L>>(layers: I) -> Self {
        let layers: Vec<L> = layers.into_iter().collect();
        let names = (0..layers.len()).map(|place| place.to_string()).collect();
        Self { layers, names }
    }
}

impl<F: Real, L: Module<F>> Module<F> for Stage<L> {
    fn walk<'module>(&'module self, walk: &mut Walk<'module, '_, F>) {
        self.names.iter().zip(&self.layers).for_each(|(name, layer)| walk.field(name, layer));
    }
    fn walk_mut<'module>(&'module mut self, walk: &mut WalkMut<'module, '_, F>) {
        self.names.iter().zip(&mut self.layers).for_each(|(name, layer)| walk.field(name, layer));
    }
}

impl<F: Real, L: Layer<F>> Layer<F> for Stage<L> {
    fn forward(&self, x: &Var<F>) -> Result<Var<F>> {
        self.layers.iter().try_fold(x.clone(), |x, layer| layer.forward(&x))
    }

    fn describe(&self, input: &[usize]) -> Result<Description> {
        Description::in_sequence(self, "Stage", input, self.stages())
    }

    fn stages(&self) -> Vec<(&str, &dyn Layer<F>)> {
        self.names.iter().map(String::as_str).zip(self.layers.iter().map(|layer| layer as &dyn Layer<F>)).collect()
    }
}
