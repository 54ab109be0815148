//! Activation functions beyond `relu`, `tanh` and `sigmoid`.

use super::erf::density;
use crate::Var;
use gradus_linalg::Real;
use std::f64::consts::{FRAC_1_SQRT_2, FRAC_2_SQRT_PI};

impl<F: Real> Var<F> {
    /// Rectified linear unit with a slope on the left, so that no unit dies; at 0 the slope is the left one, as in
    /// PyTorch.
    ///
    /// ```text
    /// y = x where x > 0, else slope · x        dx = dy where x > 0, else slope · dy
    /// ```
    ///
    /// `negative_slope` is commonly 0.01.
    ///
    /// # References
    /// A. L. Maas, A. Y. Hannun, A. Y. Ng, *Rectifier nonlinearities improve neural network acoustic models*, 2013.
    #[track_caller]
    #[must_use]
    pub fn leaky_relu(&self, negative_slope: f64) -> Self {
        let (zero, slope) = (F::zero(), F::from_f64(negative_slope));
        let f = move |x: F| if x > zero { x } else { slope * x };
        self.with_input("leaky_relu", f, move |dy, x| if x > zero { dy } else { slope * dy })
    }

    /// Exponential linear unit; at 0 the slope is that of the left side, `alpha`, as in PyTorch.
    ///
    /// ```text
    /// y = x where x > 0, else α (eˣ − 1)        dx = dy where x > 0, else dy · α eˣ
    /// ```
    ///
    /// `alpha` is commonly 1.
    ///
    /// # References
    /// D.-A. Clevert, T. Unterthiner, S. Hochreiter, *Fast and accurate deep network learning by exponential linear
    /// units*, 2016, <https://arxiv.org/abs/1511.07289>
    #[track_caller]
    #[must_use]
    pub fn elu(&self, alpha: f64) -> Self {
        let (zero, alpha) = (F::zero(), F::from_f64(alpha));
        self.with_input(
            "elu",
            #[inline(always)]
            move |x: F| if x > zero { x } else { alpha * x.exp_m1() },
            #[inline(always)]
            move |dy, x| if x > zero { dy } else { dy * alpha * x.exp() },
        )
    }

    /// Gaussian error linear unit: x times the probability that a normal variable is below x.
    ///
    /// ```text
    /// y = x Φ(x) = x/2 · erfc(−x/√2)        dx = dy (Φ(x) + x φ(x)),  φ(x) = e^(−x²/2) / √2π
    /// ```
    ///
    /// # References
    /// D. Hendrycks, K. Gimpel, *Gaussian error linear units*, 2016, <https://arxiv.org/abs/1606.08415>
    #[track_caller]
    #[must_use]
    pub fn gelu(&self) -> Self {
        self.with_input(
            "gelu",
            #[inline(always)]
            |x: F| times(x, below(x)),
            #[inline(always)]
            |dy, x| dy * (below(x) + times(x, density(x))),
        )
    }

    /// The Gaussian error linear unit with a hyperbolic tangent in place of the error function, off by less than
    /// 0.001, as GPT-2 has it.
    ///
    /// ```text
    /// y = x/2 (1 + tanh u) = x σ(2u),  u = √(2/π) (x + 0.044715 x³)        dx = dy (σ + 2 x u' σ (1 − σ))
    /// ```
    ///
    /// # References
    /// As [`Var::gelu`], section 2.
    #[track_caller]
    #[must_use]
    pub fn gelu_tanh(&self) -> Self {
        let (one, three) = (F::one(), F::from_f64(3.0));
        let (scale, cubic) = (F::from_f64(2.0 * FRAC_2_SQRT_PI * FRAC_1_SQRT_2), F::from_f64(0.044_715)); // 2 √(2/π)
        self.with_input(
            "gelu_tanh",
            #[inline(always)]
            move |x: F| times(x, (scale * x * (one + cubic * x * x)).sigmoid()),
            #[inline(always)]
            move |dy, x| {
                let s = (scale * x * (one + cubic * x * x)).sigmoid();
                dy * (s + times(x * scale * (one + three * cubic * x * x), s * (one - s)))
            },
        )
    }

    /// Sigmoid linear unit, also called swish.
    ///
    /// ```text
    /// y = x σ(x)        dx = dy · σ (1 + x (1 − σ))
    /// ```
    ///
    /// # References
    /// S. Elfwing, E. Uchibe, K. Doya, *Sigmoid-weighted linear units*, 2017, <https://arxiv.org/abs/1702.03118>
    #[track_caller]
    #[must_use]
    pub fn silu(&self) -> Self {
        let one = F::one();
        self.with_input(
            "silu",
            #[inline(always)]
            |x: F| times(x, x.sigmoid()),
            #[inline(always)]
            move |dy, x| {
                let s = x.sigmoid();
                dy * (s + times(x, s * (one - s)))
            },
        )
    }

    /// Softplus, a smooth `relu`: its slope is the sigmoid.
    ///
    /// ```text
    /// y = ln(1 + e^βx) / β, computed as (max(βx, 0) + ln(1 + e^−|βx|)) / β        dx = dy · σ(βx)
    /// y = x where βx > threshold                                                 dx = dy
    /// ```
    ///
    /// `beta` is positive, commonly 1; the larger, the sharper the bend. The `threshold`, commonly 20, is PyTorch's, which
    /// avoids an overflow with it; this form has none, and `f64::INFINITY` switches it off.
    ///
    /// # References
    /// C. Dugas, Y. Bengio, F. Bélisle, C. Nadeau, R. Garcia, *Incorporating second-order functional knowledge for better
    /// option pricing*, 2001.
    #[track_caller]
    #[must_use]
    pub fn softplus(&self, beta: f64, threshold: f64) -> Self {
        let (beta, threshold) = (F::from_f64(beta), F::from_f64(threshold));
        self.with_input(
            "softplus",
            #[inline(always)]
            move |x: F| {
                let z = beta * x;
                if z > threshold { x } else { (z.maximum(F::zero()) + (-z.abs()).exp().ln_1p()) / beta }
            },
            #[inline(always)]
            move |dy, x| {
                let z = beta * x;
                if z > threshold { dy } else { dy * z.sigmoid() }
            },
        )
    }
}

/// The probability that a standard normal variable is below x.
#[inline(always)]
fn below<F: Real>(x: F) -> F {
    F::from_f64(0.5) * (x * F::from_f64(-FRAC_1_SQRT_2)).erfc()
}

/// `x · factor`, and 0 where the factor has vanished, also if x is infinite.
#[inline(always)]
fn times<F: Real>(x: F, factor: F) -> F {
    if factor == F::zero() { factor } else { x * factor }
}
