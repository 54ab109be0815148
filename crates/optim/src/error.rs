//! What can go wrong in an optimizer's step.

use gradus_linalg::FamilyError;

/// An error of an optimizer, a schedule or clipping; the message names the field or the parameter and its value.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A hyper-parameter outside its range.
    #[error("{rule}: {field} {value}: must be {expected}")]
    HyperParameter {
        /// The optimizer, schedule or function.
        rule: &'static str,
        /// The hyper-parameter.
        field: &'static str,
        /// Its value.
        value: f64,
        /// What would fit.
        expected: &'static str,
    },

    /// Nesterov's form was asked of an optimizer without momentum, or with a dampened one.
    #[error("sgd: nesterov with momentum {momentum} and dampening {dampening}: needs momentum above 0 and dampening 0")]
    Nesterov {
        /// The momentum.
        momentum: f64,
        /// The dampening.
        dampening: f64,
    },

    /// A schedule moves the momentum of an optimizer that has none.
    #[error(
        "set_momentum: {momentum}: this optimizer has no momentum to set; leave it out of the schedule by without_momentum()?"
    )]
    NoMomentum {
        /// The momentum that was to be set.
        momentum: f64,
    },

    /// A metric that is not a number says nothing about progress.
    #[error("reduce on plateau: the metric is {metric}: must be a number")]
    Metric {
        /// The metric.
        metric: f64,
    },

    /// The gradients belong to another model.
    #[error(
        "step: none of the model's {parameters} trainable parameters is among the {gradients} that have a gradient; \
         was the loss computed with another model, or with a clone of this one?"
    )]
    NoGradient {
        /// How many trainable parameters the model has.
        parameters: usize,
        /// How many parameters have a gradient.
        gradients: usize,
    },

    /// A parameter's shape has changed since its gradient was computed.
    #[error("step: {name}: the parameter has shape {parameter:?}, its gradient {gradient:?}")]
    GradientShape {
        /// The parameter's name.
        name: String,
        /// The parameter's shape.
        parameter: Vec<usize>,
        /// The gradient's shape.
        gradient: Vec<usize>,
    },

    /// A buffer's noted new value has another shape than the buffer.
    #[error("step: {name}: the buffer has shape {buffer:?}, its new value {update:?}")]
    BufferShape {
        /// The buffer's name.
        name: String,
        /// The buffer's shape.
        buffer: Vec<usize>,
        /// The shape of the new value.
        update: Vec<usize>,
    },

    /// What the optimizer remembers of a parameter has another shape than the parameter.
    #[error(
        "{rule}: {name}: the parameter has shape {parameter:?}, the optimizer's state {state:?}; is it another model's?"
    )]
    StateShape {
        /// The optimizer.
        rule: &'static str,
        /// The parameter's name.
        name: String,
        /// The parameter's shape.
        parameter: Vec<usize>,
        /// The shape of the remembered array.
        state: Vec<usize>,
    },

    /// A saved state that another optimizer wrote, or this one under other settings.
    #[error("{rule}: restore: {name}: needs {rule} with {expected:?}, found {found_rule} with {found:?}")]
    StateArrays {
        /// The optimizer.
        rule: &'static str,
        /// The parameter's name.
        name: String,
        /// The names of the arrays that it remembers.
        expected: Vec<String>,
        /// The optimizer that wrote the state.
        found_rule: String,
        /// The names of the arrays found.
        found: Vec<String>,
    },

    /// A saved state with something for an optimizer that remembers nothing.
    #[error("restore: the state remembers {name}, this optimizer nothing")]
    Stateless {
        /// The first parameter that the state remembers.
        name: String,
    },

    /// Values over a grid of another size.
    #[error("contour: values {values:?} over a grid: must be {expected:?}, a row for each y and a column for each x")]
    Grid {
        /// The shape of the values.
        values: Vec<usize>,
        /// The numbers of `y` and of `x`.
        expected: Vec<usize>,
    },

    /// Two models, or a model and a direction, of which one lacks a parameter of the other.
    #[error("{name}: the one has shape {expected:?}, the other {}; are they of the same kind of model?", match found {
        Some(found) => format!("{found:?}"),
        None => "lacks it".to_owned(),
    })]
    Counterpart {
        /// The parameter's name.
        name: String,
        /// Its shape.
        expected: Vec<usize>,
        /// Its shape in the other; none if the other has none of this name.
        found: Option<Vec<usize>>,
    },

    /// An element that was to be explained lies outside its parameter.
    #[error("explained: {name}: no element {index:?} in shape {shape:?}")]
    Element {
        /// The parameter's name.
        name: String,
        /// The index.
        index: Vec<usize>,
        /// The parameter's shape.
        shape: Vec<usize>,
    },

    /// Gradients whose norm is NaN or infinite cannot be clipped to a smaller one.
    #[error("{operation}: the norm of the gradients is {norm}; a gradient is not finite")]
    NonFiniteNorm {
        /// The function.
        operation: &'static str,
        /// The norm.
        norm: f64,
    },

    /// An optimizer that breaks a law that [`testing`](crate::testing) holds every one to.
    #[error("optimizer: {law}: this one breaks it: {found}")]
    Law {
        /// What should hold.
        law: &'static str,
        /// What was found.
        found: String,
    },
}

impl FamilyError for Error {}

/// What fallible functions of this crate return.
pub type Result<T, E = Error> = std::result::Result<T, E>;
