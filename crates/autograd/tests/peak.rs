//! The most memory that a computation held: how much, when, and made by which lines.

use gradus_autograd::ndarray::{ArrayD, IxDyn};
use gradus_autograd::{Error, Pass, Peak, Tape, Value, Var, checkpoint};
use std::panic::{AssertUnwindSafe, catch_unwind};

const BYTES: usize = 4000;

fn variable(tape: &Tape<f32>) -> Var<f32> {
    tape.variable(Value::full(1000, 0.5))
}

#[test]
fn the_peak_of_a_chain_is_at_the_beginning_of_the_way_back() {
    let line = line!() + 3;
    let (_, peak) = Peak::of(|| {
        let x = variable(&Tape::recording());
        let loss = x.exp().sin().sum();
        loss.backward().map(drop)
    });
    // The variable, the exponential, and the gradient of the sine, which is gone itself; the loss, and its gradient of 1.
    assert_eq!(peak.bytes, 3 * BYTES + 8);
    let at = peak.at.unwrap();
    assert_eq!((at.pass, at.operation, at.location.line()), (Pass::Backward, "sum", line));
    let rows: Vec<_> =
        peak.rows.iter().map(|row| (row.by.map(|by| (by.pass, by.operation)), row.arrays, row.bytes)).collect();
    let forward = |operation| Some((Pass::Forward, operation));
    assert_eq!(
        rows,
        [
            (Some((Pass::Backward, "sum")), 2, BYTES + 4),
            (forward("variable"), 1, BYTES),
            (forward("exp"), 1, BYTES),
            (forward("sum"), 1, 4)
        ]
    );
    let table = peak.to_string();
    assert!(table.starts_with("12008 bytes at most, in sum backward at "), "{table}");
    assert!(table.contains("\n          4000        1  exp forward at "), "{table}");
}

#[test]
fn what_goes_early_is_not_in_the_peak() {
    let (_, peak) = Peak::of(|| {
        let tape = Tape::<f32>::inference();
        (0..10).fold(variable(&tape), |x, _| x.exp()) // each result is dropped when the next is there
    });
    assert_eq!(peak.bytes, 2 * BYTES);
    assert_eq!(peak.at.map(|at| (at.pass, at.operation)), Some((Pass::Forward, "exp")));
    let (_, peak) = Peak::of(|| {
        let tape = Tape::<f32>::inference();
        (0..10).fold(variable(&tape), |x, _| x * 2.0) // in the memory of the operand
    });
    assert_eq!(peak.bytes, BYTES);
}

#[test]
fn a_checkpoint_lowers_the_peak() {
    let peak = |blocks: usize| {
        let (gradients, peak) = Peak::of(|| {
            let tape = Tape::<f32>::recording();
            let chain = move |x: &Var<f32>| (0..16 / blocks).fold(x.clone(), |x, _| x.tanh());
            let mut y = variable(&tape);
            for _ in 0..blocks {
                y = if blocks == 1 {
                    chain(&y)
                } else {
                    checkpoint(&[&y], move |x| Ok::<_, Error>(chain(&x[0]))).unwrap()
                };
            }
            y.sum().backward()
        });
        assert!(gradients.is_ok());
        peak.bytes / BYTES
    };
    // All results and a gradient; what four blocks began with, and what is within one.
    assert_eq!(peak(1), 17);
    assert!(peak(4) <= 11, "{}", peak(4));
}

#[test]
fn views_share_and_arrays_in_other_hands_do_not_count() {
    let (values, peak) = Peak::of(|| {
        let whole = Value::<f64>::full(IxDyn(&[4, 100]), 1.0);
        let tape = Tape::inference();
        let x = tape.input(whole);
        let part = x.select(0, 2).unwrap().flip(&[0]).unwrap();
        let other: Value<f64> = x.value().to_shared().into(); // the same memory once more
        let taken: ArrayD<f64> = x.value().clone().into_array(); // a copy, in nobody's hands but ours
        drop(x);
        (part, other, taken)
    });
    assert_eq!(peak.bytes, 3200);
    drop(values);
    let ((), peak) = Peak::of(|| drop(Value::<f64>::zeros(0)));
    assert_eq!((peak.bytes, peak.at, peak.rows.len()), (0, None, 0));
}

#[test]
fn one_within_another_and_one_that_panics() {
    let (inner, outer) = Peak::of(|| {
        let held = Value::<f32>::full(1000, 0.0);
        let (_, inner) = Peak::of(|| Value::<f32>::full(500, 0.0));
        drop(held);
        inner.bytes
    });
    assert_eq!((inner, outer.bytes), (BYTES / 2, BYTES + BYTES / 2));
    assert_eq!(outer.at, None);
    let panics = catch_unwind(AssertUnwindSafe(|| Peak::of(|| -> () { panic!("of a user") })));
    assert!(panics.is_err());
    let (_, peak) = Peak::of(|| Value::<f32>::full(1000, 0.0));
    assert_eq!(peak.bytes, BYTES);
}
