//! The error function, for any scalar.

use crate::Var;
use gradus_linalg::Real;
use std::f64::consts::FRAC_2_SQRT_PI;

impl<F: Real> Var<F> {
    /// Error function: the probability that a normal variable with variance 1/2 lies between −x and x.
    ///
    /// ```text
    /// y = 2/√π ∫₀ˣ e^(−t²) dt        dx = dy · 2/√π e^(−x²)
    /// ```
    #[track_caller]
    #[must_use]
    pub fn erf(&self) -> Self {
        let scale = F::from_f64(FRAC_2_SQRT_PI);
        self.with_input(
            "erf",
            #[inline(always)]
            |x: F| x.erf(),
            #[inline(always)]
            move |dy, x| dy * scale * (-(x * x)).exp(),
        )
    }
}

/// The density of the standard normal distribution.
#[inline(always)]
pub(super) fn density<F: Real>(x: F) -> F {
    F::from_f64(0.5 * FRAC_2_SQRT_PI * std::f64::consts::FRAC_1_SQRT_2) * (-(x * x) / F::from_f64(2.0)).exp()
}
