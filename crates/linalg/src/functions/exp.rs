//! The exponential function.
//!
//! ```text
//! reduce        x = n ln 2 + r,  |r| ≤ ln 2 / 2          n = round(x / ln 2)
//! approximate   eʳ = 1 + r + r² P(r)                      P: minimax
//! reconstruct   eˣ = 2ⁿ eʳ                               2ⁿ is written into the exponent's bits
//! ```
//!
//! `r` must be right to the last bit although `n ln 2` is much larger: ln 2 is split into a part with so few bits that
//! `n` times it is exact, and the rest. What the rounding of `r` has lost is known, for those who need more digits.
//!
//! Others are made of the same parts (`eˣ − 1`, sigmoid): [`Reduced`] hands them out before they are put together.
//!
//! Most of what a long loop computes are powers that are neither near ∞ nor near 0. Of those, `n` can be added to the exponent
//! of `eʳ`: one step in place of nine, and the loop is as fast as memory. [`exp_each_f32`] looks at each block, after it has
//! computed it so, whether that was right, and does it again by the long way if it was not.
//!
//! The polynomial goes by Horner's rule. Each step waits for the one before it, but a processor has dozens of these chains under
//! way, and what it runs short of is the number of steps.

use super::{horner, multiply_add};

/// `x = n ln 2 + r + lost` and `e^(x − n ln 2) = 1 + r + tail + lost`, to more digits than one number holds.
pub(super) struct Reduced<F> {
    pub(super) n: F,
    pub(super) r: F,
    pub(super) lost: F,
    pub(super) tail: F,
}

/// Numbers between two looks at whether they are moderate.
const BLOCK: usize = 512;

macro_rules! exponential {
    (
        $float:ident, $parts:ident, $reduced:ident, $halves:ident,
        round $round_name:ident = $round:expr, bias $bias:literal, digits $digits:literal, ln 2 $high:expr, $low:expr,
        from $least:literal to $most:literal, $rest:ident, $factors:ident,
        moderate to $moderate:literal, $each:ident, $exp:ident, $fraction:ident, $join:ident, [$($c:expr),+]
    ) => {
        /// Adding it pushes the fraction out of the significand: what is left is rounded.
        const $round_name: $float = $round;

        /// The parts of `eˣ`, for `x` not far beyond the numbers of which it is neither 0 nor ∞.
        #[inline(always)]
        pub(super) fn $reduced(x: $float) -> Reduced<$float> {
            let n = multiply_add!(x, std::$float::consts::LOG2_E, $round_name) - $round_name;
            let high = multiply_add!(n, -$high, x); // exactly
            let r = multiply_add!(n, -$low, high);
            Reduced { n, r, lost: multiply_add!(n, -$low, high - r), tail: r * r * horner!(r, $($c),+) }
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

        /// `eˣ`, within 1 ulp.
        #[inline(always)]
        pub(crate) fn $exp(x: $float) -> $float {
            let n = multiply_add!($rest(x), std::$float::consts::LOG2_E, $round_name) - $round_name;
            let (low, high) = $factors(x, n);
            $fraction($rest(x), n) * low * high
        }

        /// `eʳ`, for `x = n ln 2 + r`.
        #[inline(always)]
        fn $fraction(x: $float, n: $float) -> $float {
            let r = multiply_add!(n, -$low, multiply_add!(n, -$high, x));
            $join(r, r * r, horner!(r, $($c),+))
        }

        /// `y ← eˣ`, the same bits as one by one; to be inlined into a vectorized caller.
        #[inline(always)]
        pub(crate) fn $each(x: &[$float], y: &mut [$float]) {
            let mut moderate = true; // neighbours are alike: after one block that is not, none is tried
            for (x, y) in x.chunks(BLOCK).zip(y.chunks_mut(BLOCK)) {
                if moderate {
                    let mut largest = 0;
                    for (&x, y) in x.iter().zip(&mut *y) {
                        let shifted = multiply_add!(x, std::$float::consts::LOG2_E, $round_name);
                        let fraction = $fraction(x, shifted - $round_name).to_bits();
                        *y = $float::from_bits(fraction.wrapping_add(shifted.to_bits() << $digits));
                        largest = x.abs().to_bits().max(largest); // as whole numbers they are ordered alike, NaN above all
                    }
                    moderate = largest <= const { ($moderate as $float).to_bits() };
                }
                if !moderate {
                    x.iter().zip(y).for_each(|(&x, y)| *y = $exp(x));
                }
            }
        }
    };
}

exponential!(
    f32, exp_parts_f32, reduced_f32, halves_f32,
    round ROUND_F32 = 12_582_912.0, bias 127.0, digits 23, // 1.5 · 2²³
    ln 2 0.693_359_4, -2.121_944_4e-4, // the first has 10 bits
    from -104.0 to 89.0, limited_f32, factors_f32,
    moderate to 87.0, exp_each_f32, exp_f32, fraction_f32, join_f32,
    [4.999_998_51e-1, 1.666_647_20e-1, 4.166_953_64e-2, 8.373_124_52e-3, 1.378_059_39e-3]
);

exponential!(
    f64, exp_parts_f64, reduced_f64, halves_f64,
    round ROUND_F64 = 6_755_399_441_055_744.0, bias 1023.0, digits 52, // 1.5 · 2⁵²
    ln 2 6.931_471_803_691_238_164_90e-1, 1.908_214_929_270_587_700_02e-10, // the first has 33 bits
    from -746.0 to 710.0, limited_f64, factors_f64,
    moderate to 708.0, exp_each_f64, exp_f64, fraction_f64, join_f64,
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

/// `1 + r + r² p`.
#[inline(always)]
fn join_f32(r: f32, square: f32, p: f32) -> f32 {
    1.0 + multiply_add!(square, p, r)
}

/// `1 + r + r² p`; what the first sum loses goes into the second, without which a few powers were 1.03 ulp off.
#[inline(always)]
fn join_f64(r: f64, square: f64, p: f64) -> f64 {
    let sum = 1.0 + r;
    sum + multiply_add!(square, p, r - (sum - 1.0))
}

/// `2ⁿ` where that is a normal number.
#[inline(always)]
pub(super) fn power_of_two_f64(n: f64) -> f64 {
    f64::from_bits((n + (ROUND_F64 + 1023.0)).to_bits() << 52)
}
