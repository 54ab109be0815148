//! One table of every differentiable operation, and what each must pass.
//!
//! The crate's own sources are read: an operation that is added without a line in the table, and so without cases and
//! a golden operation, fails here.

pub(crate) mod sources;
mod table;

use gradus_autograd::Tape;
use gradus_autograd::ndarray::ArrayD;
use gradus_autograd::testing::{Draw, cases, check_at};
use gradus_testing::golden;
use std::collections::BTreeSet;
use std::rc::Rc;
use table::{Kind, TABLE};

/// Recorded on the tape, but no function of its own; each is tested where it lives.
const NO_FUNCTIONS: [&str; 1] = ["checkpoint"];

/// The families of golden cases that are about operations on arrays.
const FAMILIES: [&str; 5] = ["elementwise", "reduce", "matmul", "shape", "softmax"];

#[test]
fn every_operation_of_the_sources_is_in_the_table() {
    let known: BTreeSet<&str> =
        TABLE.iter().flat_map(|operation| operation.names.split_whitespace()).chain(NO_FUNCTIONS).collect();
    let found = sources::operations();
    assert!(found.len() >= 70, "the sources read otherwise than expected: {found:?}");
    let missing: Vec<_> = found.iter().filter(|name| !known.contains(name.as_str())).collect();
    assert!(missing.is_empty(), "add {missing:?} to tests/registry/table.rs, with cases and a golden operation");
    let gone: Vec<_> = known.iter().filter(|name| !found.contains(**name) && !NO_FUNCTIONS.contains(name)).collect();
    assert!(gone.is_empty(), "no source has {gone:?}");
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

#[test]
fn no_operation_keeps_anything_alive() {
    for operation in TABLE {
        let (f, inputs) = (operation.case)(&mut Draw::new(2));
        for walked in [false, true] {
            let token = Rc::new(());
            let tape = Tape::recording();
            let variables: Vec<_> = inputs
                .iter()
                .map(|x| {
                    let (x, held) = (tape.variable(x.clone()), Rc::clone(&token));
                    let value = x.value().clone();
                    tape.record("first", [&x], value, move |dy| {
                        drop(held);
                        [dy]
                    })
                })
                .collect();
            let y = f.call(&variables).unwrap_or_else(|error| panic!("{}: {error}", operation.names));
            drop((tape, variables));
            assert_eq!(Rc::strong_count(&token), 1 + inputs.len(), "{}", operation.names);
            if walked {
                y.backward_with(ArrayD::ones(y.shape())).unwrap_or_else(|error| panic!("{}: {error}", operation.names));
            } else {
                drop(y);
            }
            assert_eq!(Rc::strong_count(&token), 1, "{}, walked: {walked}", operation.names);
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
