//! The hyperbolic tangent.
//!
//! ```text
//! |x| < 0.625   x + x³ P(x²)                         (f64: P/Q)
//! otherwise     ± (1 − 2 / (e^(2|x|) + 1))           no cancellation: the quotient is below 0.45
//!               2|x| = n ln 2 + r:  2 / (e^(2|x|) + 1) = 2 · 2⁻ⁿ / (2⁻ⁿ + 1 + q),  q = eʳ − 1
//! ```
//!
//! `f64` selects what is divided by what before the one division.

use super::exp::{Reduced, power_of_two_f32, power_of_two_f64, reduced_f32, reduced_f64};
use super::polynomial;

/// `tanh x`, within 2 ulp.
#[inline(always)]
pub(crate) fn tanh_f32(x: f32) -> f32 {
    let magnitude = x.abs();
    let z = x * x;
    let p = polynomial!(z, -3.333_328_2e-1, 1.333_144_2e-1, -5.373_971_6e-2, 2.063_908_9e-2, -5.704_988_7e-3);
    let near = magnitude + magnitude * (z * p);
    let limited = if magnitude > 10.0 { 10.0 } else { magnitude }; // 1 from there on; a NaN passes
    let Reduced { n, r, tail, .. } = reduced_f32(2.0 * limited);
    let power = power_of_two_f32(-n);
    let far = 1.0 - 2.0 * power / ((1.0 + power) + (r + tail));
    (if magnitude < 0.625 { near } else { far }).copysign(x)
}

/// `tanh x`, within 2 ulp.
#[inline(always)]
pub(crate) fn tanh_f64(x: f64) -> f64 {
    let magnitude = x.abs();
    let z = x * x;
    let p = polynomial!(
        z,
        -1.614_687_684_417_084_479_52e3,
        -9.928_772_310_019_185_865_64e1,
        -9.643_991_794_250_522_386_28e-1
    );
    let q = polynomial!(
        z,
        4.844_063_053_251_254_860_48e3,
        2.235_488_390_601_004_485_83e3,
        1.128_116_784_916_329_314_02e2,
        1.0
    );
    let limited = if magnitude > 20.0 { 20.0 } else { magnitude };
    let Reduced { n, r, tail, .. } = reduced_f64(2.0 * limited);
    let power = power_of_two_f64(-n);
    let near = magnitude < 0.625;
    let start = if near { magnitude } else { 1.0 };
    let numerator = if near { magnitude * (z * p) } else { -2.0 * power };
    let denominator = if near { q } else { (1.0 + power) + (r + tail) };
    (start + numerator / denominator).copysign(x)
}
