//! Sine and cosine.
//!
//! ```text
//! reduce        x = n π/2 + r,  |r| ≤ π/4
//! approximate   sin r = r − r³/6 + …,  cos r = 1 − r²/2 + …
//! reconstruct   n mod 4 says which of the two it is, and its sign
//! ```
//!
//! As in the exponential, π/2 is split into parts of so few digits that `n` times a part is exact. That holds for `n` up to
//! 2²⁰, arguments up to about 1.6 million; beyond, the library's function is called, which reduces by as many digits of
//! π as it takes. An `f32` is reduced in `f64`, where two parts are enough.

use super::polynomial;
use std::f64::consts::FRAC_2_PI;

/// Up to here the reduction is exact.
const LIMIT: f64 = 1_600_000.0;
/// Rounds to a whole number, whose last bits are then the sum's.
const ROUND: f64 = 6_755_399_441_055_744.0; // 1.5 · 2⁵²

/// π/2 in four parts, of which the first three have 33 bits (fdlibm's).
const PARTS: [f64; 4] = [
    1.570_796_326_734_125_614_17,
    6.077_100_506_303_965_976_60e-11,
    2.022_266_248_711_166_455_80e-21,
    8.478_427_660_368_899_569_97e-32,
];

/// The last two bits of `n`, and `r` with what its rounding has lost.
#[inline(always)]
fn reduce(x: f64) -> (u64, f64, f64) {
    let rounded = x * FRAC_2_PI + ROUND;
    let n = rounded - ROUND;
    let first = x - n * PARTS[0]; // exactly
    let part = n * PARTS[1];
    let second = first - part;
    let lost = (first - second) - part;
    let part = n * PARTS[2] - lost;
    let r = second - part;
    let low = (second - r) - part - n * PARTS[3];
    (rounded.to_bits(), r, low)
}

/// `sin(r + low)` for `|r| ≤ π/4`; fdlibm's coefficients.
#[inline(always)]
fn sine(r: f64, low: f64) -> f64 {
    let z = r * r;
    let p = polynomial!(
        z,
        8.333_333_333_322_489_461_24e-3,
        -1.984_126_982_985_794_931_34e-4,
        2.755_731_370_707_006_767_89e-6,
        -2.505_076_025_340_686_341_95e-8,
        1.589_690_995_211_550_102_21e-10
    );
    let cube = z * r;
    r - ((z * (0.5 * low - cube * p) - low) - cube * -1.666_666_666_666_663_243_48e-1)
}

/// `cos(r + low)` for `|r| ≤ π/4`; fdlibm's coefficients.
#[inline(always)]
fn cosine(r: f64, low: f64) -> f64 {
    let z = r * r;
    let p = z * polynomial!(
        z,
        4.166_666_666_666_660_190_37e-2,
        -1.388_888_888_887_410_957_49e-3,
        2.480_158_728_947_672_941_78e-5,
        -2.755_731_435_139_066_330_35e-7,
        2.087_572_321_298_174_827_90e-9,
        -1.135_964_755_778_819_482_65e-11
    );
    let half = 0.5 * z;
    let w = 1.0 - half;
    w + (((1.0 - w) - half) + (z * p - r * low))
}

/// The sine of `x + quarters · π/2`, for `|x|` up to [`LIMIT`].
#[inline(always)]
fn rotated(x: f64, quarters: u64) -> f64 {
    let (n, r, low) = reduce(x);
    let n = n.wrapping_add(quarters);
    let y = if n & 1 == 0 { sine(r, low) } else { cosine(r, low) };
    if n & 2 == 0 { y } else { -y }
}

macro_rules! trigonometric {
    ($sin:ident, $cos:ident, $float:ident) => {
        /// `sin x`, within 1 ulp.
        #[inline(always)]
        pub(crate) fn $sin(x: $float) -> $float {
            let wide = f64::from(x);
            if wide.abs() <= LIMIT {
                return if x == 0.0 { x } else { rotated(wide, 0) as $float };
            }
            library(wide, f64::sin) as $float
        }

        /// `cos x`, within 1 ulp.
        #[inline(always)]
        pub(crate) fn $cos(x: $float) -> $float {
            let wide = f64::from(x);
            if wide.abs() <= LIMIT {
                return rotated(wide, 1) as $float;
            }
            library(wide, f64::cos) as $float
        }
    };
}

trigonometric!(sin_f32, cos_f32, f32);
trigonometric!(sin_f64, cos_f64, f64);

#[cold]
#[inline(never)]
fn library(x: f64, f: fn(f64) -> f64) -> f64 {
    f(x)
}
