//! A weight divided by its largest singular value.

use super::{part_of, shape_of};
use crate::error::hold;
use crate::substitute::forward_with;
use gradus_autograd::{Real, Tape, Value, Var};
use gradus_nn_layers::{Buffer, Description, Item, ItemMut, Layer, Module, Result, Walk, WalkMut, init};
use ndarray::{Array1, Array2, ArrayD, Axis};
use rand::Rng;

/// Spectral normalization: a layer whose weight is divided by its largest singular value, found by power iteration.
///
/// ```text
/// in training, so many times:  u ← M v / ‖M v‖,  v ← Mᵀ u / ‖Mᵀ u‖
/// σ = uᵀ M v,  w̃ = w / σ
/// dw = (dw̃ − (dw̃ · w̃) u vᵀ) / σ          u and v taken as constants
/// ```
///
/// `M` is the weight as a matrix: one axis (the first unless said otherwise; PyTorch's `dim`) by all others. A linear layer
/// with such a weight stretches no vector: its Lipschitz constant is 1.
///
/// `u` and `v` are buffers. From step to step the weight changes little, so that one iteration in each pass keeps them close to the singular
/// vectors; outside training they stand still. At first 15 iterations from random vectors are made. As with running statistics,
/// the new vectors travel with the gradients, and the optimizer's step puts them in place.
///
/// Parameters and buffers are called as `torch.nn.utils.parametrizations.spectral_norm` does:
/// `parametrizations.weight.original`, and `parametrizations.weight.0._u` and `….0._v`. The layer runs on a tape of its
/// own inside one entry.
///
/// # Shapes
/// The layer's.
///
/// # Errors
/// [`new`](Self::new): the layer has no parameter of that name. `forward` returns what the layer returns, and
/// [`Error::LayerWithBuffers`](crate::Error::LayerWithBuffers).
///
/// # Examples
/// ```
/// use gradus_nn_layers::{Layer, Linear, Tape, ndarray::array};
/// use gradus_regularize::SpectralNorm;
/// use rand::{SeedableRng, rngs::StdRng};
///
/// let layer: Linear<f64> = Linear::from_parts(array![[3.0, 0.0], [0.0, 4.0]], None)?; // singular values 3 and 4
/// let layer = SpectralNorm::new(layer, "weight", &mut StdRng::seed_from_u64(7))?;
/// let y = layer.forward(&Tape::inference().input(array![[1.0, 1.0]]))?;
/// assert!((y.value()[[0, 0]] - 0.75).abs() < 1e-6 && (y.value()[[0, 1]] - 1.0).abs() < 1e-6);
/// # Ok::<(), gradus_nn_layers::Error>(())
/// ```
///
/// # References
/// T. Miyato, T. Kataoka, M. Koyama, Y. Yoshida, *Spectral normalization for generative adversarial networks*, ICLR 2018,
/// <https://arxiv.org/abs/1802.05957>
#[derive(Debug, Clone)]
pub struct SpectralNorm<L, F: Real = f32> {
    /// The layer, whose weight is what is to be divided.
    pub layer: L,
    /// The left singular vector, so far.
    pub u: Buffer<F>,
    /// The right singular vector, so far.
    pub v: Buffer<F>,
    /// Iterations in each pass in training: at least 1.
    pub power_iterations: usize,
    weight: String,
    /// The axis of the weight that is that of the matrix's rows.
    axis: usize,
}

const OPERATION: &str = "spectral_norm";

/// What a norm is held above.
const EPS: f64 = 1e-12;

impl<F: Real, L: Module<F>> SpectralNorm<L, F> {
    /// Normalizes the parameter of this name, its first axis by all others.
    ///
    /// # Errors
    /// [`NoParameter`](gradus_nn_layers::Error::NoParameter); [`HyperParameter`](crate::Error::HyperParameter) for a parameter
    /// without axes.
    pub fn new(layer: L, weight: &str, rng: &mut (impl Rng + ?Sized)) -> Result<Self> {
        Self::along(layer, weight, 0, rng)
    }

    /// With this axis of the weight by all others: 1 for the transposed convolution, whose outputs stand on the second.
    ///
    /// # Errors
    /// As [`new`](Self::new), also for an axis that the parameter has not.
    pub fn along(layer: L, weight: &str, axis: usize, rng: &mut (impl Rng + ?Sized)) -> Result<Self> {
        const FIRST: usize = 15;
        shape_of(OPERATION, &layer, weight, Some(axis))?;
        let matrix = matrix(layer.parameter(weight)?.value(), axis);
        let start = |n: usize, rng: &mut _| normalized(init::normal(n, 0.0, 1.0, rng));
        let (u, v) = (start(matrix.nrows(), rng), start(matrix.ncols(), rng));
        let (u, v) = iterate(&matrix, u, v, FIRST);
        Ok(Self { layer, u: u.into(), v: v.into(), power_iterations: 1, weight: weight.to_owned(), axis })
    }

    /// With so many iterations in each pass in training.
    #[must_use]
    pub fn power_iterations(self, power_iterations: usize) -> Self {
        Self { power_iterations, ..self }
    }

    /// The vectors to use in this pass; new ones are noted.
    fn vectors(&self, tape: &Tape<F>, weight: &Value<F>) -> (Array1<F>, Array1<F>) {
        let vector = |buffer: &Buffer<F>| Array1::from_iter(buffer.value().iter().copied());
        let (u, v) = (vector(&self.u), vector(&self.v));
        if !tape.is_training() {
            return (u, v);
        }
        let (u, v) = iterate(&matrix(weight, self.axis), u, v, self.power_iterations);
        tape.update(self.u.id(), u.clone());
        tape.update(self.v.id(), v.clone());
        (u, v)
    }
}

/// The weight as a matrix, with an axis for its rows.
fn matrix<F: Real>(weight: &Value<F>, axis: usize) -> Array2<F> {
    let rows = weight.shape()[axis];
    let columns = weight.len().checked_div(rows).unwrap_or(0);
    let mut turned = weight.view();
    // The other axes keep their order.
    for i in (0..axis).rev() {
        turned.swap_axes(i, i + 1);
    }
    Array2::from_shape_vec((rows, columns), turned.iter().copied().collect()).expect("as many numbers as before")
}

/// `u vᵀ` with the axes of the weight.
fn outer<F: Real>(u: &Array1<F>, v: &Array1<F>, shape: &[usize], axis: usize) -> ArrayD<F> {
    let mut turned = vec![shape[axis]];
    turned.extend(shape.iter().enumerate().filter(|&(i, _)| i != axis).map(|(_, &len)| len));
    let numbers = u.iter().flat_map(|&u| v.iter().map(move |&v| u * v)).collect();
    let mut outer = ArrayD::from_shape_vec(turned, numbers).expect("as many numbers as the weight");
    for i in 0..axis {
        outer.swap_axes(i, i + 1);
    }
    outer
}

fn iterate<F: Real>(matrix: &Array2<F>, mut u: Array1<F>, mut v: Array1<F>, times: usize) -> (Array1<F>, Array1<F>) {
    for _ in 0..times {
        u = normalized(product(matrix, &v));
        let turned = matrix.t();
        v = normalized(turned.axis_iter(Axis(0)).map(|row| row.iter().zip(&u).map(|(&a, &b)| a * b).sum()).collect());
    }
    (u, v)
}

fn product<F: Real>(matrix: &Array2<F>, x: &Array1<F>) -> Array1<F> {
    matrix.rows().into_iter().map(|row| row.iter().zip(x).map(|(&a, &b)| a * b).sum()).collect()
}

fn normalized<F: Real>(x: Array1<F>) -> Array1<F> {
    let norm = x.iter().map(|x| x.to_f64().powi(2)).sum::<f64>().sqrt().max(EPS);
    x.mapv_into(|x| x / F::from_f64(norm))
}

macro_rules! walk {
    ($method:ident, $visit:ident, $walk:ident, $item:ident, [$($mutable:tt)?]) => {
        fn $method<'module>(&'module $($mutable)? self, walk: &mut $walk<'module, '_, F>) {
            let Self { layer, u, v, weight, .. } = self;
            let mut vectors = Some([u, v]);
            layer.$visit(&mut |name, item| {
                if name != weight.as_str() {
                    return walk.named(name, item);
                }
                walk.named(part_of(name, "original"), item);
                for (name, vector) in ["0._u", "0._v"].into_iter().zip(vectors.take().into_iter().flatten()) {
                    walk.named(part_of(weight, name), $item::Buffer(vector));
                }
            });
        }
    };
}

impl<F: Real, L: Module<F>> Module<F> for SpectralNorm<L, F> {
    walk!(walk, visit, Walk, Item, []);
    walk!(walk_mut, visit_mut, WalkMut, ItemMut, [mut]);
}

impl<F: Real, L: Layer<F> + Clone> Layer<F> for SpectralNorm<L, F> {
    #[track_caller]
    fn forward(&self, x: &Var<F>) -> Result<Var<F>> {
        let most = self.power_iterations;
        hold(most >= 1, OPERATION, "power_iterations", most as f64, "at least 1")?;
        let tape = x.tape();
        forward_with(OPERATION, &self.layer, x, &mut |name, w| {
            if name != self.weight {
                return Ok(w.clone());
            }
            let [rows, columns] = [&self.u, &self.v].map(|vector| vector.value().len());
            let fits = rows == w.shape().get(self.axis).copied().unwrap_or(0) && rows * columns == w.value().len();
            if !fits {
                let expected = vec![w.shape().get(self.axis).copied().unwrap_or(0)];
                let (parameter, found) = ("_u", vec![rows]);
                return Err(crate::Error::ParameterShape { operation: OPERATION, parameter, found, expected }.into());
            }
            let (u, v) = self.vectors(tape, w.value());
            let sigma = w.try_mul(&tape.input(outer(&u, &v, w.shape(), self.axis)))?.sum();
            Ok(w.try_div(&sigma)?)
        })
    }

    fn describe(&self, input: &[usize]) -> Result<Description> {
        self.layer.describe(input)
    }
}
