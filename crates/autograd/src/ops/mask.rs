//! Elements chosen or replaced by where they stand.

use super::arith::sum_to;
use super::axes;
use crate::tape::same_tape;
use crate::{Error, Result, Value, Var};
use gradus_linalg::Real;
use gradus_linalg::elementwise::broadcast_shape;
use ndarray::{ArrayD, ArrayRef, Dimension, IxDyn, Zip};

/// `a` where the condition holds, `b` elsewhere, with broadcasting of all three; PyTorch's `where`.
///
/// ```text
/// y = a where c, else b        da = Σ dy where c, db = Σ dy where not c, over the axes along which a, b were repeated
/// ```
///
/// What is not chosen has no influence: a NaN there stays out of the result and out of the gradients.
///
/// # Errors
/// If the shapes do not broadcast, or the operands are on different tapes.
///
/// # Examples
/// ```
/// use gradus_autograd::{Tape, choose, ndarray::array};
/// let tape = Tape::recording();
/// let (a, b) = (tape.variable(array![1.0, 2.0, 3.0]), tape.variable(0.0));
/// let y = choose(&array![true, false, true], &a, &b)?;
/// assert_eq!(y.value(), &array![1.0, 0.0, 3.0].into_dyn());
/// # Ok::<(), gradus_autograd::Error>(())
/// ```
#[track_caller]
pub fn choose<F: Real, D: Dimension>(condition: &ArrayRef<bool, D>, a: &Var<F>, b: &Var<F>) -> Result<Var<F>> {
    let operation = "choose";
    same_tape(operation, a, b)?;
    let operands = broadcast_shape(operation, a.shape(), b.shape())?;
    let shape = broadcast_shape(operation, condition.shape(), &operands)?;
    let condition = condition.view().into_dyn().to_owned();
    let shapes = [a.value.raw_dim(), b.value.raw_dim()];
    let mut y = Value::unspecified(IxDyn(&shape));
    Zip::from(y.view_mut())
        .and_broadcast(condition.view())
        .and_broadcast(a.value.view())
        .and_broadcast(b.value.view())
        .for_each(|y, &c, &a, &b| *y = if c { a } else { b });
    Ok(a.tape().record_into(operation, [a, b], y, move |dy, slots| {
        for (input, shape) in shapes.iter().enumerate() {
            if slots.needs(input) {
                let part = zero_where(dy.clone(), &condition, |c| c == (input == 1));
                slots.add(input, sum_to(part, shape.slice()));
            }
        }
    }))
}

impl<F: Real> Var<F> {
    /// The elements at which the mask is true replaced by a number; the mask broadcasts to the array.
    ///
    /// ```text
    /// y = value where mask, else x        dx = 0 where mask, else dy
    /// ```
    ///
    /// Attention fills with −∞ what must not be attended to.
    ///
    /// # Errors
    /// [`Error::Shapes`] if the mask does not broadcast to the shape of the array.
    ///
    /// # Examples
    /// ```
    /// use gradus_autograd::{Tape, ndarray::array};
    /// let x = Tape::recording().variable(array![[1.0, 2.0], [3.0, 4.0]]);
    /// let y = x.masked_fill(&array![false, true], -9.0)?;
    /// assert_eq!(y.value(), &array![[1.0, -9.0], [3.0, -9.0]].into_dyn());
    /// # Ok::<(), gradus_autograd::Error>(())
    /// ```
    #[track_caller]
    pub fn masked_fill<D: Dimension>(&self, mask: &ArrayRef<bool, D>, value: f64) -> Result<Self> {
        let operation = "masked_fill";
        let mask = mask.view().into_dyn().to_owned();
        if mask.broadcast(self.shape()).is_none() {
            let (left, right) = (self.shape().to_vec(), mask.shape().to_vec());
            return Err(Error::Shapes { operation, left, right, expected: "the mask must broadcast to the array" });
        }
        let value = F::from_f64(value);
        let mut y = Value::unspecified(self.value.raw_dim());
        Zip::from(y.view_mut())
            .and(self.value.view())
            .and_broadcast(mask.view())
            .for_each(|y, &x, &masked| *y = if masked { value } else { x });
        Ok(self.tape().record(operation, [self], y, move |dy| [zero_where(dy, &mask, |masked| masked)]))
    }

    /// The lower triangle of the last two axes: what lies above a diagonal becomes 0.
    ///
    /// ```text
    /// yᵢⱼ = xᵢⱼ where j − i ≤ diagonal, else 0        dx = the same triangle of dy
    /// ```
    ///
    /// Diagonal 0 is the main one, positive ones lie above it.
    ///
    /// # Shapes
    /// `(…, m, n)`
    ///
    /// # Errors
    /// [`Error::Axis`] if the array has fewer than two axes.
    #[track_caller]
    pub fn tril(&self, diagonal: isize) -> Result<Self> {
        self.triangle("tril", move |off_diagonal| off_diagonal <= diagonal)
    }

    /// The upper triangle of the last two axes: what lies below a diagonal becomes 0.
    ///
    /// ```text
    /// yᵢⱼ = xᵢⱼ where j − i ≥ diagonal, else 0        dx = the same triangle of dy
    /// ```
    ///
    /// Diagonal 0 is the main one, positive ones lie above it.
    ///
    /// # Shapes
    /// `(…, m, n)`
    ///
    /// # Errors
    /// [`Error::Axis`] if the array has fewer than two axes.
    #[track_caller]
    pub fn triu(&self, diagonal: isize) -> Result<Self> {
        self.triangle("triu", move |off_diagonal| off_diagonal >= diagonal)
    }

    #[track_caller]
    fn triangle(&self, name: &'static str, keeps: impl Fn(isize) -> bool) -> Result<Self> {
        let rows = axes::axis(name, -2, self.shape())?;
        let (rows, columns) = (self.shape()[rows], self.shape()[rows + 1]);
        let outside = ArrayD::from_shape_fn(IxDyn(&[rows, columns]), |at| !keeps(at[1] as isize - at[0] as isize));
        let y = zero_where(self.value.clone(), &outside, |outside| outside);
        Ok(self.tape().record(name, [self], y, move |dy| [zero_where(dy, &outside, |outside| outside)]))
    }
}

/// Zeros where the condition, which broadcasts to the array, is as `erases` says.
fn zero_where<F: Real>(mut x: Value<F>, condition: &ArrayD<bool>, erases: impl Fn(bool) -> bool) -> Value<F> {
    let each = Zip::from(x.view_mut()).and_broadcast(condition.view());
    each.for_each(|x, &c| {
        if erases(c) {
            *x = F::zero();
        }
    });
    x
}
