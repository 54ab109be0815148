//! Powers with any exponent, for `f32`.
//!
//! ```text
//! |x|ᵖ = e^(p ln |x|)        in f64, whose last bits the result does not see
//! ```
//!
//! An error of one ulp in the logarithm is multiplied by `p ln x`, up to a hundred: it must be computed with more digits
//! than the result has. For `f64` that would take numbers of two parts; there, the library's function is called.

use super::exp::exp_f64;
use super::ln::ln_f64;

/// `xᵖ`, within 1 ulp.
#[inline(always)]
pub(crate) fn powf_f32(x: f32, p: f32) -> f32 {
    let (wide, exponent) = (f64::from(x), f64::from(p));
    let y = exp_f64(exponent * ln_f64(wide.abs())) as f32;
    // (`&` and `|`, not `&&` and `||`: a loop with a branch in it is not vectorized.)
    // A negative base has a power only if the exponent is whole, and then the sign of its parity.
    // Beyond 2²⁴ every f32 is whole and even; adding 1.5 · 2⁵² rounds to a whole number, of which the last bit is left.
    const ROUND: f64 = 6_755_399_441_055_744.0;
    let limited = if exponent.abs() < 16_777_216.0 { exponent } else { 0.0 };
    let rounded = limited + ROUND;
    let whole = rounded - ROUND == limited;
    let odd = whole & (rounded.to_bits() & 1 == 1);
    let negative = x.is_sign_negative();
    let y = if negative & odd { -y } else { y };
    let y = if (x < 0.0) & !whole & (x > f32::NEG_INFINITY) { f32::NAN } else { y };
    // |x| = 1 with p = ±∞ gave e^(0 · ∞).
    let y = if (x.abs() == 1.0) & (p.abs() == f32::INFINITY) { 1.0 } else { y };
    if (p == 0.0) | (x == 1.0) { 1.0 } else { y }
}
