//! Lines that several rules have in common.

use super::change::{Change, number, term};
use crate::hyper;

impl Change {
    /// A running average: the line, and what it comes to. `name` is the array's; the symbols are those of the average, of
    /// the share of it that is kept, and of what enters: `g²`, say, for the square of `x`.
    pub(crate) fn average(&self, name: &str, symbols: [&str; 3], kept: f64, x: f64) -> (String, f64) {
        let ([a, share, enters], (before, after)) = (symbols, self.remembered(name));
        let square = if enters.ends_with('²') { "²" } else { "" };
        let (keep, old, take, x) = (number(kept), term(before), number(1.0 - kept), term(x));
        let sum = format!("{keep} · {old} + {take} · {x}{square}");
        (format!("{a} ← {share} {a} + (1 − {share}) {enters} = {sum} = {}", number(after)), after)
    }

    /// An average without the share of its start: the line, and what it comes to.
    pub(crate) fn corrected(&self, [a, share]: [&str; 2], average: f64, kept: f64) -> (String, f64) {
        let (t, correct) = (self.steps, 1.0 - hyper::power(kept, self.steps));
        let hat = average / correct;
        let (average, correct, value) = (number(average), number(correct), number(hat));
        (format!("{a}\u{302} = {a} / (1 − {share}^{t}) = {average} / {correct} = {value}"), hat)
    }

    /// Decoupled decay: the line, if it changes anything, and the element after it.
    pub(crate) fn shrunk(&self, lr: f64, decay: f64) -> (Option<String>, f64) {
        if decay == 0.0 {
            return (None, self.before);
        }
        let theta = (1.0 - lr * decay) * self.before;
        let (lr, decay, old) = (number(lr), number(decay), term(self.before));
        (Some(format!("θ ← (1 − lr · λ) θ = (1 − {lr} · {decay}) · {old} = {}", number(theta))), theta)
    }

    /// The line of the step along a direction `d` of this symbol, from an element that may have been shrunk before.
    pub(crate) fn along(&self, theta: f64, lr: f64, [symbol, d]: [&str; 2]) -> String {
        format!("θ ← θ − lr · {symbol} = {} − {} · {d} = {}", term(theta), number(lr), number(self.after))
    }
}
