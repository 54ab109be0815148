//! Losses that compare a prediction with a target of the same shape, element by element.

use super::Reduction;
use crate::{Error, Result};
use gradus_autograd::{Real, Value, Var};
use gradus_linalg::elementwise::{self, sum_slice};
use gradus_linalg::memory;

/// Records `ℓ(x, t)` for each element, reduced, as one entry. `slope` gives `(∂ℓ/∂x, ∂ℓ/∂t)`.
///
/// Nothing is stored but a share of `x` and `t`: the slope is computed on the way back, into the gradient's own memory.
#[track_caller]
pub(super) fn pointwise<F: Real>(
    name: &'static str,
    x: &Var<F>,
    target: &Var<F>,
    reduction: Reduction,
    loss: impl Fn(F, F) -> F,
    slope: impl Fn(F, F) -> (F, F) + 'static,
) -> Result<Var<F>> {
    if x.shape() != target.shape() {
        let (prediction, target) = (x.shape().to_vec(), target.shape().to_vec());
        return Err(Error::Target { loss: name, prediction, target });
    }
    if x.value().is_empty() {
        return Err(Error::EmptyBatch { loss: name, shape: x.shape().to_vec() });
    }
    let (xs, ts) = (x.value().clone().into_standard_layout(), target.value().clone().into_standard_layout());
    let count = F::from_f64(xs.len() as f64);
    let (y, scale) = match reduction {
        Reduction::None => (elementwise::zip(name, &xs, &ts, loss)?.into(), F::one()),
        Reduction::Sum => (Value::scalar(sum_of(&xs, &ts, loss)), F::one()),
        Reduction::Mean => (Value::scalar(sum_of(&xs, &ts, loss) / count), F::one() / count),
    };
    let each = reduction == Reduction::None;
    Ok(x.tape().record_into(name, [x, target], y, move |dy, slots| {
        let fits = "the shapes were compared on the way forward";
        let gradient = |pick: fn((F, F)) -> F| -> Value<F> {
            if each {
                let mut dx = dy.clone().into_standard_layout();
                elementwise::update2(&mut dx, &xs, &ts, |dy, x, t| dy * pick(slope(x, t)));
                dx
            } else {
                let dy = scale * *dy.first().expect("the reduced loss is one number");
                elementwise::zip(name, &xs, &ts, |x, t| dy * pick(slope(x, t))).expect(fits).into()
            }
        };
        if slots.needs(0) {
            slots.add(0, gradient(|(dx, _)| dx));
        }
        if slots.needs(1) {
            slots.add(1, gradient(|(_, dt)| dt));
        }
    }))
}

/// The sum of the losses, in blocks that stay in cache.
fn sum_of<F: Real>(x: &Value<F>, t: &Value<F>, loss: impl Fn(F, F) -> F) -> F {
    const BLOCK: usize = 1024;
    let slice = "a standard layout is a slice";
    let (x, t) = (x.as_slice().expect(slice), t.as_slice().expect(slice));
    let mut block = memory::take(BLOCK.min(x.len()));
    let mut sums = memory::take(x.len().div_ceil(BLOCK));
    for (sum, (x, t)) in sums.iter_mut().zip(x.chunks(BLOCK).zip(t.chunks(BLOCK))) {
        let block = &mut block[..x.len()];
        gradus_linalg::simd::vectorized(
            #[inline(always)]
            || block.iter_mut().zip(x).zip(t).for_each(|((l, &x), &t)| *l = loss(x, t)),
        );
        *sum = sum_slice(block);
    }
    let total = sum_slice(&sums);
    memory::give(block);
    memory::give(sums);
    total
}
