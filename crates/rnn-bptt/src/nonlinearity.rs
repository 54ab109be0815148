//! The function between a step's sum and its state.

use gradus_autograd::{Real, Var};
use gradus_linalg::elementwise;
use ndarray::{ArrayView2, ArrayViewMut2};

/// The function `f` of a recurrent step `h = f(a)`.
///
/// Both have derivatives that are functions of their result, so that the backward pass needs the states alone and `a`
/// is overwritten by `h` as soon as it is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
#[non_exhaustive]
pub enum Nonlinearity {
    /// Hyperbolic tangent, with `f′(a) = 1 − h²`.
    #[default]
    Tanh,
    /// Rectified linear unit, with `f′(a) = 1` where `h > 0` and 0 elsewhere, at 0 too. Nothing bounds its states.
    Relu,
}

impl Nonlinearity {
    /// `f(a)` on the tape.
    #[track_caller]
    #[must_use]
    pub fn apply<F: Real>(self, a: &Var<F>) -> Var<F> {
        match self {
            Self::Tanh => a.tanh(),
            Self::Relu => a.relu(),
        }
    }

    /// `a ← f(a)`.
    pub(crate) fn forward<F: Real>(self, mut a: ArrayViewMut2<'_, F>) {
        let zero = F::zero();
        match self {
            Self::Tanh => elementwise::map_in_place(&mut a, F::tanh),
            // NaN fails the comparison and stays.
            Self::Relu => elementwise::map_in_place(&mut a, |a| if a < zero { zero } else { a }),
        }
    }

    /// `dh ← dh ∘ f′(a)`, which is `da`, from the state `h = f(a)`.
    pub(crate) fn backward<F: Real>(self, mut dh: ArrayViewMut2<'_, F>, h: ArrayView2<'_, F>) {
        let zero = F::zero();
        match self {
            Self::Tanh => elementwise::update(&mut dh, &h, |dh, h| dh * (F::one() - h * h)),
            Self::Relu => elementwise::update(&mut dh, &h, |dh, h| if h > zero { dh } else { zero }),
        }
    }
}
