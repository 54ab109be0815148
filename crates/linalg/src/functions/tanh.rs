//! The hyperbolic tangent.
//!
//! ```text
//! |x| < 0.625   x + x³ P(x²)                         (f64: P/Q)
//! otherwise     ± (1 − 2 / (e^(2|x|) + 1))           no cancellation: the quotient is below 0.45
//! ```

use super::exp::{exp_f32, exp_f64};
use super::polynomial;

/// `tanh x`, within 2 ulp.
#[inline(always)]
pub(crate) fn tanh_f32(x: f32) -> f32 {
    let z = x * x;
    let p = polynomial!(z, -3.333_328_2e-1, 1.333_144_2e-1, -5.373_971_6e-2, 2.063_908_9e-2, -5.704_988_7e-3);
    let near = x.abs() + x.abs() * (z * p);
    let far = 1.0 - 2.0 / (exp_f32(2.0 * x.abs()) + 1.0);
    (if x.abs() < 0.625 { near } else { far }).copysign(x)
}

/// `tanh x`, within 2 ulp.
#[inline(always)]
pub(crate) fn tanh_f64(x: f64) -> f64 {
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
    let near = x.abs() + x.abs() * (z * (p / q));
    let far = 1.0 - 2.0 / (exp_f64(2.0 * x.abs()) + 1.0);
    (if x.abs() < 0.625 { near } else { far }).copysign(x)
}
