//! A chain of operations on elements in one pass over memory.

#![allow(clippy::needless_range_loop)] // indices are what the vectorizer sees through

use crate::ops::sum_to;
use crate::tape::same_tape;
use crate::{Error, Jet, Result, Value, Var};
use gradus_linalg::Real;
use gradus_linalg::elementwise::{self, broadcast_shape};
use gradus_linalg::simd::vectorized;
use ndarray::IxDyn;
use std::array::from_fn;

/// Computes a function of numbers element by element, with broadcasting, as one entry of the tape.
///
/// ```text
/// y = f(a, b, …)        da = Σ dy · ∂f/∂a, db = Σ dy · ∂f/∂b, … over the axes along which a, b, … were repeated
/// ```
///
/// However long the chain in `f`, memory is read and written once forward and once backward. The function computes with
/// [`Jet`]s, which carry the slopes along: one slope for each input is kept, and nothing of the steps between. It is
/// compiled into a loop over vectors; write `#[inline(always)]` before a closure of more than a few operations.
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
    let xs: [&[F]; N] = from_fn(|k| slice(&full[k]));
    let mut y = Value::unspecified(IxDyn(&shape));
    let ys = y.as_slice_mut().expect(ROW_MAJOR);
    if inputs.iter().all(|x| !x.needs_gradient()) {
        in_blocks(ys, None, &xs, &f);
        return Ok(first.tape().record_into(operation, inputs, y, |_, _| {}));
    }
    let mut slopes: [Value<F>; N] = from_fn(|_| Value::unspecified(IxDyn(&shape)));
    in_blocks(ys, Some(slopes.each_mut().map(|slope| slope.as_slice_mut().expect(ROW_MAJOR))), &xs, &f);
    let shapes = inputs.map(|x| x.value().raw_dim());
    drop(full);
    Ok(first.tape().record_into(operation, inputs, y, move |dy, slots| {
        let dy = dy.into_standard_layout();
        for (input, (mut dx, shape)) in slopes.into_iter().zip(&shapes).enumerate() {
            if slots.needs(input) {
                elementwise::update(&mut dx, &dy, |slope, dy| dy * slope);
                slots.add(input, sum_to(dx, ndarray::Dimension::slice(shape)));
            }
        }
    }))
}

/// Numbers that pass through the function together. They are copied into small arrays of their own, which cannot overlap:
/// only then does the compiler turn the loop over them into vectors.
const BLOCK: usize = 64;

/// `y = f(x)` and, where they are wanted, the slopes `∂f/∂x` of every input, block by block.
fn in_blocks<F: Real, const N: usize>(
    y: &mut [F],
    mut slopes: Option<[&mut [F]; N]>,
    xs: &[&[F]; N],
    f: &impl Fn([Jet<F, N>; N]) -> Jet<F, N>,
) {
    vectorized(
        #[inline(always)]
        || {
            let mut x = [[F::zero(); BLOCK]; N];
            for (i, y) in y.chunks_mut(BLOCK).enumerate() {
                load(&mut x, xs, i * BLOCK, y.len());
                let mut values = [F::zero(); BLOCK];
                match &mut slopes {
                    None => {
                        for l in 0..BLOCK {
                            values[l] = f(Jet::variables(at(&x, l))).value;
                        }
                    }
                    Some(slopes) => {
                        let mut block = [[F::zero(); BLOCK]; N];
                        for l in 0..BLOCK {
                            let jet = f(Jet::variables(at(&x, l)));
                            values[l] = jet.value;
                            for k in 0..N {
                                block[k][l] = jet.slopes[k];
                            }
                        }
                        for k in 0..N {
                            slopes[k][i * BLOCK..][..y.len()].copy_from_slice(&block[k][..y.len()]);
                        }
                    }
                }
                y.copy_from_slice(&values[..y.len()]);
            }
        },
    );
}

/// Copies a block of each input; what lies beyond the end stays as it was, and its results are not used.
#[inline(always)]
fn load<F: Real, const N: usize>(x: &mut [[F; BLOCK]; N], xs: &[&[F]; N], start: usize, len: usize) {
    for k in 0..N {
        x[k][..len].copy_from_slice(&xs[k][start..start + len]);
    }
}

/// The inputs in lane `l`.
#[inline(always)]
fn at<F: Real, const N: usize>(x: &[[F; BLOCK]; N], l: usize) -> [F; N] {
    let mut values = [F::zero(); N];
    for k in 0..N {
        values[k] = x[k][l];
    }
    values
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
