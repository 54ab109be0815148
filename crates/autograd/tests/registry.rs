//! One table of every differentiable operation, and what each must pass.
//!
//! The crate's own sources are read: an operation that is added without a line in the table, and so without cases and
//! a golden operation, fails here.

#[path = "registry/table.rs"]
mod table;

use gradus_autograd::ndarray::ArrayD;
use gradus_autograd::testing::{Draw, cases, check_at};
use gradus_testing::golden;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use table::{Kind, TABLE};

/// Recorded on the tape, but no function of its own; each is tested where it lives.
const NO_FUNCTIONS: [&str; 1] = ["checkpoint"];

/// The families of golden cases that are about operations on arrays.
const FAMILIES: [&str; 5] = ["elementwise", "reduce", "matmul", "shape", "softmax"];

#[test]
fn every_operation_of_the_sources_is_in_the_table() {
    let known: BTreeSet<&str> =
        TABLE.iter().flat_map(|operation| operation.names.split_whitespace()).chain(NO_FUNCTIONS).collect();
    let mut found = BTreeSet::new();
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for file in rust_files(&source) {
        let text = code(&fs::read_to_string(&file).expect("the file was just listed"));
        let of_operations = file.starts_with(source.join("ops"));
        found.extend(first_arguments(&text, of_operations));
        if of_operations {
            found.extend(following(&text, "operation = \""));
            found.extend(following(&text, "pub fn "));
        }
    }
    assert!(found.len() >= 70, "the sources read otherwise than expected: {found:?}");
    let missing: Vec<_> = found.iter().filter(|name| !known.contains(name.as_str())).collect();
    assert!(missing.is_empty(), "add {missing:?} to tests/registry/table.rs, with cases and a golden operation");
    let gone: Vec<_> = known.iter().filter(|name| !found.contains(**name) && !NO_FUNCTIONS.contains(name)).collect();
    assert!(gone.is_empty(), "no source has {gone:?}");
}

#[test]
fn the_reader_of_sources_reads() {
    let text = code(
        "/// record(\"documented\")\nx.record(\n    \"one\", y); // record(\"no\")\nalong(\"two\", z); f(\"Not one\")\n#[cfg(test)]\nrecord(\"tested\")",
    );
    assert_eq!(first_arguments(&text, true), ["one", "two"]);
    assert_eq!(first_arguments(&text, false), ["one"]);
    assert_eq!(following("let operation = \"stack\";", "operation = \""), ["stack"]);
    assert_eq!(following("pub fn tanh(&self); pub fn stack<F>()", "pub fn "), ["tanh", "stack"]);
}

#[test]
fn every_operation_has_a_golden_one_and_every_golden_one_an_operation() {
    let golden = |family: &str| golden::family(family).into_iter().map(|case| case.op).collect::<BTreeSet<_>>();
    let mut claimed = BTreeSet::new();
    for operation in TABLE {
        for reference in operation.golden.split_whitespace() {
            let (family, op) = reference.split_once('/').expect("family/operation");
            assert!(golden(family).contains(op), "{}: the golden set has no {reference}", operation.names);
            claimed.insert((family, op.to_owned()));
        }
        assert!(!operation.golden.is_empty(), "{}: no golden operation", operation.names);
    }
    for family in FAMILIES {
        let unclaimed: Vec<_> =
            golden(family).into_iter().filter(|op| !claimed.contains(&(family, op.clone()))).collect();
        assert!(unclaimed.is_empty(), "{family}: {unclaimed:?}");
    }
}

#[test]
fn every_operation_holds_against_the_oracle() {
    for operation in TABLE {
        let mut draw = Draw::new(1);
        let mut all = Vec::new();
        for case in 0..cases() {
            let (f, inputs) = (operation.case)(&mut draw);
            if let Err(error) = check_at(&f, &inputs) {
                let shapes: Vec<_> = inputs.iter().map(|x| (x.shape(), x.strides())).collect();
                panic!("{}: case {case}, shapes and strides {shapes:?}: {error}", operation.names);
            }
            all.push(inputs);
        }
        if cases() >= 100 {
            covered(operation.names, operation.kind, &all);
        }
    }
}

/// The inputs were such that an oversight would have shown.
fn covered(name: &str, kind: Kind, all: &[Vec<ArrayD<f64>>]) {
    let comes = |what: &str, is: &dyn Fn(&ArrayD<f64>) -> bool| {
        assert!(all.iter().flatten().any(is), "{name}: no input {what}");
    };
    comes("has one element", &|x| x.len() == 1);
    // The strides of the axes that have any say.
    let long = |x: &ArrayD<f64>| -> Vec<isize> {
        (0..x.ndim()).filter(|&i| x.shape()[i] > 1 && !x.is_empty()).map(|i| x.strides()[i]).collect()
    };
    comes("has gaps", &|x| !long(x).is_empty() && long(x).iter().all(|s| s.abs() > 1));
    comes("is walked backwards", &|x| long(x).iter().any(|&s| s < 0));
    if !matches!(kind, Kind::Nonempty) {
        comes("is empty", &|x| x.is_empty());
    }
    if !matches!(kind, Kind::Vectors) {
        comes("is transposed", &|x| long(x).windows(2).any(|pair| pair[0].abs() < pair[1].abs()));
    }
    if matches!(kind, Kind::Broadcast) {
        let differ =
            |shorter: bool| all.iter().any(|x| x[0].shape() != x[1].shape() && (x[0].ndim() != x[1].ndim()) == shorter);
        assert!(differ(true) && differ(false), "{name}: the shapes are always the same");
    }
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
        if is_name && (function.starts_with("record") || of_any && !function.is_empty()) {
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
