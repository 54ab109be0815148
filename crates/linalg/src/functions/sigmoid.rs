//! The logistic sigmoid.
//!
//! ```text
//! e = e^(−|x|) ≤ 1,  so nothing overflows
//! x ≥ 0:  1 / (1 + e)          x < 0:  e / (1 + e)
//! ```
//!
//! The roundings of `e` and of `1 + e` alone would cost more than 2 ulp. What they have lost is known, and the quotient
//! is corrected by it to first order; `1 / (1 + e)`, which that takes, is the quotient itself or 1 minus it.

use super::exp::{exp_parts_f32, exp_parts_f64};

macro_rules! sigmoid {
    ($sigmoid:ident, $float:ident, $exp_parts:ident) => {
        /// `1 / (1 + e⁻ˣ)`, within 2 ulp (1.2 measured in `f32`).
        #[inline(always)]
        pub(crate) fn $sigmoid(x: $float) -> $float {
            let (e, e_lost) = $exp_parts(-x.abs());
            let negative = x < 0.0;
            let (numerator, lost) = if negative { (e, e_lost) } else { (1.0, 0.0) };
            let denominator = 1.0 + e;
            let denominator_lost = (e - (denominator - 1.0)) + e_lost;
            let y = numerator / denominator;
            let reciprocal = if negative { 1.0 - y } else { y };
            y + (lost - y * denominator_lost) * reciprocal
        }
    };
}

sigmoid!(sigmoid_f32, f32, exp_parts_f32);
sigmoid!(sigmoid_f64, f64, exp_parts_f64);
