//! A chain of operations on elements in one pass over memory.

use crate::ops::sum_to;
use crate::tape::same_tape;
use crate::{Error, Jet, Result, Value, Var};
use gradus_linalg::Real;
use gradus_linalg::elementwise::broadcast_shape;
use gradus_linalg::simd::vectorized;
use ndarray::IxDyn;
use std::array::from_fn;

/// Computes a function of numbers element by element, with broadcasting, as one entry of the tape.
///
/// ```text
/// y = f(a, b, …)        da = Σ dy · ∂f/∂a, db = Σ dy · ∂f/∂b, … over the axes along which a, b, … were repeated
/// ```
///
/// However long the chain in `f`, memory is read and written once forward and once backward, and nothing but the inputs
/// is kept. The function computes with [`Jet`]s: the backward pass runs it again for its slopes. It is compiled into a
/// loop over vectors; write `#[inline(always)]` before a closure of more than a few operations.
///
/// # Errors
/// If the shapes do not broadcast, or the operands are on different tapes; [`Error::Empty`] without inputs.
///
/// # Examples
/// ```
/// use gradus_autograd::{Tape, fused, ndarray::array};
/// let tape = Tape::recording();
/// let (x, y) = (tape.variable(array![0.5, 1.0]), tape.variable(2.0));
/// let z = fused([&x, &y], #[inline(always)] |[x, y]| x.tanh() * y + (-x.square()).exp())?;
/// assert_eq!(tape.len(), 3); // two variables and one operation
/// let gradients = z.sum().backward()?;
/// assert_eq!(gradients.get(&y).unwrap()[[]], 0.5f64.tanh() + 1f64.tanh());
/// # Ok::<(), gradus_autograd::Error>(())
/// ```
#[track_caller]
pub fn fused<F: Real, const N: usize>(
    inputs: [&Var<F>; N],
    f: impl Fn([Jet<F, N>; N]) -> Jet<F, N> + 'static,
) -> Result<Var<F>> {
    let operation = "fused";
    let Some((first, others)) = inputs.split_first() else { return Err(Error::Empty { operation }) };
    let mut shape = first.shape().to_vec();
    for other in others {
        same_tape(operation, first, other)?;
        shape = broadcast_shape(operation, &shape, other.shape())?;
    }
    let full = inputs.map(|x| repeated(x.value(), &shape));
    let mut y = Value::unspecified(IxDyn(&shape));
    let n = y.len();
    {
        let ys = y.as_slice_mut().expect(ROW_MAJOR);
        let xs: [&[F]; N] = from_fn(|k| &slice(&full[k])[..n]);
        vectorized(
            #[inline(always)]
            || (0..n).for_each(|i| ys[i] = f(Jet::variables(from_fn(|k| xs[k][i]))).value),
        );
    }
    let saved = inputs.map(|x| x.value().clone());
    drop(full);
    Ok(first.tape().record_into(operation, inputs, y, move |dy, slots| {
        let full: [Value<F>; N] = from_fn(|k| repeated(&saved[k], &shape));
        let dy = dy.into_standard_layout();
        let mut gradients: [Value<F>; N] = from_fn(|_| Value::unspecified(IxDyn(&shape)));
        {
            let dys = &slice(&dy)[..n];
            let xs: [&[F]; N] = from_fn(|k| &slice(&full[k])[..n]);
            let mut dxs = gradients.each_mut().map(|dx| &mut dx.as_slice_mut().expect(ROW_MAJOR)[..n]);
            vectorized(
                #[inline(always)]
                || {
                    for i in 0..n {
                        let slopes = f(Jet::variables(from_fn(|k| xs[k][i]))).slopes;
                        for k in 0..N {
                            dxs[k][i] = dys[i] * slopes[k];
                        }
                    }
                },
            );
        }
        for (input, (dx, x)) in gradients.into_iter().zip(&saved).enumerate() {
            if slots.needs(input) {
                slots.add(input, sum_to(dx, x.shape()));
            }
        }
    }))
}

const ROW_MAJOR: &str = "fresh memory is row-major";

fn slice<F: Real>(x: &Value<F>) -> &[F] {
    x.as_slice().expect("a standard layout is a slice")
}

/// The value in the shape that it broadcasts to, row-major; copied only if it is not so already.
fn repeated<F: Real>(x: &Value<F>, shape: &[usize]) -> Value<F> {
    if x.shape() == shape {
        return x.clone().into_standard_layout();
    }
    let mut full = Value::unspecified(IxDyn(shape));
    full.assign(&**x);
    full
}
