//! Losses that compare a prediction with a target of the same shape, element by element.

use super::Reduction;
use crate::{Error, Result};
use gradus_autograd::{Real, Value, Var};
use gradus_linalg::elementwise::sum_slice;
use gradus_linalg::{memory, simd};
use ndarray::IxDyn;

const SLICE: &str = "a standard layout is a slice";

/// Records `ℓ(i, x, t)` for each element, of place `i`, reduced, as one entry. `slope(i, x, t)` is `(∂ℓ/∂x, ∂ℓ/∂t)`.
///
/// Nothing is stored but a share of `x` and `t`: the slope is computed on the way back, into the gradient's own memory.
#[track_caller]
pub(super) fn pointwise<F: Real>(
    name: &'static str,
    x: &Var<F>,
    target: &Var<F>,
    reduction: Reduction,
    loss: impl Fn(usize, F, F) -> F,
    slope: impl Fn(usize, F, F) -> (F, F) + 'static,
) -> Result<Var<F>> {
    if x.shape() != target.shape() {
        let (prediction, target) = (x.shape().to_vec(), target.shape().to_vec());
        return Err(Error::Target { loss: name, prediction, target });
    }
    if x.value().is_empty() {
        return Err(Error::EmptyBatch { loss: name, shape: x.shape().to_vec() });
    }
    let (x_value, t_value) = (x.value().clone().into_standard_layout(), target.value().clone().into_standard_layout());
    let (xs, ts) = (x_value.as_slice().expect(SLICE), t_value.as_slice().expect(SLICE));
    let scale = match reduction {
        Reduction::Mean => F::one() / F::from_f64(xs.len() as f64),
        _ => F::one(),
    };
    let y = if reduction == Reduction::None {
        let mut y = Value::unspecified(x.value().raw_dim());
        each(y.as_slice_mut().expect(SLICE), 0, xs, ts, &loss);
        y
    } else {
        Value::scalar(scale * sum_of(xs, ts, loss))
    };
    Ok(x.tape().record_into(name, [x, target], y, move |dy, slots| {
        let (xs, ts) = (x_value.as_slice().expect(SLICE), t_value.as_slice().expect(SLICE));
        let dy = dy.into_standard_layout();
        let dys = dy.as_slice().expect(SLICE);
        if slots.needs(0) {
            slots.add(0, gradient(x_value.raw_dim(), dys, scale, xs, ts, |i, x, t| slope(i, x, t).0));
        }
        if slots.needs(1) {
            slots.add(1, gradient(x_value.raw_dim(), dys, scale, xs, ts, |i, x, t| slope(i, x, t).1));
        }
    }))
}

/// The slopes times the cotangents: one for each element, or one for all, to be multiplied by `scale`.
fn gradient<F: Real>(
    shape: IxDyn,
    dys: &[F],
    scale: F,
    xs: &[F],
    ts: &[F],
    slope: impl Fn(usize, F, F) -> F,
) -> Value<F> {
    let mut dx = Value::unspecified(shape);
    let dxs = dx.as_slice_mut().expect(SLICE);
    match *dys {
        [dy] => each(dxs, 0, xs, ts, |i, x, t| dy * scale * slope(i, x, t)),
        _ => each(dxs, 0, xs, ts, |i, x, t| dys[i] * slope(i, x, t)),
    }
    dx
}

/// `y = f(i, x, t)` for each element, the first of which has the place `first`.
fn each<F: Real>(y: &mut [F], first: usize, x: &[F], t: &[F], f: impl Fn(usize, F, F) -> F) {
    simd::vectorized(
        #[inline(always)]
        || y.iter_mut().zip(x).zip(t).enumerate().for_each(|(i, ((y, &x), &t))| *y = f(first + i, x, t)),
    );
}

/// The sum of the losses, in blocks that stay in cache.
fn sum_of<F: Real>(x: &[F], t: &[F], loss: impl Fn(usize, F, F) -> F) -> F {
    const BLOCK: usize = 1024;
    let mut block = memory::take(BLOCK.min(x.len()));
    let mut sums = memory::take(x.len().div_ceil(BLOCK));
    for (i, (sum, (x, t))) in sums.iter_mut().zip(x.chunks(BLOCK).zip(t.chunks(BLOCK))).enumerate() {
        let block = &mut block[..x.len()];
        each(block, i * BLOCK, x, t, &loss);
        *sum = sum_slice(block);
    }
    let total = sum_slice(&sums);
    memory::give(block);
    memory::give(sums);
    total
}
