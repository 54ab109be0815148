//! What can go wrong in this crate, and the mark that every error of the family carries.

/// An error of the `gradus` family.
///
/// Whatever error type implements this mark converts with `?` into `gradus_nn_layers::Error`, which is what a layer's
/// `forward` returns. The error types of all crates of the family implement it; write one line for your own:
///
/// ```
/// # use std::fmt;
/// #[derive(Debug)]
/// struct SensorOffline;
/// # impl fmt::Display for SensorOffline {
/// #     fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { f.write_str("sensor offline") }
/// # }
/// impl std::error::Error for SensorOffline {}
/// impl gradus_linalg::FamilyError for SensorOffline {}
/// ```
pub trait FamilyError: std::error::Error + Send + Sync + 'static {}

/// An error of linear algebra; the message names what was asked, the values at fault and what would fit.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Two shapes do not fit together under the rules of broadcasting.
    #[error("{operation}: {left:?} and {right:?} do not broadcast: axes, counted from the last, must be equal or 1")]
    Broadcast {
        /// The operation that was asked for.
        operation: &'static str,
        /// Shape of the left operand.
        left: Vec<usize>,
        /// Shape of the right operand.
        right: Vec<usize>,
    },
    /// The inner dimensions of a matrix product differ.
    #[error("{operation}: {left:?} · {right:?}: inner dimensions differ ({} and {}){}", left.last().unwrap_or(&1), rows(right), hint(left, right))]
    InnerDimensions {
        /// The operation that was asked for.
        operation: &'static str,
        /// Shape of the left operand.
        left: Vec<usize>,
        /// Shape of the right operand.
        right: Vec<usize>,
    },
    /// The axes before the last two, over which a product of stacks of matrices is repeated, do not fit under the rules of
    /// broadcasting.
    #[error(
        "{operation}: {left:?} · {right:?}: the axes before the last two do not broadcast: counted from the last, they must be equal or 1"
    )]
    Batch {
        /// The operation that was asked for.
        operation: &'static str,
        /// Shape of the left operand.
        left: Vec<usize>,
        /// Shape of the right operand.
        right: Vec<usize>,
    },
    /// The destination of an operation has another shape than its result.
    #[error("{operation}: the result has shape {expected:?}, the destination {found:?}; must be the same")]
    Destination {
        /// The operation that was asked for.
        operation: &'static str,
        /// Shape of the result.
        expected: Vec<usize>,
        /// Shape of the memory given for it.
        found: Vec<usize>,
    },
    /// Two operands that must have the same shape have not.
    #[error("{operation}: {left:?} and {right:?}: the shapes differ; both must be the same")]
    ShapesDiffer {
        /// The operation that was asked for.
        operation: &'static str,
        /// Shape of the left operand.
        left: Vec<usize>,
        /// Shape of the right operand.
        right: Vec<usize>,
    },
    /// A vector of length 0 in the geometric sense, which has no direction.
    #[error("{operation}: the {operand} vector is zero: it has no direction; give one with an element that is not 0")]
    ZeroVector {
        /// The operation that was asked for.
        operation: &'static str,
        /// Which operand it is.
        operand: &'static str,
    },
    /// The order of a norm is not a positive number.
    #[error("{operation}: order p = {p}: must be greater than 0 (infinity is the maximum norm)")]
    Order {
        /// The operation that was asked for.
        operation: &'static str,
        /// The order.
        p: f64,
    },
    /// An axis that the array does not have.
    #[error("{operation}: axis {axis} of an array of shape {shape:?}: {}", axes(shape.len()))]
    Axis {
        /// The operation that was asked for.
        operation: &'static str,
        /// The axis.
        axis: usize,
        /// The array's shape.
        shape: Vec<usize>,
    },
    /// A matrix that must be square is not.
    #[error("{operation}: a matrix of shape {shape:?}: must be square")]
    NotSquare {
        /// The operation that was asked for.
        operation: &'static str,
        /// Shape of the matrix.
        shape: Vec<usize>,
    },
    /// A matrix without elements.
    #[error("{operation}: a matrix of shape {shape:?} has no elements; must have at least one row and one column")]
    EmptyMatrix {
        /// The operation that was asked for.
        operation: &'static str,
        /// Shape of the matrix.
        shape: Vec<usize>,
    },
    /// An element is infinite or NaN.
    #[error("{operation}: element {index:?} is {value}: all elements must be finite")]
    NotFinite {
        /// The operation that was asked for.
        operation: &'static str,
        /// Where the first such element stands.
        index: Vec<usize>,
        /// The element.
        value: f64,
    },
    /// A matrix that must equal its transpose does not.
    #[error(
        "{operation}: elements [{row}, {column}] = {value} and [{column}, {row}] = {mirrored} differ: the matrix must be symmetric"
    )]
    NotSymmetric {
        /// The operation that was asked for.
        operation: &'static str,
        /// Row of the first element that differs from its mirror image.
        row: usize,
        /// Its column.
        column: usize,
        /// The element.
        value: f64,
        /// Its mirror image.
        mirrored: f64,
    },
    /// A symmetric matrix that must be positive definite is not.
    #[error("{operation}: pivot {row} is {pivot:e}: the matrix is not positive definite; lu takes any square matrix")]
    NotPositiveDefinite {
        /// The operation that was asked for.
        operation: &'static str,
        /// The row, counted from 0, at which it showed.
        row: usize,
        /// What stood under the root there.
        pivot: f64,
    },
    /// A matrix that is singular, or so nearly that no digit of an answer need be right.
    #[error(
        "{operation}: the matrix is singular to working precision: its condition number is {condition:.1e}; pinv, or lstsq by svd, gives the solution of least norm"
    )]
    Singular {
        /// The operation that was asked for.
        operation: &'static str,
        /// The condition number, infinite where a pivot is exactly 0.
        condition: f64,
    },
    /// The right-hand side of a system has not a row for each row of the matrix.
    #[error("{operation}: a matrix of shape {matrix:?} and a right-hand side of shape {right:?}: the numbers of rows differ ({} and {})", matrix[0], right[0])]
    RightSide {
        /// The operation that was asked for.
        operation: &'static str,
        /// Shape of the matrix.
        matrix: Vec<usize>,
        /// Shape of the right-hand side.
        right: Vec<usize>,
    },
    /// An iteration did not reach its end.
    #[error("{operation}: no convergence in {iterations} iterations")]
    NoConvergence {
        /// The operation that was asked for.
        operation: &'static str,
        /// Iterations that were done.
        iterations: usize,
    },
    /// A step with which gradient descent diverges.
    #[error("{operation}: lr = {lr}: gradient descent diverges; must be less than 2/λmax = {limit}")]
    Step {
        /// The operation that was asked for.
        operation: &'static str,
        /// The step.
        lr: f64,
        /// `2/λmax`.
        limit: f64,
    },
    /// A setting out of its range.
    #[error("{operation}: {name} = {value}: must be {fits}")]
    Setting {
        /// The operation that was asked for.
        operation: &'static str,
        /// The setting.
        name: &'static str,
        /// Its value.
        value: f64,
        /// What would fit.
        fits: &'static str,
    },
    /// An array with too few axes.
    #[error("{operation}: an array of shape {shape:?} has {} axes; must have at least {least}", shape.len())]
    Rank {
        /// The operation that was asked for.
        operation: &'static str,
        /// The least number of axes.
        least: usize,
        /// The array's shape.
        shape: Vec<usize>,
    },
    /// Lists of axes that cannot be summed over in pairs.
    #[error(
        "{operation}: axes {left_axes:?} of {left:?} and {right_axes:?} of {right:?}: must be as many, pairwise of the same length, and none twice"
    )]
    AxisPairs {
        /// The operation that was asked for.
        operation: &'static str,
        /// Shape of the left operand.
        left: Vec<usize>,
        /// Shape of the right operand.
        right: Vec<usize>,
        /// Axes of the left operand.
        left_axes: Vec<usize>,
        /// Axes of the right operand.
        right_axes: Vec<usize>,
    },
    /// Subscripts that do not describe a product of the operands.
    #[error("{operation}: {subscripts:?} of {operands:?}: {problem}")]
    Subscripts {
        /// The operation that was asked for.
        operation: &'static str,
        /// The subscripts.
        subscripts: String,
        /// Shapes of the operands.
        operands: Vec<Vec<usize>>,
        /// What would fit.
        problem: &'static str,
    },
    /// A subscript that stands for axes of different lengths.
    #[error("{operation}: {subscripts:?} of {operands:?}: {letter} stands for axes of lengths {} and {}; must be the same", lengths[0], lengths[1])]
    SubscriptLength {
        /// The operation that was asked for.
        operation: &'static str,
        /// The subscripts.
        subscripts: String,
        /// Shapes of the operands.
        operands: Vec<Vec<usize>>,
        /// The letter.
        letter: char,
        /// The first length it stood for, and the other.
        lengths: [usize; 2],
    },
    /// A vector that the ones before it span.
    #[error(
        "{operation}: vector {index} is dependent on those before it: {rest:.1e} of its length is left; must be independent"
    )]
    Dependent {
        /// The operation that was asked for.
        operation: &'static str,
        /// The vector, counted from 0.
        index: usize,
        /// The part of its length that is orthogonal to the others.
        rest: f64,
    },
    /// Too few observations for a statistic.
    #[error("{operation}: {found} observations; must be at least {least}")]
    Observations {
        /// The operation that was asked for.
        operation: &'static str,
        /// How many there are.
        found: usize,
        /// How many it takes.
        least: usize,
    },
    /// A picture of the plane asked for of vectors elsewhere.
    #[error("{operation}: a vector with {found} elements; must have 2, those of the plane")]
    NotPlane {
        /// The operation that was asked for.
        operation: &'static str,
        /// How many elements it has.
        found: usize,
    },
    /// A product engine that does not do what [`testing`](crate::testing) asks of any.
    #[error("{operation}: {product}: {problem}")]
    Engine {
        /// The door of the engine.
        operation: &'static str,
        /// The product: shapes, factors and strides.
        product: String,
        /// What is wrong.
        problem: String,
    },
}

impl FamilyError for Error {}

/// What fallible functions of this crate return.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Which axes an array has.
fn axes(rank: usize) -> String {
    rank.checked_sub(1)
        .map_or_else(|| "a number has no axes".to_owned(), |last| format!("axes are counted from 0 to {last}"))
}

/// How many rows the right operand of a product has; a vector is a column.
fn rows(shape: &[usize]) -> usize {
    match shape {
        [.., rows, _] | [rows] => *rows,
        [] => 1,
    }
}

/// The likeliest mend of a product that does not fit.
fn hint(left: &[usize], right: &[usize]) -> &'static str {
    match (left, right) {
        ([.., k], [.., _, n]) if k == n => "; transpose the right-hand side?",
        ([.., m, _], [.., k, _] | [k]) if m == k => "; transpose the left-hand side?",
        _ => "",
    }
}
