//! A flow as a table.

use super::{GradientFlow, Lane};
use crate::Cell;
use std::fmt;

/// Rows of a longer sequence that are shown.
const ROWS: usize = 12;
/// Characters of a line.
const WIDTH: usize = 80;

/// For each layer and direction the verdict and a table, then what to do. Of a long sequence a dozen steps are shown. The columns:
///
/// - `|dL/dh|`, and `|dL/dc|` of an LSTM: [`StateGradient::norms`](super::StateGradient::norms);
/// - `carried`: the part of [`Lane::norms`] that comes from later steps, in percent; beside a direct part that points another way it can
///   be more than 100;
/// - `gain`: [`Lane::ln_gains`] from the end to this step;
/// - the norm of the step's share of `weight_hh`'s gradient, and its cosine with the whole.
impl<C: Cell> fmt::Display for GradientFlow<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "gradient flow of {}: loss {:.6}, {} steps", C::NAME, self.loss, self.steps())?;
        for lane in &self.lanes {
            wrapped(f, &format!("{}: {}", lane.name, lane.diagnosis()), "  ")?;
            table(f, lane)?;
        }
        for advice in self.advice() {
            wrapped(f, &format!("- {advice}"), "  ")?;
        }
        Ok(())
    }
}

fn table<C: Cell>(f: &mut fmt::Formatter<'_>, lane: &Lane<C>) -> fmt::Result {
    let shares = lane.shares.iter().find(|shares| shares.name.starts_with("weight_hh")).or(lane.shares.first());
    write!(f, "{:>6}", "t")?;
    for state in &lane.states {
        write!(f, "{:>11}", format!("|dL/d{}|", state.name))?;
    }
    write!(f, "{:>10}{:>11}", "carried", "gain")?;
    if let Some(shares) = shares {
        // The ending is in the line above.
        let name = shares.name.strip_suffix(&format!("_{}", lane.name)).unwrap_or(&shares.name);
        write!(f, "{name:>12}{:>8}", "cos")?;
    }
    writeln!(f)?;
    let order: Vec<_> = lane.times().collect();
    let mut shown: Vec<_> = rows(order.len()).map(|place| (order[place], order.len() - 1 - place)).collect();
    shown.sort_unstable();
    for (t, back) in shown {
        write!(f, "{t:>6}")?;
        for state in &lane.states {
            write!(f, "{:>11}", format!("{:.2e}", state.norms[t]))?;
        }
        let carried = 100.0 * lane.carried[t] / lane.norms[t];
        write!(f, "{:>10}", if carried.is_finite() { format!("{carried:.1} %") } else { "-".to_owned() })?;
        write!(f, "{:>11}", exponential(lane.ln_gains.get(back).copied().unwrap_or(f64::NAN)))?;
        if let Some(shares) = shares {
            write!(f, "{:>12}{:>8.3}", format!("{:.2e}", shares.norms[t]), shares.cosines[t])?;
        }
        writeln!(f)?;
    }
    Ok(())
}

/// Evenly spaced, with the first and the last.
fn rows(steps: usize) -> impl Iterator<Item = usize> {
    let count = steps.min(ROWS);
    (0..count).map(move |row| if count == 1 { 0 } else { row * (steps - 1) / (count - 1) })
}

/// `e^ln`, of which an `f64` may know nothing any more.
fn exponential(ln: f64) -> String {
    let log = ln / std::f64::consts::LN_10;
    if !log.is_finite() || log.abs() < 300.0 {
        return format!("{:.2e}", ln.exp());
    }
    format!("{:.2}e{}", 10_f64.powf(log - log.floor()), log.floor())
}

/// Text in lines that fit, those after the first with an indent.
fn wrapped(f: &mut fmt::Formatter<'_>, text: &str, indent: &str) -> fmt::Result {
    let mut line = String::new();
    // A number and its unit stay together.
    let text = text.replace(" %", "\u{a0}%");
    for word in text.split(' ') {
        if !line.trim().is_empty() && line.chars().count() + 1 + word.chars().count() > WIDTH {
            writeln!(f, "{}", line.replace('\u{a0}', " "))?;
            line = format!("{indent}{word}");
        } else {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    writeln!(f, "{}", line.replace('\u{a0}', " "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_have_both_ends() {
        assert_eq!(rows(1).collect::<Vec<_>>(), [0]);
        assert_eq!(rows(3).collect::<Vec<_>>(), [0, 1, 2]);
        let many: Vec<_> = rows(200).collect();
        assert_eq!((many.len(), many[0], many[11]), (12, 0, 199));
        assert_eq!(rows(0).count(), 0);
    }

    #[test]
    fn numbers_beyond_the_range_are_written() {
        assert_eq!(exponential(-1000.0 * std::f64::consts::LN_10 + 2.5_f64.ln()), "2.50e-1000");
        assert_eq!((exponential(0.0), exponential(f64::NEG_INFINITY)), ("1.00e0".to_owned(), "0.00e0".to_owned()));
    }
}
