//! The function between a step's sum and its state.

use crate::bptt::vanishing::{least, settled};
use gradus_autograd::{Real, Var};
use gradus_linalg::simd::vectorized;

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
    pub(crate) fn forward<F: Real>(self, a: &mut [F]) {
        let zero = F::zero();
        vectorized(
            #[inline(always)]
            || match self {
                Self::Tanh => a.iter_mut().for_each(|a| *a = a.tanh()),
                // NaN fails the comparison and stays.
                Self::Relu => a.iter_mut().for_each(|a| *a = if *a < zero { zero } else { *a }),
            },
        );
    }

    /// `dh ← dh ∘ f′(a)`, which is `da`, from the state `h = f(a)`.
    pub(crate) fn backward<F: Real>(self, dh: &mut [F], h: &[F]) {
        let (zero, one, least) = (F::zero(), F::one(), least());
        vectorized(
            #[inline(always)]
            || match self {
                Self::Tanh => dh.iter_mut().zip(h).for_each(|(dh, &h)| *dh = settled(*dh, least) * (one - h * h)),
                Self::Relu => {
                    dh.iter_mut().zip(h).for_each(|(dh, &h)| *dh = if h > zero { settled(*dh, least) } else { zero })
                }
            },
        );
    }
}
