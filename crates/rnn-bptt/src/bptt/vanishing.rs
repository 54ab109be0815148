//! Gradients that have vanished.
//!
//! Through hundreds of steps a gradient may shrink by as many orders of magnitude. Before it is 0 it becomes subnormal, a number with
//! ever fewer digits, with which a processor computes a hundred times slower than with any other. Nothing is learned
//! from such numbers; each sweep takes them for 0 as it comes by.

use gradus_autograd::Real;

/// The size below which products with weights may be subnormal: 1e-30 in `f32`, 1e-290 in `f64`.
pub(crate) fn least<F: Real>() -> F {
    let (of_f64, of_f32) = (F::from_f64(1e-290), F::from_f64(1e-30));
    if of_f64 > F::zero() { of_f64 } else { of_f32 }
}

/// The number, or 0 if it is smaller than the least. NaN stays.
#[inline(always)]
pub(crate) fn settled<F: Real>(x: F, least: F) -> F {
    if x.abs() < least { F::zero() } else { x }
}
