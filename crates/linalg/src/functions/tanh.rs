//! The hyperbolic tangent.
//!
//! ```text
//! |x| < 0.625   x + x³ P(x²)                         (f64: P/Q)
//! otherwise     ± (1 − 2 / (e^(2|x|) + 1))           no cancellation: the quotient is below 0.45
//!               2|x| = n ln 2 + r:  2 / (e^(2|x|) + 1) = 2 · 2⁻ⁿ / (2⁻ⁿ + 1 + q),  q = eʳ − 1
//! ```
//!
//! `f64` selects what is divided by what before the one division.

use super::exp::{Reduced, power_of_two_f64, reduced_f64};
use super::{horner, multiply_add, polynomial};

/// `tanh x`, within 2 ulp (1.2 measured).
#[inline(always)]
pub(crate) fn tanh_f32(x: f32) -> f32 {
    /// Adding it rounds to a whole number: 1.5 · 2²³.
    const ROUND: f32 = 12_582_912.0;
    let magnitude = x.abs();
    let z = x * x;
    let p = horner!(z, -0.333_332_84, 0.133_314_91, -0.053_743_5, 0.020_650_59, -0.005_717_04);
    let near = multiply_add!(magnitude, z * p, magnitude);
    let limited = if magnitude > 10.0 { 10.0 } else { magnitude }; // 1 from there on; a NaN passes
    let shifted = multiply_add!(limited, -2.0 * std::f32::consts::LOG2_E, ROUND);
    // Half of r, by one step: where n is so large that its rounding shows, the quotient no longer does.
    let s = multiply_add!(shifted - ROUND, std::f32::consts::LN_2 / 2.0, limited);
    let q = s * horner!(s, 1.0, 1.000_000_02, 0.666_660_52, 0.333_329_5, 0.133_913_57, 0.044_645_5); // (eʳ − 1) / 2
    let power = f32::from_bits((shifted.to_bits() << 23).wrapping_add(1.0_f32.to_bits())); // 2⁻ⁿ
    let far = 1.0 - power / (multiply_add!(power, 0.5, 0.5) + q);
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
