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
    #[error("{operation}: {left:?} · {right:?}: inner dimensions differ ({} and {}){}", left[left.len() - 1], right[right.len() - 2], hint(left, right))]
    InnerDimensions {
        /// The operation that was asked for.
        operation: &'static str,
        /// Shape of the left matrix; at least two axes.
        left: Vec<usize>,
        /// Shape of the right matrix; at least two axes.
        right: Vec<usize>,
    },
    /// The destination of an operation has another shape than its result.
    #[error("{operation}: the result has shape {expected:?}, the destination {found:?}")]
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
    #[error("{operation}: axis {axis} of an array of shape {shape:?}: axes are counted from 0 to {}", shape.len().saturating_sub(1))]
    Axis {
        /// The operation that was asked for.
        operation: &'static str,
        /// The axis.
        axis: usize,
        /// The array's shape.
        shape: Vec<usize>,
    },
}

impl FamilyError for Error {}

/// What fallible functions of this crate return.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The likeliest mend of a product that does not fit.
fn hint(left: &[usize], right: &[usize]) -> &'static str {
    match (left, right) {
        ([.., _, k], [.., _, n]) if k == n => "; transpose the right-hand side?",
        ([.., m, _], [.., k, _]) if m == k => "; transpose the left-hand side?",
        _ => "",
    }
}
