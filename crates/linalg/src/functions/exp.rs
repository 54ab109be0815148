//! The exponential function.
//!
//! ```text
//! reduce        x = n ln 2 + r,  |r| ≤ ln 2 / 2          n = round(x / ln 2)
//! approximate   eʳ = 1 + r + r² P(r)                      P: minimax
//! reconstruct   eˣ = 2ⁿ eʳ                               2ⁿ is written into the exponent's bits
//! ```
//!
//! `r` must be right to the last bit although `n ln 2` is much larger: ln 2 is split into a part with so few bits that
//! `n` times it is exact, and the rest. What the rounding of `r` has lost is known; `f64` puts it back, `f32` stays within
//! its bound without.
//!
//! Others are made of the same parts (`eˣ − 1`, sigmoid, hyperbolic tangent): [`Reduced`] hands them out before they are
//! put together.

use super::{multiply_add, polynomial};

/// `x = n ln 2 + r + lost` and `e^(x − n ln 2) = 1 + r + tail + lost`, to more digits than one number holds.
pub(super) struct Reduced<F> {
    pub(super) n: F,
    pub(super) r: F,
    pub(super) lost: F,
    pub(super) tail: F,
}

macro_rules! exponential {
    (
        $float:ident, $parts:ident, $reduced:ident, $halves:ident, $power_of_two:ident,
        round $round:expr, bias $bias:literal, digits $digits:literal, ln 2 $high:expr, $low:expr,
        from $least:literal to $most:literal, $rest:ident, $factors:ident, [$($c:expr),+]
    ) => {
        /// The parts of `eˣ`, for `x` not far beyond the numbers of which it is neither 0 nor ∞.
        #[inline(always)]
        pub(super) fn $reduced(x: $float) -> Reduced<$float> {
            /// Adding it pushes the fraction out of the significand: what is left is rounded.
            const ROUND: $float = $round;
            let n = multiply_add!(x, std::$float::consts::LOG2_E, ROUND) - ROUND;
            let (high, low) = (multiply_add!(n, -$high, x), n * $low); // the first exactly
            let r = high - low;
            Reduced { n, r, lost: (high - r) - low, tail: r * r * polynomial!(r, $($c),+) }
        }

        /// `2ⁿ` in two factors: one alone would overflow for the largest results, and vanish for subnormal ones.
        #[inline(always)]
        pub(super) fn $halves(n: $float) -> ($float, $float) {
            // The last bits of this sum are n + 2 · bias: twice what the two exponents hold, bias included. What stands
            // above them is shifted out.
            let bits = (n + ($round + 2.0 * $bias)).to_bits();
            let half = bits >> 1;
            ($float::from_bits(half << $digits), $float::from_bits(bits.wrapping_sub(half) << $digits))
        }

        /// `2ⁿ` where that is a normal number.
        #[inline(always)]
        pub(super) fn $power_of_two(n: $float) -> $float {
            $float::from_bits((n + ($round + $bias)).to_bits() << $digits)
        }

        /// Of numbers beyond these, `eˣ` is ∞ or 0. A NaN passes: it is neither larger nor smaller.
        #[inline(always)]
        fn $rest(x: $float) -> $float {
            let x = if x > $most { $most } else { x };
            if x < $least { $least } else { x }
        }

        /// The two factors of `2ⁿ`, of which the first is 0 where `eˣ` is: processors take a hundred times as long for a
        /// product that vanishes on the way through the subnormal numbers, and behind a mask all of them would.
        #[inline(always)]
        fn $factors(x: $float, n: $float) -> ($float, $float) {
            let (low, high) = $halves(n);
            (if x < $least { 0.0 } else { low }, high)
        }

        /// `eˣ`, and what its rounding has lost.
        #[inline(always)]
        pub(super) fn $parts(x: $float) -> ($float, $float) {
            let Reduced { n, r, lost, tail } = $reduced($rest(x));
            let rest = r + (tail + lost);
            let power = 1.0 + rest;
            let rest = rest - (power - 1.0);
            let (low, high) = $factors(x, n);
            (power * low * high, rest * low * high)
        }
    };
}

exponential!(
    f32, exp_parts_f32, reduced_f32, halves_f32, power_of_two_f32,
    round 12_582_912.0, bias 127.0, digits 23, // 1.5 · 2²³
    ln 2 0.693_359_4, -2.121_944_4e-4, // the first has 10 bits
    from -104.0 to 89.0, limited_f32, factors_f32,
    [4.999_998_51e-1, 1.666_647_20e-1, 4.166_953_64e-2, 8.373_124_52e-3, 1.378_059_39e-3]
);

exponential!(
    f64, exp_parts_f64, reduced_f64, halves_f64, power_of_two_f64,
    round 6_755_399_441_055_744.0, bias 1023.0, digits 52, // 1.5 · 2⁵²
    ln 2 6.931_471_803_691_238_164_90e-1, 1.908_214_929_270_587_700_02e-10, // the first has 33 bits
    from -746.0 to 710.0, limited_f64, factors_f64,
    [
        0.500_000_000_000_000_4,
        0.166_666_666_666_664_6,
        0.041_666_666_666_572_615,
        0.008_333_333_333_480_452,
        0.001_388_888_893_347_917_1,
        0.000_198_412_695_114_818_08,
        2.480_150_279_442_072_7e-5,
        2.755_759_880_083_538_3e-6,
        2.762_702_820_302_224e-7,
        2.499_204_416_332_020_5e-8
    ]
);

/// `eˣ`, within 1 ulp.
#[inline(always)]
pub(crate) fn exp_f32(x: f32) -> f32 {
    let Reduced { n, r, tail, .. } = reduced_f32(limited_f32(x));
    let (low, high) = factors_f32(x, n);
    (1.0 + (r + tail)) * low * high
}

/// `eˣ`, within 1 ulp.
#[inline(always)]
pub(crate) fn exp_f64(x: f64) -> f64 {
    let Reduced { n, r, lost, tail } = reduced_f64(limited_f64(x));
    let (low, high) = factors_f64(x, n);
    (1.0 + (r + (tail + lost))) * low * high
}
