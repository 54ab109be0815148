//! Dropout: of single numbers, of channels, of branches, of weights; and what the spread of its results tells.

mod alpha;
mod channel;
mod connect;
mod depth;
mod mask;
mod monte_carlo;

pub use alpha::AlphaDropout;
pub use channel::{ChannelDropout, Dropout1d, Dropout2d, Dropout3d};
pub use connect::DropConnect;
pub use depth::{StochasticDepth, StochasticDepthMode};
pub use monte_carlo::{McDropout, Uncertain, UncertainClasses};

use crate::error::hold;
use gradus_autograd::{Real, Var};
use gradus_nn_layers::{Layer, Module, Result, Walk, WalkMut};
use mask::Mask;

/// Dropout: in training, sets each number to 0 with probability `p` and divides the others by `1 − p`.
///
/// ```text
/// in training:  y = x · mᵢ / (1 − p)     mᵢ = 0 with probability p, else 1
///               dx = dy · mᵢ / (1 − p)   with the same m
/// otherwise:    y = x
/// ```
///
/// This is the inverted form: the expectation of `y` is `x`, so that nothing has to be scaled in use. Whether it is
/// training, the layer reads off the tape of its input. For a prediction with uncertainty there is [`McDropout`].
///
/// What is dropped is 0, whatever it was, infinite or NaN too.
///
/// The mask is never stored: one seed is drawn from the tape's random stream, and forward and backward make the same mask
/// from it.
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
/// use gradus_regularize::Dropout;
/// use rand::{SeedableRng, rngs::StdRng};
///
/// let dropout = Dropout::new(0.25);
/// let x = Array1::from_elem(1000, 3.0_f32);
/// let y = dropout.forward(&Tape::training(&mut StdRng::seed_from_u64(7)).input(x.clone()))?;
/// assert!(y.value().iter().all(|&y| y == 0.0 || y == 4.0));
/// let same = dropout.forward(&Tape::inference().input(x.clone()))?;
/// assert_eq!(same.value(), &x);
/// # Ok::<(), gradus_nn_layers::Error>(())
/// ```
///
/// # References
/// N. Srivastava, G. Hinton, A. Krizhevsky, I. Sutskever, R. Salakhutdinov, *Dropout: a simple way to prevent neural
/// networks from overfitting*, JMLR 15, 2014, <https://jmlr.org/papers/v15/srivastava14a.html>
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Dropout {
    /// The probability with which a number is dropped: at least 0, less than 1.
    pub p: f64,
}

impl Dropout {
    /// Drops with probability `p`.
    #[must_use]
    pub fn new(p: f64) -> Self {
        Self { p }
    }
}

impl<F: Real> Module<F> for Dropout {
    fn walk<'module>(&'module self, _: &mut Walk<'module, '_, F>) {}
    fn walk_mut<'module>(&'module mut self, _: &mut WalkMut<'module, '_, F>) {}
}

impl<F: Real> Layer<F> for Dropout {
    #[track_caller]
    fn forward(&self, x: &Var<F>) -> Result<Var<F>> {
        probability("dropout", self.p)?;
        Ok(drop_blocks("dropout", x, self.p, 1))
    }
}

/// Refuses what is no probability, and one of which nothing would be kept.
fn probability(operation: &'static str, p: f64) -> crate::Result<()> {
    hold((0.0..1.0).contains(&p), operation, "p", p, "at least 0 and less than 1")
}

/// In training, drops blocks of so many numbers, which stand one after the other, and divides the others by `1 − p`.
#[track_caller]
fn drop_blocks<F: Real>(operation: &'static str, x: &Var<F>, p: f64, block: usize) -> Var<F> {
    let Some(mask) = Mask::draw(x.tape(), p, block) else { return x.clone() };
    let factor = F::from_f64(1.0 / (1.0 - p));
    let y = mask.choose(
        x.value(),
        #[inline(always)]
        move |x| x * factor,
        F::zero(),
    );
    x.tape().record(operation, [x], y, move |mut dy| {
        mask.choose_in_place(
            &mut dy,
            #[inline(always)]
            move |dy| dy * factor,
            F::zero(),
        );
        [dy]
    })
}
