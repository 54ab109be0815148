//! No call panics, however wrong its arguments: it returns an error, or a result whose gradients can be had.
//!
//! Shapes, axes, indices and hyper-parameters are drawn without regard to each other, so that most calls are wrong, each
//! in its own way; some fit, and are walked backwards. Operators, which are documented to panic, are left out.

mod table;

use crate::registry::sources;
use gradus_autograd::ndarray::{ArrayD, IxDyn};
use gradus_autograd::{Error, Result, Tape};
use gradus_testing::calls;
use proptest::prelude::*;
use proptest::sample::select;
use table::{CALLS, Call};

/// What a call may take of.
#[derive(Debug, Clone)]
pub(crate) struct Arguments {
    pub(crate) shapes: [Vec<usize>; 3],
    /// Where the numbers of the arrays begin in a list of those that are met and of those that one forgets.
    pub(crate) first: usize,
    pub(crate) axis: isize,
    pub(crate) axes: Vec<isize>,
    /// Lengths, indices, a shape.
    pub(crate) sizes: Vec<usize>,
    pub(crate) size: usize,
    pub(crate) number: f64,
    pub(crate) flag: bool,
}

const NUMBERS: [f64; 13] =
    [1.0, -0.5, 0.0, 2.0, f64::NAN, -1e300, f64::INFINITY, 1e-300, 3.0, -0.0, f64::NEG_INFINITY, 5e-324, 0.25];

impl Arguments {
    /// An array of one of the shapes.
    pub(crate) fn array(&self, which: usize) -> ArrayD<f64> {
        let mut place = self.first;
        ArrayD::from_shape_simple_fn(IxDyn(&self.shapes[which]), || {
            place += 1;
            NUMBERS[place % NUMBERS.len()]
        })
    }

    /// A condition of the last shape.
    pub(crate) fn mask(&self) -> ArrayD<bool> {
        self.array(2).mapv(|x| x > 0.0)
    }
}

fn arguments() -> impl Strategy<Value = Arguments> {
    let shape = || prop::collection::vec(0..4_usize, 0..4);
    // Shapes that have to do with each other come by chance too seldom.
    let shapes = (shape(), shape(), shape(), 0..5).prop_map(|(a, b, c, alike)| match alike {
        0 => [a.clone(), a.clone(), a],
        1 => [a.clone(), a.iter().rev().copied().collect(), a],
        // The input, the weight and the bias of a layer.
        2 => [vec![a.len(), b.len()], vec![c.len(), b.len()], vec![c.len()]],
        _ => [a, b, c],
    });
    let axis = || prop_oneof![8 => -5..5_isize, 1 => select(vec![isize::MIN, isize::MAX])];
    let size = || prop_oneof![8 => 0..6_usize, 1 => select(vec![usize::MAX, usize::MAX / 2, 1 << 62])];
    let number = prop_oneof![select(NUMBERS.to_vec()), -5.0..5.0_f64];
    let lists = (prop::collection::vec(axis(), 0..4), prop::collection::vec(size(), 0..5));
    (shapes, 0..13_usize, axis(), lists, size(), number, any::<bool>()).prop_map(
        |(shapes, first, axis, (axes, sizes), size, number, flag)| Arguments {
            shapes,
            first,
            axis,
            axes,
            sizes,
            size,
            number,
            flag,
        },
    )
}

/// The call, and the way back from each of its results.
fn there_and_back(call: Call, arguments: &Arguments) -> Result<()> {
    for which in 0..8 {
        let tape = Tape::recording();
        let variables = [0, 1, 2].map(|i| tape.variable(arguments.array(i)));
        let results = call(arguments, &variables)?;
        let Some(y) = results.get(which) else { break };
        if y.needs_gradient() {
            let gradients = y.backward_with(ArrayD::ones(y.shape()))?;
            for x in &variables {
                assert!(gradients.get(x).is_none_or(|dx| dx.shape() == x.shape()));
            }
        }
    }
    Ok(())
}

#[test]
fn no_call_panics() {
    for &(name, call) in CALLS {
        calls::never_panic(name, arguments(), |arguments| {
            there_and_back(call, arguments)
                .inspect_err(|error| assert!(!matches!(error, Error::GradientShape { .. }), "{error}"))
        });
    }
}

#[test]
fn every_operation_is_called() {
    let called: Vec<&str> = CALLS.iter().map(|(name, _)| *name).collect();
    let functions = sources::functions(&["ops", "fused/mod.rs", "checkpoint.rs", "derivatives.rs"]);
    let missing: Vec<_> = functions.iter().filter(|name| !called.contains(&name.as_str())).collect();
    assert!(missing.is_empty(), "call {missing:?} in tests/wrong_calls/table.rs");
}
