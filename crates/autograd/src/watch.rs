//! Where did the first NaN or infinity come from?

use crate::peak::{Pass, is_metering, note_operation};
use crate::{Tape, Value};
use gradus_linalg::Real;
use ndarray::{Dimension, IxDyn};
use std::fmt;
use std::panic::Location;

/// The first operation of a watched tape whose result was not finite.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{operation} ({location}) produced {value} at {index:?} of {shape:?}{}", from(operands))]
pub struct NonFinite {
    /// The operation.
    pub operation: &'static str,
    /// The line that called it.
    pub location: &'static Location<'static>,
    /// The shape of its result.
    pub shape: Vec<usize>,
    /// The first place, in row-major order, that is not finite.
    pub index: Vec<usize>,
    /// What stands there.
    pub value: f64,
    /// What it was computed from.
    pub operands: Vec<Operand>,
}

/// What a report says of an operand of an operation, or of the gradient that reached it.
#[derive(Debug, Clone, PartialEq)]
pub struct Operand {
    /// Its shape.
    pub shape: Vec<usize>,
    /// The number at the place in question, if the operand has such a place: if its shape broadcasts to the result's.
    pub at: Option<f64>,
    /// The largest magnitude in it; NaN if there is one.
    pub largest: f64,
}

impl Operand {
    /// Looks at a value for what stands at `index` of a result of this shape.
    pub(crate) fn at<F: Real>(value: &Value<F>, shape: &[usize], index: &[usize]) -> Self {
        let own = value.shape();
        let skipped = shape.len().checked_sub(own.len());
        let fits = |skipped: &usize| own.iter().zip(&shape[*skipped..]).all(|(&own, &n)| own == n || own == 1);
        let at = skipped.filter(fits).and_then(|skipped| {
            let place: Vec<_> = own.iter().zip(&index[skipped..]).map(|(&n, &i)| if n == 1 { 0 } else { i }).collect();
            value.get(IxDyn(&place)).map(|x| x.to_f64())
        });
        let larger = |a: f64, b: f64| if a.is_nan() || b <= a { a } else { b };
        let largest = value.iter().map(|x| x.to_f64().abs()).fold(0.0, larger);
        Self { shape: own.to_vec(), at, largest }
    }
}

impl fmt::Display for Operand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.at {
            Some(x) => write!(f, "{x}"),
            None => write!(f, "{:?} with magnitudes up to {}", self.shape, self.largest),
        }
    }
}

fn from(operands: &[Operand]) -> String {
    let list: Vec<_> = operands.iter().map(ToString::to_string).collect();
    if list.is_empty() { String::new() } else { format!(", from {}", list.join(" and ")) }
}

/// What the message about a gradient says of its origin.
pub(crate) fn origin(upstream: &[Operand], operands: &[Operand]) -> String {
    let list: Vec<_> = upstream.iter().map(ToString::to_string).collect();
    let upstream = if list.is_empty() { String::new() } else { format!(", from the gradient {}", list.join(" and ")) };
    let list: Vec<_> = operands.iter().map(ToString::to_string).collect();
    if list.is_empty() { upstream } else { format!("{upstream} where the operands are {}", list.join(" and ")) }
}

impl<F: Real> Tape<F> {
    /// From now on, looks at everything put on the tape and at the result of every operation, and remembers the first
    /// that is not finite: see [`Tape::non_finite`]. `backward` looks at the gradients, too, and returns
    /// [`NonFiniteGradient`](crate::Error::NonFiniteGradient) for the first that is not finite. Costs one pass over each array, and
    /// keeps the operands of every operation, so that the report can say what they were.
    ///
    /// # Examples
    /// ```
    /// use gradus_autograd::{Tape, ndarray::array};
    /// let tape = Tape::<f64>::recording().watch_finite();
    /// let x = tape.variable(array![1.0, -1.0]);
    /// let error = x.ln().sum().backward().unwrap_err();
    /// assert!(error.to_string().starts_with("backward: the loss is NaN; ln ("), "{error}");
    /// ```
    #[must_use]
    pub fn watch_finite(self) -> Self {
        self.list.borrow_mut().watching = true;
        self
    }

    /// The first operation since [`Tape::watch_finite`] whose result was not finite; `input`, `variable` or `parameter`
    /// if the numbers came so from outside.
    #[must_use]
    pub fn non_finite(&self) -> Option<NonFinite> {
        self.list.borrow().non_finite.clone()
    }

    /// Remembers the operands of the operation that comes next, on a tape that watches.
    #[inline]
    pub(crate) fn note_operands(&self, operands: &[&Value<F>]) {
        let mut list = self.list.borrow_mut();
        if list.watching {
            list.operands = operands.iter().map(|&x| x.clone()).collect();
        }
    }

    /// Looks at what comes from outside, on a tape that watches.
    pub(crate) fn watch_leaf(&self, name: &'static str, location: &'static Location<'static>, value: &Value<F>) {
        self.note_operands(&[]);
        self.watch(name, location, value);
    }

    /// Looks at a result, on a tape that watches.
    #[inline]
    pub(crate) fn watch(&self, operation: &'static str, location: &'static Location<'static>, value: &Value<F>) {
        if is_metering() {
            note_operation(Pass::Forward, operation, location);
        }
        let mut list = self.list.borrow_mut();
        if !list.watching || list.non_finite.is_some() {
            return;
        }
        if let Some((index, x)) = value.indexed_iter().find(|(_, x)| !x.is_finite()) {
            let (shape, index) = (value.shape().to_vec(), index.slice().to_vec());
            let operands = list.operands.iter().map(|operand| Operand::at(operand, &shape, &index)).collect();
            list.non_finite = Some(NonFinite { operation, location, shape, index, value: x.to_f64(), operands });
        }
    }
}
