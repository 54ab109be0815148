//! A look at a gradient, or another in its place, on the way back.

use crate::tape::Node;
use crate::{Value, Var};
use gradus_linalg::Real;
use std::fmt;

/// What is to be done with the gradient of a value when it is complete.
pub(crate) enum Hook<F: Real> {
    Observe(Observe<F>),
    Replace(Replace<F>),
}

type Observe<F> = Box<dyn FnOnce(&Value<F>)>;
type Replace<F> = Box<dyn FnOnce(Value<F>) -> Value<F>>;

impl<F: Real> Var<F> {
    /// Has `observe` look at the gradient with respect to this value, once, when it is complete: when every operation
    /// that uses the value has added its part, and before any of it flows on.
    ///
    /// Where no gradient flows, it is never called. It stays on the tape until `backward`: take [`Value`]s into it and
    /// not variables, which would keep the tape alive.
    ///
    /// # Examples
    /// ```
    /// use gradus_autograd::{Tape, ndarray::array};
    /// use std::{cell::Cell, rc::Rc};
    /// let x = Tape::recording().variable(array![3.0, 4.0]);
    /// let hidden = x.square();
    /// let seen = Rc::new(Cell::new(0.0));
    /// let note = Rc::clone(&seen);
    /// hidden.on_gradient(move |dy| note.set(dy.sum()));
    /// (&hidden * &hidden).sum().backward()?;
    /// assert_eq!(seen.get(), 2.0 * (9.0 + 16.0));
    /// # Ok::<(), gradus_autograd::Error>(())
    /// ```
    pub fn on_gradient(&self, observe: impl FnOnce(&Value<F>) + 'static) {
        self.hook(Hook::Observe(Box::new(observe)));
    }

    /// Puts another gradient in the place of that with respect to this value, once, when it is complete. What flows on,
    /// and what [`Gradients`](crate::Gradients) keep of this value, is what `replace` returns. Several hooks on one
    /// value run in the order in which they were hung.
    ///
    /// # Errors
    /// `backward` returns [`Error::HookShape`](crate::Error::HookShape) if the new gradient has another shape.
    ///
    /// # Examples
    /// Gradients that flow through a value, kept in a range:
    /// ```
    /// use gradus_autograd::{Tape, Value, ndarray::array};
    /// let x = Tape::recording().variable(array![3.0, -0.25]);
    /// let y = x.square();
    /// y.map_gradient(|dy| dy.mapv(|g: f64| g.clamp(-1.0, 1.0)).into());
    /// let gradients = (&y * &y).sum().backward()?; // 2 y reaches y, at most 1 goes on
    /// assert_eq!(gradients.get(&x).unwrap(), &array![6.0, -0.0625].into_dyn());
    /// # Ok::<(), gradus_autograd::Error>(())
    /// ```
    pub fn map_gradient(&self, replace: impl FnOnce(Value<F>) -> Value<F> + 'static) {
        self.hook(Hook::Replace(Box::new(replace)));
    }

    fn hook(&self, hook: Hook<F>) {
        let mut list = self.tape.list.borrow_mut();
        if let Some(node) = self.node.filter(|_| list.recording) {
            list.hooks.push((node, hook));
        }
    }
}

/// The hooks of a walk, sorted so that those whose turn is next are the last.
pub(crate) fn sorted<F: Real>(mut hooks: Vec<(Node, Hook<F>)>) -> Vec<(Node, Hook<F>)> {
    hooks.reverse();
    hooks.sort_by_key(|&(node, _)| node); // stable: of one value, the first hung is the last in the list
    hooks
}

impl<F: Real> fmt::Debug for Hook<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Observe(_) => "Observe",
            Self::Replace(_) => "Replace",
        })
    }
}
