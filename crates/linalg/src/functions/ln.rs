//! The natural logarithm.
//!
//! ```text
//! reduce        x = 2ⁿ (1 + f),  √½ ≤ 1 + f < √2         read off the exponent's bits
//! approximate   ln(1 + f) = f − f²/2 + f³ P(f)           (f32)
//!               ln(1 + f) = 2 artanh(f / (2 + f))        (f64: a series in s², s = f / (2 + f))
//! reconstruct   ln x = n ln 2 + ln(1 + f)
//! ```

use super::polynomial;

/// `ln x`, within 1 ulp; −∞ of 0, NaN of negative numbers.
#[inline(always)]
pub(crate) fn ln_f32(x: f32) -> f32 {
    const LN_2_HIGH: f32 = 0.693_359_4;
    const LN_2_LOW: f32 = -2.121_944_4e-4;
    // Subnormal numbers have no exponent to read: they are first made 2²⁵ times as large.
    let subnormal = x < f32::MIN_POSITIVE;
    let scaled = if subnormal { x * 33_554_432.0 } else { x };
    let shift = if subnormal { -25 } else { 0 };
    // Counted from √½, the exponent is that of the power of two nearest to x on a logarithmic scale.
    const SQRT_HALF: u32 = 0x3f35_04f3;
    let above = scaled.to_bits().wrapping_sub(SQRT_HALF);
    let n = ((above as i32) >> 23).wrapping_add(shift) as f32;
    let f = f32::from_bits((above & 0x007f_ffff).wrapping_add(SQRT_HALF)) - 1.0;
    let p = polynomial!(
        f,
        3.333_333_1e-1,
        -2.499_999_4e-1,
        2.000_071_5e-1,
        -1.666_805_7e-1,
        1.424_932_3e-1,
        -1.242_014_1e-1,
        1.167_699_9e-1,
        -1.151_461e-1,
        7.037_683_6e-2
    );
    let square = f * f;
    let y = f + (f * square * p + n * LN_2_LOW - 0.5 * square) + n * LN_2_HIGH;
    let y = if x == 0.0 { f32::NEG_INFINITY } else { y };
    let y = if x < 0.0 { f32::NAN } else { y };
    // ∞ and NaN are their own logarithms.
    if x < f32::INFINITY { y } else { x }
}

/// `ln x`, within 1 ulp; −∞ of 0, NaN of negative numbers.
#[inline(always)]
pub(crate) fn ln_f64(x: f64) -> f64 {
    const LN_2_HIGH: f64 = 6.931_471_803_691_238_164_90e-1;
    const LN_2_LOW: f64 = 1.908_214_929_270_587_700_02e-10;
    const SQRT_HALF: u64 = 0x3fe6_a09e_667f_3bcd;
    const ONE: u64 = 0x3ff0_0000_0000_0000;
    /// 2⁵²: the number whose last bits are a whole number is that number more.
    const WHOLE: f64 = 4_503_599_627_370_496.0;
    let subnormal = x < f64::MIN_POSITIVE;
    let scaled = if subnormal { x * 18_014_398_509_481_984.0 } else { x }; // 2⁵⁴
    let bias = if subnormal { WHOLE + 1023.0 + 54.0 } else { WHOLE + 1023.0 };
    // As in f32; but AVX2 has neither an arithmetic shift of 64 bits nor their conversion to f64. With the exponent's bias
    // left in, the shifted bits are a positive number, and become one by standing at the end of 2⁵².
    let above = scaled.to_bits().wrapping_add(ONE - SQRT_HALF);
    let n = f64::from_bits(above >> 52 | WHOLE.to_bits()) - bias;
    let f = f64::from_bits((above & 0x000f_ffff_ffff_ffff).wrapping_add(SQRT_HALF)) - 1.0;
    let s = f / (2.0 + f);
    let z = s * s;
    // fdlibm's coefficients: ln(1 + f) = f − (f²/2 − s (f²/2 + R(s²)))
    let r = z * polynomial!(
        z,
        6.666_666_666_666_735_130e-1,
        3.999_999_999_940_941_908e-1,
        2.857_142_874_366_239_149e-1,
        2.222_219_843_214_978_396e-1,
        1.818_357_216_161_805_012e-1,
        1.531_383_769_920_937_332e-1,
        1.479_819_860_511_658_591e-1
    );
    let half_square = 0.5 * f * f;
    let y = n * LN_2_HIGH - ((half_square - (s * (half_square + r) + n * LN_2_LOW)) - f);
    let y = if x == 0.0 { f64::NEG_INFINITY } else { y };
    let y = if x < 0.0 { f64::NAN } else { y };
    if x < f64::INFINITY { y } else { x }
}
