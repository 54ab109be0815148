//! What the crate's sources say of its operations.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The names of operations: of public functions and methods in `src/ops`, and of what records on the tape.
pub(crate) fn operations() -> BTreeSet<String> {
    let mut found = functions(&["ops"]);
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for file in rust_files(&source) {
        let text = code(&fs::read_to_string(&file).expect("the file was just listed"));
        let of_operations = file.starts_with(source.join("ops"));
        found.extend(first_arguments(&text, of_operations));
        found.extend(following(&text, "operation = \""));
    }
    found
}

/// The public functions and methods of some files or folders of `src`.
pub(crate) fn functions(of: &[&str]) -> BTreeSet<String> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let files = of
        .iter()
        .map(|name| source.join(name))
        .flat_map(|path| if path.is_dir() { rust_files(&path) } else { vec![path] });
    let read = |file: PathBuf| fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    files.flat_map(|file| following(&code(&read(file)), "pub fn ")).collect()
}

/// Every source file of a folder and of those in it.
fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).expect("a crate has sources") {
        let path = entry.expect("and may read them").path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            files.push(path);
        }
    }
    files
}

/// The text without comments and without its tests.
fn code(text: &str) -> String {
    let own = text.split("#[cfg(test)]").next().unwrap_or_default();
    own.lines().map(|line| line.split("//").next().unwrap_or_default()).collect::<Vec<_>>().join("\n")
}

/// The names that are the first argument of a call: of any, or of those that record.
fn first_arguments(text: &str, of_any: bool) -> Vec<String> {
    let mut names = Vec::new();
    for (at, _) in text.match_indices('(') {
        let function = text[..at].rsplit(|c: char| !(c.is_alphanumeric() || c == '_')).next().unwrap_or_default();
        let argument = text[at + 1..].trim_start();
        let Some(name) = argument.strip_prefix('"').and_then(|rest| rest.split('"').next()) else { continue };
        let is_name =
            !name.is_empty() && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
        if is_name && (function.starts_with("record") || of_any && !matches!(function, "" | "expect")) {
            names.push(name.to_owned());
        }
    }
    names
}

/// The names that follow this text.
fn following(text: &str, before: &str) -> Vec<String> {
    let name = |rest: &str| rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    text.split(before).skip(1).map(name).collect()
}

#[test]
fn the_reader_of_sources_reads() {
    let text = code(
        "/// record(\"documented\")\nx.record(\n    \"one\", y); // record(\"no\")\nalong(\"two\", z); f(\"Not one\"); g().expect(\"fits\")\n#[cfg(test)]\nrecord(\"tested\")",
    );
    assert_eq!(first_arguments(&text, true), ["one", "two"]);
    assert_eq!(first_arguments(&text, false), ["one"]);
    assert_eq!(following("let operation = \"stack\";", "operation = \""), ["stack"]);
    assert_eq!(following("pub fn tanh(&self); pub fn stack<F>()", "pub fn "), ["tanh", "stack"]);
}
