//! Numbers from text.

/// 10⁰ … 10²²: the powers of ten that an `f64` holds exactly.
const TENS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20,
    1e21, 1e22,
];

/// The finite number that a field is, correctly rounded, or `None`.
///
/// Most fields are short: digits with perhaps a point among them. With at most 15 digits `m`, and `k` of them behind the
/// point, both `m` and `10ᵏ` are exact, so that one division gives the correctly rounded `m / 10ᵏ`. The rest goes to the
/// standard library, which takes several times as long.
///
/// # References
/// W. D. Clinger, *How to Read Floating Point Numbers Accurately*, PLDI 1990, <https://doi.org/10.1145/93542.93557>
pub(crate) fn parse(field: &[u8]) -> Option<f64> {
    short(field).or_else(|| {
        let text = std::str::from_utf8(field).ok()?;
        text.trim().parse().ok().filter(|x: &f64| x.is_finite())
    })
}

#[inline]
fn short(field: &[u8]) -> Option<f64> {
    let (negative, digits) = match field {
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits),
    };
    // 15 digits and a point.
    if digits.is_empty() || digits.len() > 16 {
        return None;
    }
    let (mut mantissa, mut count, mut behind) = (0_u64, 0_usize, None);
    for &byte in digits {
        match byte {
            b'0'..=b'9' => {
                mantissa = 10 * mantissa + u64::from(byte - b'0');
                count += 1;
            }
            b'.' if behind.is_none() => behind = Some(count),
            _ => return None,
        }
    }
    if count == 0 || count > 15 {
        return None;
    }
    let x = mantissa as f64;
    let x = behind.map_or(x, |before| x / TENS[count - before]);
    Some(if negative { -x } else { x })
}

#[cfg(test)]
mod tests {
    use super::parse;

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
            "000000000000000000001",
        ];
        for text in texts {
            let expected: f64 = text.parse().unwrap();
            assert_eq!(parse(text.as_bytes()).map(f64::to_bits), Some(expected.to_bits()), "{text}");
        }
        assert_eq!(parse(b" 7 "), Some(7.0));
    }

    #[test]
    fn what_is_no_finite_number() {
        for text in ["", "-", ".", "-.", "1.2.3", "1,5", "nan", "inf", "1e999", "0x10", "1 2", "\u{661}"] {
            assert_eq!(parse(text.as_bytes()), None, "{text}");
        }
        assert_eq!(parse(&[0xff]), None);
    }
}
