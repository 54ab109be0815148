//! Golden data: what PyTorch computes, and the loop that compares a crate with it.
//!
//! The folder is the value of the environment variable `GRADUS_GOLDEN` if it is set, and this crate's own `golden` otherwise. Its
//! `README.md` describes the format.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::{env, fs};

use ndarray::ArrayD;
use safetensors::SafeTensors;
use serde_json::Value;

mod args;
mod case;
mod check;
mod tensor;

pub use case::Case;
pub use check::{check, check_if_there, check_only, none_yet};

use tensor::Tensor;

/// The folder that golden data is read from.
#[must_use]
pub fn folder() -> PathBuf {
    match env::var_os("GRADUS_GOLDEN") {
        Some(folder) if !folder.is_empty() => folder.into(),
        _ => own_folder(),
    }
}

/// The folder in this crate, whatever the environment says.
fn own_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("golden")
}

/// The path of one file of the [`folder`], for code that wants to open it by itself.
#[must_use]
pub fn path(file: &str) -> PathBuf {
    folder().join(file)
}

/// Every case of one family, in the order of the index.
///
/// # Examples
///
/// ```
/// let cases = gradus_testing::golden::family("elementwise");
/// let tanh = cases.iter().find(|case| case.op == "tanh").expect("the family has a case of tanh");
/// assert_eq!(tanh.input("x").shape(), tanh.output("y").shape());
/// ```
///
/// # Panics
/// If the folder cannot be read, is not in the format, or has no such family.
#[must_use]
pub fn family(name: &str) -> Vec<Case> {
    let folder = folder();
    let file = format!("{name}.safetensors");
    let mut tensors: BTreeMap<String, BTreeMap<String, Tensor>> = BTreeMap::new();
    for (key, tensor) in read_tensors(&folder.join(&file)) {
        let (case, tensor_name) =
            key.split_once('/').unwrap_or_else(|| panic!("{file}: `{key}` is not of the form case/name"));
        tensors.entry(case.to_owned()).or_default().insert(tensor_name.to_owned(), tensor);
    }
    let cases: Vec<Case> = entries(&folder)
        .iter()
        .filter(|entry| entry["file"] == file.as_str())
        .map(|entry| Case::new(entry, &mut tensors))
        .collect();
    assert!(!cases.is_empty(), "{}: the index has no case of the family `{name}`", folder.display());
    cases
}

/// A PyTorch `state_dict` of the folder, by the parameters' names; `name` is the file's, without its ending.
///
/// # Examples
///
/// ```
/// let weights = gradus_testing::golden::state_dict("model_cnn_state_dict");
/// assert!(weights.keys().all(|name| name.contains('.')));
/// ```
///
/// # Panics
/// If the file cannot be read, or holds anything but floats.
#[must_use]
pub fn state_dict(name: &str) -> BTreeMap<String, ArrayD<f32>> {
    read_tensors(&path(&format!("{name}.safetensors")))
        .into_iter()
        .map(|(key, tensor)| {
            let array = tensor.floats().unwrap_or_else(|kind| panic!("{name}: `{key}` is {kind}"));
            (key, array)
        })
        .collect()
}

/// The operations of a family in the published set, which does not change with the seed.
fn published_ops(family: &str) -> BTreeSet<String> {
    let file = format!("{family}.safetensors");
    entries(&own_folder())
        .iter()
        .filter(|entry| entry["file"] == file.as_str())
        .filter_map(|entry| entry["op"].as_str().map(str::to_owned))
        .collect()
}

/// The lines of the index.
fn entries(folder: &Path) -> Vec<Value> {
    let path = folder.join("index.json");
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut index: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    match index["cases"].take() {
        Value::Array(cases) => cases,
        _ => panic!("{}: no list `cases`", path.display()),
    }
}

/// Every tensor of a file, by its full name.
fn read_tensors(path: &Path) -> Vec<(String, Tensor)> {
    let bytes = fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let file = SafeTensors::deserialize(&bytes).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    file.iter()
        .map(|(name, view)| {
            let tensor =
                Tensor::read(&view).unwrap_or_else(|message| panic!("{}: `{name}`: {message}", path.display()));
            (name.to_owned(), tensor)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_case_of_the_index_can_be_read() {
        let files: BTreeSet<String> = entries(&folder()).iter().map(|e| e["file"].as_str().unwrap().into()).collect();
        assert!(!files.is_empty());
        for file in files {
            for case in family(file.trim_end_matches(".safetensors")) {
                for name in case.input_names().chain(case.output_names()) {
                    assert!(!case.kind(name).is_empty());
                }
                for name in case.output_names() {
                    if let Some(dy) = case.try_cotangent(name) {
                        assert_eq!(dy.shape(), case.output(name).shape(), "{}: {name}", case.name);
                    }
                }
                for name in case.input_names() {
                    if let Some(dx) = case.grad(name) {
                        assert_eq!(dx.shape(), case.input(name).shape(), "{}: {name}", case.name);
                    }
                }
            }
        }
    }

    #[test]
    fn models_have_their_state_dicts() {
        for case in family("models") {
            let file = case.str("state_dict");
            let weights = state_dict(file.trim_end_matches(".safetensors"));
            assert!(!weights.is_empty(), "{file}");
        }
    }

    #[test]
    #[should_panic(expected = "nonesuch.safetensors")]
    fn an_unknown_family_is_named() {
        let _ = family("nonesuch");
    }
}
