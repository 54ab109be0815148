//! bfloat16: the upper half of an `f32`.
//!
//! ```text
//! f32       s eeeeeeee mmmmmmmmmmmmmmmmmmmmmmm
//! bf16      s eeeeeeee mmmmmmm                       the range of f32, 1 ± 2⁻⁷ the numbers next to 1
//! ```
//!
//! A number `x` becomes the nearest one that there is, `x (1 + δ)` with `|δ| ≤ 2⁻⁸`; of two equally near the one whose last bit is 0.
//! Numbers that grow past the largest become infinite, and NaN stays NaN.
//!
//! D. Kalamkar and others, *A Study of BFLOAT16 for Deep Learning Training*, 2019, <https://arxiv.org/abs/1905.12322>.

use crate::Bytes;

/// The nearest bfloat16, ties to even.
pub(super) fn round(x: f32) -> [u8; 2] {
    let bits = x.to_bits();
    let upper = if x.is_nan() {
        // All bits that make it a NaN may stand in the lower half: a quiet one has the first of the fraction, too.
        bits >> 16 | 0x40
    } else {
        // Half of the last place, less a bit if the upper half is even: a carry then is what rounds up.
        (bits + 0x7FFF + (bits >> 16 & 1)) >> 16
    };
    (upper as u16).to_le_bytes()
}

/// The same number as `f32`, exactly.
pub(super) fn widen(bytes: [u8; 2]) -> f32 {
    f32::from_bits(u32::from(u16::from_le_bytes(bytes)) << 16)
}

/// The sums of terms that are as many in each message: of `f32`, in the order of the messages, rounded once, at the end.
///
/// Added up in bfloat16 a sum would come to a stop: `256 + 1 = 256`.
pub(super) fn sum(mut terms: impl Iterator<Item = Bytes>) -> Vec<u8> {
    let Some(first) = terms.next() else { return Vec::new() };
    let mut sums: Vec<f32> = first.as_chunks().0.iter().copied().map(widen).collect();
    for terms in terms {
        sums.iter_mut().zip(terms.as_chunks().0).for_each(|(sum, term)| *sum += widen(*term));
    }
    let mut bytes = vec![0; first.len()];
    bytes.as_chunks_mut().0.iter_mut().zip(sums).for_each(|(bytes, sum)| *bytes = round(sum));
    bytes
}

#[cfg(test)]
mod tests {
    use super::{round, widen};

    fn rounded(x: f32) -> f32 {
        widen(round(x))
    }

    #[test]
    fn every_bfloat16_is_itself() {
        for bits in 0..=u16::MAX {
            let x = widen(bits.to_le_bytes());
            if x.is_nan() {
                assert!(rounded(x).is_nan());
            } else {
                assert_eq!(round(x), bits.to_le_bytes());
            }
        }
    }

    #[test]
    fn halves_go_to_the_even_neighbour_and_all_else_to_the_nearest() {
        let place = 2_f32.powi(-7);
        for (x, expected) in [
            (1.0 + place / 2.0, 1.0),
            (1.0 + place * 1.5, 1.0 + place * 2.0),
            (-1.0 - place / 2.0, -1.0),
            (1.0 + place * 0.5001, 1.0 + place),
            (1.0 + place * 0.4999, 1.0),
            (2.0 - place / 4.0, 2.0),
            (-0.0, -0.0),
            (f32::from_bits(0x8000), 0.0),
            (f32::from_bits(0x8001), f32::from_bits(0x1_0000)),
        ] {
            assert_eq!(rounded(x).to_bits(), expected.to_bits(), "{x:e}");
        }
    }

    #[test]
    fn no_bfloat16_is_nearer() {
        let mut bits = 1_u32;
        for _ in 0..100_000 {
            bits = bits.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let x = f32::from_bits(bits & 0x7FFF_FFFF);
            if x < widen(0x7F7F_u16.to_le_bytes()) {
                let below = f32::from_bits(x.to_bits() & 0xFFFF_0000);
                let above = f32::from_bits(below.to_bits() + 0x1_0000);
                let far = |y: f32| (f64::from(x) - f64::from(y)).abs();
                assert!(far(rounded(x)) <= far(below).min(far(above)), "{x:e}");
                assert!(far(rounded(x)) <= f64::from(x) / 256.0 || !x.is_normal(), "{x:e}");
            }
        }
    }

    #[test]
    fn what_is_no_number_stays_so_and_what_is_too_large_becomes_infinite() {
        for bits in [0x7F80_0001, 0xFF80_0001, 0x7FFF_FFFF, 0xFFFF_FFFF] {
            let nan = rounded(f32::from_bits(bits));
            assert!(nan.is_nan() && nan.to_bits() >> 31 == bits >> 31);
        }
        assert_eq!(rounded(f32::INFINITY), f32::INFINITY);
        assert_eq!(rounded(f32::MIN), f32::NEG_INFINITY);
        assert_eq!(rounded(f32::from_bits(0x7F7F_7FFF)), f32::from_bits(0x7F7F_0000));
    }
}
