//! The logistic sigmoid.
//!
//! ```text
//! e = e^(−|x|) ≤ 1,  so nothing overflows
//! x ≥ 0:  1 / (1 + e)          x < 0:  e / (1 + e)
//! ```

use super::exp::{exp_f32, exp_f64};

/// `1 / (1 + e⁻ˣ)`, within 2 ulp.
#[inline(always)]
pub(crate) fn sigmoid_f32(x: f32) -> f32 {
    let e = exp_f32(-x.abs());
    let numerator = if x < 0.0 { e } else { 1.0 };
    numerator / (1.0 + e)
}

/// `1 / (1 + e⁻ˣ)`, within 2 ulp.
#[inline(always)]
pub(crate) fn sigmoid_f64(x: f64) -> f64 {
    let e = exp_f64(-x.abs());
    let numerator = if x < 0.0 { e } else { 1.0 };
    numerator / (1.0 + e)
}
