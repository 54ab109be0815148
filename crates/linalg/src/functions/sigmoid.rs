//! The logistic sigmoid.
//!
//! ```text
//! |x| = n ln 2 + r,  eʳ = 1 + q                  the parts of the exponential, not put together
//! s = 1 / (1 + e^|x|) = 2⁻ⁿ / (2⁻ⁿ + 1 + q)      nothing overflows: n ≥ 0
//! x < 0:  s          x ≥ 0:  1 − s
//! ```
//!
//! `1 / (1 + e^|x|)` with a rounded exponential would be wrong by its rounding, that of the sum and that of the quotient. Here
//! `1 + q` is never rounded for itself: what `1 + 2⁻ⁿ` loses is added to the small `q`, and the sum is rounded once.

use super::exp::{Reduced, halves_f32, halves_f64, reduced_f32, reduced_f64};

macro_rules! sigmoid {
    ($sigmoid:ident, $float:ident, $reduced:ident, $halves:ident, $most:literal) => {
        /// `1 / (1 + e⁻ˣ)`, within 2 ulp (1.7 measured).
        #[inline(always)]
        pub(crate) fn $sigmoid(x: $float) -> $float {
            let magnitude = x.abs();
            let magnitude = if magnitude > $most { $most } else { magnitude }; // s is 0 there; a NaN passes
            let Reduced { n, r, tail, .. } = $reduced(magnitude);
            let (low, high) = $halves(-n);
            let power = low * high;
            let sum = 1.0 + power;
            let lost = power - (sum - 1.0);
            let s = low / (sum + ((r + lost) + tail)) * high;
            if x < 0.0 { s } else { 1.0 - s }
        }
    };
}

sigmoid!(sigmoid_f32, f32, reduced_f32, halves_f32, 104.0);
sigmoid!(sigmoid_f64, f64, reduced_f64, halves_f64, 746.0);
