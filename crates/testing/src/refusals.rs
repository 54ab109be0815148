//! Errors: every variant met in a test, its message beside the call that makes it.

use std::collections::BTreeSet;
use std::fmt::Display;
use std::fs;
use std::path::Path;

/// Asserts that a result is an error of a variant, and pins its message.
///
/// A place in the calling file, such as an error that names a line of user code carries, reads `here` in the message: it
/// moves whenever the file is edited.
///
/// ```
/// use gradus_testing::refuses;
/// use std::num::ParseIntError;
/// refuses!("ten".parse::<u8>(), ParseIntError { .. }, @"invalid digit found in string");
/// ```
///
/// # Panics
/// If the result is not such an error, or its message reads otherwise.
#[macro_export]
macro_rules! refuses {
    ($result:expr, $variant:pat, @$message:literal $(,)?) => {{
        let Err(error) = $result else { panic!("{} was not refused", stringify!($result)) };
        assert!(matches!(&error, $variant), "{error:?} is not {}", stringify!($variant));
        $crate::insta::assert_snapshot!($crate::refusals::without_places(&error, file!()), @$message);
    }};
}

/// The message, with `here` for each `file:line:column` of this file.
#[must_use]
pub fn without_places(error: &impl Display, file: &str) -> String {
    let message = error.to_string();
    let mut pieces = message.split(file);
    let mut text = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        text += "here";
        text += piece.trim_start_matches(|c: char| c == ':' || c.is_ascii_digit());
    }
    text
}

/// The variants of a crate's `Error`, in `src/error.rs`, whose message no call of [`refuses!`](crate::refuses) in the files of
/// `tests/errors` pins. `folder` is the crate's own.
///
/// # Panics
/// If the files are not there, or `src/error.rs` has no `pub enum Error`.
#[must_use]
pub fn unpinned(folder: &str) -> Vec<String> {
    let folder = Path::new(folder);
    let source = fs::read_to_string(folder.join("src/error.rs")).expect("a crate has its errors in src/error.rs");
    let tests = fs::read_dir(folder.join("tests/errors")).expect("a crate pins their messages in tests/errors");
    let tests: String = tests
        .map(|file| fs::read_to_string(file.expect("the folder can be read").path()).expect("and so can its files"))
        .collect();
    let pinned = pinned(&tests);
    variants(&source).into_iter().filter(|variant| !pinned.contains(variant)).collect()
}

/// The variants of `pub enum Error`: the names that stand four spaces in.
fn variants(source: &str) -> Vec<String> {
    let (_, body) = source.split_once("pub enum Error {").expect("the source has a `pub enum Error`");
    let body = body.lines().take_while(|line| *line != "}");
    let named = body.filter_map(|line| line.strip_prefix("    ").map(word)).filter(|name| !name.is_empty());
    named.filter(|name| name.starts_with(|c: char| c.is_ascii_uppercase())).map(str::to_owned).collect()
}

/// The variants that calls of `refuses!` name between the call and the message.
fn pinned(tests: &str) -> BTreeSet<String> {
    let calls = tests.split("refuses!(").skip(1).map(|rest| rest.split('@').next().unwrap_or_default());
    calls.flat_map(|call| call.split("Error::").skip(1).map(|rest| word(rest).to_owned())).collect()
}

/// The name at the beginning of a text.
fn word(text: &str) -> &str {
    let end = text.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(text.len());
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variants_are_read() {
        let source = "/// No\npub enum Error {\n    /// Doc\n    #[error(\"x\")]\n    Axis {\n        Field: u8,\n    },\n    Spent,\n    Linalg(#[from] E),\n}\nenum Other {\n    Not,\n}\n";
        assert_eq!(variants(source), ["Axis", "Spent", "Linalg"]);
    }

    #[test]
    fn pins_are_read() {
        let tests = "refuses!(f(), Error::Axis { .. }, @\"Error::Spent\");\nassert!(Error::Shapes);\nrefuses!(\n    g(), Error::Linalg(_), @\"\")";
        assert_eq!(pinned(tests).into_iter().collect::<Vec<_>>(), ["Axis", "Linalg"]);
    }

    #[test]
    fn a_place_in_the_file_is_here() {
        assert_eq!(
            without_places(&"at tests/a.rs:12:5, and tests/a.rs:3:40: no", "tests/a.rs"),
            "at here, and here no"
        );
        assert_eq!(without_places(&"add: 1:2", "tests/a.rs"), "add: 1:2");
    }

    #[test]
    #[should_panic(expected = "was not refused")]
    fn what_is_allowed_fails() {
        refuses!("1".parse::<u8>(), std::num::ParseIntError { .. }, @"");
    }
}
