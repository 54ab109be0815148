//! Patterns for the names of parameters.

use crate::{Error, Module, Result};
use gradus_autograd::Real;

/// A pattern for dotted names, as of files in a shell, with dots for slashes.
///
/// ```text
/// *    any characters but a dot, also none: one part of the name, or a piece of it
/// **   any characters
/// ?    one character that is no dot
/// ```
///
/// Anything else stands for itself, and the pattern has to match the whole name.
///
/// # Examples
/// ```
/// use gradus_nn_layers::Glob;
/// let glob = Glob::new("encoder.*.weight");
/// assert!(glob.matches("encoder.0.weight"));
/// assert!(!glob.matches("encoder.0.norm.weight")); // two parts
/// assert!(Glob::new("encoder.**.weight").matches("encoder.0.norm.weight"));
/// assert!(Glob::new("**.weight_?h_l0").matches("lstm.weight_hh_l0"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Glob {
    tokens: Vec<Token>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Token {
    Literal(char),
    /// `?`
    One,
    /// `*`
    Part,
    /// `**`
    Any,
}

impl Glob {
    /// The pattern that this text writes; every text writes one.
    #[must_use]
    pub fn new(pattern: &str) -> Self {
        let mut tokens = Vec::new();
        for c in pattern.chars() {
            match (c, tokens.last_mut()) {
                ('*', Some(Token::Any)) => {}
                ('*', Some(star @ Token::Part)) => *star = Token::Any,
                ('*', _) => tokens.push(Token::Part),
                ('?', _) => tokens.push(Token::One),
                _ => tokens.push(Token::Literal(c)),
            }
        }
        Self { tokens }
    }

    /// Whether the pattern matches this name, the whole of it.
    #[must_use]
    pub fn matches(&self, name: &str) -> bool {
        // Which prefixes of the pattern match the name so far: no backtracking, so no pattern is slow.
        let mut reached = vec![false; self.tokens.len() + 1];
        reached[0] = true;
        self.skip_stars(&mut reached);
        for c in name.chars() {
            let mut next = vec![false; reached.len()];
            for (i, &token) in self.tokens.iter().enumerate().filter(|&(i, _)| reached[i]) {
                match token {
                    Token::Literal(literal) => next[i + 1] |= c == literal,
                    Token::One => next[i + 1] |= c != '.',
                    Token::Part => next[i] |= c != '.',
                    Token::Any => next[i] = true,
                }
            }
            self.skip_stars(&mut next);
            reached = next;
        }
        reached[self.tokens.len()]
    }

    /// A star matches nothing, too.
    fn skip_stars(&self, reached: &mut [bool]) {
        for (i, token) in self.tokens.iter().enumerate() {
            if matches!(token, Token::Part | Token::Any) {
                reached[i + 1] |= reached[i];
            }
        }
    }
}

/// Freezes or thaws what the pattern matches, and counts it; none is an error.
pub(super) fn set_trainable<F: Real>(
    module: &mut (impl Module<F> + ?Sized),
    operation: &'static str,
    pattern: &str,
    trainable: bool,
) -> Result<usize> {
    let (glob, mut count) = (Glob::new(pattern), 0);
    let mut names = Vec::new();
    module.map_parameters(&mut |name, parameter| {
        names.push(name.to_owned());
        if glob.matches(name) {
            parameter.set_trainable(trainable);
            count += 1;
        }
    });
    if count == 0 { Err(Error::NoParameter { operation, name: pattern.to_owned(), names }) } else { Ok(count) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_stop_at_dots_and_double_stars_do_not() {
        let table = [
            ("", "", true),
            ("", "a", false),
            ("*", "", true),
            ("*", "weight", true),
            ("*", "0.weight", false),
            ("**", "0.weight", true),
            ("***", "0.weight", true),
            ("**.weight", "weight", false),
            ("**weight", "weight", true),
            ("0.?eight", "0.weight", true),
            ("0?weight", "0.weight", false),
            ("*.*.*", "a.b.c", true),
            ("*.*.*", "a.b", false),
            ("a*b*c", "aXbYbZc", true),
            ("weight", "0.weight", false),
            ("gewicht_ä", "gewicht_ä", true),
            ("[0].weight", "0.weight", false),
        ];
        for (pattern, name, expected) in table {
            assert_eq!(Glob::new(pattern).matches(name), expected, "{pattern} on {name}");
        }
        let slow = "**a".repeat(200) + "b";
        assert!(!Glob::new(&slow).matches(&"a".repeat(2000)));
    }
}
