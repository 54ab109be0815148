//! Numbers and names as the page writes them.

/// Text as HTML and SVG want it, also within quotation marks.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            // XML has no such characters at all.
            c if c.is_control() && !matches!(c, '\n' | '\t' | '\r') => escaped.push('\u{fffd}'),
            c => escaped.push(c),
        }
    }
    escaped
}

/// At most so many characters: beginning and end.
pub(super) fn shortened(text: &str, most: usize) -> String {
    let n = text.chars().count();
    if n <= most {
        return text.to_owned();
    }
    let (head, tail) = (most / 2, most - most / 2 - 1);
    text.chars().take(head).chain(['…']).chain(text.chars().skip(n - tail)).collect()
}

/// A name, escaped: where it is too long for its place, shortened, with the whole of it on hover.
pub(super) fn name(name: &str, most: usize) -> String {
    if name.chars().count() <= most {
        return escape(name);
    }
    format!("<span title=\"{}\">{}</span>", escape(name), escape(&shortened(name, most)))
}

/// Four significant digits, without zeros at the end; powers of ten where the number is very large or small.
pub(super) fn number(x: f64) -> String {
    if x == 0.0 || !x.is_finite() {
        return x.to_string().replace("-0", "0");
    }
    let written = format!("{x:.3e}");
    let (mantissa, exponent) = written.split_once('e').unwrap_or((&written, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..6).contains(&exponent) {
        let decimals = usize::try_from(3 - exponent).unwrap_or(0);
        return trimmed(&format!("{x:.decimals$}")).to_owned();
    }
    format!("{}e{exponent}", trimmed(mantissa))
}

fn trimmed(number: &str) -> &str {
    if number.contains('.') { number.trim_end_matches('0').trim_end_matches('.') } else { number }
}

/// As per cent.
pub(super) fn percent(share: f64) -> String {
    if share.is_finite() { format!("{:.2} %", 100.0 * share) } else { number(share) }
}

/// Four decimals where the number is of usual size.
pub(super) fn decimal(x: f64) -> String {
    if x == 0.0 || (1e-3..1e4).contains(&x.abs()) { format!("{x:.4}") } else { number(x) }
}

/// As [`decimal`], with its sign.
pub(super) fn signed(x: f64) -> String {
    let written = decimal(x);
    if x > 0.0 { format!("+{written}") } else { written.replace('-', "−") }
}

/// 1234567 as 1,234,567.
pub(super) fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Seconds as a person says them.
pub(super) fn duration(seconds: f64) -> String {
    if !(60.0..1e15).contains(&seconds) {
        return format!("{seconds:.1} s");
    }
    let whole = seconds.round() as u64;
    match whole {
        ..3600 => format!("{} min {:02} s", whole / 60, whole % 60),
        _ => format!("{} h {:02} min", whole / 3600, whole % 3600 / 60),
    }
}

/// A shape: 3 × 8 × 8.
pub(super) fn shape(shape: &[usize]) -> String {
    let sides: Vec<_> = shape.iter().map(usize::to_string).collect();
    if sides.is_empty() { "one number".to_owned() } else { sides.join(" × ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!(["7", "999", "1,000", "1,234,567"], [7, 999, 1000, 1_234_567].map(grouped).each_ref().map(|s| &**s));
        let cases = [(0.0, "0"), (-0.0, "0"), (0.1 + 0.2, "0.3"), (1234.5678, "1235"), (-2.5e-7, "-2.5e-7")];
        cases.into_iter().for_each(|(x, expected)| assert_eq!(number(x), expected));
        assert_eq!([number(f64::NAN), number(1e300), percent(f64::INFINITY)], ["NaN", "1e300", "inf"]);
        assert_eq!([signed(0.25), signed(-0.25), signed(f64::NAN)], ["+0.2500", "−0.2500", "NaN"]);
        assert_eq!([duration(4.25), duration(75.4), duration(7380.0)], ["4.2 s", "1 min 15 s", "2 h 03 min"]);
        assert_eq!([duration(f64::NAN), duration(1e300).split_off(300)], ["NaN s", "0.0 s"]);
        assert_eq!([shape(&[3, 8]), shape(&[])], ["3 × 8", "one number"]);
    }

    #[test]
    fn text_is_escaped_and_shortened() {
        assert_eq!(escape("a<b & \"c'\">\u{0}"), "a&lt;b &amp; &quot;c&#39;&quot;&gt;\u{fffd}");
        assert_eq!(shortened("abcdefghij", 10), "abcdefghij");
        assert_eq!(shortened("abcdefghijk", 5), "ab…jk");
        assert_eq!(shortened("ααααααααα", 4), "αα…α");
        assert_eq!([name("<a>", 3), name("<abc>", 3)], ["&lt;a&gt;", "<span title=\"&lt;abc&gt;\">&lt;…&gt;</span>"]);
    }
}
