//! No call panics, however wrong its arguments: it returns an error, or a result.
//!
//! Shapes, axes, numbers and settings are drawn without regard to each other, so that most calls are wrong, each in its own
//! way. Arrays hold zeros, infinities, NaN, and numbers near both ends of the range.

mod table;

use gradus_linalg::ndarray::{Array1, Array2, ArrayD, IxDyn};
use gradus_testing::calls;
use proptest::prelude::*;
use proptest::sample::select;
use std::fs;
use std::path::Path;
use table::CALLS;

/// What a call may take of.
#[derive(Debug, Clone)]
pub(crate) struct Arguments {
    shapes: [Vec<usize>; 3],
    /// Where the numbers begin in the list of [`NUMBERS`], and how many of them are used.
    numbers: (usize, usize),
    pub(crate) axis: usize,
    pub(crate) axes: [Vec<usize>; 2],
    pub(crate) number: f64,
    pub(crate) text: String,
    pub(crate) flag: bool,
}

/// Ordinary ones first: matrices of these alone can have an inverse.
const NUMBERS: [f64; 14] =
    [1.0, -0.5, 3.0, 0.25, 0.0, 2.0, -1e-3, -0.0, 1e-300, -1e300, 5e-324, f64::INFINITY, f64::NAN, f64::NEG_INFINITY];

impl Arguments {
    fn of_shape(&self, shape: &[usize]) -> ArrayD<f64> {
        let (first, many) = self.numbers;
        let mut place = first;
        ArrayD::from_shape_simple_fn(IxDyn(shape), || {
            place = (place * 5 + 7) % 1009; // wanders through the list
            NUMBERS[place % many]
        })
    }

    /// An array of one of the shapes.
    pub(crate) fn array(&self, which: usize) -> ArrayD<f64> {
        self.of_shape(&self.shapes[which])
    }

    fn length(&self, which: usize, axis: usize) -> usize {
        self.shapes[which].get(axis).copied().unwrap_or(3)
    }

    /// A matrix, as long and as wide as one of the shapes says.
    pub(crate) fn matrix(&self, which: usize) -> Array2<f64> {
        let shape = [self.length(which, 0), self.length(which, 1)];
        self.of_shape(&shape).into_dimensionality().expect("it was made with two axes")
    }

    /// A matrix that equals its transpose.
    pub(crate) fn symmetric(&self) -> Array2<f64> {
        let n = self.length(0, 0);
        let a = self.of_shape(&[n, n]);
        Array2::from_shape_fn((n, n), |(i, j)| a[[i.min(j), i.max(j)]])
    }

    /// A vector, as long as one of the shapes says.
    pub(crate) fn vector(&self, which: usize) -> Array1<f64> {
        self.of_shape(&[self.length(which, 0)]).into_dimensionality().expect("it was made with one axis")
    }
}

fn arguments() -> impl Strategy<Value = Arguments> {
    let shape = || prop::collection::vec(0..4_usize, 0..4);
    // Shapes that have to do with each other come by chance too seldom.
    let shapes = (shape(), shape(), shape(), 0..4).prop_map(|(a, b, c, alike)| match alike {
        0 => [a.clone(), a.clone(), a],
        1 => [a.clone(), a.iter().rev().copied().collect(), a],
        _ => [a, b, c],
    });
    let axis = || prop_oneof![8 => 0..4_usize, 1 => select(vec![usize::MAX, usize::MAX / 2, 1 << 62])];
    let axes = || prop::collection::vec(axis(), 0..3);
    let number = prop_oneof![select(NUMBERS.to_vec()), -5.0..5.0_f64];
    let text = prop_oneof![
        select(vec!["ij,jk->ik", "ij,ij", "ii->i", "ij->ji", ",->", "->", "i,j->ij", "ijk,k->ij", "é,ö->"])
            .prop_map(str::to_owned),
        prop::collection::vec(select("abci,->. 1".chars().collect::<Vec<_>>()), 0..9)
            .prop_map(|text| text.into_iter().collect())
    ];
    let numbers = (0..14_usize, prop_oneof![Just(6_usize), 1..=14_usize]);
    (shapes, numbers, axis(), [axes(), axes()], number, text, any::<bool>()).prop_map(
        |(shapes, numbers, axis, axes, number, text, flag)| Arguments {
            shapes,
            numbers,
            axis,
            axes,
            number,
            text,
            flag,
        },
    )
}

#[test]
fn no_call_panics() {
    for &(name, call) in CALLS {
        calls::never_panic(name, arguments(), call);
    }
}

/// The functions that the crate's root exports, and those of its public modules that return errors.
#[test]
fn every_function_is_called() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let read = |file: &str| fs::read_to_string(source.join(file)).expect("the file is there");
    let root = read("lib.rs");
    let exports = root.split("pub use ").skip(1).flat_map(|rest| {
        let list = rest.split(';').next().unwrap_or_default();
        let names = list.rsplit("::").next().unwrap_or_default();
        names.split(|c: char| !(c.is_alphanumeric() || c == '_')).map(str::to_owned).collect::<Vec<_>>()
    });
    let modules = ["statistics.rs", "picture.rs", "elementwise.rs"].map(read);
    let fallible = modules.iter().flat_map(|text| text.split("\npub fn ").skip(1)).filter_map(|function| {
        let signature = function.split(" {\n").next().unwrap_or_default();
        signature.contains("Result<").then(|| signature.split(['<', '(']).next().unwrap_or_default().to_owned())
    });
    let is_function =
        |name: &String| name.starts_with(|c: char| c.is_ascii_lowercase()) && !NO_FUNCTIONS.contains(&name.as_str());
    let called: Vec<&str> = CALLS.iter().map(|(name, _)| *name).collect();
    let found: Vec<String> = exports.chain(fallible).filter(is_function).collect();
    assert!(found.len() > 50, "the sources read otherwise than expected: {found:?}");
    let missing: Vec<_> = found.iter().filter(|name| !called.contains(&name.as_str())).collect();
    assert!(missing.is_empty(), "call {missing:?} in tests/wrong_calls/table.rs");
}

/// Exported names of crates.
const NO_FUNCTIONS: [&str; 3] = ["ndarray", "num_complex", "num_traits"];
