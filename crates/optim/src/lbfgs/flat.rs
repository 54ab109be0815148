//! A model's trainable parameters as one vector.

use crate::walk::with_gradients;
use crate::{Error, Result};
use gradus_autograd::{Gradients, Real};
use gradus_linalg::simd::vectorized;
use gradus_nn_layers::{Item, ItemMut, Module};

/// All trainable parameters, one after another in the order of the walk.
pub(super) fn parameters<F: Real>(model: &dyn Module<F>) -> Vec<F> {
    let mut flat = Vec::new();
    model.visit(&mut |_, item| {
        if let Item::Parameter(parameter) = item
            && parameter.is_trainable()
        {
            flat.extend(parameter.value().iter());
        }
    });
    flat
}

/// The gradient of all trainable parameters, with zeros for those that received none.
pub(super) fn gradient<F: Real>(model: &mut dyn Module<F>, gradients: &Gradients<F>) -> Result<Vec<F>> {
    // Shapes are checked first: a place in the vector must be the same place in the model.
    with_gradients(model, gradients, false, &mut |_, _, _| Ok(()))?;
    let mut flat = Vec::new();
    model.visit(&mut |_, item| {
        if let Item::Parameter(parameter) = item
            && parameter.is_trainable()
        {
            match gradients.get(parameter) {
                Some(gradient) => flat.extend(gradient.iter()),
                None => flat.resize(flat.len() + parameter.value().len(), F::ZERO),
            }
        }
    });
    let sum = flat.iter().map(|g: &F| g.to_f64().abs()).sum::<f64>();
    if sum.is_finite() { Ok(flat) } else { Err(Error::NonFiniteNorm { operation: "lbfgs", norm: sum }) }
}

/// `θ ← x + t d`, in place.
pub(super) fn move_to<F: Real>(model: &mut dyn Module<F>, x: &[F], t: f64, d: &[F]) {
    let t = F::from_f64(t);
    let mut at = x.iter().zip(d);
    model.visit_mut(&mut |_, item| {
        if let ItemMut::Parameter(parameter) = item
            && parameter.is_trainable()
        {
            for (p, (&x, &d)) in parameter.value_mut().iter_mut().zip(at.by_ref()) {
                *p = x + t * d;
            }
        }
    });
}

/// `Σ a b` in `f64`, in an order that depends on nothing but the length.
pub(super) fn dot<F: Real>(a: &[F], b: &[F]) -> f64 {
    const LANES: usize = 8;
    vectorized(
        #[inline(always)]
        || {
            let mut sums = [0.0; LANES];
            for (a, b) in a.chunks(LANES).zip(b.chunks(LANES)) {
                for (sum, (a, b)) in sums.iter_mut().zip(a.iter().zip(b)) {
                    *sum += a.to_f64() * b.to_f64();
                }
            }
            sums.iter().sum()
        },
    )
}

/// `y ← y + a x`.
pub(super) fn add<F: Real>(y: &mut [F], a: f64, x: &[F]) {
    let a = F::from_f64(a);
    vectorized(
        #[inline(always)]
        || y.iter_mut().zip(x).for_each(|(y, &x)| *y += a * x),
    );
}

/// `a x`.
pub(super) fn scaled<F: Real>(a: f64, x: &[F]) -> Vec<F> {
    let a = F::from_f64(a);
    x.iter().map(|&x| a * x).collect()
}

/// The largest absolute value.
pub(super) fn max_abs<F: Real>(x: &[F]) -> f64 {
    x.iter().map(|x| x.to_f64().abs()).fold(0.0, f64::max)
}
