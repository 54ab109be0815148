//! A backward rule written by hand, marked like an exercise.

use super::{EXACT_TOLERANCE, gradients_of};
use crate::derivatives::call;
use crate::{Error, Result, Var};
use ndarray::{ArrayD, Dimension};
use std::fmt;

/// What the tape says of a backward rule written by hand: see [`grade`].
///
/// `Display` prints a line for each input.
#[derive(Debug, Clone, PartialEq)]
pub struct Grade {
    /// One mark for each input.
    pub marks: Vec<Mark>,
}

/// What the tape says of the gradient of one input.
#[derive(Debug, Clone, PartialEq)]
pub enum Mark {
    /// It is right.
    Right {
        /// How many numbers it has.
        checked: usize,
    },
    /// It has another shape than the input.
    Shape {
        /// The shape of the gradient by hand.
        by_hand: Vec<usize>,
        /// The shape of the input, which its gradient has, too.
        input: Vec<usize>,
    },
    /// Some of its numbers are wrong.
    Wrong {
        /// How many numbers it has.
        checked: usize,
        /// How many of them are wrong.
        wrong: usize,
        /// The first of these, in row-major order.
        index: Vec<usize>,
        /// What stands there.
        by_hand: f64,
        /// What the tape has there.
        tape: f64,
    },
}

/// Marks a backward rule written by hand: compares what it makes of `dy` with what the tape makes of it.
///
/// ```text
/// y = f(x)        by_hand(x, dy) = dx ?
/// ```
///
/// For lessons, and for those who are about to write an operation of their own: take one operation after the other, or a
/// whole layer as one. Both sides are formulas, so that they must agree to [`EXACT_TOLERANCE`]; `dy` has
/// numbers of changing size and sign, so that errors do not cancel.
///
/// # Shapes
/// - `dy`: the shape of `f(x)`
/// - the result of `by_hand`: one array for each input, of its shape
///
/// # Errors
/// [`Error::Inputs`] if `by_hand` returns another number of arrays; [`Error::Function`] if `f` fails. A wrong gradient is
/// no error but a [`Mark`].
///
/// # Examples
/// A product forgets that its right operand was repeated over the rows:
/// ```
/// use gradus_autograd::{Var, gradcheck, ndarray::array};
/// let x = [array![[1.0, 2.0], [3.0, 4.0]].into_dyn(), array![10.0, 20.0].into_dyn()];
/// let product = |x: &[Var<f64>]| x[0].try_mul(&x[1]);
/// let grade = gradcheck::grade(product, &x, |x, dy| vec![dy * &x[1], dy * &x[0]])?;
/// assert!(!grade.is_right());
/// let by_line: Vec<_> = grade.to_string().lines().map(str::to_owned).collect();
/// assert_eq!(by_line[0], "input 0: right (4 numbers)");
/// assert_eq!(by_line[1], "input 1: by hand of shape [2, 2], the input is of shape [2]");
///
/// let summed = |dy: &ndarray::ArrayD<f64>| dy.sum_axis(ndarray::Axis(0));
/// let grade = gradcheck::grade(product, &x, |x, dy| vec![dy * &x[1], summed(&(dy * &x[0]))])?;
/// assert!(grade.is_right());
/// # use gradus_autograd::ndarray;
/// # Ok::<(), gradus_autograd::Error>(())
/// ```
pub fn grade<E>(
    f: impl Fn(&[Var<f64>]) -> Result<Var<f64>, E>,
    inputs: &[ArrayD<f64>],
    by_hand: impl FnOnce(&[ArrayD<f64>], &ArrayD<f64>) -> Vec<ArrayD<f64>>,
) -> Result<Grade>
where
    E: std::error::Error + Send + Sync + 'static,
{
    let (dy, tape) = gradients_of(&|x| call(&f, x), inputs)?;
    let by_hand = by_hand(inputs, &dy);
    if by_hand.len() != inputs.len() {
        return Err(Error::Inputs { operation: "grade", given: by_hand.len(), inputs: inputs.len() });
    }
    Ok(Grade { marks: by_hand.iter().zip(&tape).map(|(by_hand, tape)| Mark::of(by_hand, tape)).collect() })
}

impl Grade {
    /// Whether the gradients of all inputs are right.
    #[must_use]
    pub fn is_right(&self) -> bool {
        self.marks.iter().all(|mark| matches!(mark, Mark::Right { .. }))
    }
}

impl Mark {
    fn of(by_hand: &ArrayD<f64>, tape: &ArrayD<f64>) -> Self {
        if by_hand.shape() != tape.shape() {
            return Self::Shape { by_hand: by_hand.shape().to_vec(), input: tape.shape().to_vec() };
        }
        let differ = |a: f64, b: f64| {
            let same = a == b || a.is_nan() && b.is_nan();
            let near = (a - b).abs() <= EXACT_TOLERANCE * (1.0 + a.abs().max(b.abs())); // not if one is a NaN
            !same && !near
        };
        let mut wrong = by_hand.indexed_iter().zip(tape).filter(|((_, a), b)| differ(**a, **b));
        let checked = tape.len();
        match wrong.next() {
            None => Self::Right { checked },
            Some(((index, &by_hand), &tape)) => {
                let index = index.slice().to_vec();
                Self::Wrong { checked, wrong: 1 + wrong.count(), index, by_hand, tape }
            }
        }
    }
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Right { checked } => write!(f, "right ({checked} numbers)"),
            Self::Shape { by_hand, input } => {
                write!(f, "by hand of shape {by_hand:?}, the input is of shape {input:?}")
            }
            Self::Wrong { checked, wrong, index, by_hand, tape } => {
                write!(f, "{wrong} of {checked} numbers wrong, first at {index:?}: by hand {by_hand}, the tape {tape}")
            }
        }
    }
}

impl fmt::Display for Grade {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.marks.iter().enumerate().try_for_each(|(input, mark)| writeln!(f, "input {input}: {mark}"))
    }
}
