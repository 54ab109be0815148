//! `macro_rules!`: enough of it to see what the crates' own macros write.

use std::collections::HashMap;

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};
use quote::ToTokens;
use syn::parse::{Parse, ParseStream, Parser};

/// A macro's arms, in order.
#[derive(Clone)]
pub(crate) struct Rules(Vec<(Vec<Pattern>, TokenStream)>);

#[derive(Clone)]
enum Pattern {
    Token(String),
    Group(Delimiter, Vec<Pattern>),
    Fragment { name: String, kind: String },
    Repeat { of: Vec<Pattern>, separator: Option<String>, at_most_once: bool },
}

#[derive(Clone)]
enum Binding {
    One(TokenStream),
    Many(Vec<Binding>),
}

type Bindings = HashMap<String, Binding>;

impl Rules {
    /// From what stands between the braces of `macro_rules! name { … }`.
    pub(crate) fn parse(definition: TokenStream) -> Self {
        let tokens: Vec<TokenTree> = definition.into_iter().collect();
        // (pattern) => { body } ;
        let arms = tokens.split(|token| is(token, ';')).filter_map(|arm| match arm {
            [TokenTree::Group(pattern), _, _, TokenTree::Group(body)] => {
                Some((patterns(pattern.stream()), body.stream()))
            }
            _ => None,
        });
        Self(arms.collect())
    }

    /// What a call stands for, if an arm fits.
    pub(crate) fn expand(&self, call: TokenStream) -> Option<TokenStream> {
        let call: Vec<TokenTree> = call.into_iter().collect();
        self.0.iter().find_map(|(pattern, body)| {
            let mut found = Bindings::new();
            let used = fit(pattern, &call, &mut found)?;
            (used == call.len()).then(|| write(body.clone(), &found))
        })
    }
}

fn is(token: &TokenTree, c: char) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == c)
}

/// What stands after `$( … )`: the separator, and the sign `*`, `+` or `?`; and how many tokens they take.
fn repetition(after: &[TokenTree]) -> (Option<String>, char, usize) {
    let sign = |token: &TokenTree| ['*', '+', '?'].into_iter().find(|&c| is(token, c));
    match after {
        [first, ..] if sign(first).is_some() => (None, sign(first).expect("just seen"), 1),
        [first, second, ..] => (Some(first.to_string()), sign(second).unwrap_or('*'), 2),
        _ => (None, '*', after.len()),
    }
}

fn patterns(tokens: TokenStream) -> Vec<Pattern> {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let mut parsed = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        match &tokens[at..] {
            [dollar, TokenTree::Group(group), after @ ..] if is(dollar, '$') => {
                let (separator, sign, taken) = repetition(after);
                parsed.push(Pattern::Repeat { of: patterns(group.stream()), separator, at_most_once: sign == '?' });
                at += 2 + taken;
            }
            [dollar, TokenTree::Ident(name), colon, TokenTree::Ident(kind), ..]
                if is(dollar, '$') && is(colon, ':') =>
            {
                parsed.push(Pattern::Fragment { name: name.to_string(), kind: kind.to_string() });
                at += 4;
            }
            [TokenTree::Group(group), ..] => {
                parsed.push(Pattern::Group(group.delimiter(), patterns(group.stream())));
                at += 1;
            }
            [token, ..] => {
                parsed.push(Pattern::Token(token.to_string()));
                at += 1;
            }
            [] => unreachable!("`at` is below the length"),
        }
    }
    parsed
}

/// Fits patterns to the head of `tokens`, and tells how many they take.
fn fit(patterns: &[Pattern], tokens: &[TokenTree], found: &mut Bindings) -> Option<usize> {
    let mut at = 0;
    for pattern in patterns {
        at += match pattern {
            Pattern::Token(expected) => (tokens.get(at)?.to_string() == *expected).then_some(1)?,
            Pattern::Group(delimiter, inner) => match tokens.get(at)? {
                TokenTree::Group(group) if group.delimiter() == *delimiter => {
                    let within: Vec<TokenTree> = group.stream().into_iter().collect();
                    (fit(inner, &within, found)? == within.len()).then_some(1)?
                }
                _ => return None,
            },
            Pattern::Fragment { name, kind } => {
                let taken = fragment(kind, &tokens[at..])?;
                found.insert(name.clone(), Binding::One(tokens[at..at + taken].iter().cloned().collect()));
                taken
            }
            Pattern::Repeat { of, separator, at_most_once } => {
                repeat(of, separator.as_deref(), *at_most_once, &tokens[at..], found)
            }
        };
    }
    Some(at)
}

fn repeat(of: &[Pattern], separator: Option<&str>, once: bool, tokens: &[TokenTree], found: &mut Bindings) -> usize {
    let mut rounds: Vec<Bindings> = Vec::new();
    let mut at = 0;
    while !(once && rounds.len() == 1) {
        let between = usize::from(separator.is_some() && !rounds.is_empty());
        if between == 1 && tokens.get(at).map(ToString::to_string).as_deref() != separator {
            break;
        }
        let mut round = Bindings::new();
        match tokens.get(at + between..).and_then(|rest| fit(of, rest, &mut round)) {
            Some(taken) if taken > 0 => at += between + taken,
            _ => break,
        }
        rounds.push(round);
    }
    let mut names = Vec::new();
    names_of(of, &mut names);
    for name in names {
        let each = rounds.iter().filter_map(|round| round.get(&name).cloned()).collect();
        found.insert(name, Binding::Many(each));
    }
    at
}

fn names_of(patterns: &[Pattern], names: &mut Vec<String>) {
    for pattern in patterns {
        match pattern {
            Pattern::Fragment { name, .. } => names.push(name.clone()),
            Pattern::Group(_, inner) | Pattern::Repeat { of: inner, .. } => names_of(inner, names),
            Pattern::Token(_) => {}
        }
    }
}

/// How many tokens a fragment of this kind takes.
fn fragment(kind: &str, tokens: &[TokenTree]) -> Option<usize> {
    match (kind, tokens) {
        ("ident", [TokenTree::Ident(_), ..]) => Some(1),
        ("lifetime", [quote, TokenTree::Ident(_), ..]) if is(quote, '\'') => Some(2),
        ("literal", [TokenTree::Literal(_), ..]) => Some(1),
        ("literal", [minus, TokenTree::Literal(_), ..]) if is(minus, '-') => Some(2),
        ("tt", [_, ..]) => Some(1),
        ("ty", _) => taken(tokens, syn::Type::parse),
        ("expr", _) => taken(tokens, syn::Expr::parse),
        ("path", _) => taken(tokens, syn::Path::parse),
        ("meta", _) => taken(tokens, syn::Meta::parse),
        ("item", _) => taken(tokens, syn::Item::parse),
        ("block", _) => taken(tokens, syn::Block::parse),
        ("pat", _) => taken(tokens, syn::Pat::parse_multi_with_leading_vert),
        ("vis", _) => taken(tokens, syn::Visibility::parse),
        _ => None,
    }
}

/// How many tokens a parser of `syn` takes.
fn taken<T>(tokens: &[TokenTree], parse: fn(ParseStream) -> syn::Result<T>) -> Option<usize> {
    let head = |input: ParseStream| {
        parse(input)?;
        input.parse::<TokenStream>()
    };
    let rest = head.parse2(tokens.iter().cloned().collect()).ok()?;
    Some(tokens.len() - rest.into_iter().count())
}

/// An arm's body with what was found in the places of the variables.
fn write(body: TokenStream, found: &Bindings) -> TokenStream {
    let tokens: Vec<TokenTree> = body.into_iter().collect();
    let mut written = TokenStream::new();
    let mut at = 0;
    while at < tokens.len() {
        match &tokens[at..] {
            [dollar, TokenTree::Group(group), after @ ..] if is(dollar, '$') => {
                let (separator, _, taken) = repetition(after);
                for (i, round) in rounds(&group.stream(), found).iter().enumerate() {
                    if let (true, Some(separator)) = (i > 0, &separator) {
                        written.extend(separator.parse::<TokenStream>());
                    }
                    written.extend(write(group.stream(), round));
                }
                at += 2 + taken;
            }
            [dollar, TokenTree::Ident(name), ..] if is(dollar, '$') => {
                match found.get(&name.to_string()) {
                    Some(Binding::One(tokens)) => written.extend(tokens.clone()),
                    // `$crate`, or a variable of a macro that this one defines.
                    _ => name.to_tokens(&mut written),
                }
                at += 2;
            }
            [TokenTree::Group(group), ..] => {
                let inner = Group::new(group.delimiter(), write(group.stream(), found));
                written.extend([TokenTree::Group(inner)]);
                at += 1;
            }
            [token, ..] => {
                written.extend([token.clone()]);
                at += 1;
            }
            [] => unreachable!("`at` is below the length"),
        }
    }
    written
}

/// The bindings of each round of a repetition, which has as many as the variables in it.
fn rounds(body: &TokenStream, found: &Bindings) -> Vec<Bindings> {
    let mut names = Vec::new();
    variables(body, &mut names);
    let many = |name: &String| match found.get(name) {
        Some(Binding::Many(each)) => Some((name.clone(), each)),
        _ => None,
    };
    let many: Vec<_> = names.iter().filter_map(many).collect();
    let count = many.iter().map(|(_, each)| each.len()).max().unwrap_or(0);
    let round = |i: usize| {
        let mut round = found.clone();
        round.extend(many.iter().filter_map(|(name, each)| Some((name.clone(), each.get(i)?.clone()))));
        round
    };
    (0..count).map(round).collect()
}

fn variables(body: &TokenStream, names: &mut Vec<String>) {
    let mut after_dollar = false;
    for token in body.clone() {
        match &token {
            TokenTree::Ident(name) if after_dollar => names.push(name.to_string()),
            TokenTree::Group(group) => variables(&group.stream(), names),
            _ => {}
        }
        after_dollar = is(&token, '$');
    }
}
