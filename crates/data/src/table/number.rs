//! Numbers from text.

/// 10⁰ … 10¹⁹: the powers of ten below 2⁶⁴, which are floats, too.
const TENS: [u64; 20] = {
    let mut tens = [1; 20];
    let mut k = 1;
    while k < tens.len() {
        tens[k] = 10 * tens[k - 1];
        k += 1;
    }
    tens
};

/// The most digits that surely are a number below 2⁶⁴.
const DIGITS: usize = 19;

/// The finite number that a field is, correctly rounded, or `None`.
///
/// Nearly all fields are digits with perhaps a point among them. With at most 19 digits `m`, and `k` of them behind the point, both `m` and `10ᵏ` are
/// whole numbers of 64 bits, and so is what it takes to round `m / 10ᵏ`. The rest goes to the standard library, which takes several times as long.
pub(crate) fn parse(field: &[u8]) -> Option<f64> {
    decimal(field).or_else(|| {
        let text = std::str::from_utf8(field).ok()?;
        text.trim().parse().ok().filter(|x: &f64| x.is_finite())
    })
}

#[inline]
fn decimal(field: &[u8]) -> Option<f64> {
    let (negative, digits) = match field {
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits),
    };
    // One more for the point.
    if digits.is_empty() || digits.len() > DIGITS + 1 {
        return None;
    }
    let (mut mantissa, mut count, mut before) = (0_u64, 0_usize, None);
    for &byte in digits {
        match byte {
            b'0'..=b'9' => {
                // Twenty digits may be too many; they are refused below.
                mantissa = mantissa.wrapping_mul(10).wrapping_add(u64::from(byte - b'0'));
                count += 1;
            }
            b'.' if before.is_none() => before = Some(count),
            _ => return None,
        }
    }
    if count == 0 || count > DIGITS {
        return None;
    }
    let ten = TENS[before.map_or(0, |before| count - before)];
    let x = quotient(mantissa, ten);
    Some(if negative { -x } else { x })
}

/// `m / d`, correctly rounded.
///
/// Below 2⁵³ a whole number is a float without rounding, and the processor's division rounds correctly. Above, both are shifted until their
/// first bit is set, so that the whole quotient has at least 62 bits; with its last bit set where there is a remainder, it lies on the same side
/// of each number halfway between two floats as the true one, and rounding it to 53 bits is rounding the true one.
///
/// # References
/// W. D. Clinger, *How to Read Floating Point Numbers Accurately*, PLDI 1990, <https://doi.org/10.1145/93542.93557>
#[inline]
fn quotient(m: u64, d: u64) -> f64 {
    if m < 1 << 53 {
        return m as f64 / d as f64;
    }
    let (shift_m, shift_d) = (m.leading_zeros(), d.leading_zeros());
    let (n, d) = (u128::from(m << shift_m) << 63, u128::from(d << shift_d));
    let whole = n / d;
    let whole = whole as u64 | u64::from(whole * d != n);
    // 2^(shift_d − shift_m − 63), far from the smallest float.
    whole as f64 * f64::from_bits(u64::from(1023 + shift_d - shift_m - 63) << 52)
}

#[cfg(test)]
mod tests {
    use super::parse;
    use rand::rngs::StdRng;
    use rand::{RngExt, SeedableRng};

    #[test]
    fn as_the_standard_library_reads_them() {
        let texts = [
            "0",
            "-0",
            "1",
            "-1.5",
            ".5",
            "5.",
            "0.1",
            "123456789012345",
            "1234567890123456",
            "0.000000000000001",
            "9007199254740993",
            "1e10",
            "-2.5E-3",
            "+3",
            "0.30000000000000004",
            "9007199254740993.5",
            "9007199254740992.5000",
            "9999999999999999999",
            "99999999999999999999",
            "18446744073709551616",
            "0.1234567890123456789",
            "-.9007199254740993",
            "1.00000000000000000001",
            "000000000000000000001",
        ];
        for text in texts {
            let expected: f64 = text.parse().unwrap();
            assert_eq!(parse(text.as_bytes()).map(f64::to_bits), Some(expected.to_bits()), "{text}");
        }
        assert_eq!(parse(b" 7 "), Some(7.0));
    }

    #[test]
    fn random_digits_with_a_point_anywhere() {
        let mut rng = StdRng::seed_from_u64(1);
        for round in 0..100_000 {
            let digits = rng.random_range(1..=20);
            let mut text: String = (0..digits).map(|_| rng.random_range(b'0'..=b'9') as char).collect();
            if round % 3 == 0 {
                // Halfway between two floats, or one digit beside it: 54 bits of which the last is set.
                let bits = rng.random_range(1_u64 << 53..1 << 54) | 1;
                text = format!("{}", 10_u128.pow(rng.random_range(0..4)) * u128::from(bits) + rng.random_range(0..2));
            }
            text.insert(rng.random_range(0..=text.len()), '.');
            let expected: f64 = text.parse().unwrap();
            assert_eq!(parse(text.as_bytes()).map(f64::to_bits), Some(expected.to_bits()), "{text}");
        }
    }

    #[test]
    fn what_is_no_finite_number() {
        for text in ["", "-", ".", "-.", "1.2.3", "1,5", "nan", "inf", "1e999", "0x10", "1 2", "\u{661}"] {
            assert_eq!(parse(text.as_bytes()), None, "{text}");
        }
        assert_eq!(parse(&[0xff]), None);
    }
}
