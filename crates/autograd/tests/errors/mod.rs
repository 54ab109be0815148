//! What does not fit is a typed error whose message says what was asked, what is wrong and what would fit. Each message
//! stands beside a call that gives it.

mod axes;
mod backward;
mod checks;
mod shapes;
mod tapes;

use gradus_autograd::ndarray::{ArrayD, IxDyn};
use gradus_autograd::{Tape, Var};

/// A variable of this shape.
fn of(tape: &Tape<f64>, shape: &[usize]) -> Var<f64> {
    tape.variable(ArrayD::ones(IxDyn(shape)))
}

#[test]
fn every_error_has_its_message_pinned() {
    let unpinned = gradus_testing::refusals::unpinned(env!("CARGO_MANIFEST_DIR"));
    assert!(unpinned.is_empty(), "pin the message of {unpinned:?} with `refuses!` in tests/errors");
}
