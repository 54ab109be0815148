//! The error function, for any scalar.

use crate::Var;
use gradus_linalg::Real;
use std::f64::consts::FRAC_2_SQRT_PI;

impl<F: Real> Var<F> {
    /// Error function: the probability that a normal variable with variance 1/2 lies between −x and x.
    ///
    /// ```text
    /// y = 2/√π ∫₀ˣ e^(−t²) dt        dx = dy · 2/√π e^(−x²)
    /// ```
    ///
    /// # References
    /// W. J. Cody, *Rational Chebyshev approximations for the error function*, Mathematics of Computation 23, 1969.
    #[track_caller]
    #[must_use]
    pub fn erf(&self) -> Self {
        let scale = F::from_f64(FRAC_2_SQRT_PI);
        self.with_input("erf", erf, move |dy, x| dy * scale * gaussian(x.abs()))
    }
}

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

/// The error function.
pub(super) fn erf<F: Real>(x: F) -> F {
    let magnitude = x.abs();
    if magnitude <= F::from_f64(0.468_75) {
        return x * ratio(&SMALL.0, &SMALL.1, x * x);
    }
    let y = F::one() - upper(magnitude);
    if x < F::zero() { -y } else { y }
}

/// The complement `1 − erf(x)`, exact also where it is tiny.
pub(super) fn erfc<F: Real>(x: F) -> F {
    let magnitude = x.abs();
    if magnitude <= F::from_f64(0.468_75) {
        return F::one() - x * ratio(&SMALL.0, &SMALL.1, x * x);
    }
    let y = upper(magnitude);
    if x < F::zero() { F::from_f64(2.0) - y } else { y }
}

/// The density of the standard normal distribution.
pub(super) fn density<F: Real>(x: F) -> F {
    F::from_f64(0.5 * FRAC_2_SQRT_PI * std::f64::consts::FRAC_1_SQRT_2) * (-(x * x) / F::from_f64(2.0)).exp()
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
        for (x, y, complement) in REFERENCE {
            assert!(ulps(erf(x), y) <= 4.0, "erf({x}) = {}, expected {y}", erf(x));
            assert_eq!(erf(-x), -erf(x));
            assert!(ulps(erfc(x), complement) <= 4.0, "erfc({x}) = {}, expected {complement}", erfc(x));
            assert!(ulps(erfc(-x), 2.0 - complement) <= 4.0, "erfc(-{x}) = {}", erfc(-x));
            assert!((f64::from(erf(x as f32)) - y).abs() < 3e-7, "in f32: {}", erf(x as f32));
        }
    }

    #[test]
    fn at_the_ends() {
        let infinity = f64::INFINITY;
        assert_eq!((erf(0.0), erf(infinity), erf(-infinity)), (0.0, 1.0, -1.0));
        assert_eq!((erfc(infinity), erfc(-infinity), erfc(30.0), erfc(1e300)), (0.0, 2.0, 0.0, 0.0));
        assert!(erf(f64::NAN).is_nan() && erfc(f64::NAN).is_nan());
    }
}
