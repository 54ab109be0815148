//! Numbers as a person writes them.

/// With so many significant digits, without zeros at the end; powers of ten where the number is very large or small.
#[inline] // compiled where it is used: CONTRIBUTING, "What few programs call"
pub(crate) fn significant(x: f64, digits: usize) -> String {
    if x == 0.0 || !x.is_finite() {
        return x.to_string().replace("-0", "0");
    }
    let written = format!("{x:.*e}", digits.saturating_sub(1));
    let (mantissa, exponent) = written.split_once('e').unwrap_or((&written, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..6).contains(&exponent) {
        let decimals = usize::try_from(digits as i32 - 1 - exponent).unwrap_or(0);
        return trimmed(&format!("{x:.decimals$}")).to_owned();
    }
    format!("{}e{exponent}", trimmed(mantissa))
}

#[inline]
fn trimmed(number: &str) -> &str {
    if number.contains('.') { number.trim_end_matches('0').trim_end_matches('.') } else { number }
}

#[cfg(test)]
mod tests {
    use super::significant;

    #[test]
    fn by_hand() {
        for (x, expected) in [
            (0.0, "0"),
            (-0.0, "0"),
            (0.3, "0.3"),
            (0.1 + 0.2, "0.3"),
            (1234.5678, "1235"),
            (99_999.0, "99999"),
            (-2.5e-7, "-2.5e-7"),
            (1e6, "1e6"),
            (1.0 / 3.0, "0.3333"),
            (f64::NAN, "NaN"),
        ] {
            assert_eq!(significant(x, if x == 99_999.0 { 5 } else { 4 }), expected);
        }
    }
}
