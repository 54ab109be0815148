//! The loop that runs a crate through a family of cases.

use std::any::Any;
use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::panic::{self, AssertUnwindSafe};

use super::{Case, family, folder, own_folder, path, published_ops};

/// Runs every case of a family, and reports all that failed at once.
///
/// `missing` names the operations that the crate should have and has not yet. The list only ever shrinks: it may name only operations that
/// occur in the published set, and an operation of which every case passes must be taken out of it.
/// The closure returns [`Case::unknown`] for an operation that it does not know. A panic counts as a failure of that case.
///
/// # Panics
/// If a case of an operation that is not missing fails, if the list of missing operations is wrong, or if no case was left to run.
#[track_caller]
pub fn check(family_name: &str, missing: &[&str], run: impl FnMut(&Case) -> Result<(), Box<dyn Error>>) {
    report(family_name, compare(family(family_name), &published_ops(family_name), missing, run));
}

/// As [`check`], for a family that a folder need not have, as its program may be missing where the folder was written. The published
/// folder has all families.
///
/// # Panics
/// As [`check`].
#[track_caller]
pub fn check_if_there(family_name: &str, missing: &[&str], run: impl FnMut(&Case) -> Result<(), Box<dyn Error>>) {
    if folder() == own_folder() || path(&format!("{family_name}.safetensors")).exists() {
        check(family_name, missing, run);
    } else {
        println!("golden {family_name}: {} has none of it", folder().display());
    }
}

/// For a family of which the crate has nothing yet: holds the list of what is `missing` to operations of the published set. With
/// the first operation, [`check`] or [`check_only`] takes its place.
///
/// # Panics
/// If the list is empty, or names an operation that the family does not have.
#[track_caller]
pub fn none_yet(family_name: &str, missing: &[&str]) {
    let published = published_ops(family_name);
    assert!(!missing.is_empty(), "{family_name}: nothing is listed as missing: check the family instead");
    for op in missing {
        assert!(
            published.contains(*op),
            "{family_name}: `{op}` is listed as missing, but the published set has no such operation"
        );
    }
}

/// As [`check`], for a crate that has only some operations of the family: `ops`, which includes the `missing` ones.
///
/// # Panics
/// As [`check`], and if `ops` names an operation that the published set does not have.
#[track_caller]
pub fn check_only(
    family_name: &str,
    ops: &[&str],
    missing: &[&str],
    run: impl FnMut(&Case) -> Result<(), Box<dyn Error>>,
) {
    let published = published_ops(family_name);
    if let Some(op) = ops.iter().find(|op| !published.contains(**op)) {
        panic!("golden {family_name}: `{op}` is no operation of the family; there are {published:?}");
    }
    let mut cases = family(family_name);
    cases.retain(|case| ops.contains(&case.op.as_str()));
    let own = ops.iter().map(|op| (*op).to_owned()).collect();
    report(family_name, compare(cases, &own, missing, run));
}

#[track_caller]
fn report(family: &str, outcome: Result<usize, Vec<String>>) {
    match outcome {
        Ok(ran) => println!("golden {family}: {ran} cases agree"),
        Err(failures) => panic!("golden {family}: {} failures\n  {}", failures.len(), failures.join("\n  ")),
    }
}

/// The number of cases that agree, or everything that is wrong.
fn compare(
    cases: Vec<Case>,
    published: &BTreeSet<String>,
    missing: &[&str],
    mut run: impl FnMut(&Case) -> Result<(), Box<dyn Error>>,
) -> Result<usize, Vec<String>> {
    let mut failures = Vec::new();
    for op in missing {
        if !published.contains(*op) {
            failures.push(format!("`{op}` is listed as missing, but is no operation here; there are {published:?}"));
        }
    }

    let mut ran = 0;
    let mut still_missing: BTreeMap<&str, bool> = BTreeMap::new();
    for case in &cases {
        let outcome = run_one(case, &mut run);
        if let Some(op) = missing.iter().find(|op| **op == case.op) {
            *still_missing.entry(op).or_default() |= outcome.is_err();
        } else {
            ran += 1;
            if let Err(message) = outcome {
                failures.push(format!("{} ({}): {message}", case.name, case.op));
            }
        }
    }
    for (op, missing) in still_missing {
        if !missing {
            failures.push(format!("`{op}` is listed as missing, but every case of it agrees: take it off the list"));
        }
    }
    if ran == 0 {
        failures.push("no case was run".to_owned());
    }
    if failures.is_empty() { Ok(ran) } else { Err(failures) }
}

fn run_one(case: &Case, run: &mut impl FnMut(&Case) -> Result<(), Box<dyn Error>>) -> Result<(), String> {
    match panic::catch_unwind(AssertUnwindSafe(|| run(case))) {
        Ok(outcome) => outcome.map_err(|error| error.to_string()),
        Err(payload) => Err(format!("panicked: {}", text_of(payload.as_ref()))),
    }
}

fn text_of(payload: &(dyn Any + Send)) -> &str {
    let text = payload.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| payload.downcast_ref::<&str>().copied()).unwrap_or("(no message)")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Tolerance, close};

    /// Negation and squares done right, and everything else unknown.
    fn two_operations(case: &Case) -> Result<(), Box<dyn Error>> {
        let x = case.input("x");
        let y = match case.op.as_str() {
            "neg" => -&x,
            "square" => &x * &x,
            _ => return case.unknown(),
        };
        Ok(close(&y, &case.output("y"), Tolerance::F64, "y")?)
    }

    fn cases(ops: &[&str]) -> Vec<Case> {
        family("elementwise").into_iter().filter(|case| ops.contains(&case.op.as_str())).collect()
    }

    fn failures(ops: &[&str], missing: &[&str], run: fn(&Case) -> Result<(), Box<dyn Error>>) -> Vec<String> {
        compare(cases(ops), &published_ops("elementwise"), missing, run).expect_err("something is wrong")
    }

    #[test]
    fn right_results_pass() {
        check_only("elementwise", &["neg", "square"], &[], two_operations);
        check_only("elementwise", &["neg", "square", "tanh"], &["tanh"], two_operations);
    }

    #[test]
    fn every_wrong_case_is_listed_with_its_worst_element() {
        let wrong = |case: &Case| Ok(close(&(case.input("x") * 1.000_001), &case.output("y"), Tolerance::F64, "y")?);
        let failures = failures(&["neg"], &[], wrong);
        let with_elements = cases(&["neg"]).iter().filter(|case| !case.output("y").is_empty()).count();
        assert_eq!(failures.len(), with_elements);
        assert!(failures[0].contains("(neg): y: ") && failures[0].contains("worst at ["), "{}", failures[0]);
    }

    #[test]
    fn a_panic_is_one_failure_among_others() {
        let failures = failures(&["neg"], &[], |case| panic!("no idea of {}", case.op));
        assert_eq!(failures.len(), cases(&["neg"]).len());
        assert!(failures[0].ends_with("panicked: no idea of neg"), "{}", failures[0]);
    }

    #[test]
    fn an_unknown_operation_fails() {
        let failures = failures(&["neg", "tanh"], &[], two_operations);
        assert_eq!(failures.len(), cases(&["tanh"]).len());
        assert!(failures[0].ends_with("the operation `tanh` is not handled"), "{}", failures[0]);
    }

    #[test]
    fn the_list_of_missing_operations_only_shrinks() {
        assert!(
            failures(&["neg"], &["nonesuch"], two_operations)[0].starts_with("`nonesuch` is listed as missing, but")
        );
        assert!(failures(&["neg", "square"], &["neg"], two_operations)[0].ends_with("take it off the list"));
    }

    #[test]
    fn running_nothing_fails() {
        assert_eq!(failures(&[], &[], two_operations), ["no case was run"]);
        assert_eq!(failures(&["tanh"], &["tanh"], two_operations), ["no case was run"]);
    }

    #[test]
    #[should_panic(expected = "golden elementwise: ")]
    fn failures_panic() {
        check_only("elementwise", &["neg", "tanh"], &[], two_operations);
    }

    #[test]
    #[should_panic(expected = "`nonesuch` is no operation of the family")]
    fn an_operation_of_no_family_is_named() {
        check_only("elementwise", &["neg", "nonesuch"], &[], two_operations);
    }
}
