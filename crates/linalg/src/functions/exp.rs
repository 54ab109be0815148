//! The exponential function.
//!
//! ```text
//! reduce        x = n ln 2 + r,  |r| ≤ ln 2 / 2          n = round(x / ln 2)
//! approximate   eʳ by a polynomial
//! reconstruct   eˣ = 2ⁿ eʳ                               2ⁿ is written into the exponent's bits
//! ```
//!
//! `r` must be right to the last bit although `n ln 2` is much larger: ln 2 is split into a part with so few bits that
//! `n` times it is exact, and the rest. In `f64`, what the rounding of `r` and of `1 + r` loses is computed and put back, so
//! that only the last addition's rounding is left; `f32`, of which most is asked, leaves the rounding of `r` in.

use super::polynomial;

/// `eˣ`, within 1 ulp.
#[inline(always)]
pub(crate) fn exp_f32(x: f32) -> f32 {
    exp_parts_f32(x).0
}

/// `eˣ`, and what its rounding has lost.
#[inline(always)]
pub(super) fn exp_parts_f32(x: f32) -> (f32, f32) {
    /// Adding it pushes the fraction out of the significand: what is left is rounded, and its bits end in `n`.
    const ROUND: f32 = 12_582_912.0; // 1.5 · 2²³
    const LN_2_HIGH: f32 = 0.693_359_4; // 10 bits
    const LN_2_LOW: f32 = -2.121_944_4e-4;
    // Beyond these the result is ∞ or 0. A NaN passes: it is neither.
    let x = if x > 89.0 { 89.0 } else { x };
    let x = if x < -104.0 { -104.0 } else { x };
    let rounded = x * std::f32::consts::LOG2_E + ROUND;
    let n = rounded - ROUND;
    let r = (x - n * LN_2_HIGH) - n * LN_2_LOW; // the first difference exactly
    // Minimax coefficients, one fewer than Taylor's.
    let tail = polynomial!(r, 4.999_998_51e-1, 1.666_647_20e-1, 4.166_953_64e-2, 8.373_124_52e-3, 1.378_059_39e-3);
    let rest = r + r * r * tail;
    let power = 1.0 + rest;
    let rest = rest - (power - 1.0);
    // 2ⁿ in two factors: one alone would overflow for the largest results, and vanish for subnormal ones.
    let n = (rounded.to_bits() as i32).wrapping_sub(ROUND.to_bits() as i32);
    let half = n >> 1;
    let two_to = |n: i32| f32::from_bits((n.wrapping_add(127) as u32) << 23);
    let (low, high) = (two_to(half), two_to(n.wrapping_sub(half)));
    (power * low * high, rest * low * high)
}

/// `eˣ`, within 1 ulp.
#[inline(always)]
pub(crate) fn exp_f64(x: f64) -> f64 {
    exp_parts_f64(x).0
}

/// `eˣ`, and what its rounding has lost.
#[inline(always)]
pub(super) fn exp_parts_f64(x: f64) -> (f64, f64) {
    const ROUND: f64 = 6_755_399_441_055_744.0; // 1.5 · 2⁵²
    const LN_2_HIGH: f64 = 6.931_471_803_691_238_164_90e-1; // 33 bits
    const LN_2_LOW: f64 = 1.908_214_929_270_587_700_02e-10;
    let x = if x > 710.0 { 710.0 } else { x };
    let x = if x < -746.0 { -746.0 } else { x };
    let rounded = x * std::f64::consts::LOG2_E + ROUND;
    let n = rounded - ROUND;
    let (high, low) = (x - n * LN_2_HIGH, n * LN_2_LOW); // the first exactly
    let r = high - low;
    let lost = (high - r) - low;
    let tail = polynomial!(
        r,
        0.5,
        1.0 / 6.0,
        1.0 / 24.0,
        1.0 / 120.0,
        1.0 / 720.0,
        1.0 / 5_040.0,
        1.0 / 40_320.0,
        1.0 / 362_880.0,
        1.0 / 3_628_800.0,
        1.0 / 39_916_800.0,
        1.0 / 479_001_600.0,
        1.0 / 6_227_020_800.0
    );
    let sum = 1.0 + r;
    let rest = r * r * tail + ((r - (sum - 1.0)) + lost);
    let power = sum + rest;
    let rest = rest - (power - sum);
    let n = (rounded.to_bits() as i64).wrapping_sub(ROUND.to_bits() as i64);
    let half = n >> 1;
    let two_to = |n: i64| f64::from_bits((n.wrapping_add(1023) as u64) << 52);
    let (low, high) = (two_to(half), two_to(n.wrapping_sub(half)));
    (power * low * high, rest * low * high)
}
