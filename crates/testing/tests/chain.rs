//! The chain: a crate depends only on crates to its left, and every published crate can be published.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::{env, fs};

use serde_json::{Value, json};

/// The workspace's packages from left to right; those that share a place may not depend on each other.
const CHAIN: &[&[&str]] = &[
    &["gradus-testing"],
    &["gradus-linalg"],
    &["gradus-autograd"],
    &["gradus-nn-layers-derive"],
    &["gradus-nn-layers"],
    &["gradus-conv"],
    &["gradus-rnn-bptt"],
    &["gradus-optim"],
    &["gradus-regularize"],
    &["gradus-data"],
    &["gradus-train"],
    &["gradus-distributed"],
    &["gradus"],
    &["gradus-examples", "gradus-exercises", "gradus-benches"],
    &["gradus-course"],
];

/// What every published folder holds.
const FILES: [&str; 4] = ["README.md", "CHANGELOG.md", "LICENSE-MIT", "LICENSE-APACHE"];

/// Categories of crates.io that could fit; it refuses what it does not know.
const CATEGORIES: [&str; 6] = [
    "science",
    "algorithms",
    "mathematics",
    "data-structures",
    "encoding",
    "development-tools::procedural-macro-helpers",
];

/// Crates whose types stand in the public API.
const SHARED: [&str; 4] = ["ndarray", "num-traits", "rand", "rand_distr"];

#[test]
fn every_edge_points_left() {
    expect_none(&wrong_edges(&metadata()));
}

#[test]
fn every_published_crate_is_complete() {
    let metadata = metadata();
    let problems = [incomplete_packages(&metadata), unpublishable_edges(&metadata), unfit_words(&metadata)];
    expect_none(&problems.concat());
}

#[test]
fn types_of_other_crates_in_the_api_come_in_one_version() {
    let root = metadata()["workspace_root"].as_str().expect("cargo names the root").to_owned();
    let lock = fs::read_to_string(Path::new(&root).join("Cargo.lock")).expect("the lock file is committed");
    expect_none(&doubled(&lock));
}

/// Edges among the workspace's packages that do not point left, whether for building, testing or running.
fn wrong_edges(metadata: &Value) -> Vec<String> {
    let mut problems = Vec::new();
    let members: BTreeSet<&str> = packages(metadata).map(name).collect();
    for package in packages(metadata) {
        let Some(from) = place(name(package)) else {
            problems.push(format!("{} has no place in the chain", name(package)));
            continue;
        };
        for edge in edges(package).filter(|edge| members.contains(name(edge))) {
            let own_tests = name(edge) == name(package) && kind(edge) == "dev";
            if !own_tests && place(name(edge)).is_some_and(|to| to >= from) {
                problems.push(format!(
                    "{} has a {} dependency on {}, which is not to its left",
                    name(package),
                    kind(edge),
                    name(edge)
                ));
            }
        }
    }
    problems
}

/// Edges from published packages that a registry would refuse.
fn unpublishable_edges(metadata: &Value) -> Vec<String> {
    let mut problems = Vec::new();
    let unpublished: BTreeSet<&str> = packages(metadata).filter(|package| !published(package)).map(name).collect();
    for package in packages(metadata).filter(|package| published(package)) {
        for edge in edges(package).filter(|edge| edge["path"].is_string()) {
            let wrong = match (unpublished.contains(name(edge)), kind(edge), edge["req"] == "*") {
                (true, "dev", true) | (false, "dev", _) | (false, _, false) => continue,
                (true, "dev", false) => "is not published, so the dependency must have no version",
                (true, ..) => "is not published",
                (false, _, true) => "needs a version",
            };
            problems.push(format!("{}: {} dependency on {}, which {wrong}", name(package), kind(edge), name(edge)));
        }
    }
    problems
}

/// What published packages lack in metadata or files.
fn incomplete_packages(metadata: &Value) -> Vec<String> {
    let mut problems = Vec::new();
    let root = Path::new(metadata["workspace_root"].as_str().expect("cargo names the root"));
    for package in packages(metadata).filter(|package| published(package)) {
        for field in ["description", "license", "readme", "rust_version"] {
            if package[field].as_str().is_none_or(|text| text.trim().is_empty()) {
                problems.push(format!("{}: no `{field}` in Cargo.toml", name(package)));
            }
        }
        let manifest = Path::new(package["manifest_path"].as_str().expect("cargo names the manifest"));
        let folder = manifest.parent().expect("a manifest lies in a folder");
        for file in FILES {
            match fs::read_to_string(folder.join(file)) {
                Err(error) => problems.push(format!("{}: {file}: {error}", name(package))),
                Ok(text) if text.trim().is_empty() => problems.push(format!("{}: {file} is empty", name(package))),
                Ok(text)
                    if file.starts_with("LICENSE")
                        && fs::read_to_string(root.join(file)).ok().as_ref() != Some(&text) =>
                {
                    problems.push(format!("{}: {file} is not the one of the workspace", name(package)));
                }
                Ok(_) => {}
            }
        }
    }
    problems
}

/// Keywords and categories that crates.io would refuse, and what docs.rs needs to know.
fn unfit_words(metadata: &Value) -> Vec<String> {
    let mut problems = Vec::new();
    for package in packages(metadata).filter(|package| published(package)) {
        let words = |field: &str| package[field].as_array().into_iter().flatten().filter_map(Value::as_str);
        for field in ["keywords", "categories"] {
            let count = words(field).count();
            if !(1..=5).contains(&count) {
                problems.push(format!("{}: {count} {field}; crates.io takes 1 to 5", name(package)));
            }
        }
        for keyword in words("keywords").filter(|keyword| !is_keyword(keyword)) {
            problems.push(format!(
                "{}: keyword {keyword:?}: at most 20 letters, digits, `-`, `_` and `+`, the first a letter",
                name(package)
            ));
        }
        for category in words("categories").filter(|category| !CATEGORIES.contains(category)) {
            problems.push(format!("{}: category {category:?} is not among {CATEGORIES:?}", name(package)));
        }
        if package["metadata"]["docs"]["rs"]["all-features"] != true {
            problems.push(format!("{}: docs.rs would leave out what features bring", name(package)));
        }
    }
    problems
}

fn is_keyword(word: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || "-_+".contains(c);
    word.len() <= 20 && word.starts_with(|c: char| c.is_ascii_alphabetic()) && word.chars().all(fits)
}

/// Crates of [`SHARED`] that a lock file has in several versions.
fn doubled(lock: &str) -> Vec<String> {
    let count = |name: &str| lock.lines().filter(|line| *line == format!("name = \"{name}\"")).count();
    let several = SHARED.into_iter().map(|name| (name, count(name))).filter(|(_, count)| *count > 1);
    several
        .map(|(name, count)| format!("{name} is in Cargo.lock in {count} versions, whose types do not fit together"))
        .collect()
}

/// `cargo metadata` of this workspace.
fn metadata() -> Value {
    let output = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["metadata", "--format-version", "1", "--no-deps"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs, since it runs this test");
    assert!(output.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("cargo metadata prints JSON")
}

fn packages(metadata: &Value) -> impl Iterator<Item = &Value> {
    metadata["packages"].as_array().into_iter().flatten()
}

fn edges(package: &Value) -> impl Iterator<Item = &Value> {
    package["dependencies"].as_array().into_iter().flatten()
}

/// The real name of a package or of what an edge points to, even where it is renamed.
fn name(value: &Value) -> &str {
    value["name"].as_str().expect("packages and dependencies have names")
}

fn kind(edge: &Value) -> &str {
    edge["kind"].as_str().unwrap_or("normal")
}

/// Cargo writes `publish = false` as an empty list of registries.
fn published(package: &Value) -> bool {
    package["publish"].as_array().is_none_or(|registries| !registries.is_empty())
}

fn place(name: &str) -> Option<usize> {
    CHAIN.iter().position(|names| names.contains(&name))
}

fn expect_none(problems: &[String]) {
    assert!(problems.is_empty(), "{} problems\n  {}", problems.len(), problems.join("\n  "));
}

// ── the checks themselves, on workspaces that are wrong ──

fn workspace(dependencies: &[(&str, Value)]) -> Value {
    let packages = CHAIN.iter().flat_map(|names| names.iter()).map(|name| {
        let own: Vec<&Value> = dependencies.iter().filter(|(from, _)| from == name).map(|(_, edge)| edge).collect();
        let unpublished =
            ["gradus-testing", "gradus-examples", "gradus-course", "gradus-exercises", "gradus-benches"].contains(name);
        json!({"name": name, "dependencies": own, "publish": if unpublished { json!([]) } else { Value::Null }})
    });
    json!({"packages": packages.collect::<Vec<_>>()})
}

fn edge(to: &str, kind: Option<&str>, req: &str) -> Value {
    json!({"name": to, "kind": kind, "req": req, "path": "somewhere"})
}

#[test]
fn a_wrong_edge_of_any_kind_is_named() {
    for (kind, text) in [(None, "normal"), (Some("build"), "build"), (Some("dev"), "dev")] {
        let wrong = workspace(&[
            ("gradus-conv", edge("gradus-linalg", kind, "^0.1")),
            ("gradus-conv", edge("gradus-optim", kind, "^0.1")),
        ]);
        let expected = format!("gradus-conv has a {text} dependency on gradus-optim, which is not to its left");
        assert_eq!(wrong_edges(&wrong), [expected]);
    }
}

#[test]
fn neighbours_and_the_package_itself_are_not_to_the_left() {
    let neighbours = workspace(&[("gradus-benches", edge("gradus-examples", None, "*"))]);
    assert_eq!(wrong_edges(&neighbours).len(), 1);
    // Tests of a crate may switch on its own features.
    let own_tests = workspace(&[("gradus-optim", edge("gradus-optim", Some("dev"), "*"))]);
    assert!(wrong_edges(&own_tests).is_empty());
    let itself = workspace(&[("gradus-optim", edge("gradus-optim", Some("build"), "*"))]);
    assert_eq!(wrong_edges(&itself).len(), 1);
}

#[test]
fn a_package_without_a_place_is_named() {
    let stray = json!({"packages": [{"name": "gradus-extra", "dependencies": []}]});
    assert_eq!(wrong_edges(&stray), ["gradus-extra has no place in the chain"]);
}

#[test]
fn edges_that_a_registry_refuses_are_named() {
    let refused = |kind, to, req| unpublishable_edges(&workspace(&[("gradus-optim", edge(to, kind, req))]));
    assert!(refused(Some("dev"), "gradus-testing", "*").is_empty());
    assert!(refused(None, "gradus-linalg", "^0.1").is_empty());
    assert!(refused(Some("dev"), "gradus-testing", "^0.1")[0].ends_with("must have no version"));
    assert!(refused(None, "gradus-testing", "^0.1")[0].ends_with("is not published"));
    assert!(refused(None, "gradus-linalg", "*")[0].ends_with("needs a version"));
}

#[test]
fn words_that_a_registry_refuses_are_named() {
    let named = |keywords: &[&str], category: &str| {
        let docs = json!({"docs": {"rs": {"all-features": true}}});
        unfit_words(
            &json!({"packages": [{"name": "it", "keywords": keywords, "categories": [category], "metadata": docs}]}),
        )
    };
    assert!(named(&["c++", "neural-network"], "science").is_empty());
    for keywords in [&["a"; 6][..], &[], &["1st"], &["neural network"], &["a-keyword-of-21-bytes"]] {
        assert_eq!(named(keywords, "science").len(), 1, "{keywords:?}");
    }
    assert_eq!(named(&["a"], "neural-networks").len(), 1);
    assert_eq!(unfit_words(&json!({"packages": [{"name": "it"}]})).len(), 3);
}

#[test]
fn a_crate_in_two_versions_is_named() {
    let lock = "name = \"rand\"\nname = \"rand_core\"\nname = \"rand_core\"\n";
    assert!(doubled(lock).is_empty());
    assert_eq!(doubled(&format!("{lock}name = \"rand\"\n")).len(), 1);
}

#[test]
fn a_bare_package_is_incomplete() {
    let bare = json!({
        "workspace_root": env!("CARGO_MANIFEST_DIR"),
        "packages": [{"name": "bare", "license": "MIT", "manifest_path": concat!(env!("CARGO_MANIFEST_DIR"), "/src/Cargo.toml")}],
    });
    let problems = incomplete_packages(&bare);
    assert_eq!(problems.len(), 3 + FILES.len(), "{problems:?}");
    assert_eq!(problems[0], "bare: no `description` in Cargo.toml");
}
