//! Dropout that keeps mean and variance.

use super::mask::Mask;
use super::probability;
use gradus_autograd::{Real, Var};
use gradus_nn_layers::{Layer, Module, Result, Walk, WalkMut};

/// Alpha dropout, for networks of [`Selu`](gradus_nn_layers::Selu): in training, sets each number to `α` with probability `p`, and brings
/// mean and variance back to what they were.
///
/// ```text
/// in training:  y = a (x mᵢ + α (1 − mᵢ)) + b       mᵢ = 0 with probability p, else 1
///               dx = a mᵢ dy
///               a = 1 / √((1 − p) (1 + p α²)),  b = −a α p,  α = −1.7580993408473766
/// otherwise:    y = x
/// ```
///
/// `α` is the value of SELU at −∞. Of numbers of mean 0 and variance 1, on which SELU networks live, mean and variance stay;
/// plain dropout would raise the variance to `1 / (1 − p)`, layer by layer.
///
/// # Shapes
/// - input: any
/// - output: the input's
///
/// # Errors
/// `forward` returns [`Error::HyperParameter`](crate::Error::HyperParameter) if `p` is not at least 0 and less than 1.
///
/// # Examples
/// ```
/// use gradus_nn_layers::{Layer, Tape, ndarray::Array1};
/// use gradus_regularize::AlphaDropout;
/// use rand::{SeedableRng, rngs::StdRng};
///
/// let x = Array1::from_shape_fn(10_000, |i| if i % 2 == 0 { 1.0 } else { -1.0 }); // mean 0, variance 1
/// let tape = Tape::<f64>::training(&mut StdRng::seed_from_u64(7));
/// let y = AlphaDropout::new(0.3).forward(&tape.input(x))?;
/// let mean = y.value().sum() / 1e4;
/// let variance = y.value().mapv(|y| (y - mean).powi(2)).sum() / 1e4;
/// assert!(mean.abs() < 0.06 && (variance - 1.0).abs() < 0.06);
/// # Ok::<(), gradus_nn_layers::Error>(())
/// ```
///
/// # References
/// G. Klambauer, T. Unterthiner, A. Mayr, S. Hochreiter, *Self-normalizing neural networks*, NeurIPS 2017,
/// <https://arxiv.org/abs/1706.02515>
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AlphaDropout {
    /// The probability with which a number is dropped: at least 0, less than 1.
    pub p: f64,
}

/// The value of SELU at −∞: `−λ α` of Klambauer et al.
const ALPHA: f64 = -1.758_099_340_847_376_6;

impl AlphaDropout {
    /// Drops with probability `p`.
    #[must_use]
    pub fn new(p: f64) -> Self {
        Self { p }
    }
}

impl<F: Real> Module<F> for AlphaDropout {
    fn walk<'module>(&'module self, _: &mut Walk<'module, '_, F>) {}
    fn walk_mut<'module>(&'module mut self, _: &mut WalkMut<'module, '_, F>) {}
}

impl<F: Real> Layer<F> for AlphaDropout {
    #[track_caller]
    fn forward(&self, x: &Var<F>) -> Result<Var<F>> {
        probability("alpha_dropout", self.p)?;
        let Some(mask) = Mask::draw(x.tape(), self.p, 1) else { return Ok(x.clone()) };
        let a = 1.0 / ((1.0 - self.p) * (1.0 + self.p * ALPHA * ALPHA)).sqrt();
        let b = -a * ALPHA * self.p;
        let (dropped, a, b) = (F::from_f64(a * ALPHA + b), F::from_f64(a), F::from_f64(b));
        let y = mask.choose(
            x.value(),
            #[inline(always)]
            move |x| a * x + b,
            dropped,
        );
        Ok(x.tape().record("alpha_dropout", [x], y, move |mut dy| {
            mask.choose_in_place(
                &mut dy,
                #[inline(always)]
                move |dy| a * dy,
                F::zero(),
            );
            [dy]
        }))
    }
}
