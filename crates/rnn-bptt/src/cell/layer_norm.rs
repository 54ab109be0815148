//! Layer normalization inside a recurrent cell.

use super::{Cell, GruCell, LstmCell, RnnCell};
use crate::{Result, State};
use gradus_autograd::{Real, Var};
use gradus_nn_layers::{Layer, LayerNorm, Module, Walk, WalkMut};
use rand::Rng;

/// A cell whose sums are brought to mean 0 and variance 1 over the features of each sequence, then scaled and shifted.
///
/// ```text
/// LN(a) = w ∘ (a − m) / √(v + ε) + b,    m = mean of a, v = variance of a, over its features
///
/// RNN    h′ = f(LN(Wᵢₕ x + Wₕₕ h))
/// LSTM   (i, f, g, o) from the sums LN(Wᵢ x) + LN(Wₕ h), c′ = f ∘ c + i ∘ g, h′ = o ∘ tanh(LN(c′))
/// GRU    (r, z) from the sums LN(Wᵢ x) + LN(Wₕ h), n = tanh(LN(Wᵢₙ x) + r ∘ LN(Wₕₙ h)), h′ = (1 − z) ∘ n + z ∘ h
/// ```
///
/// Each `LN` has a scale and a shift of its own. A scale of all sums of a step by one factor changes nothing, so that states neither
/// grow nor shrink with the size of `Wₕₕ`: the gradient's way through time is steadier. Statistics are of one step of one sequence;
/// training and use are the same function.
///
/// These are the published forms. PyTorch's example of such an LSTM also carries the normalized memory on in the place of `c′`; the paper
/// does not, and neither does this one.
///
/// It is a [`Cell`], and [`Recurrent::of`](crate::Recurrent::of) makes layers of it; steps are unrolled on the tape. Parameters
/// have the cell's names and those of [`Normalized::norms`], `norm_ih_weight` and so on.
///
/// # Examples
/// ```
/// use gradus_rnn_bptt::{Layer, LayerNormLstmCell, Recurrent, Tape, ndarray::Array3};
/// use rand::{SeedableRng, rngs::StdRng};
/// let mut rng = StdRng::seed_from_u64(1);
/// let cell: LayerNormLstmCell = LayerNormLstmCell::new(3, 8, &mut rng);
/// let layers = Recurrent::of(cell).layers(2, &mut rng);
/// assert_eq!(layers.forward(&Tape::inference().input(Array3::ones((10, 4, 3))))?.shape(), [10, 4, 8]);
/// # Ok::<(), gradus_nn_layers::Error>(())
/// ```
///
/// # References
/// J. L. Ba, J. R. Kiros, G. E. Hinton, *Layer normalization*, 2016, <https://arxiv.org/abs/1607.06450>, sections 3.1 and the
/// supplementary material's equations (20) to (25).
#[derive(Debug, Clone)]
pub struct LayerNormCell<C: Normalized> {
    /// The cell whose sums are normalized.
    pub cell: C,
    /// The normalizations, in the order of [`Normalized::norms`].
    pub norms: Vec<LayerNorm<C::Float>>,
}

/// An Elman network's step with [layer normalization](LayerNormCell).
pub type LayerNormRnnCell<F = f32> = LayerNormCell<RnnCell<F>>;

/// An LSTM's step with [layer normalization](LayerNormCell).
pub type LayerNormLstmCell<F = f32> = LayerNormCell<LstmCell<F>>;

/// A GRU's step with [layer normalization](LayerNormCell).
pub type LayerNormGruCell<F = f32> = LayerNormCell<GruCell<F>>;

/// A cell that can have layer normalization inside: what a [`LayerNormCell`] is made of.
pub trait Normalized: Cell {
    /// The name by which errors speak of a layer of these cells with normalization, `"layer_norm_lstm"`.
    const LAYER_NORM: &'static str;

    /// What is normalized.
    fn norms(&self) -> Vec<Norm>;

    /// A step with the normalizations of [`Normalized::norms`] in that order, or with none if the list is empty. The products with
    /// weights read `h`, which is the state's or what a mask leaves of it.
    ///
    /// # Errors
    /// As [`Cell::step`].
    fn step_normalized(
        &self,
        x: &Var<Self::Float>,
        h: &Var<Self::Float>,
        state: &Self::State,
        norms: &[LayerNorm<Self::Float>],
    ) -> Result<Self::State>;
}

/// One normalization of a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Norm {
    /// The name of its scale.
    pub weight: &'static str,
    /// The name of its shift.
    pub bias: &'static str,
    /// The number of features over which mean and variance are taken.
    pub features: usize,
}

/// The sum after the normalization at this place, if there is one.
#[track_caller]
pub(crate) fn normalized<F: Real>(norms: &[LayerNorm<F>], place: usize, sum: &Var<F>) -> Result<Var<F>> {
    match norms.get(place) {
        Some(norm) => Ok(norm.forward(sum)?),
        None => Ok(sum.clone()),
    }
}

impl<C: Normalized> LayerNormCell<C> {
    /// The cell with normalizations of scale 1 and shift 0. Biases that it has stand within the normalized sums, where the shift
    /// makes up for what they do: a cell without them is as good.
    #[must_use]
    pub fn of(cell: C) -> Self {
        let norms = cell.norms().into_iter().map(|norm| LayerNorm::new(norm.features)).collect();
        Self { cell, norms }
    }
}

impl<F: Real> LayerNormCell<RnnCell<F>> {
    /// With tanh and without biases. Draws weights from `U(−k, k)`, `k = 1/√hidden_size`.
    pub fn new(input_size: usize, hidden_size: usize, rng: &mut (impl Rng + ?Sized)) -> Self {
        Self::of(RnnCell::new(input_size, hidden_size, rng).without_bias())
    }
}

impl<F: Real> LayerNormCell<LstmCell<F>> {
    /// Without biases. Draws weights from `U(−k, k)`, `k = 1/√hidden_size`.
    pub fn new(input_size: usize, hidden_size: usize, rng: &mut (impl Rng + ?Sized)) -> Self {
        Self::of(LstmCell::new(input_size, hidden_size, rng).without_bias())
    }
}

impl<F: Real> LayerNormCell<GruCell<F>> {
    /// Without biases, the reset gate after the product. Draws weights from `U(−k, k)`, `k = 1/√hidden_size`.
    pub fn new(input_size: usize, hidden_size: usize, rng: &mut (impl Rng + ?Sized)) -> Self {
        Self::of(GruCell::new(input_size, hidden_size, rng).without_bias())
    }
}

impl<C: Normalized> Module<C::Float> for LayerNormCell<C> {
    fn walk<'module>(&'module self, walk: &mut Walk<'module, '_, C::Float>) {
        self.cell.walk(walk);
        for (norm, own) in self.cell.norms().into_iter().zip(&self.norms) {
            walk.field(norm.weight, &own.weight);
            walk.field(norm.bias, &own.bias);
        }
    }

    fn walk_mut<'module>(&'module mut self, walk: &mut WalkMut<'module, '_, C::Float>) {
        let norms = self.cell.norms();
        self.cell.walk_mut(walk);
        for (norm, own) in norms.into_iter().zip(&mut self.norms) {
            walk.field(norm.weight, &mut own.weight);
            walk.field(norm.bias, &mut own.bias);
        }
    }
}

impl<C: Normalized> Cell for LayerNormCell<C> {
    type Float = C::Float;
    type State = C::State;
    const NAME: &'static str = C::LAYER_NORM;

    fn input_size(&self) -> usize {
        self.cell.input_size()
    }

    fn state_sizes(&self) -> Vec<usize> {
        self.cell.state_sizes()
    }

    fn multiply_adds(&self) -> u64 {
        self.cell.multiply_adds()
    }

    /// Beside the cell's own, what the normalizations leave.
    fn activations(&self) -> usize {
        self.cell.activations() + self.cell.norms().iter().map(|norm| norm.features).sum::<usize>()
    }

    fn alike(&self, input_size: usize, rng: &mut (impl Rng + ?Sized)) -> Self {
        let mut other = Self::of(self.cell.alike(input_size, rng));
        for (norm, like) in other.norms.iter_mut().zip(&self.norms) {
            norm.eps = like.eps;
        }
        other
    }

    #[track_caller]
    fn step(&self, x: &Var<C::Float>, state: &C::State) -> Result<C::State> {
        self.cell.step_normalized(x, state.hidden(), state, &self.norms)
    }

    #[track_caller]
    fn step_masked(&self, x: &Var<C::Float>, state: &C::State, mask: &Var<C::Float>) -> Result<C::State> {
        self.cell.step_normalized(x, &state.hidden().try_mul(mask)?, state, &self.norms)
    }
}
