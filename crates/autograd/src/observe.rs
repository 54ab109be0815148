//! A look at each value as it comes onto the list.

use crate::tape::Node;
use crate::{Tape, Value};
use gradus_linalg::Real;
use std::panic::Location;

/// A new entry of a tape with its value: what [`Tape::observed`] shows.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Observed<'a, F: Real = f32> {
    /// Its place on the tape, from 0: the number of an explanation's `v0`, `v1` and so on, and
    /// [`Step::place`](crate::Step::place).
    pub place: usize,
    /// The operation, or `variable` or `parameter`.
    pub operation: &'static str,
    /// The line that called it.
    pub location: &'static Location<'static>,
    /// What it computed. A clone shares its memory.
    pub value: &'a Value<F>,
}

pub(crate) type Observer<F> = Box<dyn FnMut(&Observed<'_, F>)>;

impl<F: Real> Tape<F> {
    /// From now on, has `observe` look at the value of each new entry, when it has been recorded: each variable,
    /// parameter and operation through which a gradient flows, in the order of the tape. The values themselves are
    /// not kept; gradients have [`Var::on_gradient`](crate::Var::on_gradient).
    ///
    /// An operation with several results is shown once for each, and a [`checkpoint`](crate::checkpoint) as the one
    /// entry that it is. Data, constants and a tape for inference have no entries, and so nothing to show. A tape has
    /// one observer: a second takes the place of the first.
    ///
    /// While `observe` runs, the tape records nothing. It stays on the tape until `backward`: take [`Value`]s into it
    /// and not variables, which would keep the tape alive.
    ///
    /// # Examples
    /// ```
    /// use gradus_autograd::{Tape, ndarray::array};
    /// use std::{cell::RefCell, rc::Rc};
    /// let largest = Rc::new(RefCell::new(Vec::new()));
    /// let note = Rc::clone(&largest);
    /// let tape = Tape::<f64>::recording().observed(move |new| {
    ///     note.borrow_mut().push((new.operation, new.value.iter().copied().fold(0.0, f64::max)));
    /// });
    /// let x = tape.variable(array![3.0, 4.0]);
    /// let loss = x.square().sum();
    /// assert_eq!(*largest.borrow(), [("variable", 4.0), ("square", 16.0), ("sum", 25.0)]);
    /// assert!(loss.backward().is_ok());
    /// ```
    #[must_use]
    pub fn observed(self, observe: impl FnMut(&Observed<'_, F>) + 'static) -> Self {
        let before = self.list.borrow_mut().observer.replace(Box::new(observe));
        drop(before); // without a hold on the tape
        self
    }

    /// Shows a new entry to the observer. It may use the tape, which must not grow under the hands of what is being
    /// recorded: the results of one operation stand side by side.
    #[cold]
    pub(crate) fn show(
        &self,
        node: Node,
        operation: &'static str,
        location: &'static Location<'static>,
        value: &Value<F>,
    ) {
        let mut list = self.list.borrow_mut();
        let Some(mut observe) = list.observer.take() else { return };
        list.recording = false;
        drop(list);
        observe(&Observed { place: node as usize, operation, location, value });
        let mut list = self.list.borrow_mut();
        list.recording = !list.spent;
        if list.recording && list.observer.is_none() {
            list.observer = Some(observe);
        }
    }
}
