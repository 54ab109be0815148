//! What can go wrong on a tape.

use crate::watch::{NonFinite, Operand, origin};
use gradus_linalg::FamilyError;
use std::panic::Location;

/// An error of automatic differentiation; the message names the operation, the shapes at hand and what would fit.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Shapes that do not fit together.
    #[error(transparent)]
    Linalg(#[from] gradus_linalg::Error),

    /// Variables of different tapes met in one operation.
    #[error("{operation}: its operands are on different tapes; put both on the same one")]
    ForeignVar {
        /// The operation.
        operation: &'static str,
    },

    /// An axis that the array does not have.
    #[error("{operation}: axis {axis} of {shape:?}: {}", axes(shape.len()))]
    Axis {
        /// The operation.
        operation: &'static str,
        /// The axis asked for; negative ones count from the end.
        axis: isize,
        /// The shape of the array.
        shape: Vec<usize>,
    },

    /// Axes that name one axis twice, or do not name every axis once.
    #[error("{operation}: axes {axes:?} of {shape:?}: {expected}")]
    Axes {
        /// The operation.
        operation: &'static str,
        /// The axes asked for.
        axes: Vec<isize>,
        /// The shape of the array.
        shape: Vec<usize>,
        /// What would fit.
        expected: &'static str,
    },

    /// A shape with another number of elements.
    #[error(
        "reshape: {from:?} has {} elements, {to:?} has {}; the numbers must be equal",
        elements(from),
        elements(to)
    )]
    Reshape {
        /// The shape at hand.
        from: Vec<usize>,
        /// The shape asked for.
        to: Vec<usize>,
    },

    /// An index outside its axis.
    #[error("{operation}: index {index} on axis {axis} of {shape:?}: {}", indices(length(shape, *axis)))]
    Index {
        /// The operation.
        operation: &'static str,
        /// The index asked for.
        index: usize,
        /// The axis.
        axis: usize,
        /// The shape of the array.
        shape: Vec<usize>,
    },

    /// A range that does not lie within its axis.
    #[error("slice: {start}..{end} by {step} on axis {axis} of {shape:?}: needs start ≤ end ≤ {} and a step of at least 1", length(shape, *axis))]
    Slice {
        /// First index.
        start: usize,
        /// One past the last index.
        end: usize,
        /// Distance between two indices.
        step: usize,
        /// The axis.
        axis: usize,
        /// The shape of the array.
        shape: Vec<usize>,
    },

    /// An axis to be left out that is not of length 1.
    #[error("squeeze: axis {axis} of {shape:?} has length {}; only an axis of length 1 can be left out", length(shape, *axis))]
    Squeeze {
        /// The axis.
        axis: usize,
        /// The shape of the array.
        shape: Vec<usize>,
    },

    /// Parts that do not make up the axis they were to be cut from.
    #[error("split: sizes {sizes:?} on axis {axis} of {shape:?}: they add up to {}; must add up to {}", sizes.iter().map(|&n| n as u128).sum::<u128>(), length(shape, *axis))]
    Split {
        /// The sizes asked for.
        sizes: Vec<usize>,
        /// The axis.
        axis: usize,
        /// The shape of the array.
        shape: Vec<usize>,
    },

    /// A margin that is not given for each axis once.
    #[error("pad: {widths:?} for {shape:?}: needs one pair (before, after) for each of the {} axes", shape.len())]
    Pad {
        /// The widths asked for.
        widths: Vec<(usize, usize)>,
        /// The shape of the array.
        shape: Vec<usize>,
    },

    /// A result with more elements than memory can address.
    #[error("{operation}: a result of shape {shape:?} has more elements than memory can address")]
    TooLarge {
        /// The operation.
        operation: &'static str,
        /// The shape of the result.
        shape: Vec<usize>,
    },

    /// The largest or smallest of no elements.
    #[error(
        "{operation}: axes {axes:?} of {shape:?}: there is no element to choose from; each of these axes needs a length of at least 1"
    )]
    NoElements {
        /// The operation.
        operation: &'static str,
        /// The axes asked for.
        axes: Vec<isize>,
        /// The shape of the array.
        shape: Vec<usize>,
    },

    /// Shapes that differ where they must be the same.
    #[error("{operation}: {left:?} and {right:?}: {expected}")]
    Shapes {
        /// The operation.
        operation: &'static str,
        /// One shape.
        left: Vec<usize>,
        /// The other.
        right: Vec<usize>,
        /// What would fit.
        expected: &'static str,
    },

    /// An operation on arrays that was given none.
    #[error("{operation}: no arrays were given; it needs at least one")]
    Empty {
        /// The operation.
        operation: &'static str,
    },

    /// A derivative was asked of something that is not a number.
    #[error("backward: {shape:?} is not a scalar; reduce it with sum or mean, or give a cotangent to backward_with")]
    NotScalar {
        /// The shape at hand.
        shape: Vec<usize>,
    },

    /// Nothing that leads to the variable was recorded.
    #[error(
        "backward: nothing was recorded that leads to this variable; was it computed from a parameter or variable, on a tape that records?"
    )]
    NotRecorded,

    /// The tape has been walked already.
    #[error("backward: this tape has been walked already; record the computation again on a new tape")]
    Spent,

    /// The loss is NaN or infinite.
    #[error("backward: the loss is {loss}; {}", cause.as_ref().map_or_else(|| "record again on a tape with watch_finite to see which operation made it so".to_owned(), ToString::to_string))]
    NonFiniteLoss {
        /// The loss.
        loss: f64,
        /// The first operation whose result was not finite, if the tape watched.
        cause: Option<NonFinite>,
    },

    /// An operation's backward closure returned a gradient of another shape than its input.
    #[error(
        "backward of {operation} ({location}): the gradient of input {input} has shape {found:?}, the input {expected:?}; must be the same"
    )]
    GradientShape {
        /// The operation.
        operation: &'static str,
        /// Where it was recorded.
        location: &'static Location<'static>,
        /// Which input, from 0.
        input: usize,
        /// The shape of the input.
        expected: Vec<usize>,
        /// The shape of the gradient.
        found: Vec<usize>,
    },

    /// A tape that watches met a gradient that is NaN or infinite.
    #[error(
        "backward of {operation} ({location}): the gradient of input {input} is {value} at {index:?}{}",
        origin(upstream, operands)
    )]
    NonFiniteGradient {
        /// The operation.
        operation: &'static str,
        /// Where it was recorded.
        location: &'static Location<'static>,
        /// Which input, from 0.
        input: usize,
        /// The first place, in row-major order, that is not finite.
        index: Vec<usize>,
        /// What stands there.
        value: f64,
        /// The gradients of the operation's results.
        upstream: Vec<Operand>,
        /// What the operation was applied to.
        operands: Vec<Operand>,
    },

    /// A hook put a gradient of another shape in the place of the one it was given.
    #[error(
        "backward: a hook on the result of {operation} ({location}) returned a gradient of shape {found:?}; it must keep the shape {expected:?}"
    )]
    HookShape {
        /// The operation whose result the hook hangs on.
        operation: &'static str,
        /// Where it was recorded.
        location: &'static Location<'static>,
        /// The shape of the value, and of its gradient.
        expected: Vec<usize>,
        /// The shape of the gradient that the hook returned.
        found: Vec<usize>,
    },

    /// A checkpointed block that ran well in the forward pass failed when it ran again.
    #[error("backward of checkpoint ({location}): the block failed when it ran again: {source}")]
    Checkpoint {
        /// Where the block was checkpointed.
        location: &'static Location<'static>,
        /// What went wrong in it.
        source: Box<dyn std::error::Error + Send + Sync>,
    },

    /// A checkpointed block gave a result of another shape when it ran again.
    #[error(
        "backward of checkpoint ({location}): the block gave {expected:?} in the forward pass and {found:?} when it ran again; it must depend on its inputs, its parameters and the tape's random numbers alone"
    )]
    CheckpointShape {
        /// Where the block was checkpointed.
        location: &'static Location<'static>,
        /// The shape of the first result.
        expected: Vec<usize>,
        /// The shape of the second.
        found: Vec<usize>,
    },

    /// Arrays that are not one for each input.
    #[error("{operation}: {given} arrays for {inputs} inputs: needs one for each")]
    Inputs {
        /// The operation.
        operation: &'static str,
        /// How many were given.
        given: usize,
        /// How many inputs there are.
        inputs: usize,
    },

    /// A gradient check found a wrong derivative.
    #[error(
        "gradcheck: input {input} at {index:?}: backward says {analytic:e}, {judge} say {numeric:e} (error {error:e}, allowed {allowed:e}, {ulp} ulp)"
    )]
    Gradcheck {
        /// Which input, from 0.
        input: usize,
        /// Which of its elements.
        index: Vec<usize>,
        /// What the backward pass computed.
        analytic: f64,
        /// What the judge gives.
        numeric: f64,
        /// The error, relative to `1 + the larger of the two`.
        error: f64,
        /// The largest error allowed.
        allowed: f64,
        /// How many numbers of `f64` lie between the two.
        ulp: f64,
        /// Who says otherwise: central differences, or dual numbers.
        judge: &'static str,
    },

    /// A gradient check found a wrong derivative along a direction.
    #[error(
        "gradcheck: along a direction: backward says {analytic:e}, {judge} says {numeric:e} (error {error:e}, allowed {allowed:e}, {ulp} ulp); gradcheck of each element says which is wrong"
    )]
    GradcheckDirection {
        /// What the backward pass computed.
        analytic: f64,
        /// What the judge gives.
        numeric: f64,
        /// The error, relative to `1 + the larger of the two`.
        error: f64,
        /// The largest error allowed.
        allowed: f64,
        /// How many numbers of `f64` lie between the two.
        ulp: f64,
        /// Who says otherwise.
        judge: &'static str,
    },

    /// A function gives another value for the same numbers in another memory layout.
    #[error(
        "gradcheck: the result at {index:?} is {given:e}; for the same inputs in row-major memory it is {row_major:e}; it must not depend on strides"
    )]
    Layout {
        /// Which element of the result.
        index: Vec<usize>,
        /// Its value for the inputs as they were given.
        given: f64,
        /// Its value for inputs in row-major memory.
        row_major: f64,
    },

    /// A check on many random arrays failed.
    #[error("case {case}, inputs {}: {source}", described(inputs))]
    Case {
        /// Which draw, from 0.
        case: usize,
        /// Shape and strides of each input.
        inputs: Vec<(Vec<usize>, Vec<isize>)>,
        /// What went wrong.
        source: Box<Error>,
    },

    /// The function under a gradient check failed.
    #[error("gradcheck: the function failed: {0}")]
    Function(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl FamilyError for Error {}

/// What fallible operations on variables return.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The number of elements of a shape, which may be one that no array can have.
fn elements(shape: &[usize]) -> String {
    let product = shape.iter().try_fold(1_usize, |n, &len| n.checked_mul(len));
    product.map_or_else(|| "too many".to_owned(), |n| n.to_string())
}

/// The length of an axis; of one that is not there 0, since a message must not fail.
fn length(shape: &[usize], axis: usize) -> usize {
    shape.get(axis).copied().unwrap_or(0)
}

/// Which axes an array has.
fn axes(rank: usize) -> String {
    if rank == 0 { "a number has no axes".to_owned() } else { format!("axes go from -{rank} to {}", rank - 1) }
}

/// Shapes and strides of the inputs of a case.
fn described(inputs: &[(Vec<usize>, Vec<isize>)]) -> String {
    let each: Vec<String> = inputs.iter().map(|(shape, strides)| format!("{shape:?} (strides {strides:?})")).collect();
    each.join(", ")
}

/// Which indices an axis has.
fn indices(length: usize) -> String {
    length.checked_sub(1).map_or_else(|| "the axis is empty".to_owned(), |last| format!("indices go from 0 to {last}"))
}
