//! The error function and its complement.
//!
//! ```text
//! erf x = 2/√π ∫₀ˣ e^(−t²) dt        erfc x = 1 − erf x, exact also where it is tiny
//!
//! |x| < 0.84375   erf x  = x + x P(x²) / Q(x²)          (fdlibm's: it reaches to where so little is taken from 1 that
//!                                                       the last bits of erfc do not matter)
//! |x| ≤ 0.46875   erfc x = 1 − x P(x²) / Q(x²)
//! to 4            erfc x = e^(−x²) P(x) / Q(x)
//! beyond          erfc x = e^(−x²) (1/√π − z P(z) / Q(z)) / x,  z = 1/x²
//! ```
//!
//! For `f64` the numerators and denominators of all are computed and the right pair is selected before the one division;
//! that is quicker than it looks, because nothing has to be decided. Where erfc is below 1e-8, erf needs so few of its
//! digits that the middle formula serves to the end.
//!
//! `erf` of an `f32` is computed in `f64`, whose digits are so many that one formula serves for all of it:
//!
//! ```text
//! erfc x = e^(−x G(x)),  G a polynomial;  −x G(x) = n ln 2 + r,  eʳ = 1 + q
//! erf x  = (1 − 2ⁿ) − 2ⁿ q                                   exact also near 0, where n = 0
//! ```
//!
//! # References
//! W. J. Cody, *Rational Chebyshev approximations for the error function*, Mathematics of Computation 23, 1969; Sun's
//! fdlibm, `s_erf.c`.

use super::exp::{exp_f64, power_of_two_f64};
use super::polynomial;
use crate::Real;
use std::f64::consts::FRAC_2_SQRT_PI;

// Cody's coefficients: three rational functions, from the highest power of the argument to the lowest.

/// `erf(x) / x` as a function of x², for |x| ≤ 0.46875.
const SMALL: ([f64; 5], [f64; 5]) = (
    [
        0.185_777_706_184_603_15,
        3.161_123_743_870_565_5,
        113.864_154_151_050_16,
        377.485_237_685_302,
        3_209.377_589_138_469_4,
    ],
    [1.0, 23.601_290_952_344_122, 244.024_637_934_444_17, 1_282.616_526_077_372_3, 2_844.236_833_439_171],
);
/// `erf(x) / x − 1` as a function of x², for |x| < 0.84375 (fdlibm's).
const NEAR: ([f64; 5], [f64; 6]) = (
    [
        -2.376_301_665_665_016_260_84e-5,
        -5.770_270_296_489_441_591_57e-3,
        -2.848_174_957_559_851_047_66e-2,
        -3.250_421_072_470_014_993_70e-1,
        1.283_791_670_955_125_585_61e-1,
    ],
    [
        -3.960_228_278_775_368_123_20e-6,
        1.324_947_380_043_216_445_26e-4,
        5.081_306_281_875_765_627_76e-3,
        6.502_224_998_876_729_444_85e-2,
        3.979_172_239_591_553_528_19e-1,
        1.0,
    ],
);
/// `e^(x²) erfc(x)` as a function of x, for 0.46875 ≤ x ≤ 4.
const MIDDLE: ([f64; 9], [f64; 9]) = (
    [
        2.153_115_354_744_038_3e-08,
        0.564_188_496_988_670_1,
        8.883_149_794_388_377,
        66.119_190_637_141_63,
        298.635_138_197_400_1,
        881.952_221_241_769,
        1_712.047_612_634_070_7,
        2_051.078_377_826_071_6,
        1_230.339_354_797_997_2,
    ],
    [
        1.0,
        15.744_926_110_709_835,
        117.693_950_891_312_5,
        537.181_101_862_009_9,
        1_621.389_574_566_690_3,
        3_290.799_235_733_459_7,
        4_362.619_090_143_247,
        3_439.367_674_143_721_6,
        1_230.339_354_803_749_5,
    ],
);
/// `x² (1/√π − x e^(x²) erfc(x))` as a function of 1/x², for x ≥ 4.
const LARGE: ([f64; 6], [f64; 6]) = (
    [
        0.016_315_387_137_302_097,
        0.305_326_634_961_232_36,
        0.360_344_899_949_804_45,
        0.125_781_726_111_229_26,
        0.016_083_785_148_742_275,
        0.000_658_749_161_529_837_8,
    ],
    [
        1.0,
        2.568_520_192_289_822,
        1.872_952_849_923_467_3,
        0.527_905_102_951_428_5,
        0.060_518_341_312_441_32,
        0.002_335_204_976_268_691_8,
    ],
);

/// The error function of any scalar.
pub(crate) fn erf<F: Real>(x: F) -> F {
    let magnitude = x.abs();
    if magnitude < F::from_f64(0.843_75) {
        return x + x * ratio(&NEAR.0, &NEAR.1, x * x);
    }
    let y = F::one() - upper(magnitude);
    if x < F::zero() { -y } else { y }
}

/// The complement of any scalar.
pub(crate) fn erfc<F: Real>(x: F) -> F {
    let magnitude = x.abs();
    if magnitude <= F::from_f64(0.468_75) {
        return F::one() - x * ratio(&SMALL.0, &SMALL.1, x * x);
    }
    let y = upper(magnitude);
    if x < F::zero() { F::from_f64(2.0) - y } else { y }
}

/// The complement for x ≥ 0.46875.
fn upper<F: Real>(x: F) -> F {
    if x <= F::from_f64(4.0) {
        return gaussian(x) * ratio(&MIDDLE.0, &MIDDLE.1, x);
    }
    let tail = gaussian(x);
    if tail == F::zero() {
        return tail; // past the smallest number; infinity must not meet 0
    }
    let z = F::one() / (x * x);
    tail * (F::from_f64(0.5 * FRAC_2_SQRT_PI) - z * ratio(&LARGE.0, &LARGE.1, z)) / x
}

/// `e^(−x²)` for x ≥ 0. Squaring rounds, and the exponential of a rounded 600 is off by its rounding times 600: the
/// argument is split into a part of few digits, of which the square is exact, and a small rest.
fn gaussian<F: Real>(x: F) -> F {
    let short = (x.to_f64() * 16.0).trunc() / 16.0;
    if short > 64.0 {
        return (-(x * x)).exp(); // 0, also for infinity, which has no rest
    }
    let short = F::from_f64(short);
    (-(short * short)).exp() * (-((x - short) * (x + short))).exp()
}

/// A quotient of two polynomials, given from the highest power down.
fn ratio<F: Real>(upper: &[f64], lower: &[f64], x: F) -> F {
    let horner = |coefficients: &[f64]| coefficients.iter().fold(F::zero(), |sum, &c| sum * x + F::from_f64(c));
    horner(upper) / horner(lower)
}

/// `P(x)` of one of the tables above.
macro_rules! rational {
    (@ $x:expr, $c:expr, $($i:literal)+) => { polynomial!($x, $($c[$i]),+) };
    ($x:expr, $table:expr, $($i:literal)+) => { (rational!(@ $x, $table.0, $($i)+), rational!(@ $x, $table.1, $($i)+)) };
}

/// `e^(−x²)` for `0 ≤ x ≤ 28`: what the rounding of the square has lost is computed from halves of the digits.
#[inline(always)]
fn gaussian_f64(x: f64) -> f64 {
    let square = x * x;
    let high = f64::from_bits(x.to_bits() & 0xffff_ffff_f800_0000);
    let low = x - high;
    let lost = ((high * high - square) + 2.0 * high * low) + low * low;
    let y = exp_f64(-square);
    y - y * lost
}

/// `erf x`, within 2 ulp.
///
#[inline(always)]
pub(crate) fn erf_f64(x: f64) -> f64 {
    let m = x.abs();
    let m = if m > 6.0 { 6.0 } else { m }; // 1 from there on; a NaN passes
    let z = m * m;
    let (p, q) = (rational!(@ z, NEAR.0, 4 3 2 1 0), rational!(@ z, NEAR.1, 5 4 3 2 1 0));
    let (upper, lower) = rational!(m, MIDDLE, 8 7 6 5 4 3 2 1 0);
    let near = m < 0.843_75;
    let start = if near { m } else { 1.0 };
    // Both are there before one is selected: a loop with a branch in it is not vectorized.
    let (close, far) = (m * p, -gaussian_f64(m) * upper);
    let numerator = if near { close } else { far };
    let denominator = if near { q } else { lower };
    (start + numerator / denominator).copysign(x)
}

/// `erf x` near 0, and `erfc |x|` elsewhere.
#[inline(always)]
fn parts(x: f64) -> (f64, f64) {
    let m = x.abs();
    let m = if m > 28.0 { 28.0 } else { m }; // where the complement has long been 0; a NaN passes
    let z = m * m;
    let inverse = 1.0 / if m > 4.0 { z } else { 16.0 };
    let large = rational!(inverse, LARGE, 5 4 3 2 1 0);
    let large = (0.5 * FRAC_2_SQRT_PI * large.1 - inverse * large.0, large.1 * m);
    let middle = rational!(m, MIDDLE, 8 7 6 5 4 3 2 1 0);
    let (numerator, denominator) = if m <= 4.0 { middle } else { large };
    let small = rational!(z, SMALL, 4 3 2 1 0);
    let (numerator, denominator) = if m <= 0.468_75 { small } else { (numerator, denominator) };
    let quotient = numerator / denominator;
    (x * quotient, gaussian_f64(m) * quotient)
}

/// `1 − erf x`, within 4 ulp.
#[inline(always)]
pub(crate) fn erfc_f64(x: f64) -> f64 {
    let (near, upper) = parts(x);
    let far = if x < 0.0 { 2.0 - upper } else { upper };
    if x.abs() <= 0.468_75 { 1.0 - near } else { far }
}

/// `erf x`, within 1 ulp.
#[inline(always)]
pub(crate) fn erf_f32(x: f32) -> f32 {
    const ROUND: f64 = 6_755_399_441_055_744.0; // 1.5 · 2⁵²
    let m = f64::from(x.abs());
    let m = if m > 3.95 { 3.95 } else { m }; // 1 from there on; a NaN passes
    let g = m * polynomial!(
        m,
        1.128_379_171_618_851_6,
        6.366_193_812_909_572e-1,
        1.027_778_397_475_919_6e-1,
        -1.915_310_939_656_795_4e-2,
        -1.602_912_291_896_852_8e-4,
        1.666_901_446_217_886_6e-3,
        -6.327_558_522_668_742e-4,
        1.176_150_110_340_693_1e-4,
        -9.252_906_685_699_819e-6
    );
    let n = (ROUND - g * std::f64::consts::LOG2_E) - ROUND;
    let r = -g - n * std::f64::consts::LN_2;
    // The exponential's P, of fewer digits; minimax in relative terms.
    let p = polynomial!(
        r,
        5.000_000_060_322_012e-1,
        1.666_654_425_807_445_4e-1,
        4.166_628_557_742_866e-2,
        8.366_462_274_212_099e-3,
        1.394_626_633_769_155_2e-3
    );
    let (power, q) = (power_of_two_f64(n), r + r * r * p);
    (((1.0 - power) - power * q) as f32).copysign(x)
}

/// `1 − erf x`, within 1 ulp.
#[inline(always)]
pub(crate) fn erfc_f32(x: f32) -> f32 {
    erfc_f64(f64::from(x)) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    /// x, erf(x), erfc(x), computed with 40 digits.
    #[allow(clippy::unreadable_literal)]
    const REFERENCE: [(f64, f64, f64); 15] = [
        (1e-300, 1.1283791670955126e-300, 1.0),
        (1e-9, 1.1283791670955127e-9, 0.9999999988716208),
        (0.1, 0.1124629160182849, 0.887537083981715),
        (0.46875, 0.49261347321793797, 0.507386526782062),
        (0.469, 0.4928398949625797, 0.5071601050374204),
        (0.7, 0.6778011938374184, 0.32219880616258156),
        (1.0, 0.8427007929497149, 0.15729920705028513),
        (1.9, 0.9927904292352575, 0.0072095707647425325),
        (3.3, 0.9999969422902035, 3.0577097964381654e-6),
        (4.0, 0.9999999845827421, 1.541725790028002e-8),
        (4.01, 0.9999999858030606, 1.4196939421371052e-8),
        (5.5, 0.9999999999999927, 7.357847917974398e-15),
        (9.0, 1.0, 4.13703174651381e-37),
        (15.0, 1.0, 7.212994172451207e-100),
        (26.0, 1.0, 5.663192408856143e-296),
    ];

    fn ulps(got: f64, expected: f64) -> f64 {
        (got - expected).abs() / (expected.abs() * f64::EPSILON)
    }

    #[test]
    fn within_a_few_units_in_the_last_place() {
        for (erf, erfc) in [(erf::<f64> as fn(f64) -> f64, erfc::<f64> as fn(f64) -> f64), (erf_f64, erfc_f64)] {
            for (x, y, complement) in REFERENCE {
                assert!(ulps(erf(x), y) <= 2.0, "erf({x}) = {}, expected {y}", erf(x));
                assert_eq!(erf(-x), -erf(x));
                assert!(ulps(erfc(x), complement) <= 4.0, "erfc({x}) = {}, expected {complement}", erfc(x));
                assert!(ulps(erfc(-x), 2.0 - complement) <= 2.0, "erfc(-{x}) = {}", erfc(-x));
            }
        }
    }

    /// erf by its series of positive terms, in which nothing cancels; the rounding of some twenty products stays in.
    fn series(x: f64) -> f64 {
        // A square of few digits is exact; the exponential of a rounded one would be off by its rounding.
        let high = (x * 16.0).round() / 16.0;
        let low = x - high;
        let gaussian = (-high * high).exp() * (-low * (x + high)).exp();
        let (mut term, mut sum) = (x, x);
        for n in 1..200 {
            term *= 2.0 * x * x / f64::from(2 * n + 1);
            sum += term;
        }
        FRAC_2_SQRT_PI * gaussian * sum
    }

    #[test]
    fn f64_by_the_series_at_a_million_points() {
        let n: i32 = if cfg!(miri) { 100 } else { 1_000_000 };
        for i in 0..n {
            let x = 2.0 * f64::from(i) / f64::from(n);
            let expected = series(x);
            assert!((erf_f64(x) - expected).abs() <= 8.0 * f64::EPSILON * expected, "erf({x}) = {}", erf_f64(x));
            // Where the complement is not small, 1 minus the series is as good a reference.
            assert!((erfc_f64(x) - (1.0 - expected)).abs() <= 8.0 * f64::EPSILON, "erfc({x}) = {}", erfc_f64(x));
            assert!((erfc_f64(-x) - (1.0 + expected)).abs() <= 8.0 * f64::EPSILON, "erfc(-{x}) = {}", erfc_f64(-x));
            // Everywhere, the branch-free form is the other; each may be 3 ulp off.
            let far = 13.5 * x;
            assert!((erf_f64(far) - erf(far)).abs() <= 2.0 * f64::EPSILON * erf(far), "erf({far}) = {}", erf_f64(far));
            let complement = erfc(far);
            let error = (erfc_f64(far) - complement).abs();
            assert!(error <= 6.0 * f64::EPSILON * complement.max(1e-307), "erfc({far}) = {}", erfc_f64(far));
        }
    }

    #[test]
    fn at_the_ends() {
        let infinity = f64::INFINITY;
        for (erf, erfc) in [(erf::<f64> as fn(f64) -> f64, erfc::<f64> as fn(f64) -> f64), (erf_f64, erfc_f64)] {
            assert_eq!((erf(0.0), erf(infinity), erf(-infinity)), (0.0, 1.0, -1.0));
            assert_eq!((erfc(infinity), erfc(-infinity), erfc(30.0), erfc(1e300)), (0.0, 2.0, 0.0, 0.0));
            assert!(erf(f64::NAN).is_nan() && erfc(f64::NAN).is_nan());
        }
    }
}
