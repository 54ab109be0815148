//! A value and its place on a tape.

use crate::tape::Node;
use crate::{Tape, Value};
use gradus_linalg::Real;
use std::fmt;
use std::panic::Location;

/// A variable: a value together with its place on the tape that recorded how it came about.
///
/// Cloning is cheap: the value's memory is shared. What happens when a variable is dropped: its memory is free at
/// once, unless an entry of the tape needs it for its backward step.
///
/// Operations are methods, and the operators `+ - * /` between variables and numbers. Methods whose arguments can be
/// wrong return a [`Result`](crate::Result); operators cannot, and panic with the same message.
///
/// # Examples
/// ```
/// use gradus_autograd::{Tape, ndarray::array};
/// let tape = Tape::recording();
/// let x = tape.variable(array![1.0, 2.0, 3.0]);
/// let y = (&x * &x).sum();
/// assert_eq!(y.item(), Some(14.0));
/// let gradients = y.backward()?;
/// assert_eq!(gradients.get(&x).unwrap(), &array![2.0, 4.0, 6.0].into_dyn());
/// # Ok::<(), gradus_autograd::Error>(())
/// ```
#[derive(Clone)]
pub struct Var<F: Real = f32> {
    pub(crate) value: Value<F>,
    pub(crate) tape: Tape<F>,
    pub(crate) node: Option<Node>,
}

impl<F: Real> Var<F> {
    /// What the variable holds.
    #[must_use]
    pub fn value(&self) -> &Value<F> {
        &self.value
    }

    /// The tape it is on.
    #[must_use]
    pub fn tape(&self) -> &Tape<F> {
        &self.tape
    }

    /// Its shape.
    #[must_use]
    pub fn shape(&self) -> &[usize] {
        self.value.shape()
    }

    /// The number, if it is only one; otherwise `None`.
    #[must_use]
    pub fn item(&self) -> Option<F> {
        if self.value.len() == 1 { self.value.first().copied() } else { None }
    }

    /// Whether a gradient flows through here: the tape records, and something behind it is a parameter or a variable.
    #[must_use]
    pub fn needs_gradient(&self) -> bool {
        self.node.is_some()
    }

    /// The same value as a constant: no gradient flows through it.
    #[track_caller]
    #[must_use]
    pub fn detach(&self) -> Self {
        if let Some(node) = self.node {
            self.tape.list.borrow_mut().detached.push((node, Location::caller()));
        }
        Self { value: self.value.clone(), tape: self.tape.clone(), node: None }
    }

    /// Asks `backward` to keep the gradient of this intermediate value, for [`Gradients::get`](crate::Gradients::get).
    pub fn retain_gradient(&self) {
        if let Some(node) = self.node {
            self.tape.retain(node);
        }
    }
}

impl<F: Real> fmt::Debug for Var<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Var").field("node", &self.node).field("value", &self.value).finish_non_exhaustive()
    }
}
