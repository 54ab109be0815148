//! The error function and its complement.
//!
//! ```text
//! erf x = 2/√π ∫₀ˣ e^(−t²) dt        erfc x = 1 − erf x, exact also where it is tiny
//!
//! |x| ≤ 0.46875   erf x  = x P(x²) / Q(x²)
//! to 4            erfc x = e^(−x²) P(x) / Q(x)
//! beyond          erfc x = e^(−x²) (1/√π − z P(z) / Q(z)) / x,  z = 1/x²
//! ```
//!
//! For `f32` and `f64` the numerators and denominators of all three are computed and the right pair is selected before the one
//! division; that is quicker than it looks, because nothing has to be decided. An `f32` is computed in `f64`.
//!
//! # References
//! W. J. Cody, *Rational Chebyshev approximations for the error function*, Mathematics of Computation 23, 1969.

use super::exp::exp_f64;
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
    if magnitude <= F::from_f64(0.468_75) {
        return x * ratio(&SMALL.0, &SMALL.1, x * x);
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

/// `P(x)` by Horner's rule, from the highest power down, unrolled by the compiler.
#[inline(always)]
fn horner<const N: usize>(coefficients: &[f64; N], x: f64) -> f64 {
    let mut sum = coefficients[0];
    for &c in &coefficients[1..] {
        sum = sum * x + c;
    }
    sum
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

/// `erf x` near 0, and `erfc |x|` elsewhere.
#[inline(always)]
fn parts(x: f64) -> (f64, f64) {
    let m = x.abs();
    let m = if m > 28.0 { 28.0 } else { m }; // where the complement has long been 0; a NaN passes
    let z = m * m;
    let inverse = 1.0 / if m > 4.0 { z } else { 16.0 };
    let middle = (horner(&MIDDLE.0, m), horner(&MIDDLE.1, m));
    let large = (horner(&LARGE.0, inverse), horner(&LARGE.1, inverse));
    let large = (0.5 * FRAC_2_SQRT_PI * large.1 - inverse * large.0, large.1 * m);
    let small = (horner(&SMALL.0, z), horner(&SMALL.1, z));
    let (numerator, denominator) = if m <= 4.0 { middle } else { large };
    let (numerator, denominator) = if m <= 0.468_75 { small } else { (numerator, denominator) };
    let quotient = numerator / denominator;
    (x * quotient, gaussian_f64(m) * quotient)
}

/// `erf x`, within 2 ulp.
#[inline(always)]
pub(crate) fn erf_f64(x: f64) -> f64 {
    let (near, upper) = parts(x);
    if x.abs() <= 0.468_75 { near } else { (1.0 - upper).copysign(x) }
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
    erf_f64(f64::from(x)) as f32
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
