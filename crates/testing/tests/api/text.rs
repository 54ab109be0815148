//! Tokens as a person would write them on one line.

use proc_macro2::{Delimiter, Spacing, TokenStream, TokenTree};
use quote::ToTokens;

/// The text of a piece of syntax, with spaces where rustfmt has them, more or less: what counts is that it never varies.
pub(crate) fn text(syntax: impl ToTokens) -> String {
    // A comma that the macros or the layout of the source left at the end of a list.
    verbatim(syntax).replace(",)", ")").replace(",>", ">").replace(",]", "]").replace(", }", " }")
}

/// The same with every comma, for a macro's pattern.
pub(crate) fn verbatim(syntax: impl ToTokens) -> String {
    let mut words = Vec::new();
    spell(syntax.to_token_stream(), &mut words);
    let mut line = String::new();
    for (i, word) in words.iter().enumerate() {
        if i > 0 && apart(&words[i - 1], word) {
            line.push(' ');
        }
        line.push_str(word);
    }
    line
}

/// Takes tokens apart into words: `::`, `->`, `..` and lifetimes are one word each.
fn spell(tokens: TokenStream, words: &mut Vec<String>) {
    let mut joined = false;
    for token in tokens {
        let was_joined = std::mem::replace(&mut joined, false);
        let word = match token {
            TokenTree::Group(group) => {
                let (open, close) = match group.delimiter() {
                    Delimiter::Parenthesis => ("(", ")"),
                    Delimiter::Brace => ("{", "}"),
                    Delimiter::Bracket => ("[", "]"),
                    Delimiter::None => ("", ""),
                };
                words.extend((!open.is_empty()).then(|| open.to_owned()));
                spell(group.stream(), words);
                words.extend((!close.is_empty()).then(|| close.to_owned()));
                continue;
            }
            TokenTree::Punct(punct) => {
                joined = punct.spacing() == Spacing::Joint;
                punct.as_char().to_string()
            }
            other => other.to_string(),
        };
        match words.last_mut() {
            Some(last) if last == "'" || was_joined && is_one(&format!("{last}{word}")) => last.push_str(&word),
            _ => words.push(word),
        }
    }
}

fn is_one(pair: &str) -> bool {
    matches!(pair, "::" | "->" | "=>" | ".." | "..=" | "&&" | "||" | "==")
}

/// Whether a space stands between two words.
fn apart(before: &str, after: &str) -> bool {
    let is_word = |word: &str| word.starts_with(|c: char| c.is_alphanumeric() || c == '_' || c == '\'' || c == '"');
    match (before, after) {
        ("(" | "[" | "<" | "::" | "&" | "!" | "#" | "." | "$" | "*" | "?" | "-" | "@" | "&&", _) => false,
        (_, ")" | "]" | ">" | "," | ";" | ":" | "::" | "." | "!") => false,
        ("where" | "mut" | "for" | "as" | "in", "<" | "(" | "[") => !(before == "for" && after == "<"),
        (")", "*" | "+" | "?") | (",", "+") => false,
        (before, "<" | "(") => !(is_word(before) || before == ">"),
        (before, "[") => before != "#",
        _ => true,
    }
}
