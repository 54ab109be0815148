//! A pocket calculator for the numbers of an explanation.

/// A number, and how far it may be off because six digits of each number are printed.
#[derive(Clone, Copy)]
pub(crate) struct Rounded(pub(crate) f64, pub(crate) f64);

pub(crate) fn rounded(x: f64) -> Rounded {
    Rounded(x, 6e-6 * x.abs())
}

/// What an expression comes to; `None` if it holds anything but numbers.
pub(crate) fn evaluate(text: &str) -> Option<Rounded> {
    let mut rest = text;
    let value = sum(&mut rest)?;
    rest.is_empty().then_some(value)
}

fn take(rest: &mut &str, token: &str) -> bool {
    let found = rest.trim_start().strip_prefix(token);
    if let Some(after) = found {
        *rest = after;
    }
    found.is_some()
}

fn sum(rest: &mut &str) -> Option<Rounded> {
    let mut a = product(rest)?;
    loop {
        let sign = if take(rest, "+") {
            1.0
        } else if take(rest, "−") {
            -1.0
        } else {
            return Some(a);
        };
        let b = product(rest)?;
        a = Rounded(a.0 + sign * b.0, a.1 + b.1);
    }
}

fn product(rest: &mut &str) -> Option<Rounded> {
    let mut a = power(rest)?;
    loop {
        if take(rest, "·") {
            let b = power(rest)?;
            a = Rounded(a.0 * b.0, a.0.abs() * b.1 + b.0.abs() * a.1);
        } else if take(rest, "/") {
            let b = power(rest)?;
            let quotient = a.0 / b.0;
            a = Rounded(quotient, (a.1 + quotient.abs() * b.1) / (b.0.abs() - b.1));
        } else {
            return Some(a);
        }
    }
}

fn power(rest: &mut &str) -> Option<Rounded> {
    let a = atom(rest)?;
    if take(rest, "²") {
        return Some(Rounded(a.0 * a.0, 2.0 * a.0.abs() * a.1));
    }
    if take(rest, "^") {
        let b = atom(rest)?;
        let value = a.0.powf(b.0);
        return Some(Rounded(value, value * (b.0 * a.1 / a.0 + a.0.ln().abs() * b.1)));
    }
    Some(a)
}

fn atom(rest: &mut &str) -> Option<Rounded> {
    let closed = |rest: &mut &str, end| sum(rest).filter(|_| take(rest, end));
    if take(rest, "√") {
        let a = atom(rest)?;
        let root = a.0.sqrt();
        return Some(Rounded(root, if root == 0.0 { a.1.sqrt() } else { a.1 / root }));
    }
    if take(rest, "sign(") {
        let x = closed(rest, ")")?.0;
        return Some(Rounded(if x == 0.0 { 0.0 } else { x.signum() }, 0.0));
    }
    if take(rest, "max(") {
        let (a, b) = (closed(rest, ",")?, closed(rest, ")")?);
        return Some(Rounded(a.0.max(b.0), a.1.max(b.1)));
    }
    if take(rest, "|") {
        return closed(rest, "|").map(|x| Rounded(x.0.abs(), x.1));
    }
    if take(rest, "(") {
        return closed(rest, ")");
    }
    let text = rest.trim_start();
    let end = text.find(|c: char| !(c.is_ascii_digit() || "-.e".contains(c))).unwrap_or(text.len());
    *rest = &text[end..];
    text[..end].parse().ok().map(rounded)
}
