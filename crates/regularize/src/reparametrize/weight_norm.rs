//! Length and direction of a weight apart.

use super::{part_of, shape_of};
use crate::substitute::forward_with;
use gradus_autograd::{Real, Var};
use gradus_nn_layers::{Description, Item, ItemMut, Layer, Module, Parameter, Result, Walk, WalkMut};
use ndarray::{ArrayD, Axis, Dimension};

/// Weight normalization: a layer whose weight is given by its length and its direction, each trained by itself.
///
/// ```text
/// w = g · v / ‖v‖          ‖·‖ over all axes but one, the first unless said otherwise: one length for each output
/// dg = dw · v / ‖v‖,  dv = g/‖v‖ · (dw − (dw · v/‖v‖) v/‖v‖)
/// ```
///
/// The gradient of `v` is orthogonal to `v`: a step can only make it longer, and the longer it is, the less its direction
/// turns. A learning rate that is too large so tames itself.
///
/// At first the layer computes what it did before: `v` is its weight and `g` that weight's length. The parameters are called as
/// `torch.nn.utils.parametrizations.weight_norm` does: `parametrizations.weight.original0` is `g`, `….original1` is `v`.
/// The layer runs on a tape of its own inside one entry.
///
/// # Shapes
/// The layer's; `g` has the shape of the weight with 1 for each axis that the length is taken over, and no axis for the length as a whole.
///
/// # Errors
/// [`new`](Self::new): the layer has no parameter of that name. `forward` returns what the layer returns, and
/// [`Error::LayerWithBuffers`](crate::Error::LayerWithBuffers).
///
/// # Examples
/// ```
/// use gradus_nn_layers::{Layer, Linear, Module, Tape, ndarray::array};
/// use gradus_regularize::WeightNorm;
///
/// let layer: Linear = Linear::from_parts(array![[3.0, 4.0]], None)?;
/// let mut layer = WeightNorm::new(layer, "weight")?;
/// let x = array![[1.0, 1.0]];
/// assert!((layer.forward(&Tape::inference().input(x.clone()))?.value()[[0, 0]] - 7.0).abs() < 1e-5);
/// layer.g.value_mut().fill(10.0); // twice as long
/// assert!((layer.forward(&Tape::inference().input(x))?.value()[[0, 0]] - 14.0).abs() < 1e-5);
/// assert_eq!(Module::<f32>::parameters(&layer)[0].0, "parametrizations.weight.original0");
/// # Ok::<(), gradus_nn_layers::Error>(())
/// ```
///
/// # References
/// T. Salimans, D. Kingma, *Weight normalization*, NeurIPS 2016, <https://arxiv.org/abs/1602.07868>
#[derive(Debug, Clone)]
pub struct WeightNorm<L, F: Real = f32> {
    /// The length `g`.
    pub g: Parameter<F>,
    /// The layer, whose weight is the direction `v`, of any length.
    pub layer: L,
    weight: String,
    /// The axis that the length is not taken over.
    axis: Option<usize>,
}

const OPERATION: &str = "weight_norm";

impl<F: Real, L: Module<F>> WeightNorm<L, F> {
    /// Takes the parameter of this name apart, with a length for each index of the first axis.
    ///
    /// # Errors
    /// [`NoParameter`](gradus_nn_layers::Error::NoParameter); [`HyperParameter`](crate::Error::HyperParameter) for a parameter
    /// without axes.
    pub fn new(layer: L, weight: &str) -> Result<Self> {
        Self::along(layer, weight, Some(0))
    }

    /// With a length for each index of this axis (PyTorch's `dim`), or a single one for the whole.
    ///
    /// # Errors
    /// As [`new`](Self::new), also for an axis that the parameter has not.
    pub fn along(layer: L, weight: &str, axis: Option<usize>) -> Result<Self> {
        shape_of(OPERATION, &layer, weight, axis)?;
        let v = layer.parameter(weight)?.value();
        let g: ArrayD<F> = match axis {
            None => ndarray::arr0(length(v.iter())).into_dyn(),
            Some(axis) => {
                let mut shape = v.raw_dim();
                shape.slice_mut().iter_mut().enumerate().for_each(|(i, len)| *len = if i == axis { *len } else { 1 });
                let lengths = v.axis_iter(Axis(axis)).map(|v| length(v.iter())).collect();
                ArrayD::from_shape_vec(shape, lengths).expect("there is one for each index of the axis")
            }
        };
        Ok(Self { g: g.into(), layer, weight: weight.to_owned(), axis })
    }
}

fn length<'a, F: Real>(v: impl Iterator<Item = &'a F>) -> F {
    F::from_f64(v.map(|v| v.to_f64().powi(2)).sum::<f64>().sqrt())
}

macro_rules! walk {
    ($method:ident, $visit:ident, $walk:ident, $item:ident, [$($mutable:tt)?]) => {
        fn $method<'module>(&'module $($mutable)? self, walk: &mut $walk<'module, '_, F>) {
            let Self { g, layer, weight, .. } = self;
            let mut g = Some(g);
            layer.$visit(&mut |name, item| {
                if name != weight.as_str() {
                    return walk.named(name, item);
                }
                if let Some(g) = g.take() {
                    walk.named(part_of(name, "original0"), $item::Parameter(g));
                }
                walk.named(part_of(name, "original1"), item);
            });
        }
    };
}

impl<F: Real, L: Module<F>> Module<F> for WeightNorm<L, F> {
    walk!(walk, visit, Walk, Item, []);
    walk!(walk_mut, visit_mut, WalkMut, ItemMut, [mut]);
}

impl<F: Real, L: Layer<F> + Clone> Layer<F> for WeightNorm<L, F> {
    #[track_caller]
    fn forward(&self, x: &Var<F>) -> Result<Var<F>> {
        let g = x.tape().parameter(&self.g);
        forward_with(OPERATION, &self.layer, x, &mut |name, v| {
            if name != self.weight {
                return Ok(v.clone());
            }
            let axes: Vec<isize> = (0..v.shape().len()).filter(|&i| Some(i) != self.axis).map(|i| i as isize).collect();
            let length = v.norm(2.0, &axes, self.axis.is_some())?;
            Ok(v.try_mul(&g.try_div(&length)?)?)
        })
    }

    fn describe(&self, input: &[usize]) -> Result<Description> {
        self.layer.describe(input)
    }
}
