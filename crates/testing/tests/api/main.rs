//! The public API of every published crate is that of its committed listing, `api.txt` beside its `Cargo.toml`.
//!
//! A listing has one line for each thing that a user can name: items with their signatures, fields, variants, methods and the traits
//! that types implement, under the shortest path that leads to them. It is read from the sources, so that the test needs no build of the
//! crates and no nightly toolchain. What only the compiler knows, such as whether a type is `Send`, is not in it.
//!
//! `GRADUS_API=renew cargo test -p gradus-testing --test api` writes the listings anew.

mod expand;
mod list;
mod reach;
mod source;
mod text;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{env, fs, thread};

/// The published crates, by the folders that they lie in.
const CRATES: [&str; 12] = [
    "linalg",
    "autograd",
    "nn-layers/derive",
    "nn-layers",
    "conv",
    "rnn-bptt",
    "optim",
    "regularize",
    "data",
    "train",
    "distributed",
    "gradus",
];

const RENEW: &str = "GRADUS_API=renew cargo test -p gradus-testing --test api";

#[test]
fn the_public_api_is_the_one_listed() {
    let renew = env::var_os("GRADUS_API").is_some_and(|value| value == "renew");
    let problems: Vec<String> = thread::scope(|scope| {
        let crates: Vec<_> = CRATES.iter().map(|folder| scope.spawn(move || check(folder, renew))).collect();
        crates.into_iter().filter_map(|check| check.join().expect("no crate's check panics")).collect()
    });
    assert!(problems.is_empty(), "\n\n{}\n", problems.join("\n\n"));
}

/// What is wrong with the listing of the crate in this folder, if anything.
fn check(folder: &str, renew: bool) -> Option<String> {
    let folder: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("crates/").join(folder);
    let name = name_of(&folder);
    let lines = match list::public_api(&name.replace('-', "_"), &folder.join("src/lib.rs")) {
        Ok(lines) => lines,
        Err(problem) => return Some(format!("{name}: {problem}")),
    };
    let listing = folder.join("api.txt");
    if renew {
        let text = format!("# The public API of {name}. Renewed by: {RENEW}\n\n{}\n", lines.join("\n"));
        return fs::write(&listing, text).err().map(|error| format!("{}: {error}", listing.display()));
    }
    let Ok(listed) = fs::read_to_string(&listing) else {
        return Some(format!("{name} has no listing of its public API. To write it:\n  {RENEW}"));
    };
    let listed = listed.lines().filter(|line| !line.is_empty() && !line.starts_with("# "));
    let difference = difference(listed, lines.iter().map(String::as_str));
    (!difference.is_empty()).then(|| {
        format!(
            "The public API of {name} is not the one in its api.txt:\n{}\n\
             A line that is gone breaks whoever uses it, and so does a changed signature (RELEASING.md has what that asks for).\n\
             If the change is meant, say it in the crate's CHANGELOG.md, and renew the listing:\n  {RENEW}",
            difference.join("\n")
        )
    })
}

/// The package's name, from its manifest.
fn name_of(folder: &Path) -> String {
    let manifest = fs::read_to_string(folder.join("Cargo.toml")).expect("a crate has a manifest");
    let name = manifest.lines().find_map(|line| line.strip_prefix("name = \"")?.strip_suffix('"'));
    name.expect("a manifest begins with the package's name").to_owned()
}

/// Lines that are gone and lines that are new, each as often as it is.
fn difference<'a>(before: impl Iterator<Item = &'a str>, after: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut counts: BTreeMap<&str, i32> = BTreeMap::new();
    before.for_each(|line| *counts.entry(line).or_default() -= 1);
    after.for_each(|line| *counts.entry(line).or_default() += 1);
    let lines = |wanted: i32, word: &str| -> Vec<String> {
        let found = counts.iter().filter(|(_, count)| count.signum() == wanted);
        found.map(|(line, _)| format!("  {word} {line}")).collect()
    };
    [lines(-1, "gone:"), lines(1, "new: ")].concat()
}

#[test]
fn a_difference_names_both_sides() {
    let found = difference(["a", "b", "b"].into_iter(), ["b", "c"].into_iter());
    assert_eq!(found, ["  gone: a", "  gone: b", "  new:  c"]);
    assert!(difference(["a"].into_iter(), ["a"].into_iter()).is_empty());
}

/// The listing of a crate of one file.
fn listed(source: &str) -> Vec<String> {
    list::of_source("it", source).expect("a listing")
}

#[test]
fn what_cannot_be_reached_is_not_listed() {
    let lines = listed(
        "mod hidden { pub fn f() {} pub(crate) fn g() {} } fn h() {} #[cfg(test)] pub mod tests { pub fn i() {} }",
    );
    assert_eq!(lines, Vec::<String>::new());
}

#[test]
fn items_stand_under_the_path_that_users_write() {
    let source = "
        mod inner { mod wide { pub fn f() {} } pub fn wide(_: &mut [u8]) {} pub struct Wide<F = f32> { pub x: F, y: F } impl<F: Copy> Wide<F> { pub fn x(&self) -> F { self.x } fn y(&self) {} } }
        pub mod outer { pub use super::inner::Wide as Narrow; #[derive(Clone)] pub enum Side { Left(u8), Right { at: u8 } } }
        pub use inner::{Wide, wide};
        pub use std::fmt;
        impl<F> fmt::Debug for Wide<F> { fn fmt(&self) {} }";
    assert_eq!(
        listed(source),
        [
            "pub struct it::Wide<F = f32> { .. }",
            "pub field it::Wide::x: F",
            "pub fn it::Wide<F>::x(&self) -> F where impl<F: Copy>",
            "impl<F> fmt::Debug for it::Wide<F>",
            "pub use it::fmt = std::fmt",
            "pub mod it::outer",
            "pub use it::outer::Narrow = it::Wide",
            "pub enum it::outer::Side",
            "pub variant it::outer::Side::Left(u8)",
            "pub variant it::outer::Side::Right { at: u8 }",
            "impl Clone for it::outer::Side (derived)",
            "pub fn it::wide(_: &mut [u8])",
        ]
    );
}

#[test]
fn macros_are_expanded() {
    let source = "
        macro_rules! layers { ($($(#[$doc:meta])* $name:ident: $($ty:ty),+;)+) => {$( $(#[$doc])* pub struct $name($(pub $ty),+); )+}; }
        layers! { #[doc = \"A layer.\"] One: Vec<u8>, u8; Two: f32; }";
    assert_eq!(listed(source), ["pub struct it::One(pub Vec<u8>, pub u8);", "pub struct it::Two(pub f32);"]);
    assert!(list::of_source("it", "unknown! {}").unwrap_err().contains("unknown!"));
}

#[test]
fn a_macro_of_the_crate_shows_what_it_takes() {
    let source =
        "#[macro_export] macro_rules! all { (@own) => {}; ($($x:expr),+ $(,)?) => {}; } macro_rules! own { () => {}; }";
    assert_eq!(listed(source), ["macro it::all! ($($x: expr),+ $(,)?)"]);
}

#[test]
fn traits_say_what_must_be_written() {
    let source = "
        pub trait Step: Send { const N: usize; type Out; fn must(&self, n: usize) -> Self::Out; fn may(&mut self) {} }
        impl Step for f32 { } trait Own {} impl Own for u8 {}";
    assert_eq!(
        listed(source),
        [
            "pub trait it::Step: Send",
            "const it::Step::N: usize",
            "fn it::Step::may(&mut self) (provided)",
            "fn it::Step::must(&self, n: usize) -> Self::Out",
            "type it::Step::Out",
            "impl it::Step for f32",
        ]
    );
}
